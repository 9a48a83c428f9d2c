import EventModel
import Testing

@testable import PipelineRuntime

/// A row as the sequence sees it: times in minutes.
private struct Row {
    var id: Int64
    var time: Int64
    var label: Bool?
    var delay: Int64
}

/// Records as text: `t 7@100+3` is the transaction 7 of minute 100 that arrived at 103; `l 7@110` its label.
private struct Recorder: ImportSink, ~Copyable {
    var records: [String] = []
    /// What a log would tell a replay.
    var recorded: [RecordedRow] = []
    var labelsBehind = 0

    mutating func append(_ row: ParsedRow, arrivalTime: EventTime) throws(Never) {
        let behind = arrivalTime.milliseconds - row.eventTime.milliseconds
        records.append("t \(row.id)@\(row.eventTime.milliseconds)\(behind < 0 ? "" : "+")\(behind)")
        var reader = ByteReader(row.body)
        if case .number(let id) = row.id, reader.readVarint() != id { records.append("another body") }
        recorded.append(RecordedRow(arrivalTime: arrivalTime, labelsBefore: labelsBehind))
        labelsBehind = 0
    }

    mutating func append(_ label: ParsedLabel, time: EventTime) throws(Never) {
        records.append("l \(label.id)@\(time.milliseconds)")
        labelsBehind += 1
    }

    mutating func append(heartbeat time: EventTime) throws(Never) { records.append("h @\(time.milliseconds)") }
}

private let tolerance: Int64 = 60
private let lookahead = 5

private func makeSequence(jump: Int64 = tolerance) -> ImportSequence {
    ImportSequence(
        aheadTolerance: EventDuration(milliseconds: tolerance), jump: EventDuration(milliseconds: jump),
        lookahead: lookahead)
}

/// Gives each row with a body that the next row overwrites, as parsers do.
private func withParsed(_ row: Row, _ body: (ParsedRow) -> Void) {
    var writer = ByteWriter()
    writer.appendVarint(row.id)
    body(
        ParsedRow(
            eventTime: EventTime(milliseconds: row.time), body: writer.bytes, label: row.label,
            labelTime: EventTime(milliseconds: row.time + row.delay), line: Int(row.id), idNumber: row.id, idStart: -1,
            idLength: 0))
}

private func run(_ rows: [Row], jump: Int64 = tolerance, flushing: Bool = false) -> [String] {
    var sequence = makeSequence(jump: jump)
    var sink = Recorder()
    for row in rows { withParsed(row) { sequence.append($0, to: &sink) } }
    sequence.finish(flushingLabels: flushing, to: &sink)
    return sink.records
}

/// The order by definition: arrival times row by row, then all records sorted by where they belong.
private func oracle(_ rows: [Row], jump: Int64, flushing: Bool) -> [String] {
    var clock: Int64?
    var clocks: [Int64] = []
    var records: [(row: Int, kind: Int, due: Int64, order: Int, text: String)] = []
    for (index, row) in rows.enumerated() {
        let followers = rows[(index + 1)...].prefix(lookahead)
        let contrary = followers.filter { $0.time < row.time - jump }.map(\.time)
        let isJump = clock.map { row.time > $0 + jump } ?? true
        let isNear = clock.map { row.time <= $0 + tolerance } ?? true
        if isJump && followers.isEmpty && !isNear && !flushing { break }
        let isConfirmed = followers.isEmpty ? isNear : 2 * contrary.count < followers.count
        var arrival: Int64
        if isJump && !isConfirmed {
            arrival = clock ?? contrary.min()!
        } else {
            arrival = max(clock ?? row.time, row.time)
            clock = arrival
        }
        clocks.append(clock ?? .min)
        let behind = arrival - row.time
        records.append((index, 1, 0, index, "t \(row.id)@\(row.time)\(behind < 0 ? "" : "+")\(behind)"))
    }
    for (index, row) in rows.prefix(clocks.count).enumerated() where row.label != nil {
        let due = row.time + row.delay
        let next = clocks.indices.first { $0 > index && clocks[$0] >= due }
        guard next != nil || flushing || (clock ?? .min) >= due else { continue }
        records.append((next ?? clocks.count, 0, due, index, "l \(row.id)@\(due)"))
    }
    return records.sorted { ($0.row, $0.kind, $0.due, $0.order) < ($1.row, $1.kind, $1.due, $1.order) }.map(\.text)
}

