import EventModel
import LogStorage

/// What a producer writes. Its records are numbered from 0; where batches begin and what each record holds follows from
/// the producer and the number alone, so a batch sent again has the same bytes, and a reader knows what it has to find.
public struct Workload: Sendable {
    public let producer: Int64

    public init(producer: Int64) { self.producer = producer }

    /// The number of records, 1 to 20, of the batch whose first record is `number`.
    public func count(ofBatchAt number: Int) -> Int { 1 + random(number, purpose: 1) % 20 }

    /// The first numbers of all batches that begin before `end`.
    public func batches(before end: Int) -> [Int] {
        var firsts: [Int] = []
        var first = 0
        while first < end {
            firsts.append(first)
            first += count(ofBatchAt: first)
        }
        return firsts
    }

    /// The producer's name, 8 bytes.
    public var key: [UInt8] { bigEndianBytes(UInt64(bitPattern: producer)) }

    /// The number (8 bytes), a checksum of producer and number (8) and up to 799 bytes of padding.
    public func value(_ number: Int) -> [UInt8] {
        let length = random(number, purpose: 2) % 800
        let padding = UInt8(truncatingIfNeeded: length)
        return bigEndianBytes(UInt64(number)) + bigEndianBytes(hash(number, purpose: 3))
            + [UInt8](repeating: padding, count: length)
    }

    public func time(_ number: Int) -> EventTime { EventTime(milliseconds: 1_700_000_000_000 + Int64(number)) }

    /// The position of the batch whose first record is `number`.
    public func position(_ number: Int) -> ProducerPosition {
        ProducerPosition(id: producer, epoch: 0, sequence: 0).advanced(by: number)
    }

    /// Adds the records of the batch whose first record is `first`.
    public func fill(_ batch: inout RecordBatchBuilder, from first: Int) {
        let key = key
        for number in first..<first + count(ofBatchAt: first) {
            key.withUnsafeBytes { key in
                value(number).withUnsafeBytes { batch.append(timestamp: time(number), key: key, value: $0) }
            }
        }
    }

    func hash(_ number: Int, purpose: UInt64) -> UInt64 {
        mixed(mixed(UInt64(bitPattern: producer), purpose), UInt64(number))
    }

    private func random(_ number: Int, purpose: UInt64) -> Int { Int(hash(number, purpose: purpose) >> 33) }

    private func bigEndianBytes(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
}
