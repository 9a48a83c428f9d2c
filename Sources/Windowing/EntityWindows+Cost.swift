extension EntityWindows {
    /// Bytes that each event takes, as long as its time and its value fit in them.
    public var bytesPerEvent: Int { eventWords * 8 }
    /// Bytes that each key takes, besides its events and its place in the index.
    public var bytesPerKey: Int { headerWords * 8 }
    /// Bytes that a key's place in the index takes at least.
    public static var indexBytesPerKey: Int { 16 }
}
