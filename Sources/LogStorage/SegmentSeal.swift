import EventModel
import Platform

/// What a sealed segment is, for good: its length and checksum, its indexes' checksums, and what it holds.
///
///      0  bytes of the log file     8 │ 20  bytes of .timeindex    4 │ 44  earliest timestamp 8
///      8  CRC-32C of the log file   4 │ 24  CRC-32C of .timeindex  4 │ 52  latest timestamp   8
///     12  bytes of .index           4 │ 28  records                8 │ 60  CRC-32C of 0..<60, begun
///     16  CRC-32C of .index         4 │ 36  end offset             8 │     with the base offset 4
///
/// A `.seal` file holds one seal; two while the segment is being replaced by another with the same base: the one whose
/// length and checksum the log file has is valid. So the file and its seal change in one step, the rename.
struct SegmentSeal: Equatable {
    static let byteCount = 64

    var logBytes: Int
    var logChecksum: UInt32
    var indexBytes: Int
    var indexChecksum: UInt32
    var timeIndexBytes: Int
    var timeIndexChecksum: UInt32
    var records: Int
    var endOffset: Offset
    /// From the earliest of the batches' first timestamps to the latest of all; nil without records.
    var times: ClosedRange<EventTime>?

    /// The seals that `bytes` hold, of the segment `name`; none where they are damaged.
    static func decode(_ bytes: UnsafeRawBufferPointer, of name: SegmentName) -> [SegmentSeal] {
        guard bytes.count % byteCount == 0, 1...2 ~= bytes.count / byteCount else { return [] }
        let seals = stride(from: 0, to: bytes.count, by: byteCount).map { start in
            SegmentSeal(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + byteCount)]), name)
        }
        return seals.contains { $0 == nil } ? [] : seals.compactMap { $0 }
    }

    private init?(_ bytes: UnsafeRawBufferPointer, _ name: SegmentName) {
        var reader = ByteReader(bytes)
        logBytes = Int(reader.readBigEndian(Int64.self))
        logChecksum = reader.readBigEndian()
        indexBytes = Int(reader.readBigEndian(UInt32.self))
        indexChecksum = reader.readBigEndian()
        timeIndexBytes = Int(reader.readBigEndian(UInt32.self))
        timeIndexChecksum = reader.readBigEndian()
        records = Int(reader.readBigEndian(Int64.self))
        endOffset = Offset(reader.readBigEndian())
        let first = EventTime(milliseconds: reader.readBigEndian())
        let last = EventTime(milliseconds: reader.readBigEndian())
        let checksum = reader.readBigEndian(UInt32.self)
        let covered = UnsafeRawBufferPointer(rebasing: bytes[..<(Self.byteCount - 4)])
        guard checksum == crc32c(covered, from: name.checksumSeed), logBytes >= 0, records >= 0,
            endOffset >= name.base, records == 0 || first <= last
        else { return nil }
        times = records == 0 ? nil : first...last
    }

    init(
        logBytes: Int, logChecksum: UInt32, indexes: borrowing SegmentIndexBuilder, contents: SegmentContents
    ) {
        self.logBytes = logBytes
        self.logChecksum = logChecksum
        indexBytes = indexes.offsets.count
        indexChecksum = crc32c(indexes.offsets.bytes)
        timeIndexBytes = indexes.times.count
        timeIndexChecksum = crc32c(indexes.times.bytes)
        records = contents.records
        endOffset = contents.endOffset
        times = contents.times
    }

    /// What tells one log file from another.
    var log: LogIdentity { LogIdentity(bytes: logBytes, checksum: logChecksum, endOffset: endOffset) }

    struct LogIdentity: Equatable {
        var bytes: Int
        var checksum: UInt32
        var endOffset: Offset
    }

    /// What the segment holds.
    var contents: SegmentContents { SegmentContents(records: records, endOffset: endOffset, times: times) }

    func encode(of name: SegmentName, into writer: inout ByteWriter) {
        let start = writer.count
        writer.appendBigEndian(Int64(logBytes))
        writer.appendBigEndian(logChecksum)
        writer.appendBigEndian(UInt32(truncatingIfNeeded: indexBytes))
        writer.appendBigEndian(indexChecksum)
        writer.appendBigEndian(UInt32(truncatingIfNeeded: timeIndexBytes))
        writer.appendBigEndian(timeIndexChecksum)
        writer.appendBigEndian(Int64(records))
        writer.appendBigEndian(endOffset.value)
        writer.appendBigEndian(times?.lowerBound.milliseconds ?? 0)
        writer.appendBigEndian(times?.upperBound.milliseconds ?? 0)
        writer.appendBigEndian(
            crc32c(UnsafeRawBufferPointer(rebasing: writer.bytes[start...]), from: name.checksumSeed))
    }

    /// Writes the `.seal` file in one step, durably.
    static func store(
        _ seals: [SegmentSeal], of name: SegmentName, in directory: String, _ fileSystem: any FileSystem
    ) throws(FileError) {
        var writer = ByteWriter()
        for seal in seals { seal.encode(of: name, into: &writer) }
        let bytes = MappedBytes(copying: writer.bytes)
        try fileSystem.replace("\(directory)/\(name.seal)", with: bytes)
    }
}

/// What the batches of a segment add up to.
struct SegmentContents: Equatable {
    var records = 0
    var endOffset: Offset
    var times: ClosedRange<EventTime>?

    init(from base: Offset) { endOffset = base }

    init(records: Int, endOffset: Offset, times: ClosedRange<EventTime>?) {
        self.records = records
        self.endOffset = endOffset
        self.times = times
    }

    mutating func add(_ batch: RecordBatchView) {
        add(count: batch.count, endOffset: batch.endOffset, from: batch.baseTimestamp, to: batch.maxTimestamp)
    }

    mutating func add(count: Int, endOffset end: Offset, from first: EventTime, to last: EventTime) {
        endOffset = end
        guard count > 0, first <= last else { return }
        records += count
        times = min(times?.lowerBound ?? first, first)...max(times?.upperBound ?? last, last)
    }
}

extension SegmentName {
    /// What checksums about the segment begin with, so that they fit no other one.
    var checksumSeed: UInt32 { withUnsafeBytes(of: base.value.bigEndian) { crc32c($0) } }
}
