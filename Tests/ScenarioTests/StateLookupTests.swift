import EventModel
import Foundation
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform
import Simulation
import TestSupport
import Testing

/// What the windows hold of a key, against a computation from the table.
struct StateLookupTests {
    private let scenario: Scenario
    private let rows: [SimulatedTransaction]
    private let last: EventTime

    private static let features = """
          - { name: PAIR, entity: both, window: 5d, aggregate: count }
          - { name: LARGEST, entity: customer, window: 9d, aggregate: max, of: TX_AMOUNT, where: TX_AMOUNT > 20 }
          - { name: TERMINALS, entity: customer, window: 6d, aggregate: distinct, of: TERMINAL_ID }
          - { name: SINCE, entity: customer, aggregate: since_previous, if_empty: -1 }
          - { name: TOTAL, entity: customer, window: forever, aggregate: sum, of: TX_AMOUNT, include_current: false }
          - { name: ODD, expression: "zscore(TX_AMOUNT, customer, 12d)" }

        # What learns;
        """

    init() throws {
        scenario = try Scenario()
        let text = scenario.text.replacingOccurrences(
            of: "  terminal: TERMINAL_ID\n", with: "  terminal: TERMINAL_ID\n  both: [CUSTOMER_ID, TERMINAL_ID]\n"
        ).replacingOccurrences(of: "# What learns;", with: Self.features)
        scenario.specification = try PipelineSpecification(yaml: text, file: "state.yaml")
        rows = try CardTable(customers: 25, days: 42).rows
        last = try #require(rows.last?.time)
        try scenario.importTable(CardTable.csv(rows), flushLabels: true)
    }

    private func look(
        up key: [String], of entity: String, asOf time: EventTime? = nil
    ) throws -> StateLookup.Answer {
        try StateLookup(log: scenario.log, specification: scenario.specification, fileSystem: scenario.fileSystem)
            .look(up: key, of: entity, asOf: time)
    }

    // MARK: from the table

    private func rows(
        _ isOwn: (SimulatedTransaction) -> Bool, until end: EventTime, days: Int?
    ) -> [SimulatedTransaction] {
        let start = days.map { end - $0 * .day } ?? .distantPast
        return rows.filter { isOwn($0) && $0.time <= end && $0.time > start }
    }

    private func customer(_ key: Int32, _ time: EventTime) -> [String: Double] {
        func own(_ days: Int?) -> [SimulatedTransaction] { rows({ $0.customer == key }, until: time, days: days) }
        var values: [String: Double] = [:]
        for days in [1, 7, 30] {
            let amounts = own(days).map(\.amount)
            let mean = Double(amounts.reduce(0, +)) / (Double(amounts.count) * 100)
            values["CUSTOMER_ID_NB_TX_\(days)DAY_WINDOW"] = Double(amounts.count)
            values["CUSTOMER_ID_AVG_AMOUNT_\(days)DAY_WINDOW"] = amounts.isEmpty ? 0 : mean
        }
        values["LARGEST"] = own(9).map(\.amount).filter { $0 > 2000 }.max().map { Double($0) / 100 } ?? 0
        values["TERMINALS"] = Double(Set(own(6).map(\.terminal)).count)
        values["SINCE"] = own(nil).last.map { Double((time - $0.time).milliseconds) / 1000 } ?? -1
        values["TOTAL"] = Double(own(nil).reduce(0) { $0 + $1.amount }) / 100
        return values
    }

    private func terminal(_ key: Int32, _ time: EventTime) -> [String: Double] {
        var values: [String: Double] = [:]
        for days in [1, 7, 30] {
            let own = rows({ $0.terminal == key }, until: time - 7 * .day, days: days)
            values["TERMINAL_ID_NB_TX_\(days)DAY_WINDOW"] = Double(own.count)
            values["TERMINAL_ID_RISK_\(days)DAY_WINDOW"] =
                own.isEmpty ? 0 : Double(own.count { $0.isFraud }) / Double(own.count)
        }
        return values
    }

