import EventModel
import Foundation
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform
import Simulation
import TestSupport
import Testing

private struct FixedClock: Clock {
    var processingTimeMilliseconds: Int64 = 1_600_000_000_000
    var monotonicNanoseconds: Int64 { 0 }
}

/// Live scoring: a line for a line, everything in the log before its answer, and a replay that gives the same.
struct ScoringTests {
    private let scenario: Scenario
    private let live: [SimulatedTransaction]
    private let labels: [SimulatedTransaction]
    private let firstLiveOffset: Offset

    init() throws {
        scenario = try Scenario()
        let rows = try CardTable().rows
        let cut = rows.count * 3 / 4
        try scenario.importTable(CardTable.csv(rows.prefix(cut)))
        let run = try scenario.open(checkpointEvery: 1000)
        try run.run()
        firstLiveOffset = run.offset
        live = Array(rows[cut...].prefix(500))
        labels = Array(rows[(cut - 300)..<cut])
    }

    private func session(_ format: ScoringSession.Format = .ndjson) throws -> ScoringSession {
        let run = try scenario.open(block: 97)
        try run.run()
        return try ScoringSession(
            run: run, format: format, clock: FixedClock(), fileSystem: scenario.fileSystem)
    }

    private func take(_ text: String, _ session: ScoringSession) throws -> [JSONValue] {
        var answers: [JSONValue] = []
        try Array(text.utf8).withUnsafeBytes { try session.take($0) { answers.append($0) } }
        return answers
    }

    private func finish(_ session: ScoringSession) throws -> [JSONValue] {
        var answers: [JSONValue] = []
        try session.finish { answers.append($0) }
        return answers
    }

    /// Scores by input offset, as they were answered.
    private func firstScores(_ answers: [JSONValue]) -> [Int64: Double] {
        var scores: [Int64: Double] = [:]
        for answer in answers where answer["status"]?.string != "duplicate" {
            guard let offset = answer["input_offset"]?.int64, let score = answer["score"]?.double else { continue }
            scores[offset] = score
        }
        return scores
    }

    /// Scores by input offset, as `decisions-0` has them, of what was not imported.
    private func recordedScores() throws -> [Int64: Double] {
        let decisions = try scenario.decisions().filter { $0.inputOffset >= firstLiveOffset }
        return Dictionary(uniqueKeysWithValues: decisions.map { ($0.inputOffset.value, $0.probability) })
    }

    /// Transactions, labels, repetitions, heartbeats and lines that are none of these.
    private func stream(seed: UInt64) -> [(line: String, status: String)] {
        var random = SeededRandom(seed: seed)
        var lines: [(line: String, status: String)] = []
        var labels = labels[...]
        for row in live {
            lines.append((CardTable.json(row), "on_time"))
            switch random.int(0..<20) {
            case 0: lines.append(("{\"TRANSACTION_ID\": \(row.id), \"TX_FR", "error"))
            case 1: lines.append((CardTable.json(row), "duplicate"))
            case 2: lines.append(("{\"TRANSACTION_ID\": 999999999, \"label\": 1}", "set_aside"))
            case 3: lines.append(("{\"command\": \"heartbeat\", \"event_time\": \"\(row.time)\"}", "heartbeat"))
            case 4:
                var other = row
                other.amount += 1
                lines.append((CardTable.json(other), "set_aside"))
            case 5...9:
                guard let label = labels.popFirst() else { continue }
                let value = label.isFraud ? 1 : 0
                lines.append(("{\"TRANSACTION_ID\": \(label.id), \"label\": \(value)}", "label_taken"))
            case 10: lines.append(("[1, 2]", "error"))
            case 11:
                var future = row
                (future.id, future.time) = (row.id + 1_000_000, row.time + EventDuration(milliseconds: 1 << 40))
                lines.append((CardTable.json(future), "quarantined"))
            case 12:
                var old = row
                (old.id, old.time) = (row.id + 2_000_000, row.time - 2 * .day)
                lines.append((CardTable.json(old), "too_late"))
            case 13:
                var late = row
                (late.id, late.time) = (row.id + 3_000_000, row.time - .minute)
                lines.append((CardTable.json(late), "late"))
            default: continue
            }
        }
        return lines
    }

    @Test(arguments: 0..<3 as Range<UInt64>)
    func linesAreAnsweredOneForOneAndAReplayGivesTheSame(seed: UInt64) throws {
        let session = try session()
        let lines = stream(seed: seed)
        let text = Array((lines.map(\.line).joined(separator: "\n")).utf8)
        var random = SeededRandom(seed: seed)
        var answers: [JSONValue] = []
        var position = 0
        while position < text.count {
            let end = min(position + random.int(1...random.pick([20, 3000, 100_000])), text.count)
            try text[position..<end].withUnsafeBytes { try session.take($0) { answers.append($0) } }
            position = end
        }
        answers += try finish(session)
        #expect(answers.count == lines.count)
        var scores: [Int64: Double] = [:]
        for (answer, line) in zip(answers, lines) {
            try #require((answer["status"]?.string ?? "error") == line.status, "\(line.line) → \(answer)")
            guard let id = answer["transaction_id"]?.int64, let score = answer["score"]?.double else { continue }
            if line.status == "duplicate" {
                #expect(scores[id] == score, "the first score again")
                #expect(answer["alert"] == .bool(score >= 0.5) && answer["first_status"]?.string == "on_time")
            } else {
                scores[id] = score
            }
        }
        #expect(session.run.tally.isBalanced)
        #expect(firstScores(answers) == (try recordedScores()))
        #expect(try scenario.records(scenario.log.malformed).count == lines.count { $0.status == "error" })
        #expect(session.malformedCount == Int64(lines.count { $0.status == "error" }))
        withExtendedLifetime(session) {}
    }

