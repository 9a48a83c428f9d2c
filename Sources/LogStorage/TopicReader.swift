import EventModel
import Platform

/// Reads a topic, of this process or another, while its writer and its housekeeping go on. Any number of readers; none
/// locks.
public final class TopicReader {
    public let directory: String
    let fileSystem: any FileSystem
    private(set) var layout: TopicLayout
    private var mapped: [SegmentName: SegmentSource] = [:]
    /// How often it was seen that the topic had been cut back: cursors then look for their place anew.
    private(set) var cuts = 0
    private(set) var refreshes = 0

    /// Whether cursors end at the durable end, as those must that act on what they read. Otherwise they go on to what
    /// may still be lost in a crash.
    public var stopsAtDurableEnd = false

    /// - Throws: `LogError.noTopic` when there is none.
    public init(directory: String, fileSystem: any FileSystem) throws(LogError) {
        self.directory = directory
        self.fileSystem = fileSystem
        layout = try TopicLayout(directory, fileSystem)
    }

    /// Sees what has been appended since, in all cursors too.
    public func refresh() throws(LogError) {
        let before = layout
        layout = try TopicLayout(directory, fileSystem, after: before)
        refreshes += 1
        if layout.isCutBack(from: before) {
            cuts += 1
            mapped = [:]
        }
    }

    /// The offset of the oldest record.
    public var startOffset: Offset { layout.start }

    /// All records below are durable, as of the last `refresh`.
    public var durableEnd: Offset { layout.durableEnd }

    /// A cursor whose first record is the one at `offset`.
    public func cursor(from offset: Offset) throws(LogError) -> TopicCursor {
        guard offset >= startOffset else { throw outOfRange(offset) }
        return TopicCursor(self, from: offset)
    }

    /// The offset of the first record at or after `time`; the end of what there is when there is none. Timestamps need
    /// not be in order.
    /// - Complexity: O(segments) and, in each segment that has so late a record, O(its time index) and one interval of
    ///   batches; all batches where the index has been lost.
    public func offset(atOrAfter time: EventTime) throws(LogError) -> Offset {
        var end = startOffset
        for segment in layout.segments {
            if let seal = segment.seal, seal.times.map({ $0.upperBound < time }) ?? true {
                end = seal.endOffset
                continue
            }
            for start in [try start(for: time, in: segment), segment.base] {
                let cursor = TopicCursor(self, from: start)
                while segment.seal.map({ cursor.offset < $0.endOffset }) ?? true, let batch = try cursor.nextBatch() {
                    end = batch.endOffset
                    if batch.maxTimestamp < time { continue }
                    var records = batch.records
                    while let record = records.next() {
                        if record.timestamp >= time { return record.offset }
                    }
                }
                // An index that names a place beyond the segment is wrong: then without it.
                if end > segment.base { break }
            }
        }
        return end
    }

    /// Bytes of all segments' records.
    public var byteCount: Int { layout.segments.reduce(0) { $0 + $1.bytes } }

    /// What the topic holds, from its seals, and from the batches of the segment that is still written.
    /// - Complexity: O(batches of one segment).
    public func contents() throws(LogError) -> TopicContents {
        var contents = SegmentContents(from: startOffset)
        for segment in layout.segments {
            if let seal = segment.seal {
                contents.add(
                    count: seal.records, endOffset: seal.endOffset, from: seal.times?.lowerBound ?? .distantPast,
                    to: seal.times?.upperBound ?? .distantPast)
                continue
            }
            let cursor = TopicCursor(self, from: segment.base)
            while let batch = try cursor.nextBatch() { contents.add(batch) }
        }
        return TopicContents(
            records: contents.records, offsets: startOffset..<contents.endOffset, times: contents.times,
            segments: layout.segments.count)
    }

    func outOfRange(_ offset: Offset) -> LogError {
        .outOfRange(offset, available: startOffset..<max(startOffset, durableEnd), directory: directory)
    }

    /// Whether the topic may end where a source stands.
    func mayEnd(_ source: SegmentSource) -> Bool {
        source.segment.name == layout.segments.last?.name && source.offset >= durableEnd
    }

    func path(_ segment: SegmentName) -> String { "\(directory)/\(segment.log)" }

    /// Opens a segment and goes to the batch of `offset` or one before it; nil when the topic ends before `offset`.
    func open(_ segment: Segment, at offset: Offset) throws(LogError) -> SegmentSource? {
        var segment = segment
        for _ in 0..<100 {
            do throws(FileError) {
                var source = try source(of: segment)
                if source.isAsListed {
                    if offset > segment.base, let hint = try hint(for: offset, in: segment) {
                        try source.seek(to: hint)
                    }
                    return source
                }
            } catch {
                if error.code != .noSuchFile { throw .file(error) }
            }
            // Housekeeping has replaced or removed the file.
            mapped = [:]
            layout = try TopicLayout(directory, fileSystem)
            if offset < startOffset { throw outOfRange(offset) }
            guard let found = layout.segment(holding: offset) else { return nil }
            segment = found
        }
        throw .busy(directory: directory)
    }

    /// The segment's bytes from its start. The maps of sealed segments are kept while one goes forward.
    private func source(of segment: Segment) throws(FileError) -> SegmentSource {
        if let known = mapped[segment.name], known.segment.seal == segment.seal { return known }
        let source = try SegmentSource(segment, in: directory, fileSystem)
        if segment.seal != nil { mapped = [segment.name: source] }
        return source
    }

    /// A hint where to begin looking for `offset` in its segment.
    private func hint(
        for offset: Offset, in segment: Segment
    ) throws(FileError) -> (offset: Offset, position: Int)? {
        let index = try indexFile(segment.name.index, segment.seal.map { ($0.indexBytes, $0.indexChecksum) })
        return index.withUnsafeBytes { SegmentIndex.entry(before: offset, in: $0, of: segment.name) }
    }

    private func start(for time: EventTime, in segment: Segment) throws(LogError) -> Offset {
        let index = try files { () throws(FileError) in
            try indexFile(segment.name.timeIndex, segment.seal.map { ($0.timeIndexBytes, $0.timeIndexChecksum) })
        }
        return index.withUnsafeBytes { SegmentIndex.start(for: time, in: $0, of: segment.name) }
    }

    /// The bytes of an index; none when it is missing or not the one that was sealed. Read, not mapped: its writer may
    /// empty it.
    private func indexFile(_ name: String, _ expected: (bytes: Int, checksum: UInt32)?) throws(FileError) -> [UInt8] {
        let path = "\(directory)/\(name)"
        do throws(FileError) {
            let bytes = try fileSystem.read(path)
            guard let expected else { return bytes }
            let isSealed = bytes.count == expected.bytes && bytes.withUnsafeBytes { crc32c($0) } == expected.checksum
            return isSealed ? bytes : []
        } catch {
            if error.code == .noSuchFile { return [] }
            throw error
        }
    }
}

/// What a topic holds.
public struct TopicContents: Sendable {
    public var records: Int
    /// From the oldest record to the end, durable or not.
    public var offsets: Range<Offset>
    /// From the earliest of the batches' first timestamps to the latest of all; nil without records.
    public var times: ClosedRange<EventTime>?
    public var segments: Int
}
