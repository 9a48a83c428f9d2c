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
        if index < count, let record = nextWithoutKey() { return record }
        let (record, after) = Self.next(of: self)
        self = after
        return record
    }

    /// The next record, if it has neither key nor headers and is not among the batch's last: then one look at what is
    /// left does for all its numbers, which take 34 bytes at most.
    @inlinable @inline(__always) mutating func nextWithoutKey() -> RecordView? {
        guard reader.remaining >= 64 else { return nil }
        var record = reader
        guard let length = record.readShortVarint() else { return nil }
        let left = record.remaining
        // The next record's place is known from here on, whatever this one's fields take.
        var next = record
        next.skipUnchecked(Int(length))
        record.skipUnchecked(1)
        // A key's length of -1 is a byte of its own.
        guard let timeDelta = record.readShortVarint(), let delta = record.readShortVarint(),
            record.readByteUnchecked() == 1, let valueLength = record.readShortVarint(),
            valueLength >= 0, valueLength < record.remaining, delta >= nextDelta, delta <= lastDelta,
            Int(length) == left &- record.remaining &+ Int(valueLength) &+ 1
        else { return nil }
        let value = record.readBytesUnchecked(Int(valueLength))
        let headerSection = UnsafeRawBufferPointer(start: value.baseAddress.map { $0 + value.count }, count: 1)
        guard record.readByteUnchecked() == 0 else { return nil }
        reader = next
        index &+= 1
        nextDelta = delta &+ 1
        return RecordView(
            offset: Offset(baseOffset &+ delta), timestamp: EventTime(milliseconds: baseTimestamp &+ timeDelta),
            key: nil,
            value: value, isTombstone: false, headerSection: headerSection, slack: record.remaining &+ 1)
    }

    // Given the iterator and not a method of it, which for its sake would have to lie in memory.
    @inline(never) @usableFromInline static func next(of iterator: RecordIterator) -> (RecordView?, RecordIterator) {
        var iterator = iterator
        let record = iterator.nextOfAnyForm()
        return (record, iterator)
    }

    private mutating func nextOfAnyForm() -> RecordView? {
        guard index < count else {
            if reader.remaining > 0 { reader.invalidate() }
            return nil
        }
        // The next record's place is known from here on, whatever this one's fields take.
        var record = reader.readPart(Int(truncatingIfNeeded: reader.readVarint()))
        _ = record.readByte()
        let timestamp = baseTimestamp &+ record.readVarint()
        let delta = record.readVarint()
        let keyLength = Int(truncatingIfNeeded: record.readVarint())
        let key = keyLength < 0 ? nil : record.readBytes(keyLength)
        let valueLength = Int(truncatingIfNeeded: record.readVarint())
        let value = record.readBytes(max(valueLength, 0))
        let headerSection = record.rest
        let headers = record.readVarint()
        if headers != 0 { record = Self.skipping(headers, in: record) }
        guard record.isValid, record.remaining == 0, delta >= nextDelta, delta <= lastDelta else {
            reader.invalidate()
            return nil
        }
        index &+= 1
        nextDelta = delta &+ 1
        return RecordView(
            offset: Offset(baseOffset &+ delta), timestamp: EventTime(milliseconds: timestamp), key: key, value: value,
            isTombstone: valueLength < 0, headerSection: headerSection, slack: headerSection.count &+ record.slack)
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
