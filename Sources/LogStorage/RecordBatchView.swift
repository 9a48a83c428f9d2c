import EventModel
import Platform

/// A record as it lies in the log. Its bytes live as long as the batch's `owner`.
public struct RecordView {
    public var offset: Offset
    public var timestamp: EventTime
    public var key: UnsafeRawBufferPointer?
    /// Empty for a tombstone.
    public var value: UnsafeRawBufferPointer
    /// Whether the record says that its key is gone.
    public var isTombstone: Bool
    /// The number of headers and the headers, as they lie there.
    @usableFromInline var headerSection: UnsafeRawBufferPointer
    /// How many bytes behind the value are the batch's too, so that a decoder may look at them.
    public var slack: Int

    @inlinable @inline(__always) init(
        offset: Offset, timestamp: EventTime, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer,
        isTombstone: Bool, headerSection: UnsafeRawBufferPointer, slack: Int
    ) {
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.isTombstone = isTombstone
        self.headerSection = headerSection
        self.slack = slack
    }

    /// The record's headers in order.
    public var headers: [RecordHeader] {
        var reader = ByteReader(headerSection)
        var headers: [RecordHeader] = []
        for _ in 0..<max(reader.readVarint(), 0) {
            let key = reader.readAvroString()
            let length = reader.readVarint()
            let value = length < 0 ? nil : Array(reader.readBytes(Int(truncatingIfNeeded: length)))
            guard reader.isValid else { break }
            headers.append(RecordHeader(key: key, value: value))
        }
        return headers
    }
}

/// A batch in place, its checksum checked.
public struct RecordBatchView {
    public let baseOffset: Offset
    /// The offset after the batch; there are as many records as offsets, but for what compaction or repair took out.
    public let endOffset: Offset
    /// The number of records.
    public let count: Int
    public let producer: ProducerPosition
    public let baseTimestamp: EventTime
    /// The latest record's; `EventTime.distantPast` without records.
    public let maxTimestamp: EventTime
    /// Where the batch begins in its segment's file.
    public let position: Int
    /// The whole batch.
    public let bytes: UnsafeRawBufferPointer
    /// Keeps the bytes alive.
    public let owner: MappedBytes
    /// The file name of the segment.
    public let segment: String
    /// Records below this offset are passed over.
    let from: Offset

    /// The batch's records in order.
    public var records: RecordIterator { RecordIterator(self) }

    /// The batch that `bytes` begins with, or what is wrong there.
    static func at(
        start bytes: UnsafeRawBufferPointer, of owner: MappedBytes, position: Int, segment: String,
        expecting offset: Offset
    ) -> Result<RecordBatchView, BatchFault> {
        guard bytes.count >= BatchLayout.records else { return .failure(.incomplete(needed: BatchLayout.records)) }
        func number<T: FixedWidthInteger>(_ place: Int, _: T.Type = T.self) -> T {
            T(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: T.self))
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
        guard bytes.count >= total else { return .failure(.incomplete(needed: total)) }
        let batch = UnsafeRawBufferPointer(rebasing: bytes[..<total])
        guard number(BatchLayout.checksum, UInt32.self) == BatchLayout.checksum(of: batch) else {
            return .failure(.wrong("checksum mismatch"))
        }
        let count = Int(number(BatchLayout.count, Int32.self))
        let lastDelta = Int(number(BatchLayout.lastOffsetDelta, Int32.self))
        guard number(BatchLayout.attributes, Int16.self) == 0, lastDelta >= 0, 0...(lastDelta + 1) ~= count,
            offset.value <= Int64.max - Int64(lastDelta) - 1
        else { return .failure(.wrong("a batch of a kind that this program does not write")) }
        return .success(
            RecordBatchView(
                baseOffset: offset, endOffset: offset.advanced(by: lastDelta + 1), count: count,
                producer: ProducerPosition(
                    id: number(BatchLayout.producerID), epoch: number(BatchLayout.producerEpoch),
                    sequence: number(BatchLayout.baseSequence)),
                baseTimestamp: EventTime(milliseconds: number(BatchLayout.baseTimestamp)),
                maxTimestamp: count == 0
                    ? .distantPast : EventTime(milliseconds: number(BatchLayout.maxTimestamp)), position: position,
                bytes: batch, owner: owner, segment: segment, from: offset))
    }

    func starting(at offset: Offset) -> RecordBatchView {
        RecordBatchView(
            baseOffset: baseOffset, endOffset: endOffset, count: count, producer: producer,
            baseTimestamp: baseTimestamp, maxTimestamp: maxTimestamp, position: position, bytes: bytes, owner: owner,
            segment: segment, from: offset)
    }

    /// What to say when the records' bytes contradict themselves.
    public func malformedRecord(at offset: Offset) -> LogError {
        .malformedRecord(segment: segment, position: position, offset: offset)
    }
}

/// Why there is no batch at a place.
enum BatchFault: Error {
    /// The bytes end before the batch does, which takes that many at least.
    case incomplete(needed: Int)
    case wrong(String)

    var text: String {
        switch self {
        case .incomplete: "incomplete batch"
        case .wrong(let what): what
        }
    }
}
