import EventModel

@testable import LogStorage

/// A reader that goes on while all kinds of things happen to its topic.
final class FaultReader {
    let number: Int
    private let reader: TopicReader
    private let cursor: TopicCursor
    /// All below has been read.
    private(set) var position: Int

    init(number: Int, from position: Int, stopsAtDurableEnd: Bool, _ reader: TopicReader) throws {
        self.number = number
        self.position = position
        self.reader = reader
        reader.stopsAtDurableEnd = stopsAtDurableEnd
        cursor = try reader.cursor(from: Offset(Int64(position)))
    }

    /// All below is durable, as the reader knows it.
    var durableEnd: Int { Int(reader.durableEnd.value) }
    var stopsAtDurableEnd: Bool { reader.stopsAtDurableEnd }

    func refresh() throws { try reader.refresh() }

    /// Reads a batch and compares it with the model.
    /// - Returns: false at the end.
    func readBatch(_ model: FaultModel) throws -> Bool {
        guard let batch = try cursor.nextBatch() else {
            if position < durableEnd { throw FaultViolation("reader \(number) stops at \(position) of \(durableEnd)") }
            return false
        }
        var records = batch.records
        while let record = records.next() {
            let offset = Int(record.offset.value)
            try model.check(TestRecord(record), at: offset, after: position)
            position = offset + 1
        }
        if records.isMalformed { throw FaultViolation("a malformed record after \(position)") }
        let end = Int(batch.endOffset.value)
        try model.check(noneAt: position..<end)
        if reader.stopsAtDurableEnd && end > max(durableEnd, model.acknowledged) {
            throw FaultViolation("reader \(number) got \(end), beyond the durable end \(durableEnd)")
        }
        position = end
        return true
    }
}
