import EventModel
import Platform

@testable import LogStorage

// All that the fuzz targets use of LogStorage.

/// A record with its bytes copied.
struct FuzzRecord: Hashable {
    /// Its offset less the batch's.
    var delta = 0
    var timestamp: Int64
    var key: [UInt8]?
    /// nil: a tombstone.
    var value: [UInt8]?
    /// The number of headers and they.
    var headerSection: [UInt8] = [0]
}

/// The batch at `position`, or nil where there is none.
func batch(at position: Int, of segment: MappedBytes, expecting offset: Offset) -> RecordBatchView? {
    let found = RecordBatchView.at(
        start: UnsafeRawBufferPointer(rebasing: segment.bytes[position...]), of: segment, position: position,
        segment: "segment", expecting: offset)
    guard case .success(let batch) = found else { return nil }
    return batch
}

extension RecordBatchView {
    /// Walks over the records and checks what must hold for any bytes; nil when they contradict themselves on the way.
    func checkedRecords(from first: Offset) -> [FuzzRecord]? {
        let bytes = bytes
        func checkIsInside(_ part: UnsafeRawBufferPointer?) {
            guard let part, let start = part.baseAddress, let base = bytes.baseAddress else { return }
            precondition(start >= base && start + part.count <= base + bytes.count, "bytes outside the batch")
        }
        var found: [FuzzRecord] = []
        var last: Offset?
        var iterator = records
        while let record = iterator.next() {
            precondition(record.offset >= first && record.offset < endOffset, "an offset outside the batch")
            precondition(last.map { $0 < record.offset } ?? true, "offsets do not ascend")
            last = record.offset
            checkIsInside(record.key)
            checkIsInside(record.value)
            checkIsInside(record.headerSection)
            precondition(record.headers.count < bytes.count, "more headers than bytes")
            precondition(found.count < bytes.count, "more records than bytes")
            found.append(
                FuzzRecord(
                    delta: Int(record.offset.value - baseOffset.value), timestamp: record.timestamp.milliseconds,
                    key: record.key.map { Array($0) }, value: record.isTombstone ? nil : Array(record.value),
                    headerSection: Array(record.headerSection)))
        }
        precondition(iterator.next() == nil, "a record after the last one")
        return iterator.isMalformed ? nil : found
    }
}

/// The part of the batch's records that a reader gets who begins at `offset`.
func suffix(of batch: RecordBatchView, from offset: Offset) -> [FuzzRecord]? {
    batch.starting(at: offset).checkedRecords(from: offset)
}

/// The bytes of a batch of these records at `base`.
func encodedBatch(_ records: [FuzzRecord], base: Offset) -> [UInt8] {
    var builder = RecordBatchBuilder()
    for record in records {
        let key = record.key.map { $0.withUnsafeBytes { MappedBytes(copying: $0) } }
        let value = record.value.map { $0.withUnsafeBytes { MappedBytes(copying: $0) } }
        record.headerSection.withUnsafeBytes { headers in
            builder.append(
                timestamp: EventTime(milliseconds: record.timestamp), delta: record.delta, key: key?.bytes,
                value: value?.bytes, headerSection: headers)
        }
        withExtendedLifetime((key, value)) {}
    }
    return Array(builder.seal(base: base, producer: .none))
}

/// Bytes of a batch before its records.
let batchHeaderBytes = BatchLayout.records