private func randomRows(_ random: inout SeededGenerator) -> [Row] {
    let constantDelay: Int64? = Bool.random(using: &random) ? [0, 5, 50, 500].randomElement(using: &random)! : nil
    var time: Int64 = 1_000
    return (0..<Int64.random(in: 0...40, using: &random)).map { id in
        time += Int64.random(in: 0...20, using: &random)
        var rowTime = time
        switch Int.random(in: 0..<20, using: &random) {
        case 0, 1, 2: rowTime -= Int64.random(in: 0...200, using: &random)
        case 3: rowTime += 100_000
        case 4: time += 300
        case 5: rowTime += Int64.random(in: 0...200, using: &random)
        default: break
        }
        let label: Bool? = Int.random(in: 0..<4, using: &random) == 0 ? nil : .random(using: &random)
        return Row(
            id: id, time: rowTime, label: label, delay: constantDelay ?? Int64.random(in: 0...200, using: &random))
    }
}

@Suite struct ImportSequenceTests {
    @Test func labelsStandBeforeTransactionsOfTheSameTime() {
        let rows = [0, 10, 20, 20, 35].enumerated().map { Row(id: Int64($0), time: $1, label: true, delay: 20) }
        #expect(run(rows) == ["t 0@0+0", "t 1@10+0", "l 0@20", "t 2@20+0", "t 3@20+0", "l 1@30", "t 4@35+0"])
        #expect(run(rows, flushing: true).suffix(3) == ["l 2@40", "l 3@40", "l 4@55"])
    }

    @Test func withoutDelayALabelFollowsItsTransaction() {
        let rows = [0, 0, 10].enumerated().map { Row(id: Int64($0), time: $1, label: false, delay: 0) }
        #expect(run(rows) == ["t 0@0+0", "l 0@0", "t 1@0+0", "l 1@0", "t 2@10+0", "l 2@10"])
    }

    @Test func aRowBehindTheClockArrivesAtTheClock() {
        let rows = [100, 90, 110].enumerated().map { Row(id: Int64($0), time: $1, label: true, delay: 5) }
        #expect(run(rows) == ["t 0@100+0", "t 1@90+10", "l 1@95", "l 0@105", "t 2@110+0"])
    }

