import EventModel

/// Walks over a batch's records; use it only while the batch's owner lives.
public struct RecordIterator {
    @usableFromInline var reader: ByteReader
    @usableFromInline let baseOffset: Int64
    @usableFromInline let baseTimestamp: Int64
    @usableFromInline let count: Int
    /// The batch's offsets less one.
    @usableFromInline let lastDelta: Int64
    @usableFromInline var index = 0
    /// The smallest place that the next record may have.
    @usableFromInline var nextDelta: Int64 = 0

    init(_ batch: RecordBatchView) {
        reader = ByteReader(UnsafeRawBufferPointer(rebasing: batch.bytes[BatchLayout.records...]))
        baseOffset = batch.baseOffset.value
        baseTimestamp = batch.baseTimestamp.milliseconds
        count = batch.count
        lastDelta = batch.endOffset.value - batch.baseOffset.value - 1
        skip(below: batch.from.value)
    }

    private mutating func skip(below offset: Int64) {
        while baseOffset + nextDelta < offset {
            let before = self
            guard let record = next() else { return }
            if record.offset.value >= offset {
                self = before
                return
            }
        }
    }

    /// Whether the bytes contradicted their lengths; there are no records after the one where they did.
    public var isMalformed: Bool { !reader.isValid }

    @inlinable @inline(__always) public mutating func next() -> RecordView? {
        guard index < count else {
            if reader.remaining > 0 { reader.invalidate() }
            return nil
        }
        let length = Int(truncatingIfNeeded: reader.readVarint())
        let before = reader.remaining
        _ = reader.readByte()
        let timestamp = baseTimestamp &+ reader.readVarint()
        let delta = reader.readVarint()
        let keyLength = Int(truncatingIfNeeded: reader.readVarint())
        let key = keyLength < 0 ? nil : reader.readBytes(keyLength)
        let valueLength = Int(truncatingIfNeeded: reader.readVarint())
        let value = reader.readBytes(max(valueLength, 0))
        let beforeHeaders = reader.remaining
        let headers = reader.readVarint()
        if headers != 0 { reader = Self.skipping(headers, in: reader) }
        guard reader.isValid, delta >= nextDelta, delta <= lastDelta, before &- reader.remaining == length else {
            reader.invalidate()
            return nil
        }
        index &+= 1
        nextDelta = delta &+ 1
        return RecordView(
            offset: Offset(baseOffset &+ delta), timestamp: EventTime(milliseconds: timestamp), key: key, value: value,
            isTombstone: valueLength < 0,
            headerSection: UnsafeRawBufferPointer(
                start: value.baseAddress.map { $0 + value.count }, count: beforeHeaders &- reader.remaining))
    }

    /// A reader behind a record's headers.
    @inline(never) @usableFromInline static func skipping(_ number: Int64, in reader: ByteReader) -> ByteReader {
        var reader = reader
        if number < 0 { reader.invalidate() }
        var left = number
        while left > 0, reader.isValid {
            reader.skip(Int(truncatingIfNeeded: reader.readVarint()))
            let valueLength = Int(truncatingIfNeeded: reader.readVarint())
            if valueLength >= 0 { reader.skip(valueLength) }
            left -= 1
        }
        return reader
    }
}
