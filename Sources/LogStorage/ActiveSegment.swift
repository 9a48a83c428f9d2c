import EventModel
import Platform

/// The segment that is written: its open files and how far it has come.
struct ActiveSegment: ~Copyable {
    let log: any OpenFile
    private let index: any OpenFile
    private let timeIndex: any OpenFile
    private var summary: SegmentSummary
    private static let writeBackBytes = 4 << 20
    /// The log file's bytes that are on their way to the device.
    private var startedBytes = 0
    private var writtenIndexBytes = 0
    private var writtenTimeIndexBytes = 0

    /// Opens the segment's files, makes those that are missing, and empties its indexes.
    static func open(
        _ name: SegmentName, in directory: String, _ fileSystem: any FileSystem, indexInterval: Int
    ) throws(FileError) -> ActiveSegment {
        let log = try fileSystem.open("\(directory)/\(name.log)", .writing)
        let index = try fileSystem.open("\(directory)/\(name.index)", .replacing)
        let timeIndex = try fileSystem.open("\(directory)/\(name.timeIndex)", .replacing)
        try fileSystem.syncDirectory(directory)
        return ActiveSegment(
            log: log, index: index, timeIndex: timeIndex, SegmentSummary(name, indexInterval: indexInterval))
    }

    private init(
        log: any OpenFile, index: any OpenFile, timeIndex: any OpenFile, _ summary: consuming SegmentSummary
    ) {
        self.log = log
        self.index = index
        self.timeIndex = timeIndex
        self.summary = summary
    }

    var name: SegmentName { summary.name }
    /// Bytes of the log file that are whole batches.
    var bytes: Int { summary.bytes }
    var endOffset: Offset { summary.contents.endOffset }

    /// Writes a batch at the end.
    mutating func append(
        _ batch: UnsafeRawBufferPointer, count: Int, endOffset: Offset, from first: EventTime, to last: EventTime
    ) throws(FileError) {
        try log.write(batch, at: bytes)
        summary.add(batch, count: count, endOffset: endOffset, from: first, to: last)
        if bytes - startedBytes >= Self.writeBackBytes {
            log.startWritingBack(startedBytes..<bytes)
            startedBytes = bytes
        }
        try writeIndexes()
    }

    /// Takes note of a batch that the log file has already.
    mutating func add(_ batch: RecordBatchView) { summary.add(batch) }

    /// Brings the index files up to the end.
    mutating func writeIndexes() throws(FileError) {
        if summary.indexes.offsets.count > writtenIndexBytes {
            let new = UnsafeRawBufferPointer(rebasing: summary.indexes.offsets.bytes[writtenIndexBytes...])
            try index.write(new, at: writtenIndexBytes)
            writtenIndexBytes += new.count
        }
        if summary.indexes.times.count > writtenTimeIndexBytes {
            let new = UnsafeRawBufferPointer(rebasing: summary.indexes.times.bytes[writtenTimeIndexBytes...])
            try timeIndex.write(new, at: writtenTimeIndexBytes)
            writtenTimeIndexBytes += new.count
        }
    }

    /// Closes and syncs the indexes and gives the segment's seal; its log file has been synced before.
    mutating func finish() throws(FileError) -> SegmentSeal {
        summary.close()
        try writeIndexes()
        try index.sync()
        try timeIndex.sync()
        return summary.seal
    }

    func close() {
        log.close()
        index.close()
        timeIndex.close()
    }
}
