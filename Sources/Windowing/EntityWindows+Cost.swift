extension EntityWindows {
    /// Bytes that each event takes, as long as its time and its value fit in them.
    public var bytesPerEvent: Int { eventWords * 8 }
    /// Bytes that each key takes, besides its place in the index and its events, but for a few of these where they are of
    /// one word.
    public var bytesPerKey: Int { headerWords * 8 }
    /// Bytes that a key's place in the index takes at least.
    public static var indexBytesPerKey: Int { 16 }
}