    /// Looks at some keys of each entity as of some times.
    private func expectTheTable(keys: Int) throws {
        var random = SeededRandom(seed: 11)
        let times: [EventTime?] = [nil, last - .hour, last - .minute, last + 3 * .day]
        for time in times {
            for _ in 0..<keys {
                let row = random.pick(rows.suffix(400))
                let asOf = time ?? last
                let customer = try look(up: ["\(row.customer)"], of: "customer", asOf: time)
                #expect(customer.watermark == last && customer.asOf == asOf)
                let expected = self.customer(row.customer, asOf)
                var found: [String: Double] = [:]
                for window in customer.windows { found[window.name] = window.value }
                for (name, value) in expected { #expect(found[name] == value, "\(name) of \(row.customer), \(asOf)") }
                // The mean and the variance that the expression reads.
                #expect(found.count == expected.count + 2 && found["v0"] != nil)
                let own = rows.filter { $0.customer == row.customer }
                #expect(customer.latest == own.last?.time)
                #expect(customer.eventCount >= own.count { $0.time > last - 30 * .day })
                #expect(customer.eventCount <= own.count)

                let terminal = try look(up: ["\(row.terminal)"], of: "terminal", asOf: time)
                let values = terminal.windows.map { ($0.name, $0.value) }
                #expect(
                    Dictionary(uniqueKeysWithValues: values) == self.terminal(row.terminal, asOf),
                    "terminal \(row.terminal), \(asOf)")

                let pair = try look(up: ["\(row.customer)", "\(row.terminal)"], of: "both", asOf: time)
                let both = rows(
                    { $0.customer == row.customer && $0.terminal == row.terminal }, until: asOf, days: 5)
                // A pair of long ago may be forgotten.
                #expect(pair.windows.map(\.value) == [Double(both.count)] || pair.windows.isEmpty && both.isEmpty)
                #expect(pair.keyColumns == ["CUSTOMER_ID", "TERMINAL_ID"])
            }
        }
    }

    @Test func withoutACheckpointTheWholeInputIsRead() throws {
        try expectTheTable(keys: 2)
        #expect(try look(up: ["1"], of: "customer").checkpoint == nil)
    }

    @Test(arguments: [0.5, 1])
    func aCheckpointIsTakenUpAndWhatIsBehindItReplayed(part: Double) throws {
        let end = try scenario.records(scenario.log.input).count
        let run = try scenario.open(block: 97, threads: 2)
        try run.run(until: Offset(Int64(Double(end) * part)))
        // The run keeps its lock meanwhile.
        let before = try contents()
        try expectTheTable(keys: part < 1 ? 2 : 5)
        #expect(try contents() == before, "something was written")
        let answer = try look(up: ["1"], of: "customer")
        #expect(answer.checkpoint == run.offset && answer.offset == Offset(Int64(end)))
        try run.run()
        #expect(run.tally.isBalanced)
    }

