import CChecksum
import EventModel

/// Kafka's record batch, format v2 (magic 2), to the byte; numbers are big-endian.
///
///      0  base offset        8 │ 21  attributes (0)     2 │ 43  producer id        8
///      8  length after this  4 │ 23  last offset delta  4 │ 51  producer epoch     2
///     12  leader epoch       4 │ 27  base timestamp     8 │ 53  base sequence      4
///     16  magic (2)          1 │ 35  max timestamp      8 │ 57  records            4
///     17  CRC-32C of 21...   4 │                          │ 61  the records
///
/// A record: length, attributes (0), timestamp delta, offset delta, key length (−1: none), key, value length, value,
/// number of headers (0); all numbers but the attributes are zigzag varints.
enum BatchLayout {
    static let baseOffset = 0
    static let length = 8
    static let leaderEpoch = 12
    static let magic = 16
    static let checksum = 17
    static let attributes = 21
    static let lastOffsetDelta = 23
    static let baseTimestamp = 27
    static let maxTimestamp = 35
    static let producerID = 43
    static let producerEpoch = 51
    static let baseSequence = 53
    static let count = 57
    static let records = 61

    static func checksum(of batch: UnsafeRawBufferPointer) -> UInt32 {
        let covered = UnsafeRawBufferPointer(rebasing: batch[attributes...])
        return tidemark_crc32c(0, covered.baseAddress, covered.count)
    }
}

/// Who wrote a batch, so that a retry is not stored twice; −1 in all fields: nobody says.
public struct ProducerPosition: Hashable, Sendable {
    public var id: Int64
    public var epoch: Int16
    /// The number of the batch's first record among the producer's records, modulo 2³¹.
    public var sequence: Int32

    public init(id: Int64, epoch: Int16, sequence: Int32) {
        self.id = id
        self.epoch = epoch
        self.sequence = sequence
    }

    public static let none = ProducerPosition(id: -1, epoch: -1, sequence: -1)
}

/// Records on their way into a topic: one batch, in memory.
public struct RecordBatchBuilder: ~Copyable {
    @usableFromInline var writer: ByteWriter
    @usableFromInline var recordCount = 0
    @usableFromInline var baseTimestamp: Int64 = 0
    @usableFromInline var maxTimestamp: Int64 = 0

    public init() {
        writer = ByteWriter(capacity: 1 << 16)
        removeAll()
    }

    /// The number of records.
    @inlinable public var count: Int { recordCount }

    /// Bytes that the batch takes in the log.
    @inlinable public var byteCount: Int { writer.count }

    public mutating func removeAll() {
        writer.removeAll()
        writer.appendZeros(BatchLayout.records)
        recordCount = 0
    }

    /// Adds a record.
    @inlinable @inline(__always) public mutating func append(
        timestamp: EventTime, key: UnsafeRawBufferPointer? = nil, value: UnsafeRawBufferPointer
    ) {
        let time = timestamp.milliseconds
        if count == 0 {
            baseTimestamp = time
            maxTimestamp = time
        }
        maxTimestamp = max(maxTimestamp, time)
        let keyCount = key?.count ?? 0
        let timestampDelta = time &- baseTimestamp
        let length =
            2 &+ varintLength(timestampDelta) &+ varintLength(Int64(count))
            &+ varintLength(key == nil ? -1 : Int64(keyCount)) &+ keyCount
            &+ varintLength(Int64(value.count)) &+ value.count
        writer.reserve(length &+ 10)
        writer.appendVarintUnchecked(Int64(length))
        writer.appendUnchecked(0)
        writer.appendVarintUnchecked(timestampDelta)
        writer.appendVarintUnchecked(Int64(count))
        if let key {
            writer.appendVarintUnchecked(Int64(keyCount))
            writer.append(contentsOf: key)
        } else {
            writer.appendVarintUnchecked(-1)
        }
        writer.appendVarintUnchecked(Int64(value.count))
        writer.append(contentsOf: value)
        writer.append(0)
        recordCount &+= 1
    }

    /// The batch as it is to stand at `base`.
    mutating func seal(base: Offset, producer: ProducerPosition) -> UnsafeRawBufferPointer {
        precondition(writer.count < Int(Int32.max), "a batch of \(writer.count) bytes; it must stay below 2 GiB")
        writer.setBigEndian(base.value, at: BatchLayout.baseOffset)
        writer.setBigEndian(Int32(writer.count - BatchLayout.leaderEpoch), at: BatchLayout.length)
        writer.setBigEndian(Int32(0), at: BatchLayout.leaderEpoch)
        writer.setBigEndian(Int8(2), at: BatchLayout.magic)
        writer.setBigEndian(Int16(0), at: BatchLayout.attributes)
        writer.setBigEndian(Int32(count - 1), at: BatchLayout.lastOffsetDelta)
        writer.setBigEndian(baseTimestamp, at: BatchLayout.baseTimestamp)
        writer.setBigEndian(maxTimestamp, at: BatchLayout.maxTimestamp)
        writer.setBigEndian(producer.id, at: BatchLayout.producerID)
        writer.setBigEndian(producer.epoch, at: BatchLayout.producerEpoch)
        writer.setBigEndian(producer.sequence, at: BatchLayout.baseSequence)
        writer.setBigEndian(Int32(count), at: BatchLayout.count)
        writer.setBigEndian(BatchLayout.checksum(of: writer.bytes), at: BatchLayout.checksum)
        return writer.bytes
    }

    var timestampLimit: EventTime { EventTime(milliseconds: maxTimestamp) }
}
