import EventModel
import Foundation
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform
import Simulation
import TestSupport
import Testing

/// Reference tables from a file and live: each transaction sees the rows as of its own time, by the changes before it.
struct TableTests {
    private struct Change {
        var terminal: Int32
        /// nil: the row always was so.
        var time: EventTime?
        var category: String
        var cents: Int64
        var isDeletion = false
    }

    private let scenario: Scenario
    private let rows: [SimulatedTransaction]
    private let changes: [Change]

    private static let tables = """
        tables:
          terminals:
            key: TERMINAL_ID
            columns:
              TERMINAL_ID: long
              CATEGORY: string
              RATE: { type: decimal(2), if_missing: 1.25 }
            effective_time: { column: SINCE, format: iso8601 }
          categories:
            key: NAME
            columns: { NAME: string, RISK: { type: double, if_missing: -1 } }
            on: terminals.CATEGORY
        entities:
        """
    private static let features = """
          - { name: RATE, column: terminals.RATE }
          - { name: RISK, column: categories.RISK }
          - { name: KNOWN, expression: known(terminals) }
          - { name: FOOD, one_hot: { column: terminals.CATEGORY, values: [food] } }
          - { name: CATEGORIES, entity: customer, window: 5d, aggregate: distinct, of: terminals.CATEGORY }
          - { name: IN_FOOD, entity: customer, window: 9d, aggregate: count, where: terminals.CATEGORY == 'food' }

        # What learns;
        """

    init() throws {
        scenario = try Scenario()
        let text = scenario.text.replacingOccurrences(of: "entities:", with: Self.tables)
            .replacingOccurrences(of: "# What learns;", with: Self.features)
        scenario.specification = try PipelineSpecification(
            yaml: text, file: "tables.yaml", fileSystem: PosixFileSystem())
        rows = try CardTable(customers: 20, days: 15).rows
        var random = SeededRandom(seed: 5)
        let start = rows[0].time
        let second = EventDuration.second
        changes =
            (0..<80).map { terminal in
                Change(
                    terminal: Int32(terminal), time: nil, category: random.pick(["food", "fuel"]),
                    cents: Int64(random.int(0...300)))
            }
            + (0..<600).map { _ in
                Change(
                    terminal: Int32(random.int(0..<100)), time: start + random.int(0..<15 * 86_400) * second,
                    category: random.pick(["food", "fuel", "été, \"x\""]), cents: Int64(random.int(0...300)),
                    isDeletion: random.isTrue(15))
            }
    }

