/// How a topic is laid out and when it is synced.
public struct TopicOptions: Sendable {
    public enum SyncPolicy: Hashable, Sendable {
        /// After each batch, before it is acknowledged.
        case always
        /// After that many bytes or milliseconds, whichever comes first, and at the end.
        case interval(bytes: Int, milliseconds: Int)
        /// Only where the caller asks, when a segment is full, and at the end.
        case never

        /// 64 MiB or a second.
        public static let interval = SyncPolicy.interval(bytes: 64 << 20, milliseconds: 1_000)
    }

    /// 256 MiB.
    public static let defaultSegmentBytes = 256 << 20

    /// A segment is sealed before it grows beyond this; below 4 GiB.
    public var segmentBytes: Int
    /// Bytes between two entries of the sparse index.
    public var indexIntervalBytes: Int
    public var sync: SyncPolicy

    public init(
        segmentBytes: Int = Self.defaultSegmentBytes, indexIntervalBytes: Int = 64 << 10, sync: SyncPolicy = .never
    ) {
        precondition(segmentBytes < 1 << 32, "a segment of \(segmentBytes) bytes; its index holds positions below 2³²")
        self.segmentBytes = segmentBytes
        self.indexIntervalBytes = indexIntervalBytes
        self.sync = sync
    }
}
