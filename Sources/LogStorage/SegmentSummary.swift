import EventModel
import Platform

/// What a segment's seal and indexes say, gathered batch by batch.
struct SegmentSummary: ~Copyable {
    let name: SegmentName
    /// Bytes of the batches.
    private(set) var bytes = 0
    /// CRC-32C of them.
    private(set) var checksum: UInt32 = 0
    private(set) var contents: SegmentContents
    private(set) var indexes: SegmentIndexBuilder

    init(_ name: SegmentName, indexInterval: Int) {
        self.name = name
        contents = SegmentContents(from: name.base)
        indexes = SegmentIndexBuilder(name, interval: indexInterval)
    }

    mutating func add(_ batch: RecordBatchView) {
        add(
            batch.bytes, count: batch.count, endOffset: batch.endOffset, from: batch.baseTimestamp,
            to: batch.maxTimestamp)
    }

    mutating func add(
        _ batch: UnsafeRawBufferPointer, count: Int, endOffset: Offset, from first: EventTime, to last: EventTime
    ) {
        indexes.add(bytes: batch.count, at: bytes, base: contents.endOffset, maxTimestamp: last)
        contents.add(count: count, endOffset: endOffset, from: first, to: last)
        checksum = crc32c(batch, from: checksum)
        bytes += batch.count
    }

    mutating func close() { indexes.close() }

    /// The seal, once closed.
    var seal: SegmentSeal {
        SegmentSeal(logBytes: bytes, logChecksum: checksum, indexes: indexes, contents: contents)
    }

    /// Writes the indexes and then the seal of a log file that is durable.
    mutating func store(in directory: String, _ fileSystem: any FileSystem) throws(FileError) {
        close()
        try storeIndexes(in: directory, fileSystem)
        try SegmentSeal.store([seal], of: name, in: directory, fileSystem)
    }

    func storeIndexes(in directory: String, _ fileSystem: any FileSystem) throws(FileError) {
        try fileSystem.replace("\(directory)/\(name.index)", with: indexes.offsets.bytes)
        try fileSystem.replace("\(directory)/\(name.timeIndex)", with: indexes.times.bytes)
    }
}