    private static func csv(_ changes: some Sequence<Change>) -> String {
        let lines = changes.map { change in
            let rest =
                change.isDeletion
                ? ",,"
                : "\"\(change.category.replacingOccurrences(of: "\"", with: "\"\""))\","
                    + "\(decimalDescription(change.cents, scale: 2)),"
            return "\(change.terminal),\(change.isDeletion ? "delete" : "insert"),\(rest)"
                + (change.time.map(\.description) ?? "")
        }
        return (["TERMINAL_ID,op,CATEGORY,RATE,SINCE"] + lines).joined(separator: "\n") + "\n"
    }

    private static let categories = "NAME,RISK\nfood,0.25\nfuel,7\n"

    private func source(_ text: String, _ name: String, _ rows: Importer.Rows) throws -> Importer.Source {
        let file = try scenario.directory.write(Array(text.utf8), to: name)
        return Importer.Source(
            try InputStream(path: file, fileSystem: scenario.fileSystem), name: name, rows: rows)
    }

    private var importer: Importer {
        Importer(log: scenario.log, input: scenario.specification.input, fileSystem: scenario.fileSystem)
    }

    @discardableResult private func importTables(_ changes: some Sequence<Change>) throws -> [Importer.Report] {
        try importer.importAll(
            [try source(Self.csv(changes), "terminals.csv", .changes(table: "terminals"))], flushLabels: false)
            + (try importer.importAll(
                [try source(Self.categories, "categories.csv", .changes(table: "categories"))], flushLabels: false))
    }

    private func exported() throws -> [[String: String]] {
        let path = "\(scenario.directory.path)/features.csv"
        _ = try FeatureExport(
            log: scenario.log, specification: scenario.specification, fileSystem: scenario.fileSystem
        ).write(to: path)
        let lines = String(decoding: try scenario.fileSystem.read(path), as: UTF8.self).split(separator: "\n")
        let names = lines[0].split(separator: ",").map(String.init)
        return lines.dropFirst().map { line in
            Dictionary(uniqueKeysWithValues: zip(names, line.split(separator: ",").map(String.init)))
        }
    }

    private func row(_ terminal: Int32, _ time: EventTime, _ changes: [Change]) -> Change? {
        let held = changes.enumerated().filter { $0.element.terminal == terminal && ($0.element.time ?? time) <= time }
        let newest = held.max { a, b in
            (a.element.time ?? .distantPast, a.offset) < (b.element.time ?? .distantPast, b.offset)
        }
        return newest.flatMap { $0.element.isDeletion ? nil : $0.element }
    }

    private func expect(_ vectors: [[String: String]], _ changes: [Change]) {
        #expect(vectors.count == rows.count)
        let categories = rows.map { row($0.terminal, $0.time, changes)?.category ?? "" }
        for (index, (vector, row)) in zip(vectors, rows).enumerated() {
            let found = self.row(row.terminal, row.time, changes)
            #expect(vector["RATE"] == "\(Double(found?.cents ?? 125) / 100)", "transaction \(row.id)")
            #expect(vector["KNOWN"] == (found == nil ? "0.0" : "1.0"))
            let risk: Double = ["food": 0.25, "fuel": 7][found?.category ?? ""] ?? -1
            #expect(vector["RISK"] == "\(Double(risk))")
            #expect(vector["FOOD_food"] == (found?.category == "food" ? "1.0" : "0.0"))
            let own = (0...index).filter { rows[$0].customer == row.customer }
            let inFood = own.filter { rows[$0].time > row.time - 9 * .day && categories[$0] == "food" }
            #expect(vector["IN_FOOD"] == "\(Double(inFood.count))")
            let several = Set(own.filter { rows[$0].time > row.time - 5 * .day }.map { categories[$0] })
            #expect(vector["CATEGORIES"] == "\(Double(several.count))")
        }
    }

    @Test func eachTransactionSeesTheRowsAsOfItsOwnTime() throws {
        let reports = try importTables(changes)
        #expect(reports.map(\.transactions) == [680, 2] && reports.allSatisfy { $0.isBalanced })
        try scenario.importTable(CardTable.csv(rows), flushLabels: true)
        expect(try exported(), changes)
        let run = try scenario.open(block: 100, threads: 2, checkpointEvery: 300)
        try run.run(until: Offset(2000))
        withExtendedLifetime(run) {}
        _ = consume run
        let again = try scenario.open(block: 7)
        try again.run()
        #expect(again.tally.changes + again.tally.side(.sameChangeAgain) == 682 && again.tally.isBalanced)
        let result = try scenario.result(again)
        withExtendedLifetime(again) {}
        _ = consume again
        #expect(try scenario.fresh(block: 1) == result)
        #expect(try scenario.fresh(block: 4096, threads: 2) == result)
        // Imported again nothing is new.
        #expect(try importTables(changes).map(\.alreadyThere) == [680, 2])
    }

    @Test func aRowIsLookedUpAsOfATime() throws {
        try importTables(changes)
        try scenario.importTable(CardTable.csv(rows), flushLabels: true)
        let run = try scenario.open()
        try run.run()
        let watermark = run.watermark
        let lookup = StateLookup(
            log: scenario.log, specification: scenario.specification, fileSystem: scenario.fileSystem)
        for terminal in Int32(0)..<100 {
            for time in [nil, watermark + 3 * .day] {
                let found = try lookup.lookUpRow(of: "terminals", key: ["\(terminal)"], asOf: time)
                let expected = row(terminal, time ?? watermark, changes)
                #expect(found.change != nil && expected != nil || found.change == nil && expected == nil)
                guard let expected else { continue }
                #expect(
                    found.values.map(\.value) == [
                        .integer(Int64(terminal)), .text(expected.category), .integer(expected.cents),
                    ])
                #expect(found.since == expected.time ?? EventTime.range.lowerBound)
            }
        }
        #expect(throws: RuntimeError.self) { try lookup.lookUpRow(of: "terminal", key: ["1"]) }
        #expect(throws: RuntimeError.self) { try lookup.lookUpRow(of: "terminals", key: ["a"]) }
        #expect(throws: RuntimeError.self) { try lookup.lookUpRow(of: "terminals", key: ["1"], asOf: rows[0].time) }
        // Features of a terminal follow from its row.
        let terminal = try #require(rows.last?.terminal)
        let answer = try lookup.look(up: ["\(terminal)"], of: "terminal")
        let rate = try #require(answer.features.first { $0.name == "RATE" })
        #expect(rate.value == Double(row(terminal, watermark, changes)?.cents ?? 125) / 100)
        #expect(answer.features.contains { $0.name == "RISK" && $0.value != nil })
        let customer = try lookup.look(up: ["\(rows[0].customer)"], of: "customer")
        #expect(!customer.features.contains { $0.name == "RATE" })
    }

    @Test func aTableIsImportedTogetherWithTheTransactions() throws {
        // Mixed with the transactions in the log by their times, whatever the file's order.
        let sorted = Array(changes.reversed())
        let text = String(decoding: CardTable.csv(rows), as: UTF8.self)
        func sources() throws -> [Importer.Source] {
            [
                try source(text, "table.csv", .transactions),
                try source(Self.csv(sorted), "terminals.csv", .changes(table: "terminals")),
                try source(Self.categories, "categories.csv", .changes(table: "categories")),
            ]
        }
        let reports = try importer.importAll(try sources(), flushLabels: true)
        #expect(reports.allSatisfy { $0.isBalanced })
        expect(try exported(), sorted)
        let records = try scenario.records(scenario.log.input)
        let again = try importer.importAll(try sources(), flushLabels: true)
        #expect(again.map(\.alreadyThere) == [Int64(rows.count), 680, 2])
        #expect(try scenario.records(scenario.log.input) == records)
        // A row of the table that was changed is a change more.
        var edited = sorted
        edited[100].cents += 1
        let third = try importer.importAll(
            [try source(Self.csv(edited), "terminals.csv", .changes(table: "terminals"))], flushLabels: false)
        #expect(third.map(\.transactions) == [1] && third.map(\.alreadyThere) == [679])
    }

    // MARK: live

    private struct FixedClock: Clock {
        var processingTimeMilliseconds: Int64 = 1_600_000_000_000
        var monotonicNanoseconds: Int64 { 0 }
    }

    private func answers(_ session: ScoringSession, _ lines: [String]) throws -> [JSONValue] {
        var answers: [JSONValue] = []
        try Array((lines.joined(separator: "\n") + "\n").utf8).withUnsafeBytes {
            try session.take($0) { answers.append($0) }
        }
        return answers
    }

    @Test func liveChangesAreTakenAndSeenByWhatComesBehindThem() throws {
        try scenario.importTable(CardTable.csv(rows.prefix(100)))
        let run = try scenario.open()
        try run.run()
        let session = try ScoringSession(
            run: run, format: .ndjson, clock: FixedClock(), fileSystem: scenario.fileSystem)
        let next = rows[100...103]
        let terminal = next[100].terminal
        func transaction(_ index: Int) -> String {
            CardTable.json(
                SimulatedTransaction(
                    id: rows[index].id, time: rows[index].time, customer: rows[index].customer, terminal: terminal,
                    amount: rows[index].amount, scenario: rows[index].scenario))
        }
        func change(_ members: String) -> String { "{\"table\": \"terminals\", \(members)}" }
        let early = rows[50].time
        let milliseconds = early.milliseconds
        let lines = [
            transaction(100),
            change(#""TERMINAL_ID": \#(terminal), "CATEGORY": "food", "RATE": 0.5, "SINCE": "\#(early)""#),
            transaction(101),
            """
            {"payload": {"op": "u", "before": null, "after": {"TERMINAL_ID": \(terminal), "CATEGORY": "fuel", \
            "RATE": "2.75"}, "source": {"table": "terminals", "ts_ms": \(milliseconds + 1)}, "ts_ms": 1}}
            """,
            transaction(102),
            change(#""op": "delete", "TERMINAL_ID": \#(terminal), "at": "\#(rows[102].time)""#),
            change(#""op": "delete", "TERMINAL_ID": \#(terminal), "at": "\#(rows[102].time)""#),
            transaction(103),
            change(#""op": "update", "TERMINAL_ID": \#(terminal), "CATEGORY": "x", "RATE": 1, "at": "2018-01-01""#),
            change(#""TERMINAL_ID": \#(terminal), "CATEGORY": "food", "RATE": 0.123"#),
            change(#""op": "upsert", "TERMINAL_ID": 1"#), #"{"table": "shops", "op": "insert"}"#,
            #"{"op": "d", "before": null, "after": null, "source": {"table": "terminals"}}"#,
            #"{"op": "c", "after": {"TERMINAL_ID": 7, "CATEGORY": "food"}, "source": {"table": "terminals"}}"#,
        ]
        let found = try answers(session, lines)
        let statuses = found.map { $0["status"]?.string ?? $0["error"]?.string ?? "" }
        #expect(
            statuses == [
                "on_time", "change_taken", "on_time", "change_taken", "on_time", "change_taken", "set_aside", "on_time",
                "set_aside", "column RATE: '0.123' has more than the 2 decimals that the column is declared with",
                "column op: '\"upsert\"' is not insert, update, delete, or c, u, d, r",
                "unknown table 'shops'; expected terminals, categories",
                "the change has no object 'before'", "the field RATE is missing or null",
            ])
        #expect(found[1]["table"]?.string == "terminals")
        #expect(found[6]["output"]?.string == "duplicates-0" && found[8]["output"]?.string == "late-0")
        #expect(run.tally.changes == 3 && run.tally.isBalanced)
        try session.finish { _ in }
        withExtendedLifetime(session) {}
        let vectors = try exported().suffix(4)
        #expect(vectors.map { $0["RATE"] } == ["1.25", "0.5", "2.75", "1.25"])
        #expect(vectors.map { $0["KNOWN"] } == ["0.0", "1.0", "1.0", "0.0"])
        let topic = try scenario.records(scenario.log.table("terminals"))
        #expect(topic.count == 5, "those set aside too: the topic says what the input says")
        #expect(topic[0].keyText == "\(terminal)@\(early)")
        _ = consume session
        let result = try scenario.result(run)
        withExtendedLifetime(run) {}
        _ = consume run
        #expect(try scenario.fresh(block: 7, threads: 2) == result)
    }

    @Test func linesOfJSONAreImportedAndGoneOnWith() throws {
        let first = Self.lines(of: rows.prefix(60), changes)
        let report = try importLines(first)
        #expect(report.isBalanced && report.malformed == 1 && report.heartbeatRows == 1)
        let all = first + Self.lines(of: rows[60..<90], changes.prefix(0))
        let again = try importLines(all)
        #expect(again.isBalanced && again.alreadyThere == report.transactions)
        let grown = try scenario.records(scenario.log.input)
        #expect(try importLines(all).transactions == 0)
        #expect(try scenario.records(scenario.log.input) == grown)
        let run = try scenario.open()
        try run.run()
        #expect(run.tally.isBalanced && run.tally.transactions == 90 && run.tally.commands == 2)
        let vectors = try exported()
        for (vector, row) in zip(vectors, rows) {
            let cents = self.row(row.terminal, row.time, changes)?.cents ?? 125
            #expect(vector["RATE"] == "\(Double(cents) / 100)")
        }
    }

    private func importLines(_ lines: [String]) throws -> Importer.Report {
        try importer.importAll(
            [try source(lines.joined(separator: "\n") + "\n", "all.ndjson", .lines)], flushLabels: false
        ).reduce(Importer.Report(), +)
    }

    private static func lines(of rows: ArraySlice<SimulatedTransaction>, _ changes: some Sequence<Change>)
        -> [String]
    {
        let changes = changes.map { change in
            let at = change.time.map { ", \"at\": \"\($0)\"" } ?? ""
            return change.isDeletion
                ? "{\"table\": \"terminals\", \"op\": \"delete\", \"TERMINAL_ID\": \(change.terminal)\(at)}"
                : """
                {"table": "terminals", "TERMINAL_ID": \(change.terminal), "RATE": \
                \(decimalDescription(change.cents, scale: 2)), "CATEGORY": \(JSONValue.string(change.category))\(at)}
                """
        }
        let heartbeat = rows.last.map { ["{\"command\": \"heartbeat\", \"event_time\": \"\($0.time)\"}"] } ?? []
        let label = rows.first.map { ["{\"transaction_id\": \($0.id), \"label\": 1}"] } ?? []
        let bad = changes.isEmpty ? [] : ["{\"table\": \"terminals\", \"op\": \"update\", \"TERMINAL_ID\": 1}"]
        return changes + bad + rows.map(CardTable.json) + label + heartbeat
    }
}

/// Tables' rows outlive the input that they came by.
struct RetainedTableTests {
    private static let text = RetainedLog.text.replacingOccurrences(
        of: "entities:",
        with: """
            tables:
              cards:
                key: CARD
                columns: { CARD: long, LIMIT: { type: decimal(2), if_missing: -1 } }
                effective_time: { column: SINCE, format: seconds }
            entities:
            """
    ).replacingOccurrences(
        of: "  - { name: COUNT", with: "  - { name: LIMIT, column: cards.LIMIT }\n  - { name: COUNT")

    private static func changes(_ count: Int = 300) -> String {
        var random = SeededRandom(seed: 2)
        var text = "CARD,SINCE,LIMIT\n"
        for card in 0..<15 { text += "\(card),,\(card).50\n" }
        for _ in 0..<count {
            let since = RetainedLog.start + Int64(random.int(0..<700)) * RetainedLog.step
            text += "\(random.int(0..<20)),\(since),\(random.int(0...99))\n"
        }
        return text
    }

    private func features(_ log: RetainedLog) throws -> [String] {
        _ = try FeatureExport(log: log.log, specification: log.specification, fileSystem: log.fileSystem)
            .write(to: "features.csv", forgetsRemoved: true)
        return String(decoding: try log.fileSystem.read("features.csv"), as: UTF8.self).split(separator: "\n")
            .map { line in line.split(separator: ",").prefix(3).joined(separator: ",") }
    }

    @Test func aReplayFromTheLogsNewStartHasTheRowsThatStoodBeforeIt() throws {
        let log = try RetainedLog(text: Self.text, before: [(Self.changes(), .changes(table: "cards"))])
        let before = try features(log)
        try log.open().run()
        try log.split("input-0")
        let end = try log.records("input-0").count
        try log.retain("input-0")
        let start = try #require(try log.records("input-0").first?.offset)
        #expect(start > Offset(315), "the changes are gone")
        let retained = try features(log)
        #expect(retained == [before[0]] + before.suffix(retained.count - 1))
        let fresh = try log.open(fresh: true)
        try fresh.run()
        #expect(fresh.offset == Offset(Int64(end)) && fresh.tally.isBalanced)
        // From the topic compacted as well.
        try log.split("tables/cards-0")
        let time = RetainedLog.time(300)
        for collapsed in [nil, time] {
            let records = try log.records("tables/cards-0").count
            let policy = try TableTopics.compactionPolicy(
                of: "cards", in: log.log, collapsingBefore: collapsed, reference: time, fileSystem: log.fileSystem)
            let housekeeping = try Housekeeping(try log.topic("tables/cards-0").directory, log.fileSystem)
            let report = try housekeeping.compact(policy)
            housekeeping.end()
            #expect(report.recordsRemoved > 0 || collapsed == nil)
            let left = try log.records("tables/cards-0").count
            #expect(left == records - report.recordsRemoved)
            let after = try features(log)
            #expect(after == [before[0]] + before.suffix(after.count - 1))
        }
    }

    @Test func retentionKeepsChangesThatTheTablesTopicHasNotTaken() throws {
        let log = try RetainedLog(text: Self.text, before: [(Self.changes(), .changes(table: "cards"))])
        try log.open().run()
        try log.split("input-0")
        let position = try StoredOffset(reader: "tables", of: log.log.input, fileSystem: log.fileSystem)
        let end = try #require(position.offset)
        try position.store(Offset(200))
        position.close()
        let retention = try log.retention(of: "input-0", ignoringReaders: true)
        #expect(retention.floors.contains { $0.offset == Offset(200) && $0.who.contains("tables") })
        #expect(retention.plan.newStart <= Offset(200))
        retention.end()
        // Once more from there: what the topic has is not added again.
        let records = try log.records("tables/cards-0").count
        let tables = TableTopics(log.log, fileSystem: log.fileSystem)
        try tables.follow()
        try tables.close()
        #expect(try log.records("tables/cards-0").count == records)
        let stored = try StoredOffset.all(of: log.log.input, fileSystem: log.fileSystem)
        #expect(stored.map(\.offset) == [end])
    }

    @Test func aBackupHasTheTables() throws {
        let log = try RetainedLog(text: Self.text, before: [(Self.changes(), .changes(table: "cards"))])
        let records = try log.records("tables/cards-0").count
        var backup = LogBackup(of: log.log, to: LogDirectory("copy"), fileSystem: log.fileSystem)
        _ = try backup.run()
        let reader = try TopicReader(directory: "copy/tables/cards-0", fileSystem: log.fileSystem)
        let contents = try reader.contents()
        #expect(contents.records == records)
        var verification = LogVerification(
            try LogTopics(of: LogDirectory("copy"), fileSystem: log.fileSystem).all, of: LogDirectory("copy"),
            fileSystem: log.fileSystem)
        let report = try verification.run()
        #expect(report.found.isEmpty)
    }
}
