import EventModel
import Platform

/// Reads a topic, of this process or another, while its writer goes on. Any number of readers; none locks.
public final class TopicReader {
    public let directory: String
    let fileSystem: any FileSystem
    var segments: [SegmentName]
    private var maps: [SegmentName: MappedBytes] = [:]
    /// All records below are durable, as of the last `refresh`.
    public private(set) var durableEnd: Offset

    /// - Throws: `LogError.noTopic` when there is none.
    public init(directory: String, fileSystem: any FileSystem) throws(LogError) {
        self.directory = directory
        self.fileSystem = fileSystem
        segments = try SegmentName.all(in: directory, fileSystem)
        durableEnd = try DurableEnd.read(directory, fileSystem)
    }

    /// Sees what has been appended since.
    public func refresh() throws(LogError) {
        durableEnd = try DurableEnd.read(directory, fileSystem)
        let newest = segments.last
        segments = try SegmentName.all(in: directory, fileSystem)
        if let newest { maps[newest] = nil }
    }

    /// The offset of the oldest record.
    public var startOffset: Offset { segments.first?.base ?? .zero }

    /// A cursor whose first record is the one at `offset`.
    public func cursor(from offset: Offset) throws(LogError) -> TopicCursor {
        guard offset >= startOffset else {
            throw .outOfRange(offset, available: startOffset..<durableEnd, directory: directory)
        }
        return TopicCursor(self, from: offset)
    }

    /// The first offset whose batch, or a batch before it, holds a record at or after `time`; the end if there is none.
    /// - Complexity: O(log) in the index entries of each segment, then one index interval of batches.
    public func offset(atOrAfter time: EventTime) throws(LogError) -> Offset {
        for segment in segments {
            let cursor = TopicCursor(self, from: segment.base)
            while let batch = try cursor.nextBatch(), batch.baseOffset >= segment.base {
                if batch.maxTimestamp >= time {
                    var records = batch.records
                    while let record = records.next() {
                        if record.timestamp >= time { return record.offset }
                    }
                }
                if let next = segments.first(where: { $0 > segment }), batch.endOffset >= next.base { break }
            }
        }
        return durableEnd
    }

    /// Bytes of all segments.
    public func byteCount() throws(LogError) -> Int {
        var bytes = 0
        for segment in segments { bytes += try map(segment).bytes.count }
        return bytes
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

    /// Where to begin looking for `offset` in its segment: an entry of the sparse index, or the start.
    func start(for offset: Offset, in segment: SegmentName) throws(LogError) -> (offset: Offset, position: Int) {
        let path = "\(directory)/\(segment.index)"
        guard fileSystem.exists(path) else { return (segment.base, 0) }
        let index = try files { () throws(FileError) in try fileSystem.map(path) }
        var low = 0
        var high = index.bytes.count / 8
        func entry(_ number: Int) -> (offset: Offset, position: Int) {
            let relative = UInt32(bigEndian: index.bytes.loadUnaligned(fromByteOffset: number * 8, as: UInt32.self))
            let position = UInt32(bigEndian: index.bytes.loadUnaligned(fromByteOffset: number * 8 + 4, as: UInt32.self))
            return (segment.base.advanced(by: Int(relative)), Int(position))
        }
        while low < high {
            let middle = (low + high) / 2
            if entry(middle).offset <= offset { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? (segment.base, 0) : entry(low - 1)
    }
}

/// A reader's place in a topic.
public final class TopicCursor {
    private let reader: TopicReader
    /// The first record not yet given.
    public private(set) var offset: Offset
    private var segment: SegmentName?
    private var bytes: MappedBytes?
    private var position = 0
    /// The offset of the batch at `position`.
    private var batchOffset = Offset.zero

    init(_ reader: TopicReader, from offset: Offset) {
        self.reader = reader
        self.offset = offset
    }

    /// The next batch, or nil at the end of what there is; call `reader.refresh()` and ask again for more.
    ///
    /// The first batch may begin before the cursor's offset; its `records` begin at it.
    /// - Throws: `LogError.corrupt` when the bytes are damaged below the durable end or inside a sealed segment.
    public func nextBatch() throws(LogError) -> RecordBatchView? {
        while true {
            guard let place = try place() else { return nil }
            if position >= place.bytes.bytes.count {
                guard try moveToNextSegment() else { return nil }
                continue
            }
            switch RecordBatchView.at(position, of: place.bytes, expecting: batchOffset) {
            case .success(let batch):
                position += batch.byteCount
                batchOffset = batch.endOffset
                guard batch.endOffset > offset else { continue }
                defer { offset = batch.endOffset }
                return batch.baseOffset < offset ? batch.starting(at: offset) : batch
            case .failure(let fault):
                let isNewest = place.segment == reader.segments.last
                if isNewest && batchOffset >= reader.durableEnd { return nil }
                var what = "incomplete batch"
                if case .wrong(let wrong) = fault { what = wrong }
                throw .corrupt(segment: place.segment.log, position: position, offset: batchOffset, what: what)
            }
        }
    }

    /// After `reader.refresh()`: sees what was appended to the segment since.
    public func refresh() throws(LogError) {
        if let segment { bytes = try reader.map(segment) }
    }

    private func place() throws(LogError) -> (segment: SegmentName, bytes: MappedBytes)? {
        if let segment, let bytes { return (segment, bytes) }
        guard let found = reader.segments.last(where: { $0.base <= offset }) else { return nil }
        let start = try reader.start(for: offset, in: found)
        let map = try reader.map(found)
        segment = found
        bytes = map
        // An index entry is a hint: the scan from it fails where it is wrong, and then begins at the start.
        if start.position > 0, case .success = RecordBatchView.at(min(start.position, map.bytes.count), of: map, expecting: start.offset) {
            (batchOffset, position) = (start.offset, start.position)
        } else {
            (batchOffset, position) = (found.base, 0)
        }
        return (found, map)
    }

    private func moveToNextSegment() throws(LogError) -> Bool {
        guard let segment, let next = reader.segments.first(where: { $0 > segment }) else { return false }
        guard next.base == batchOffset else {
            throw .corrupt(
                segment: segment.log, position: position, offset: batchOffset,
                what: "the segment ends here, but the next one begins at offset \(next.base)")
        }
        self.segment = next
        bytes = try reader.map(next)
        position = 0
        reader.release(before: next)
        return true
    }
}
