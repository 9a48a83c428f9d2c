import EventModel
import Foundation
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform
import TestSupport
import Testing

/// Random streams through whole runs, imported and live.
struct ConservationTests {
    static let text = """
        pipeline: small
        input:
          id: ID
          event_time: { column: TIME, format: seconds }
          columns: { ID: long, CARD: long, AMOUNT: decimal(2), NOTE: string }
          label: { column: FRAUD, delay: 1h }
        time: { out_of_orderness: 20m, allowed_lateness: 1h, duplicate_horizon: 30d, label_horizon: 30d }
        entities: { card: CARD }
        features:
          - { name: AMOUNT, column: AMOUNT }
          - { name: COUNT, entity: card, window: 2h, aggregate: count }
          - { name: SUM, entity: card, window: 2h, aggregate: sum, of: AMOUNT }
          - { name: MEAN, entity: card, window: 3h, aggregate: mean, of: AMOUNT }
          - { name: VARIANCE, entity: card, window: 3h, aggregate: variance, of: AMOUNT }
          - { name: LEAST, entity: card, window: 1h, aggregate: min, of: AMOUNT, delay: 5m }
          - { name: MOST, entity: card, window: 90m, aggregate: max, of: AMOUNT, where: NOTE != 'b' }
          - { name: LAST, entity: card, window: 90m, aggregate: last, of: AMOUNT, include_current: false }
          - { name: NOTES, entity: card, window: 2h, aggregate: distinct, of: NOTE }
          - { name: RATE, entity: card, window: 5h, delay: 1h, aggregate: known_label_rate }
          - { name: SINCE, entity: card, aggregate: since_previous }
        models: { classifier: { mini_batch: 8 } }
        """

    private struct Row {
        var id: Int
        var second: Int64
        var card: Int
        var cents: Int64
        var note: String
        var fraud: Int
        /// Not a row at all.
        var isBroken = false

        var csv: String {
            isBroken
                ? "\(id),\(second),x,1,a,0"
                : "\(id),\(second),\(card),\(decimalDescription(cents, scale: 2)),\(note),\(fraud)"
        }