    @Test func aReplayOfALiveLogGivesTheSameDigestAndScores() throws {
        let live: Scenario.Result
        do {
            let session = try session()
            _ = try take(stream(seed: 7).map { $0.line + "\n" }.joined(), session)
            _ = try finish(session)
            live = try scenario.result(session.run)
        }
        for (block, threads) in [(1, 1), (4096, 2)] {
            #expect(try scenario.fresh(block: block, threads: threads) == live)
        }
    }

    @Test func eachLineIsAnsweredBeforeTheNextComes() throws {
        let session = try session()
        for (line, _) in stream(seed: 1).prefix(60) {
            #expect(try take(line + "\n", session).count == 1)
        }
    }

    @Test func aSessionThatWasKilledIsMadeUpFor() throws {
        var answers: [JSONValue] = []
        let lines = stream(seed: 2).map { $0.line + "\n" }
        do {
            let session = try session()
            for line in lines.prefix(100) { answers += try take(line, session) }
        }
        do {
            let session = try session()
            for line in lines.dropFirst(100) { answers += try take(line, session) }
            answers += try finish(session)
            #expect(answers.count == lines.count)
        }
        _ = try scenario.fresh()
        #expect(firstScores(answers) == (try recordedScores()))
    }

    @Test func tablesAreScoredAsLinesOfJSONAre() throws {
        let rows = live.prefix(200)
        let header = "TX_AMOUNT,TRANSACTION_ID,CUSTOMER_ID,TERMINAL_ID,TX_DATETIME,EXTRA\n"
        let lines = rows.map { row in
            let amount = decimalDescription(row.amount, scale: 2)
            return "\(amount),\(row.id),\(row.customer),\(row.terminal),\(row.time),\"a, b\"\n"
        }
        let session = try session(.csv)
        var answers = try take(header, session)
        #expect(answers.isEmpty)
        answers += try take(lines[0], session)
        #expect(answers.count == 1, "a row is answered at once")
        let malformed = try take("1,2\n", session)
        #expect(malformed.count == 1 && malformed[0]["error"] != nil)
        answers += try take(lines.dropFirst().joined(), session)
        answers += try finish(session)
        let other = try ScoringTests()
        let json = try other.take(rows.map { CardTable.json($0) + "\n" }.joined(), try other.session())
        #expect(answers.compactMap { $0["score"]?.double } == json.compactMap { $0["score"]?.double })
        #expect(answers.count == rows.count)
    }

    @Test func aHeaderThatDoesNotFitIsAnErrorAtOnce() throws {
        let session = try session(.csv)
        let error = #expect(throws: RuntimeError.self) { _ = try take("ID,TIME\n1,2018-04-01\n", session) }
        #expect(error?.description.contains("TX_DATETIME") == true, "\(error?.description ?? "")")
    }

    @Test func malformedLinesOfEverySessionAreKept() throws {
        for text in ["first", "second"] {
            let session = try session()
            _ = try take("\(text)\n", session)
            _ = try finish(session)
        }
        #expect(try scenario.records(scenario.log.malformed).count == 2)
    }

    @Test(arguments: ScoringSession.Format.allCases)
    func aStopTakesNoHalfOfALine(_ format: ScoringSession.Format) throws {
        let session = try session(format)
        let end = session.run.offset
        let line =
            format == .ndjson
            ? CardTable.json(live[0])
            : "TRANSACTION_ID,CUSTOMER_ID,TERMINAL_ID,TX_DATETIME,TX_AMOUNT\n900001,1,1,\(live[0].time),12"
        #expect(try take(line, session).isEmpty)
        try session.stop()
        #expect(session.run.offset == end && session.malformedCount == 0)
    }

    @Test func aLastRowOfATableWithoutItsLineFeedIsNotTaken() throws {
        let session = try session(.csv)
        let header = "TRANSACTION_ID,CUSTOMER_ID,TERMINAL_ID,TX_DATETIME,TX_AMOUNT\n"
        _ = try take(header + "900001,1,1,\(live[0].time),12", session)
        let answers = try finish(session)
        #expect(answers.count == 1 && answers[0]["error"]?.string?.contains("cut short") == true)
        #expect(try scenario.records(scenario.log.malformed).count == 1)
    }

    @Test func aHeartbeatAheadOfTheClockIsRefused() throws {
        let session = try session()
        let now = EventTime(milliseconds: FixedClock().processingTimeMilliseconds)
        func heartbeat(_ time: EventTime) -> String {
            "{\"command\": \"heartbeat\", \"event_time\": \"\(time)\"}\n"
        }
        #expect(try take(heartbeat(now), session)[0]["status"]?.string == "heartbeat")
        let refused = try take(heartbeat(now + .second), session)[0]
        #expect(refused["error"]?.string?.contains("ahead of the clock") == true)
    }

    @Test func aLineWithoutAnEndIsAnsweredAtTheEnd() throws {
        let session = try session()
        #expect(try take(CardTable.json(live[0]), session).isEmpty)
        #expect(try finish(session).count == 1)
    }
}
