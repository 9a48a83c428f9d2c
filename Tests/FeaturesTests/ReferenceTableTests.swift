import EventModel
import TestSupport
import Testing

@testable import Features

/// A table's versions, against all its changes looked through each time.
struct ReferenceTableTests {
    /// A change of row 1 or 2, at a time of a few, to a value or away.
    private struct Change {
        var key: Int64
        var time: Int64
        /// nil: a deletion.
        var value: Int64?
    }

    private struct Naive {
        var taken: [Change] = []

        mutating func take(_ change: Change, earliest: Int64) -> ReferenceTable.Outcome {
            let row = taken.filter { $0.key == change.key }
            if row.contains(where: { $0.time > change.time && $0.time <= earliest }) { return .superseded }
            if let same = row.last(where: { $0.time == change.time }), same.value == change.value { return .sameAgain }
            taken.append(change)
            return .taken
        }

        func value(_ key: Int64, asOf time: Int64) -> Int64? {
            taken.enumerated().filter { $0.element.key == key && $0.element.time <= time }
                .max { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }?.element.value
        }
    }

    private func take(_ change: Change, _ table: inout ReferenceTable, earliest: Int64) -> ReferenceTable.Outcome {
        var value = change.value ?? 0
        return table.take(
            ReferenceTable.Change(
                key: (change.key, 0), effective: EventTime(milliseconds: change.time),
                payload: UInt64(bitPattern: change.value ?? 0), isDeletion: change.value == nil, offset: 0),
            text: "", values: &value, earliest: EventTime(milliseconds: earliest))
    }

    /// Takes changes while the earliest time rises, and compares what every time sees.
    private func run(_ changes: [Change], earliest: [Int64], times: ClosedRange<Int64>) throws {
        var table = ReferenceTable(name: "t", hasTextKeys: false, valueCount: 1)
        var naive = Naive()
        for (change, earliest) in zip(changes, earliest) {
            try #require(
                take(change, &table, earliest: earliest) == naive.take(change, earliest: earliest), "\(changes)")
            for key in Int64(1)...2 {
                for time in max(earliest, times.lowerBound)...times.upperBound {
                    let found = table.values((key, 0), asOf: time)?.pointee
                    try #require(found == naive.value(key, asOf: time), "\(changes), key \(key) as of \(time)")
                }
            }
            var state = ByteWriter()
            table.encode(into: &state)
            var copy = ReferenceTable(name: "t", hasTextKeys: false, valueCount: 1)
            var reader = ByteReader(state.bytes)
            try copy.decode(from: &reader)
            try #require(copy.digest == table.digest && reader.remaining == 0)
            table = copy
        }
    }

    /// All orders of up to four changes of one row at three times, with each rise of the earliest time.
    @Test func everySmallStreamOfChangesIsSeenAsRecomputationSays() throws {
        var all: [Change] = []
        for time in Int64(0)..<3 { all += [Change(key: 1, time: time, value: 10 + time), Change(key: 1, time: time)] }
        for count in 1...4 {
            var indices = [Int](repeating: 0, count: count)
            var isDone = false
            while !isDone {
                for rise in 0...count {
                    var earliest: [Int64] = []
                    for index in 0..<count { earliest.append(index < rise ? -1 : Int64(index % 3)) }
                    try run(indices.map { all[$0] }, earliest: earliest.sorted(), times: -1...3)
                }
                var place = 0
                while place < count, indices[place] == all.count - 1 {
                    indices[place] = 0
                    place += 1
                }
                if place < count { indices[place] += 1 } else { isDone = true }
            }
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func randomChangesAreSeenAsRecomputationSays(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var earliest: Int64 = 0
        let changes = (0..<150).map { _ in
            Change(
                key: Int64(random.int(1...2)), time: Int64(random.int(0..<40)),
                value: random.isTrue(25) ? nil : Int64(random.int(0..<3)))
        }
        let rises = changes.map { _ in
            earliest = min(earliest + (random.isTrue(20) ? Int64(random.int(0...2)) : 0), 40)
            return earliest
        }
        try run(changes, earliest: rises, times: 0...45)
    }

    @Test func aTextKeyWithTheHashOfAnotherIsRefused() {
        var table = ReferenceTable(name: "t", hasTextKeys: true, valueCount: 0)
        var value: Int64 = 0
        func take(_ text: String) -> ReferenceTable.Outcome {
            table.take(
                ReferenceTable.Change(
                    key: (7, 0), effective: EventTime(milliseconds: 0), payload: 1, isDeletion: false, offset: 0),
                text: text, values: &value, earliest: .distantPast)
        }
        #expect(take("a") == .taken)
        #expect(take("b") == .keyCollision)
        #expect(take("a") == .sameAgain)
    }

    @Test func versionsThatNoEventAsksForAreLetGo() {
        var table = ReferenceTable(name: "t", hasTextKeys: false, valueCount: 1)
        for time in Int64(0)..<1000 {
            _ = take(Change(key: 1, time: time, value: time), &table, earliest: time - 10)
        }
        #expect(table.versionCount == 11)
        #expect(table.byteCount < 10_000)
    }
}
