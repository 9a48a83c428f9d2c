import EventModel
import TestSupport
import Testing

@testable import PipelineCore

/// The transactions that are remembered, against a dictionary, over many pieces of memory.
@Suite struct TransactionTableTests {
    private func text(_ id: Int64) -> String { "transaction \(id)" }

    private func append(_ id: Int64, at time: Int64, to table: inout TransactionTable) -> Int {
        var words = [Int64](repeating: 0, count: 8)
        words[EventBlock.RowWord.id] = id
        words[EventBlock.RowWord.time] = time
        words[EventBlock.RowWord.payload] = id &* 3
        return table.append(words, text: text(id), decision: id, watermark: time, status: .onTime)
    }

    private func restored(_ table: borrowing TransactionTable, idIsText: Bool) throws -> TransactionTable {
        var writer = ByteWriter()
        table.encode(into: &writer)
        var restored = TransactionTable(idIsText: idIsText)
        var reader = ByteReader(writer.bytes)
        try restored.decode(from: &reader)
        #expect(reader.remaining == 0 && reader.isValid)
        return restored
    }

    /// Pieces have 4,096 rows: transactions come, are forgotten and looked up while several come and go, and the table is
    /// saved and taken up with its end just before, at and behind a piece's start, and when nothing is left in it.
    @Test(arguments: [false, true])
    func findsWhatItRemembersOverManyPieces(idIsText: Bool) throws {
        var random = SeededRandom(seed: 7)
        var table = TransactionTable(idIsText: idIsText)
        var known: [Int64: Int] = [:]
        let horizon: Int64 = 9_000
        var restarts = 0
        var first = 0
        for number in 0..<30_000 {
            let id = Int64(number) &* 0x5851_F42D_4C95_7F2D
            let slot = append(id, at: Int64(number), to: &table)
            #expect(slot == number)
            known[id] = slot
            // Now and then all but the newest is forgotten, or everything.
            let isEmptied = number == 12_287 || number == 20_000
            let limit = isEmptied ? Int64(number) + 1 : Int64(number) - horizon
            if number % 500 == 0 || isEmptied {
                table.forget(before: limit)
                known = known.filter { Int64($0.value) >= limit }
                first = max(first, Int(limit))
                #expect(table.slots == first..<number + 1)
            }
            if [4094, 4095, 4096, 8191, 12_287, 12_288, 20_000, 24_575, 24_576].contains(number) {
                let digest = table.digest
                table = try restored(table, idIsText: idIsText)
                #expect(table.digest == digest)
                restarts += 1
            }
            guard number % 7 == 0 else { continue }
            for asked in [number, random.int(0...number), random.int(0...number + 5), max(0, number - 1)] {
                let id = Int64(asked) &* 0x5851_F42D_4C95_7F2D
                let found = table.slot(of: id, since: limit, text: text(id))
                let expected = known[id].flatMap { Int64($0) >= limit ? $0 : nil }
                try #require(found == expected, "\(asked) of \(number)")
                if let found { #expect(table.row(found)[TransactionTable.Word.payload] == id &* 3) }
            }
        }
        #expect(restarts == 9)
    }
}
