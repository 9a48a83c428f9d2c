import EventModel
import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The program itself, as a user starts, stops and kills it.
@Suite(
    .serialized, .enabled(if: Program.path != nil, "the program is not built beside the tests; run 'swift build' first")
)
struct ExecutableTests {
    private let directory: TemporaryDirectory
    private let table: String
    private let pipeline = repositoryFile("models/card-fraud.yaml")
    private let rows: Int

    init() throws {
        directory = try TemporaryDirectory()
        let table = try CardTable(customers: 60, days: 40)
        rows = table.rows.count
        self.table = try directory.write(CardTable.csv(table.rows), to: "table.csv")
    }

    private func importTable(into log: String) throws {
        try Program.expect(0, ["import", table, "--pipeline", pipeline, "--log", log, "--quiet"])
    }

    private func train(_ log: String, _ more: [String] = []) -> [String] {
        ["train", "--pipeline", pipeline, "--log", log, "--block", "64", "--checkpoint-every", "800"] + more
    }

    private struct Trained: Equatable {
        var digest: String
        var decisions: String
    }

    private func finish(_ log: String) throws -> Trained {
        let file = "\(directory.path)/decisions.csv"
        let output = try Program.expect(0, train(log, ["--json", "--decisions", file]))
        let json = try JSONValue(parsing: output)
        return Trained(
            digest: json["digest"]?.string ?? "", decisions: try String(contentsOfFile: file, encoding: .utf8))
    }

    @Test(arguments: [SIGTERM, SIGKILL])
    func trainingStoppedAtRandomMomentsEndsAsUninterrupted(signal: Int32) throws {
        let (whole, stopped) = ("\(directory.path)/whole", "\(directory.path)/stopped")
        try importTable(into: whole)
        try importTable(into: stopped)
        let start = Date()
        let reference = try finish(whole)
        let seconds = Date().timeIntervalSince(start)
        #expect(reference.decisions.split(separator: "\n").count == rows + 1)
        var random = SeededRandom(seed: UInt64(signal))
        var interrupted = 0
        for attempt in 0..<5 {
            let threads = ["--threads", "\(1 + attempt % 2)", "--skip-evaluation", "--quiet"]
            let program = try Program(train(stopped, threads))
            Thread.sleep(forTimeInterval: seconds * Double(random.int(5...40)) / 100)
            program.send(signal)
            if program.wait() != 0 { interrupted += 1 }
        }
        #expect(interrupted > 0, "no attempt was stopped before its end")
        #expect(try finish(stopped) == reference)
    }

    @Test func anImportKilledAtRandomMomentsEndsAsUninterrupted() throws {
        let (whole, stopped) = ("\(directory.path)/whole", "\(directory.path)/stopped")
        let start = Date()
        try importTable(into: whole)
        let seconds = Date().timeIntervalSince(start)
        var random = SeededRandom(seed: 5)
        for attempt in 0..<4 {
            let program = try Program(["import", table, "--pipeline", pipeline, "--log", stopped, "--quiet"])
            Thread.sleep(forTimeInterval: seconds * Double(random.int(10...90)) / 100)
            program.send(attempt % 2 == 0 ? SIGKILL : SIGTERM)
            program.wait()
        }
        try importTable(into: stopped)
        #expect(try finish(stopped) == finish(whole))
    }

    @Test func exitCodesTellFailuresFromMisuse() throws {
        try Program.expect(0, ["--help"])
        try Program.expect(64, ["train", "--nonsense"])
        try Program.expect(64, ["train", "--pipeline", pipeline, "--log", directory.path, "--threads", "9"])
        try Program.expect(1, train("\(directory.path)/nowhere"))
        try Program.expect(1, ["train", "--pipeline", "\(directory.path)/no.yaml", "--log", directory.path])
        try Program.expect(1, ["import", "\(directory.path)/no.csv", "--pipeline", pipeline, "--log", directory.path])
    }

    @Test func scoringAnswersALineBeforeTheNextIsSent() throws {
        let log = "\(directory.path)/log"
        try importTable(into: log)
        try Program.expect(0, train(log, ["--quiet", "--skip-evaluation"]))
        let program = try Program(["score", "--pipeline", pipeline, "--log", log])
        for number in 0..<20 {
            let id = 5_000_000 + number
            try program.send(
                """
                {"TRANSACTION_ID": \(id), "TX_DATETIME": "2018-06-01 10:00:\(10 + number)", "CUSTOMER_ID": 3, \
                "TERMINAL_ID": 7, "TX_AMOUNT": 12.50}\n
                """)
            let answer = try JSONValue(parsing: try #require(program.line(seconds: 30)))
            #expect(answer["transaction_id"]?.int == id)
            #expect(answer["score"]?.double.map { (0...1).contains($0) } == true)
            try program.send("{\"TRANSACTION_ID\": \(id), \"label\": \(number % 2)}\n")
            #expect(program.line(seconds: 30)?.contains("label_taken") == true)
        }
        try program.send("nonsense\n")
        #expect(program.line(seconds: 30)?.contains("\"error\"") == true)
        program.closeInput()
        #expect(program.wait() == 0)
        let again = try finish(log)
        try Program.expect(0, train(log, ["--fresh", "--quiet", "--skip-evaluation"]))
        #expect(try finish(log) == again)
    }

    @Test func scoringThatIsToldToStopWritesACheckpoint() throws {
        let log = "\(directory.path)/log"
        try importTable(into: log)
        try Program.expect(0, train(log, ["--quiet", "--skip-evaluation"]))
        let program = try Program(["score", "--pipeline", pipeline, "--log", log])
        try program.send("{\"command\": \"heartbeat\", \"event_time\": \"2018-06-01 10:00:00\"}\n")
        #expect(program.line(seconds: 30)?.contains("heartbeat") == true)
        program.send(SIGTERM)
        #expect(program.wait() == 0)
        let output = try Program.expect(0, train(log, ["--json", "--skip-evaluation"]))
        #expect(try JSONValue(parsing: output)["records"]?.int == 0, "nothing is left to catch up")
    }

    @Test func aStopLeavesTheHalfOfARowThatHasCome() throws {
        let log = "\(directory.path)/log"
        let header = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT"
        let half = "\n1,2018-06-01 10:00:00,3,7,10.00\n2,2018-06-01 10:01:00,3,7,12"
        let program = try Program(["score", "--new", "--format", "csv", "--pipeline", pipeline, "--log", log])
        try program.send(header + half)
        #expect(program.line(seconds: 30)?.contains("\"transaction_id\":1,") == true)
        program.send(SIGTERM)
        #expect(program.wait() == 0)
        let other = "\(directory.path)/other"
        let importing = try Program(["import", "-", "--quiet", "--pipeline", pipeline, "--log", other])
        try importing.send(header + ",TX_FRAUD" + half.replacing("0.00\n", with: "0.00,0\n"))
        // Time to read what was sent; a stop before that takes less, which is right too.
        Thread.sleep(forTimeInterval: 0.3)
        importing.send(SIGTERM)
        importing.wait()
        for log in [log, other] {
            let records = try Program.expect(0, ["log", "read", "--log", log])
            #expect(!records.contains("\"TRANSACTION_ID\":2"), "\(records)")
        }
    }

    @Test func onlyScoreWithNewBeginsALog() throws {
        let log = "\(directory.path)/typo"
        let program = try Program(["score", "--pipeline", pipeline, "--log", log])
        #expect(program.wait() == 1)
        #expect(!FileManager.default.fileExists(atPath: log))
    }
}
