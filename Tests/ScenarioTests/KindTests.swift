import EventModel
import Foundation
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

/// Logins beside the transactions: from a table and live, in the windows and never scored.
struct KindTests {
    private struct Login {
        var id: Int
        var time: EventTime
        var customer: Int64
        var device: String
    }

    private let scenario: Scenario
    private let rows: [SimulatedTransaction]
    private let logins: [Login]

    private static let events = """
          events:
            login:
              id: LOGIN_ID
              event_time: { column: AT, format: iso8601 }
              columns: { LOGIN_ID: string, CUSTOMER_ID: long, DEVICE: string }
        """
    private static let features = """
          - { name: LOGINS, entity: customer, window: 1d, aggregate: count, where: kind == 'login' }
          - { name: DEVICES, entity: customer, window: 7d, aggregate: distinct, of: DEVICE, where: kind == 'login' }
          - { name: SINCE, entity: customer, aggregate: since_previous, where: kind == 'login', if_empty: -1 }
          - { name: HOUR, calendar: hour }

        # What learns;
        """

    init() throws {
        scenario = try Scenario()
        let text = scenario.text.replacingOccurrences(
            of: "  label: { column: TX", with: "\(Self.events)\n  label: { column: TX"
        )
        .replacingOccurrences(of: "# What learns;", with: Self.features)
        scenario.specification = try PipelineSpecification(
            yaml: text, file: "kinds.yaml", fileSystem: PosixFileSystem())
        rows = try CardTable(customers: 30, days: 20).rows
        var random = SeededRandom(seed: 3)
        let start = rows[0].time.milliseconds
        logins = (0..<800).map { _ in Int64(random.int(0..<20 * 86_400)) }.sorted().enumerated().map { id, second in
            Login(
                id: id, time: EventTime(milliseconds: start + second * 1000), customer: Int64(random.int(0..<30)),
                device: random.pick(["phone", "desk, home", "été"]))
        }
    }

    private func importLogins(_ logins: some Sequence<Login>) throws -> Importer.Report {
        let lines = logins.map { "login \($0.id),\($0.time),\($0.customer),\"\($0.device)\"" }
        let csv = (["LOGIN_ID,AT,CUSTOMER_ID,DEVICE"] + lines).joined(separator: "\n")
        let file = try scenario.directory.write(Array(csv.utf8), to: "logins.csv")
        return try Importer(
            log: scenario.log, input: scenario.specification.input, fileSystem: scenario.fileSystem
        ).importTable(
            from: InputStream(path: file, fileSystem: scenario.fileSystem), name: "logins.csv",
            rows: .events(kind: "login"), flushLabels: false)
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

    private func expect(_ vector: [String: String], of row: SimulatedTransaction, _ logins: [Login]) {
        let own = logins.filter { $0.customer == Int64(row.customer) && $0.time <= row.time }
        let day = own.count { $0.time > row.time - .day }
        let devices = Set(own.filter { $0.time > row.time - 7 * .day }.map(\.device)).count
        let since = own.last.map { Double((row.time - $0.time).milliseconds) / 1000 } ?? -1
        #expect(vector["LOGINS"] == "\(Double(day))", "transaction \(row.id)")
        #expect(vector["DEVICES"] == "\(Double(devices))")
        #expect(vector["SINCE"] == "\(since)")
    }

    @Test func loginsOfATableAreInTheWindowsOfTransactionsImportedAfterThem() throws {
        let report = try importLogins(logins)
        #expect(report.transactions == 800 && report.isBalanced)
        try scenario.importTable(CardTable.csv(rows))
        let run = try scenario.open()
        try run.run()
        #expect(run.tally.events == 800 && run.tally.transactions == Int64(rows.count) && run.tally.isBalanced)
        let vectors = try exported()
        #expect(vectors.count == rows.count)
        for (vector, row) in zip(vectors, rows) { expect(vector, of: row, logins) }
        // Again: nothing is new; grown: what is new comes after the transactions, too late.
        #expect(try importLogins(logins).alreadyThere == 800)
        let late = Login(id: 800, time: rows[0].time, customer: 1, device: "phone")
        #expect(try importLogins(logins + [late]).transactions == 1)
        try run.run()
        #expect(run.tally.lateEvents == 1 && run.tally.isBalanced)
        #expect(try scenario.records(scenario.log.topic("late-0", of: scenario.specification.name)).count == 1)
        let result = try scenario.result(run)
        withExtendedLifetime(run) {}
        _ = consume run
        #expect(try scenario.fresh(block: 7, threads: 2) == result)
    }

    @Test func aPipelineWithoutTheKindPassesItOver() throws {
        _ = try importLogins(logins)
        try scenario.importTable(CardTable.csv(rows))
        scenario.specification = try PipelineSpecification(yaml: scenario.text, file: "card-fraud.yaml")
        let run = try scenario.open()
        try run.run()
        #expect(run.tally.ignoredEvents == 800 && run.tally.isBalanced)
        #expect(run.tally.transactions == Int64(rows.count))
        #expect(throws: RuntimeError.self) { try importLogins(logins) }
    }

    @Test func liveLoginsAreTakenAndCount() throws {
        try scenario.importTable(CardTable.csv(rows.prefix(100)))
        let run = try scenario.open()
        try run.run()
        let session = try ScoringSession(
            run: run, format: .ndjson, clock: FixedClock(), fileSystem: scenario.fileSystem)
        let next = rows[100]
        func login(_ id: Int, _ time: EventTime, device: String = "phone") -> String {
            """
            {"kind": "login", "LOGIN_ID": "\(id)", "AT": "\(time)", "CUSTOMER_ID": \(next.customer), \
            "DEVICE": "\(device)"}
            """
        }
        let lines = [
            login(1, next.time), login(2, next.time - .minute), login(1, next.time),
            login(1, next.time, device: "desk"),
            login(3, next.time - 9 * .day), #"{"kind": "logout", "AT": "2018-04-01"}"#,
            #"{"kind": "login", "AT": "2018-04-01", "LOGIN_ID": "x", "CUSTOMER_ID": 1}"#,
            CardTable.json(next).replacingOccurrences(of: "{", with: "{\"kind\": \"transaction\", "),
        ]
        var answers: [JSONValue] = []
        try Array((lines.joined(separator: "\n") + "\n").utf8).withUnsafeBytes {
            try session.take($0) { answers.append($0) }
        }
        let statuses = answers.map { $0["status"]?.string ?? $0["error"]?.string ?? "" }
        #expect(
            statuses == [
                "event_taken", "event_taken", "set_aside", "set_aside", "set_aside",
                "unknown kind 'logout'; expected transaction, login", "the field DEVICE is missing or null", "on_time",
            ])
        #expect(answers[0]["kind"]?.string == "login")
        #expect(answers[2]["output"]?.string == "duplicates-0" && answers[4]["output"]?.string == "late-0")
        #expect(run.tally.events == 2 && run.tally.isBalanced)
        try session.finish { _ in }
        let vector = try #require(try exported().last)
        #expect(vector["LOGINS"] == "2.0" && vector["DEVICES"] == "1.0" && vector["SINCE"] == "0.0")
        withExtendedLifetime(session) {}
    }
}
