import EventModel
import Platform

/// Reads a topic, of this process or another, while its writer goes on. Any number of readers; none locks.
public final class TopicReader {
    public let directory: String
    let fileSystem: any FileSystem
    var segments: [SegmentName]
    private var maps: [SegmentName: MappedBytes] = [:]
    /// The number of refreshes; a cursor that has seen fewer maps its segment anew.
    var generation = 0
    /// All records below are durable, as of the last `refresh`.
    public private(set) var durableEnd: Offset

    /// Whether cursors end at the durable end, as those must that act on what they read. Otherwise they go on to what
    /// may still be lost in a crash.
    public var stopsAtDurableEnd = false

    /// - Throws: `LogError.noTopic` when there is none.
    public init(directory: String, fileSystem: any FileSystem) throws(LogError) {
        self.directory = directory
        self.fileSystem = fileSystem
        // The end before the segments, so that what is listed and mapped reaches it.
        durableEnd = try DurableEnd.read(directory, fileSystem)?.offset ?? .zero
        segments = try SegmentName.all(in: directory, fileSystem)
    }

    /// Sees what has been appended since, in all cursors too.
    public func refresh() throws(LogError) {
        durableEnd = try DurableEnd.read(directory, fileSystem)?.offset ?? .zero
        segments = try SegmentName.all(in: directory, fileSystem)
        maps.removeAll()
        generation += 1
    }

    /// The offset of the oldest record.
    public var startOffset: Offset { segments.first?.base ?? .zero }

    /// A cursor whose first record is the one at `offset`.
    public func cursor(from offset: Offset) throws(LogError) -> TopicCursor {
        guard offset >= startOffset else { throw outOfRange(offset) }
        return TopicCursor(self, from: offset)
    }

    /// The offset of the first record at or after `time`; the end of what there is when there is none. Timestamps need
    /// not be in order.
    /// - Complexity: O(time index) for each segment before it and, if the index has been lost, its batches; then one
    ///   index interval of batches.
    public func offset(atOrAfter time: EventTime) throws(LogError) -> Offset {
        var end = startOffset
        for (number, segment) in segments.enumerated() {
            let limit = number + 1 < segments.count ? segments[number + 1].base : nil
            let cursor = TopicCursor(self, from: try start(for: time, in: segment))
            while limit.map({ cursor.offset < $0 }) ?? true, let batch = try cursor.nextBatch() {
                end = batch.endOffset
                if batch.maxTimestamp < time { continue }
                var records = batch.records
                while let record = records.next() {
                    if record.timestamp >= time { return record.offset }
                }
            }
        }
        return end
    }

    /// Bytes of all segments' records.
    public func byteCount() throws(LogError) -> Int {
        var bytes = 0
        for segment in segments {
            bytes += try files { () throws(FileError) in try fileSystem.size(of: "\(directory)/\(segment.log)") }
        }
        return bytes
    }

    func outOfRange(_ offset: Offset) -> LogError {
        .outOfRange(offset, available: startOffset..<max(startOffset, durableEnd), directory: directory)
    }

    func map(_ segment: SegmentName) throws(LogError) -> MappedBytes {
        if let map = maps[segment] { return map }
        let map = try files { () throws(FileError) in try fileSystem.map("\(directory)/\(segment.log)") }
        maps[segment] = map
        return map
    }

    /// Lets the bytes of segments before `segment` go, once nobody else holds them.
    func release(before segment: SegmentName) {
        for name in maps.keys where name < segment { maps[name] = nil }
    }

    /// A hint where to begin looking for `offset` in its segment.
    func hint(for offset: Offset, in segment: SegmentName) throws(LogError) -> (offset: Offset, position: Int)? {
        let index = try indexFile(segment.index)
        return index.withUnsafeBytes { SegmentIndex.entry(before: offset, in: $0, of: segment) }
    }

    private func start(for time: EventTime, in segment: SegmentName) throws(LogError) -> Offset {
        let index = try indexFile(segment.timeIndex)
        return index.withUnsafeBytes { SegmentIndex.start(for: time, in: $0, of: segment) }
    }

    /// The bytes of an index, none when it is missing. Read, not mapped: its writer may empty it.
    private func indexFile(_ name: String) throws(LogError) -> [UInt8] {
        let path = "\(directory)/\(name)"
        return try files { () throws(FileError) in try fileSystem.exists(path) ? try fileSystem.read(path) : [] }
    }
}
