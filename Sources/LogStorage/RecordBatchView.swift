import EventModel
import Platform

/// A record as it lies in the log. Its bytes live as long as the batch's `owner`.
public struct RecordView {
    public var offset: Offset
    public var timestamp: EventTime
    public var key: UnsafeRawBufferPointer?
    public var value: UnsafeRawBufferPointer

    @inlinable init(
        offset: Offset, timestamp: EventTime, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer
    ) {
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
    }
}

/// A batch in place, its checksum checked.
public struct RecordBatchView {
    public let baseOffset: Offset
    public let count: Int
    public let producer: ProducerPosition
    public let baseTimestamp: EventTime
    public let maxTimestamp: EventTime
    /// Bytes of the whole batch.
    public let byteCount: Int
    /// Keeps the bytes alive.
    public let owner: MappedBytes
    let recordBytes: UnsafeRawBufferPointer
    /// Records below this offset are passed over.
    let from: Offset

    /// The offset after the last record.
    public var endOffset: Offset { baseOffset.advanced(by: count) }

    /// The batch's records in order.
    public var records: RecordIterator { RecordIterator(self) }

    /// The batch that begins at `position` of a segment, or what is wrong with the bytes there.
    static func at(
        _ position: Int, of segment: MappedBytes, expecting offset: Offset
    ) -> Result<RecordBatchView, BatchFault> {
        let rest = UnsafeRawBufferPointer(rebasing: segment.bytes[position...])
        guard rest.count >= BatchLayout.records else { return .failure(.incomplete) }
        func number<T: FixedWidthInteger>(_ place: Int, _: T.Type = T.self) -> T {
            T(bigEndian: rest.loadUnaligned(fromByteOffset: place, as: T.self))
        }
        let length = Int(number(BatchLayout.length, Int32.self))
        guard number(BatchLayout.magic, Int8.self) == 2 else { return .failure(.wrong("the magic number is not 2")) }
        guard length >= BatchLayout.records - BatchLayout.leaderEpoch else {
            return .failure(.wrong("a batch length of \(length)"))
        }
        guard number(BatchLayout.baseOffset, Int64.self) == offset.value else {
            return .failure(.wrong("base offset \(number(BatchLayout.baseOffset, Int64.self)), expected \(offset)"))
        }
        guard number(BatchLayout.leaderEpoch, Int32.self) == 0 else {
            return .failure(.wrong("a leader epoch other than 0"))
        }
        let total = length + BatchLayout.leaderEpoch
        guard rest.count >= total else { return .failure(.incomplete) }
        let batch = UnsafeRawBufferPointer(rebasing: rest[..<total])
        guard number(BatchLayout.checksum, UInt32.self) == BatchLayout.checksum(of: batch) else {
            return .failure(.wrong("checksum mismatch"))
        }
        let count = Int(number(BatchLayout.count, Int32.self))
        guard count > 0, number(BatchLayout.attributes, Int16.self) == 0,
            Int(number(BatchLayout.lastOffsetDelta, Int32.self)) == count - 1
        else { return .failure(.wrong("a batch of a kind that this program does not write")) }
        return .success(
            RecordBatchView(
                baseOffset: offset, count: count,
                producer: ProducerPosition(
                    id: number(BatchLayout.producerID), epoch: number(BatchLayout.producerEpoch),
                    sequence: number(BatchLayout.baseSequence)),
                baseTimestamp: EventTime(milliseconds: number(BatchLayout.baseTimestamp)),
                maxTimestamp: EventTime(milliseconds: number(BatchLayout.maxTimestamp)), byteCount: total,
                owner: segment, recordBytes: UnsafeRawBufferPointer(rebasing: batch[BatchLayout.records...]),
                from: offset))
    }

    func starting(at offset: Offset) -> RecordBatchView {
        RecordBatchView(
            baseOffset: baseOffset, count: count, producer: producer, baseTimestamp: baseTimestamp,
            maxTimestamp: maxTimestamp, byteCount: byteCount, owner: owner, recordBytes: recordBytes, from: offset)
    }
}

/// Why there is no batch at a place.
enum BatchFault: Error {
    /// The bytes end before the batch does.
    case incomplete
    case wrong(String)

    var text: String {
        switch self {
        case .incomplete: "incomplete batch"
        case .wrong(let what): what
        }
    }
}

/// Walks over a batch's records; use it only while the batch's owner lives.
public struct RecordIterator {
    @usableFromInline var reader: ByteReader
    @usableFromInline let baseOffset: Int64
    @usableFromInline let baseTimestamp: Int64
    @usableFromInline let count: Int
    @usableFromInline var index = 0

    init(_ batch: RecordBatchView) {
        reader = ByteReader(batch.recordBytes)
        baseOffset = batch.baseOffset.value
        baseTimestamp = batch.baseTimestamp.milliseconds
        count = batch.count
        while baseOffset + Int64(index) < batch.from.value, next() != nil {}
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
        let value = reader.readBytes(Int(truncatingIfNeeded: reader.readVarint()))
        let headers = reader.readVarint()
        guard reader.isValid, headers == 0, delta == Int64(index), before &- reader.remaining == length else {
            reader.invalidate()
            return nil
        }
        index &+= 1
        return RecordView(
            offset: Offset(baseOffset &+ delta), timestamp: EventTime(milliseconds: timestamp), key: key, value: value)
    }
}