        func json(_ random: inout SeededRandom) -> String {
            if isBroken { return random.pick(["{", "[1]", #"{"ID": 1}"#, #"{"command": "stop"}"#]) }
            return """
                {"ID": \(id), "TIME": \(second), "CARD": \(card), "AMOUNT": \(decimalDescription(cents, scale: 2)), \
                "NOTE": "\(note)"}
                """
        }
    }

    private static let start: Int64 = 1_522_540_800

    /// In order and out of it, late, too late, from the future, repeated with the same or another payload, broken.
    private static func rows(_ count: Int, _ random: inout SeededRandom) -> [Row] {
        var rows: [Row] = []
        var clock = start
        while rows.count < count {
            if random.isTrue(10), let again = rows.suffix(50).randomElement(using: &random), !again.isBroken {
                var again = again
                if random.isTrue(50) { again.cents += 1 }
                rows.append(again)
                continue
            }
            if random.isTrue(70) { clock += Int64(random.int(0...300)) }
            let ahead: Int64 = random.isTrue(3) ? Int64(random.int(2...400)) * 86_400 : 0
            let behind: Int64 = random.isTrue(30) ? Int64(random.int(0...9_000)) : 0
            rows.append(
                Row(
                    id: rows.count, second: clock + ahead - behind, card: random.int(0..<5),
                    cents: Int64(random.int(1...9999)), note: random.pick(["a", "b", "été"]),
                    fraud: random.isTrue(20) ? 1 : 0, isBroken: random.isTrue(5)))
        }
        return rows
    }

    private static func scenario() throws -> Scenario {
        let scenario = try Scenario()
        scenario.specification = try PipelineSpecification(yaml: text, file: "small.yaml")
        return scenario
    }

    private func importRows(_ rows: [Row], _ scenario: Scenario, flushing: Bool = true) throws -> Importer.Report {
        let csv = (["ID,TIME,CARD,AMOUNT,NOTE,FRAUD"] + rows.map(\.csv)).joined(separator: "\n") + "\n"
        return try scenario.importTable(Array(csv.utf8), flushLabels: flushing)
    }

    /// Each record of the input stands in one place; each transaction that came for the first time has one decision.
    private func expectConservation(_ scenario: Scenario, _ tally: Tally) throws {
        #expect(tally.isBalanced)
        let schemas = try SchemaRegistry(scenario.log, fileSystem: scenario.fileSystem)
        var transactions: [Offset: Int64] = [:]
        var others: [Offset] = []
        let input = try scenario.records(scenario.log.input)
        for record in input {
            record.value.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                if reader.readEnvelope().flatMap({ schemas.schema($0) })?.name == "Transaction" {
                    _ = reader.readVarint()
                    transactions[record.offset] = reader.readVarint()
                } else {
                    others.append(record.offset)
                }
            }
        }
        let decisions = try scenario.decisions()
        let decided = Set(decisions.map(\.inputOffset))
        #expect(decided.count == decisions.count, "no record has two decisions")
        #expect(decided.allSatisfy { transactions[$0] != nil })
        let ids = decisions.compactMap { transactions[$0.inputOffset] }
        #expect(Set(ids).count == ids.count && Set(ids) == Set(transactions.values), "each id has one decision")
        var aside: [Offset: [String]] = [:]
        for topic in ["late-0", "quarantine-0", "duplicates-0"] {
            for record in try scenario.records(scenario.log.topic(topic, of: scenario.specification.name)) {
                let offset = try #require(Int64(record.keyText.prefix { $0.isNumber }))
                aside[Offset(offset), default: []].append(topic)
            }
        }
        #expect(aside.values.allSatisfy { $0.count == 1 }, "no record stands in two side outputs")
        for (offset, topics) in aside where decided.contains(offset) {
            #expect(topics != ["duplicates-0"], "a repetition has no decision of its own")
        }
        for offset in transactions.keys { #expect(decided.contains(offset) || aside[offset] == ["duplicates-0"]) }
        let othersAside = others.count { aside[$0] != nil }
        #expect(Int64(others.count - othersAside) == tally.labels + tally.commands)
        #expect(Int64(input.count) == tally.records)
        let accepted = decisions.count { $0.status == .onTime || $0.status == .late }
        #expect(accepted == Int(tally.decisions(.onTime) + tally.decisions(.late)))
    }

    private func malformed(_ scenario: Scenario) throws -> Int {
        try scenario.fileSystem.exists(scenario.log.malformed) ? scenario.records(scenario.log.malformed).count : 0
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func everyRowOfARandomTableStandsInExactlyOnePlace(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let rows = Self.rows(400, &random)
        let scenario = try Self.scenario()
        let report = try importRows(rows, scenario)
        let broken = rows.count(where: \.isBroken)
        #expect(report.isBalanced && report.malformed == Int64(broken) && report.transactions == Int64(400 - broken))
        #expect(try malformed(scenario) == broken)
        let run = try scenario.open(block: random.pick([1, 7, 4096]), threads: random.pick([1, 2]))
        try run.run()
        try expectConservation(scenario, run.tally)
        let result = try scenario.result(run)
        withExtendedLifetime(run) {}
        _ = consume run
        #expect(try scenario.fresh(block: random.pick([1, 7, 4096]), threads: random.pick([1, 2])) == result)
    }

    private final class SteppingClock: Clock, @unchecked Sendable {
        var time: Int64 = 0
        var processingTimeMilliseconds: Int64 { time }
        var monotonicNanoseconds: Int64 { 0 }
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func everyLiveLineIsAnsweredOnceAndStandsInExactlyOnePlace(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let rows = Self.rows(300, &random)
        let scenario = try Self.scenario()
        _ = try importRows([], scenario)
        let clock = SteppingClock()
        let session = try ScoringSession(
            run: try scenario.open(), format: .ndjson, clock: clock, fileSystem: scenario.fileSystem)
        var answers: [JSONValue] = []
        var sent = 0
        var broken = 0
        var latest = Self.start
        for row in rows {
            // The clock follows the stream; a row from the future is ahead of it.
            if row.second < latest + 86_400 { latest = max(latest, row.second) }
            clock.time = latest * 1000
            var lines = [row.json(&random)]
            broken += row.isBroken ? 1 : 0
            if random.isTrue(20) {
                lines.append(#"{"transaction_id": \#(random.int(0..<350)), "label": \#(random.int(0...1))}"#)
            }
            if random.isTrue(3) { lines.append(#"{"command": "heartbeat", "event_time": \#(latest)}"#) }
            sent += lines.count
            try Array((lines.joined(separator: "\n") + "\n").utf8).withUnsafeBytes { bytes in
                try session.take(bytes) { answers.append($0) }
            }
            #expect(answers.count == sent)
        }
        try session.finish { _ in }
        let errors = answers.count { $0["error"] != nil }
        #expect(errors == broken)
        #expect(try malformed(scenario) == errors)
        let tally = session.run.tally
        #expect(Int(tally.records) == sent - errors)
        try expectConservation(scenario, tally)
        let result = try scenario.result(session.run)
        withExtendedLifetime(session) {}
        _ = consume session
        #expect(try scenario.fresh(block: 7, threads: 2) == result)
    }

    // MARK: disorder and wrong clocks

    private func features(_ scenario: Scenario) throws -> [String] {
        let path = "\(scenario.directory.path)/features.csv"
        _ = try FeatureExport(
            log: scenario.log, specification: scenario.specification, fileSystem: scenario.fileSystem
        ).write(to: path, withContext: true)
        let lines = String(decoding: try scenario.fileSystem.read(path), as: UTF8.self).split(separator: "\n")
        // Without the offset.
        return lines.dropFirst().map { line in
            var fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            fields.remove(at: 3)
            return fields.joined(separator: ",")
        }
    }

    /// Rows in order, no two at the same time.
    private static func ordered(_ count: Int, _ random: inout SeededRandom) -> [Row] {
        var clock = start
        return (0..<count).map { id in
            clock += Int64(random.int(1...200))
            return Row(
                id: id, second: clock, card: random.int(0..<4), cents: Int64(random.int(1...9999)),
                note: random.pick(["a", "b"]), fraud: random.isTrue(30) ? 1 : 0)
        }
    }

    @Test(arguments: 0..<5 as Range<UInt64>)
    func shufflingWithinTheOutOfOrdernessLeavesAllLaterWindowsBitEqual(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let rows = Self.ordered(300, &random)
        let head = rows.prefix(200)
        let delays = head.map { _ in Int64(random.int(0..<1200)) }
        let shuffled = zip(head, delays).sorted { $0.0.second + $0.1 < $1.0.second + $1.1 }.map(\.0)
        #expect(shuffled.map(\.id) != head.map(\.id))
        var tails: [[String]] = []
        for stream in [Array(head), shuffled] {
            let scenario = try Self.scenario()
            // Labels come by themselves at the end, so that both streams have them at the same place.
            _ = try importRows(stream + rows.suffix(100), scenario, flushing: false)
            let run = try scenario.open(threads: 2)
            try run.run()
            #expect(run.tally.decisions(.onTime) == 300, "nothing is late within the bound")
            tails.append(Array(try features(scenario).suffix(100)))
            withExtendedLifetime(run) {}
        }
        #expect(tails[0] == tails[1])
    }

    @Test(arguments: [10 * 366 * 86_400, 23 * 3600, 2 * 86_400] as [Int64], [false, true])
    func oneFutureStampedEventChangesNoOthersFeaturesOrLateness(ahead: Int64, isLive: Bool) throws {
        var random = SeededRandom(seed: 3)
        let rows = Self.ordered(400, &random)
        var future = rows[150]
        future.id = 100_000
        future.second += ahead
        future.card = 77
        let disturbed = rows[...150] + [future] + rows[151...]
        var results: [[String]] = []
        for stream in [rows, Array(disturbed)] {
            let scenario = try Self.scenario()
            _ = try importRows(isLive ? [] : stream, scenario)
            if isLive {
                let clock = SteppingClock()
                let session = try ScoringSession(
                    run: try scenario.open(), format: .ndjson, clock: clock, fileSystem: scenario.fileSystem)
                for row in stream {
                    if row.id != future.id { clock.time = row.second * 1000 }
                    try Array((row.json(&random) + "\n").utf8).withUnsafeBytes { try session.take($0) { _ in } }
                }
                try session.finish { _ in }
            }
            let found = try features(scenario)
            #expect(found.count == stream.count)
            results.append(found.filter { !$0.hasPrefix("100000,") })
        }
        #expect(results[0] == results[1])
        #expect(results[0].allSatisfy { $0.contains(",on_time,") })
    }
}
