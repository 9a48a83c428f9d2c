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
/// A record: length, attributes (0), timestamp delta, offset delta, key length (−1: none), key, value length (−1: a
/// tombstone), value, number of headers, headers (key length, key, value length, value); all numbers but the attributes
/// are zigzag varints.
///
/// Each batch begins at the offset where the one before ends. A compacted batch keeps both ends though it has fewer
/// records, down to none.
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

    /// The position `records` further on.
    public func advanced(by records: Int) -> ProducerPosition {
        let next = (Int64(sequence) + Int64(records)) & 0x7FFF_FFFF
        return ProducerPosition(id: id, epoch: epoch, sequence: Int32(truncatingIfNeeded: next))
    }
}