    @Test func oneFutureRowIsImplausibleAndAGapIsNot() {
        let rows = [0, 10, 90_000, 20, 30, 500, 510, 520].enumerated().map {
            Row(id: Int64($0), time: $1, label: nil, delay: 0)
        }
        #expect(
            run(rows) == [
                "t 0@0+0", "t 1@10+0", "t 2@90000-89990", "t 3@20+0", "t 4@30+0", "t 5@500+0", "t 6@510+0", "t 7@520+0",
            ])
    }

    @Test func aBatchOfOneWrongClockDoesNotTakeTheClockAway() {
        var times = (0..<200 as Range<Int64>).map { $0 * 10_000 }
        let month = EventDuration.day.milliseconds * 30
        times.insert(contentsOf: (0..<30).map { 500_000 + month + $0 * 1_000 }, at: 50)
        var sequence = ImportSequence(aheadTolerance: .day)
        var sink = Recorder()
        for (id, time) in times.enumerated() {
            withParsed(Row(id: Int64(id), time: time, label: nil, delay: 0)) { sequence.append($0, to: &sink) }
        }
        sequence.finish(flushingLabels: false, to: &sink)
        let arrivals = sink.recorded.map(\.arrivalTime.milliseconds)
        #expect(zip(times, arrivals).count { $0 == $1 } == 200)
        #expect(arrivals[50..<80].allSatisfy { $0 == 490_000 })
    }

    @Test func aLastRowFarAheadWaitsUntilTheTableHasGrown() {
        let rows = [0, 10, 90_000].enumerated().map { Row(id: Int64($0), time: $1, label: true, delay: 0) }
        #expect(run(rows) == ["t 0@0+0", "l 0@0", "t 1@10+0", "l 1@10"])
        #expect(run(rows, flushing: true).last == "l 2@90000")
        let grown = rows + [Row(id: 3, time: 90_010, label: nil, delay: 0)]
        #expect(run(grown).dropFirst(4) == ["t 2@90000+0", "l 2@90000", "t 3@90010+0"])
    }

    @Test func anHourAheadWithinTheToleranceStillArrivesAtTheClock() {
        let rows = [0, 10, 3_600_010, 20_000, 30_000, 40_000].enumerated().map {
            Row(id: Int64($0), time: $1, label: nil, delay: 0)
        }
        var sequence = ImportSequence(aheadTolerance: .day)
        var sink = Recorder()
        for row in rows { withParsed(row) { sequence.append($0, to: &sink) } }
        sequence.finish(flushingLabels: false, to: &sink)
        #expect(sink.recorded.map(\.arrivalTime.milliseconds) == [0, 10, 10, 20_000, 30_000, 40_000])
    }

    @Test func theFirstRowMayBeImplausibleToo() {
        let rows = [90_000, 12, 10, 20].enumerated().map { Row(id: Int64($0), time: $1, label: nil, delay: 0) }
        #expect(run(rows) == ["t 0@90000-89990", "t 1@12+0", "t 2@10+2", "t 3@20+0"])
        #expect(run([rows[0]]) == ["t 0@90000+0"])
    }

    @Test func randomSequencesAreThoseOfTheOracle() {
        for seed in 1...3_000 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let rows = randomRows(&random)
            let flushing = Bool.random(using: &random)
            let jump = seed % 2 == 0 ? tolerance : 15
            let found = run(rows, jump: jump, flushing: flushing)
            let expected = oracle(rows, jump: jump, flushing: flushing)
            if found != expected { Issue.record("seed \(seed): \(found) instead of \(expected)") }
        }
    }

    /// Imports the first rows, then all of them again with what the log then holds; a log may be cut short by a crash.
    private func resumed(_ rows: [Row], first: Int, cut: Int, flushing: Bool) throws -> [String] {
        var sink = Recorder()
        var sequence = makeSequence()
        for row in rows.prefix(first) { withParsed(row) { sequence.append($0, to: &sink) } }
        sequence.finish(flushingLabels: flushing, to: &sink)
        let log = Array(sink.records.dropLast(cut))
        let transactions = log.count { $0.hasPrefix("t") }
        let trailing = log.reversed().prefix { $0.hasPrefix("l") }.count
        var second = makeSequence()
        for (row, recorded) in zip(rows, sink.recorded.prefix(transactions)) {
            var failure: ReplayMismatch?
            withParsed(row) { row in
                do throws(ReplayMismatch) { try second.replay(row, recorded: recorded) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        try second.endReplay(labels: trailing)
        var rest = Recorder()
        for row in rows.dropFirst(transactions) { withParsed(row) { second.append($0, to: &rest) } }
        second.finish(flushingLabels: true, to: &rest)
        return log + rest.records
    }

    /// Whether a jump among the rows has too few rows behind it, so that more rows may change the decision.
    private func hasOpenJump(_ rows: ArraySlice<Row>) -> Bool {
        var sink = Recorder()
        var sequence = makeSequence()
        for row in rows { withParsed(row) { sequence.append($0, to: &sink) } }
        sequence.finish(flushingLabels: false, to: &sink)
        var clock: Int64?
        for (index, row) in rows.enumerated() {
            let isJump = clock.map { row.time > $0 + tolerance } ?? true
            if isJump, index + lookahead >= rows.count { return true }
            let arrival = sink.recorded[index].arrivalTime.milliseconds
            if arrival >= row.time { clock = arrival }
        }
        return false
    }

    @Test func aSourceThatGrewBehindItsLastDecidedJumpGivesTheRecordsOfOneImportInOneGo() throws {
        var compared = 0
        for seed in 1...2_000 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let rows = randomRows(&random)
            let first = Int.random(in: 0...rows.count, using: &random)
            let cut = Int.random(in: 0...5, using: &random)
            if hasOpenJump(rows.prefix(first)) { continue }
            compared += 1
            let found = try resumed(rows, first: first, cut: cut, flushing: false)
            let expected = run(rows, flushing: true)
            if found != expected { Issue.record("seed \(seed), \(first) first, \(cut) cut: \(found), not \(expected)") }
        }
        #expect(compared > 500)
    }

    @Test func aResumedImportLosesAndDoublesNothing() throws {
        for seed in 1...2_000 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let rows = randomRows(&random)
            let first = Int.random(in: 0...rows.count, using: &random)
            let cut = Int.random(in: 0...20, using: &random)
            let found = try resumed(rows, first: first, cut: cut, flushing: .random(using: &random))
            func keys(_ records: [String]) -> [String] { records.map { "\($0.prefix { $0 != "@" })" } }
            if keys(found).sorted() != keys(run(rows, flushing: true)).sorted() {
                Issue.record("seed \(seed), \(first) rows first, \(cut) cut: \(found)")
            }
            let ids = found.filter { $0.hasPrefix("t") }.map { $0.dropFirst(2).prefix { $0 != "@" } }
            #expect(ids.map(String.init) == rows.map { "\($0.id)" }, "seed \(seed)")
        }
    }

    @Test func aSourceThatChangedIsNotResumed() {
        let rows = [0, 10, 20].enumerated().map { Row(id: Int64($0), time: $1, label: true, delay: 5) }
        var sequence = makeSequence()
        func replay(_ row: Row, arrival: Int64, labels: Int) -> ReplayMismatch.Difference? {
            var difference: ReplayMismatch.Difference?
            withParsed(row) { row in
                let recorded = RecordedRow(arrivalTime: EventTime(milliseconds: arrival), labelsBefore: labels)
                do throws(ReplayMismatch) { try sequence.replay(row, recorded: recorded) } catch {
                    difference = error.difference
                }
            }
            return difference
        }
        #expect(replay(rows[0], arrival: 0, labels: 0) == nil)
        #expect(
            replay(rows[1], arrival: 12, labels: 1)
                == .arrivalTime(recorded: EventTime(milliseconds: 12), expected: EventTime(milliseconds: 10)))
        #expect(replay(rows[1], arrival: 10, labels: 1) == .unknownLabels(1))
        var other = makeSequence()
        withParsed(rows[0]) { row in
            try? other.replay(row, recorded: RecordedRow(arrivalTime: row.eventTime, labelsBefore: 0))
        }
        withParsed(rows[1]) { row in
            #expect(throws: ReplayMismatch(line: 1, difference: .missingLabel(.number(0)))) {
                try other.replay(row, recorded: RecordedRow(arrivalTime: row.eventTime, labelsBefore: 0))
            }
        }
    }

    @Test func labelsAndHeartbeatsOfTheirOwnKeepTheirPlaceBehindAHeldJump() {
        var sequence = makeSequence()
        var sink = Recorder()
        func append(_ id: Int64, _ time: Int64) {
            withParsed(Row(id: id, time: time, label: nil, delay: 0)) { sequence.append($0, to: &sink) }
        }
        append(0, 0)
        append(1, 5_000)
        sequence.append(ParsedLabel(id: .number(0), isPositive: true, time: nil))
        sequence.append(ParsedLabel(id: .text("x"), isPositive: true, time: EventTime(milliseconds: 5_050)))
        sequence.append(heartbeat: EventTime(milliseconds: 5_040), to: &sink)
        append(2, 5_060)
        sequence.finish(flushingLabels: false, to: &sink)
        #expect(sink.records == ["t 0@0+0", "t 1@5000+0", "l 0@5000", "h @5040", "l x@5050", "t 2@5060+0"])
    }
}
