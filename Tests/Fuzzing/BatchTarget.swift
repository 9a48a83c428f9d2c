import EventModel
import LogStorage
import Platform

extension FuzzTarget {
    /// A segment's batches and their records.
    ///
    ///     flags 1 │ number of records 1 │ the bytes
    ///
    /// The bytes are a segment; its first base offset is what stands there. What the flags ask for: 1 checksums and
    /// constants are made right, 2 counts too, 4 the bytes are the records of one batch, without its header.
    static let batch = FuzzTarget(name: "batch", seeds: batchSeeds) { input in
        guard input.count >= 2 else { return }
        var bytes = ByteWriter(capacity: input.count + batchHeaderBytes)
        if input[0] & 4 != 0 { bytes.appendZeros(batchHeaderBytes) }
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: input[2...]))
        if input[0] & 4 != 0 { setCount(Int(input[1]), ofBatchAt: 0, of: &bytes) }
        let base = baseOffset(of: bytes.bytes)
        if input[0] & 5 != 0 { makeBatches(&bytes, base: base, repairingCount: input[0] & 6 != 0) }
        walk(MappedBytes(copying: bytes.bytes), from: base)
    }
}

/// What stands where a batch has its base offset, as a segment's name may say it: not negative.
private func baseOffset(of segment: UnsafeRawBufferPointer) -> Offset {
    guard segment.count >= 8 else { return .zero }
    return Offset(Int64(bigEndian: segment.loadUnaligned(as: Int64.self)) & .max)
}

private func makeBatches(_ segment: inout ByteWriter, base: Offset, repairingCount: Bool) {
    var offset = base
    var position = 0
    while segment.count - position >= batchHeaderBytes {
        let batch = makeBatch(at: position, of: &segment, base: offset, repairingCount: repairingCount)
        position += batch.bytes
        offset = batch.end
    }
}

/// Reads the segment as a cursor does.
private func walk(_ segment: MappedBytes, from base: Offset) {
    var position = 0
    var offset = base
    while position < segment.bytes.count, let batch = batch(at: position, of: segment, expecting: offset) {
        precondition(batch.bytes.count >= batchHeaderBytes, "a batch shorter than its header")
        precondition(batch.bytes.count <= segment.bytes.count - position, "a batch beyond the segment's end")
        precondition(batch.baseOffset == offset && batch.endOffset > offset, "a batch that does not go on")
        if let records = batch.checkedRecords(from: offset) {
            checkSuffix(of: batch, records)
            checkRoundTrip(of: records)
        }
        position += batch.bytes.count
        offset = batch.endOffset
    }
}

/// A reader that begins inside the batch gets the batch's last records.
private func checkSuffix(of batch: RecordBatchView, _ records: [FuzzRecord]) {
    let middle = records.isEmpty ? 0 : records[records.count / 2].delta
    let suffix = suffix(of: batch, from: batch.baseOffset.advanced(by: middle))
    precondition(suffix == records.filter { $0.delta >= middle }, "other records from the middle on")
}

/// What was decoded is decoded again from its encoding.
private func checkRoundTrip(of records: [FuzzRecord]) {
    guard !records.isEmpty else { return }
    let segment = encodedBatch(records, base: Offset(7)).withUnsafeBytes { MappedBytes(copying: $0) }
    let decoded = batch(at: 0, of: segment, expecting: Offset(7))?.checkedRecords(from: Offset(7))
    precondition(decoded == records, "decoded, encoded and decoded again, the records are not the same")
}

/// The records with the first, the `apart`-th, ... offset of their batch.
private func numbered(_ records: [FuzzRecord], apart: Int = 1) -> [FuzzRecord] {
    records.enumerated().map { number, record in
        var record = record
        record.delta = number * apart
        return record
    }
}

private let batchSeeds: @Sendable () -> [[UInt8]] = {
    let plain = FuzzRecord(timestamp: 1_700_000_000_000, key: nil, value: [UInt8](0..<40))
    let keyed = FuzzRecord(timestamp: 1_700_000_060_000, key: [1, 2, 3], value: [UInt8](repeating: 7, count: 100))
    let early = FuzzRecord(timestamp: -62_135_596_800_000, key: [], value: [])
    let gone = FuzzRecord(timestamp: 1_700_000_000_001, key: [1, 2, 3], value: nil)
    let headers = FuzzRecord(timestamp: 0, key: nil, value: [1], headerSection: [4, 2, 97, 4, 1, 2, 2, 98, 1])
    let batches = [
        numbered([plain]), numbered([plain, keyed, early]), numbered([early, headers], apart: 3),
        numbered([FuzzRecord](repeating: keyed, count: 9)), numbered([gone, plain, gone], apart: 100),
    ]
    var seeds: [[UInt8]] = []
    for records in batches {
        let bytes = encodedBatch(records, base: .zero)
        let count = UInt8(records.count)
        seeds += [[0, count] + bytes, [3, count] + bytes, [4, count] + bytes[batchHeaderBytes...]]
    }
    let second = encodedBatch(batches[1], base: Offset(1))
    let third = encodedBatch(batches[3], base: Offset(4))
    seeds.append([3, 1] + encodedBatch(batches[0], base: .zero) + second + third)
    seeds.append([1, 0] + encodedBatch(batches[1], base: Offset(.max - 3)))
    return seeds
}