    /// Every file below the log's directory, with its bytes.
    private func contents() throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: scenario.log.path) {
            contents[name] = FileManager.default.contents(atPath: "\(scenario.log.path)/\(name)") ?? Data()
        }
        return contents
    }

    @Test func whatCannotBeLookedUpSaysWhy() throws {
        func problem(_ key: [String], _ entity: String, _ time: EventTime? = nil) -> String {
            do { _ = try look(up: key, of: entity, asOf: time) } catch { return "\(error)" }
            return ""
        }
        #expect(problem(["1"], "card").contains("customer, terminal, both"))
        #expect(problem(["x"], "customer").contains("CUSTOMER_ID is a whole number"))
        #expect(problem(["1"], "both").contains("CUSTOMER_ID and TERMINAL_ID"))
        #expect(problem(["1", "2"], "customer").contains("not 2"))
        #expect(problem(["1"], "customer", last - .hour) == "")
        let early = problem(["1"], "customer", EventTime(milliseconds: (last - .hour).milliseconds - 1))
        #expect(early.contains("from \(last - .hour) on"))
        let nobody = try look(up: ["-7"], of: "customer")
        #expect(nobody.windows.allSatisfy { $0.value == ($0.name == "SINCE" ? -1 : 0) } && nobody.windows.count > 6)
        #expect(nobody.eventCount == 0 && nobody.latest == nil)
        let odd = try #require(try look(up: ["1"], of: "customer").features.first { $0.name == "ODD" })
        #expect(odd.value == nil && odd.needs == ["TX_AMOUNT"])
        try scenario.open().run()
        scenario.specification.model.scaler.refresh += 1
        #expect(problem(["1"], "customer").contains("another specification"))
    }

    @Test func keysOfTextsAreToldApartAsTheInputHasThem() throws {
        let text = scenario.text.replacingOccurrences(of: "CUSTOMER_ID: long", with: "CUSTOMER_ID: string")
            .replacingOccurrences(
                of: "  terminal: TERMINAL_ID\n", with: "  terminal: TERMINAL_ID\n  both: [CUSTOMER_ID, TERMINAL_ID]\n"
            ).replacingOccurrences(
                of: "# What learns;",
                with: "  - { name: PAIR, entity: both, window: 5d, aggregate: count }\n\n# What learns;")
        let other = try Scenario()
        other.specification = try PipelineSpecification(yaml: text, file: "texts.yaml")
        try other.importTable(CardTable.csv(rows))
        let lookup = StateLookup(log: other.log, specification: other.specification, fileSystem: other.fileSystem)
        let row = try #require(rows.last)
        let customer = try lookup.look(up: ["\(row.customer)"], of: "customer")
        let day = rows({ $0.customer == row.customer }, until: last, days: 1)
        #expect(customer.windows.first?.value == Double(day.count))
        let pair = try lookup.look(up: ["\(row.customer)", "\(row.terminal)"], of: "both")
        let both = rows({ $0.customer == row.customer && $0.terminal == row.terminal }, until: last, days: 5)
        #expect(pair.windows.map(\.value) == [Double(both.count)] && !both.isEmpty)
        #expect(try lookup.look(up: ["nobody"], of: "customer").windows.first?.value == 0)
    }
}

/// The command, beside a program that scores.
@Suite(.enabled(if: Program.path != nil, "the program is not built beside the tests; run 'swift build' first"))
struct StateCommandTests {
    @Test func aRunningScoreIsLookedAtAndNotDisturbed() throws {
        let directory = try TemporaryDirectory()
        let pipeline = repositoryFile("models/card-fraud.yaml")
        let log = "\(directory.path)/log"
        let table = try directory.write(CardTable.csv(try CardTable(customers: 20, days: 10).rows), to: "table.csv")
        let common = ["--pipeline", pipeline, "--log", log]
        try Program.expect(0, ["import", table, "--quiet"] + common)
        try Program.expect(0, ["train", "--quiet", "--skip-evaluation"] + common)
        let program = try Program(["score"] + common)
        for number in 1...5 {
            try program.send(
                """
                {"TRANSACTION_ID": \(5_000_000 + number), "TX_DATETIME": "2018-06-01 10:00:0\(number)", \
                "CUSTOMER_ID": 3, "TERMINAL_ID": 7, "TX_AMOUNT": 12.50}\n
                """)
            #expect(program.line(seconds: 30)?.contains("on_time") == true)
            let output = try Program.expect(
                0, ["state", "--entity", "customer", "--key", "3", "--json"] + common)
            let answer = try JSONValue(parsing: output)
            #expect(answer["latest_event_time"]?.string == "2018-06-01T10:00:0\(number)Z")
            #expect(answer["features"]?.elements?.first?["value"]?.double == Double(number))
            #expect(answer["checkpoint_offset"]?.int64 != nil)
        }
        let command = ["state", "--entity", "customer"] + common
        let text = try Program.expect(0, command + ["--key", "3"])
        #expect(text.contains("CUSTOMER_ID_NB_TX_1DAY_WINDOW") && text.contains("count over 1d"))
        #expect(try Program.expect(0, command + ["--key", "-9"]).contains("no events are held"))
        try Program.expect(1, ["state", "--entity", "card", "--key", "3"] + common)
        try Program.expect(1, command + ["--key", "3", "--at", "2018-05-01"])
        try Program.expect(64, command + ["--key", "3", "--at", "noon"])
        program.closeInput()
        #expect(program.wait() == 0)
    }
}