/// Makes what begins at `start` a batch as far as checksum and constants go, so that the decoder behind them is
/// reached; its length stays when it can.
/// - Parameter repairingCount: whether the counts are made to fit each other too.
/// - Returns: its bytes and the offset after it.
func makeBatch(
    at start: Int, of segment: inout ByteWriter, base: Offset, repairingCount: Bool
) -> (bytes: Int, end: Offset) {
    let rest = segment.count - start
    var length = Int(number(segment, at: start + BatchLayout.length, Int32.self)) + BatchLayout.leaderEpoch
    if length < BatchLayout.records || length > rest { length = rest }
    segment.setBigEndian(base.value, at: start + BatchLayout.baseOffset)
    segment.setBigEndian(Int32(length - BatchLayout.leaderEpoch), at: start + BatchLayout.length)
    segment.setBigEndian(Int32(0), at: start + BatchLayout.leaderEpoch)
    segment.setBigEndian(Int8(2), at: start + BatchLayout.magic)
    if repairingCount {
        let count = max(number(segment, at: start + BatchLayout.count, Int32.self), 1)
        let lastDelta = number(segment, at: start + BatchLayout.lastOffsetDelta, Int32.self)
        segment.setBigEndian(count, at: start + BatchLayout.count)
        segment.setBigEndian(max(lastDelta, count - 1), at: start + BatchLayout.lastOffsetDelta)
        segment.setBigEndian(Int16(0), at: start + BatchLayout.attributes)
    }
    let batch = UnsafeRawBufferPointer(rebasing: segment.bytes[start..<(start + length)])
    segment.setBigEndian(BatchLayout.checksum(of: batch), at: start + BatchLayout.checksum)
    let lastDelta = number(segment, at: start + BatchLayout.lastOffsetDelta, Int32.self)
    return (length, Offset(base.value &+ Int64(lastDelta) &+ 1))
}

/// Sets a batch's number of records.
func setCount(_ count: Int, ofBatchAt start: Int, of segment: inout ByteWriter) {
    segment.setBigEndian(Int32(count), at: start + BatchLayout.count)
}

private func number<T: FixedWidthInteger>(_ segment: borrowing ByteWriter, at position: Int, _: T.Type) -> T {
    T(bigEndian: segment.bytes.loadUnaligned(fromByteOffset: position, as: T.self))
}

// MARK: indexes

let offsetEntryBytes = SegmentIndex.entryBytes
let timeEntryBytes = SegmentIndex.timeEntryBytes

func offsetHint(
    before offset: Offset, in index: UnsafeRawBufferPointer, base: Offset
) -> (offset: Offset, position: Int)? {
    SegmentIndex.entry(before: offset, in: index, of: SegmentName(base))
}

func timeHint(for time: EventTime, in index: UnsafeRawBufferPointer, base: Offset) -> Offset {
    SegmentIndex.start(for: time, in: index, of: SegmentName(base))
}

/// A time index with right checksums, from the format's description.
func encodedTimeIndex(_ entries: [(time: Int64, relative: UInt32)], base: Offset) -> [UInt8] {
    var writer = ByteWriter()
    var checksum = withUnsafeBytes(of: base.value.bigEndian) { crc32c($0) }
    for entry in entries {
        let start = writer.count
        writer.appendBigEndian(entry.time)
        writer.appendBigEndian(entry.relative)
        checksum = crc32c(UnsafeRawBufferPointer(rebasing: writer.bytes[start...]), from: checksum)
        writer.appendBigEndian(checksum)
    }
    return writer.array
}

/// A topic of one segment in memory, whose index files can be overwritten.
struct TopicUnderTest: Sendable {
    let directory = "topic"
    let fileSystem = InMemoryFileSystem()
    /// The index files as the writer left them.
    let index: [UInt8]
    let timeIndex: [UInt8]

    /// One batch for each element, indexed from its first byte on.
    init(batches: [[FuzzRecord]]) throws(LogError) {
        let writer = try TopicWriter(
            directory: directory, fileSystem: fileSystem, options: TopicOptions(indexIntervalBytes: 1))
        for records in batches {
            var builder = RecordBatchBuilder()
            for record in records {
                (record.value ?? []).withUnsafeBytes { value in
                    builder.append(timestamp: EventTime(milliseconds: record.timestamp), value: value)
                }
            }
            try writer.append(&builder)
        }
        try writer.close()
        let (directory, fileSystem) = (directory, fileSystem)
        (index, timeIndex) = try files { () throws(FileError) in
            (
                try fileSystem.read("\(directory)/\(SegmentName(.zero).index)"),
                try fileSystem.read("\(directory)/\(SegmentName(.zero).timeIndex)")
            )
        }
    }

    var indexFile: String { "\(directory)/\(SegmentName(.zero).index)" }
    var timeIndexFile: String { "\(directory)/\(SegmentName(.zero).timeIndex)" }

    func overwrite(_ file: String, with bytes: [UInt8]) throws(LogError) {
        try files { () throws(FileError) in try fileSystem.overwrite(file, with: bytes) }
    }

    func reader() throws(LogError) -> TopicReader { try TopicReader(directory: directory, fileSystem: fileSystem) }
}
