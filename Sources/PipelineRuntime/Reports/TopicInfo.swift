import EventModel
import LogStorage
import Platform

/// What a topic holds.
public struct TopicInfo: Sendable {
    /// A reader with a stored offset.
    public struct Reader: Sendable {
        public var name: String
        /// The first record that it has not yet done with.
        public var offset: Offset
        /// Durable offsets that it has still to see.
        public var lag: Int64
    }

    public var topic: LogTopic
    public var startOffset: Offset
    public var endOffset: Offset
    public var durableEnd: Offset
    /// Fewer than offsets where compaction or repair took some out.
    public var records: Int64
    public var bytes: Int
    /// Oldest first.
    public var segments: [SegmentInfo]
    /// From the earliest of the batches' first event times to the latest of all; nil when there are no records.
    public var times: ClosedRange<EventTime>?
    public var readers: [Reader]

    /// Relative to the log's directory.
    public var name: String { topic.name }

    /// All topics of a log: the input, then each pipeline's.
    public static func all(
        in log: LogDirectory, fileSystem: any FileSystem
    ) throws(RuntimeError) -> [TopicInfo] {
        var found: [TopicInfo] = []
        for topic in try LogTopics(of: log, fileSystem: fileSystem).all {
            found.append(try TopicInfo(of: topic, fileSystem: fileSystem))
        }
        return found
    }

    public init(of topic: LogTopic, fileSystem: any FileSystem) throws(RuntimeError) {
        self.topic = topic
        do throws(LogError) {
            let reader = try TopicReader(directory: topic.directory, fileSystem: fileSystem)
            segments = try reader.segments()
            startOffset = reader.startOffset
            durableEnd = reader.durableEnd
            endOffset = segments.last?.offsets.upperBound ?? reader.startOffset
            bytes = reader.byteCount
        } catch { throw .log(error) }
        records = segments.reduce(0) { $0 + Int64($1.records) }
        let ends = segments.compactMap(\.times)
        times = ends.map(\.lowerBound).min().flatMap { first in
            ends.map(\.upperBound).max().map { first...$0 }
        }
        readers = try Self.readers(of: topic, durableEnd: durableEnd, fileSystem: fileSystem)
    }

    /// The readers of a topic that have stored their offset, by name.
    public static func readers(of topic: LogTopic, fileSystem: any FileSystem) throws(RuntimeError) -> [Reader] {
        let reader = try storage { () throws(LogError) in
            try TopicReader(directory: topic.directory, fileSystem: fileSystem)
        }
        return try readers(of: topic, durableEnd: reader.durableEnd, fileSystem: fileSystem)
    }

    private static func readers(
        of topic: LogTopic, durableEnd: Offset, fileSystem: any FileSystem
    ) throws(RuntimeError) -> [Reader] {
        try storage { () throws(LogError) in try StoredOffset.all(of: topic.directory, fileSystem: fileSystem) }
            .map { Reader(name: $0.name, offset: $0.offset, lag: max(0, durableEnd.value - $0.offset.value)) }
    }
}
