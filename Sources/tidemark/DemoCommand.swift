import ArgumentParser
import Evaluation
import EventModel
import LogStorage
import ModelExchange
import PipelineCore
import PipelineRuntime
import Platform
import Simulation

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "All of it in a minute: generate, import, train by replay, score live, explain, export.",
        discussion: """
            Simulates card payments with three kinds of fraud, brings all but the last days into a log, trains by \
            replaying it, then scores the last days as they would arrive, labels with their delay among them.
            """)

    @Option(help: ArgumentHelp("Where the log and the files go.", valueName: "dir")) var directory = "tidemark-demo"
    @Option(help: "Seed of the simulation.") var seed: UInt64 = 7
    @Option(help: "Customers that pay.") var customers = 5_000
    @Option(help: "Terminals that they pay at.") var terminals = 10_000
    @Option(help: "Days simulated.") var days = 150
    @Option(help: "Days at the end that are scored live.") var liveDays = 7
    @Option(help: ArgumentHelp("The folder with the shipped pipelines.", valueName: "dir")) var models = "models"
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard customers >= 10, terminals >= 10 else { throw ValidationError("at least 10 customers and terminals") }
        guard liveDays >= 1, days >= liveDays + 30 else {
            throw ValidationError("--days is at least 30 more than --live-days, so that labels arrive")
        }
    }

    func run() throws {
        Termination.install()
        try reporting {
            let fileSystem = PosixFileSystem()
            let path = "\(models)/card-fraud.yaml"
            guard try fileSystem.exists(path) else {
                throw CommandFailure(
                    "\(path) is not there; run the demo from the repository, or name the folder with --models")
            }
            let text = String(decoding: try fileSystem.read(path), as: UTF8.self)
            let specification = try PipelineSpecification(yaml: text, file: "card-fraud.yaml")
            guard try !fileSystem.exists("\(directory)/log") else {
                throw CommandFailure(
                    "\(directory)/log is there already; remove it, or name another place with --directory")
            }
            try fileSystem.createDirectory(directory)
            let start = SystemClock().monotonicNanoseconds
            var demo = Demo(
                directory: directory, specification: specification, text: text, fileSystem: fileSystem,
                quiet: output.quiet || output.json)
            try demo.generate(options(), liveDays: liveDays)
            try demo.importHistory()
            try demo.train()
            try demo.scoreLive()
            let result = try demo.finish(seconds: seconds(since: start))
            if output.json { print(result) }
        }
    }

    private func options() throws -> (CardFraudOptions, days: Int) {
        var options = CardFraudOptions()
        options.seed = seed
        options.customerCount = customers
        options.terminalCount = terminals
        return (options, days)
    }
}

/// The steps of the demonstration, each with what it tells.
private struct Demo {
    let directory: String
    let specification: PipelineSpecification
    let text: String
    let fileSystem: PosixFileSystem
    let quiet: Bool
    private var live: [SimulatedTransaction] = []
    /// Transactions of the last days of history: their labels arrive while the live days are scored.
    private var history: [SimulatedTransaction] = []
    private var firstLiveTime = EventTime.distantPast
    private var trainRate = 0.0
    private var explained: [JSONValue] = []
    private var rows = 0

    init(
        directory: String, specification: PipelineSpecification, text: String, fileSystem: PosixFileSystem, quiet: Bool
    ) {
        self.directory = directory
        self.specification = specification
        self.text = text
        self.fileSystem = fileSystem
        self.quiet = quiet
    }

    private var log: LogDirectory { LogDirectory("\(directory)/log") }
    private var table: String { "\(directory)/transactions.csv" }

    private func tell(_ text: String) { if !quiet { print(text) } }

    mutating func generate(_ options: (CardFraudOptions, days: Int), liveDays: Int) throws {
        tell("1  generate   payments of \(options.days) days, three kinds of fraud, seed \(options.0.seed)")
        var simulation = try CardFraudSimulation(options.0)
        let csv = ByteWriter(capacity: 1 << 20)
        var file = CSVFile(csv, HandbookCSV(startTime: options.0.startTime))
        var frauds = 0
        let labelDays = 7
        for day in 0..<options.days {
            var today: [SimulatedTransaction] = []
            simulation.appendNextDay(to: &today)
            rows += today.count
            frauds += today.count { $0.isFraud }
            if day >= options.days - liveDays {
                live += today
            } else {
                if day >= options.days - liveDays - labelDays { history += today }
                for row in today { file.append(row) }
            }
        }
        firstLiveTime = options.0.startTime + (options.days - liveDays) * .day
        try file.write(to: table, fileSystem)
        tell(
            "              \(grouped(rows)) transactions, \(grouped(frauds)) frauds; the last \(liveDays) days are kept for live scoring"
        )
    }

    mutating func importHistory() throws {
        let importer = Importer(log: log, input: specification.input, fileSystem: fileSystem)
        let start = SystemClock().monotonicNanoseconds
        let line = ProgressLine("import", unit: "bytes", quiet: quiet)
        let report = try importer.importTable(
            from: try InputStream(path: table, fileSystem: fileSystem), name: table, flushLabels: false,
            progress: { line.update(done: $0.bytes, total: $0.totalBytes, detail: "\(grouped($0.rows)) rows") })
        line.finish()
        let rate = Double(report.rows) / seconds(since: start)
        tell(
            """
            2  import     \(grouped(report.transactions)) transactions and \(grouped(report.labels)) labels into the log, \
            \(grouped(Int64(rate))) rows a second
            """)
    }

    mutating func train() throws {
        let run = try openRun()
        let start = SystemClock().monotonicNanoseconds
        let line = ProgressLine("train", unit: "records", quiet: quiet)
        try run.run(shouldStop: { Termination.isRequested }) { progress in
            let loss = progress.recentLoss.map { "  loss \(fixed($0, 4))" } ?? ""
            line.update(
                done: progress.offset.value, total: progress.end.value,
                detail: "\(progress.eventTime.dateDescription)\(loss)")
        }
        line.finish()
        trainRate = Double(run.tally.transactions) / seconds(since: start)
        tell(
            """
            3  train      replayed \(grouped(run.tally.records)) records, \(grouped(Int64(trainRate))) transactions a \
            second; \(grouped(run.tally.labels)) labels learned
            """)
    }

    private func openRun() throws -> PipelineRun {
        try PipelineRun(
            log: log, specification: specification, text: text, options: PipelineRun.Options(), fileSystem: fileSystem,
            document: ModelDocument.make)
    }

    /// The live days as a stream of JSON lines: transactions in order, each label a week after its transaction. Labels
    /// of frauds of the live days themselves come at the end, so that the metrics know them.
    mutating func scoreLive() throws {
        let session = try ScoringSession(
            run: try openRun(), format: .ndjson, clock: SystemClock(), fileSystem: fileSystem)
        let start = SystemClock().monotonicNanoseconds
        var answers: [JSONValue] = []
        var stream = ByteWriter(capacity: 1 << 16)
        var nextLabel = 0
        let delay = specification.input.label?.delay ?? .zero
        func send() throws {
            try session.take(stream.bytes) { answers.append($0) }
            stream.removeAll()
        }
        for row in live {
            while nextLabel < history.count, history[nextLabel].time + delay <= row.time {
                stream.append(label(history[nextLabel], delay: delay))
                stream.append(UInt8(ascii: "\n"))
                nextLabel += 1
            }
            stream.append(transaction(row))
            stream.append(UInt8(ascii: "\n"))
            if stream.count > 1 << 15 { try send() }
        }
        try send()
        let rate = Double(live.count) / seconds(since: start)
        explained = Array(
            answers.filter { $0["score"]?.double != nil }
                .sorted { ($0["score"]?.double ?? 0) > ($1["score"]?.double ?? 0) }.prefix(3))
        for row in Array(history[nextLabel...]) + live {
            stream.append(label(row, delay: delay))
            stream.append(UInt8(ascii: "\n"))
        }
        try send()
        try session.finish { answers.append($0) }
        tell(
            """
            4  score      \(grouped(live.count)) live transactions, each in the log and synced before it was answered, \
            \(grouped(Int64(rate))) a second
            """)
    }

    private func transaction(_ row: SimulatedTransaction) -> JSONValue {
        .object([
            JSONMember("TRANSACTION_ID", .number(row.id)), JSONMember("TX_DATETIME", .string(row.time.description)),
            JSONMember("CUSTOMER_ID", .number(Int(row.customer))),
            JSONMember("TERMINAL_ID", .number(Int(row.terminal))),
            JSONMember("TX_AMOUNT", .decimal(row.amount, scale: 2)),
        ])
    }

    private func label(_ row: SimulatedTransaction, delay: EventDuration) -> JSONValue {
        .object([
            JSONMember("TRANSACTION_ID", .number(row.id)), JSONMember("label", .number(row.isFraud ? 1 : 0)),
            JSONMember("label_time", .string((row.time + delay).description)),
        ])
    }

    mutating func finish(seconds: Double) throws -> JSONValue {
        var evaluation = specification.evaluation
        let last = Int32(truncatingIfNeeded: (live.last?.time ?? firstLiveTime).day)
        evaluation.days = Int32(truncatingIfNeeded: firstLiveTime.day)...last
        let result = try PipelineEvaluation(
            log: log, specification: specification, evaluation: evaluation, fileSystem: fileSystem)
        tell("\n              the live days, scored before any of their labels was known:\n")
        tell(result.text.split(separator: "\n").map { "   \($0)" }.joined(separator: "\n"))
        tell("\n   the three highest scores and why:\n")
        for answer in explained { tell(describe(answer)) }
        let snapshot = try SnapshotStore(log: log, fileSystem: fileSystem).newest(of: specification.name)
        let path = "\(directory)/model.json"
        try SnapshotStore(log: log, fileSystem: fileSystem).write(snapshot.document.prettyDescription, to: path)
        tell("\n5  export     the models as of input offset \(snapshot.version): \(path)")
        tell(
            """

            Done in \(fixed(seconds, 1)) s. Next, after export PATH="$PWD/.build/release:$PATH":
              tidemark log info --log \(directory)/log
              tidemark evaluate --pipeline models/card-fraud.yaml --log \(directory)/log --from \
            \(dateText(Int32(truncatingIfNeeded: firstLiveTime.day))) --to \(dateText(last)) --days
              tidemark features --pipeline models/card-fraud.yaml --log \(directory)/log --output features.csv
              tidemark train --pipeline models/card-fraud.yaml --log \(directory)/log --fresh     (the same digest again)
            """)
        return .object([
            JSONMember("transactions", .number(rows)), JSONMember("transactions_per_second", .number(trainRate)),
            JSONMember("seconds", .number(seconds)), JSONMember("metrics", result.json(withDays: false)),
            JSONMember("decisions", .array(explained)), JSONMember("snapshot", .string(path)),
        ])
    }

    private func describe(_ answer: JSONValue) -> String {
        let id = answer["transaction_id"]?.int64 ?? 0
        let truth = live.first { $0.id == id }?.isFraud == true ? "a fraud" : "legitimate"
        var lines = ["   transaction \(id): score \(fixed(answer["score"]?.double ?? 0, 4)), in truth \(truth)"]
        for reason in answer["reasons"]?.elements ?? [] {
            let contribution = reason["contribution"]?.double ?? 0
            lines.append(
                "      \(contribution < 0 ? "" : "+")\(fixed(contribution, 2))  \(reason["text"]?.string ?? "") = \(fixed(reason["value"]?.double ?? 0, 2))"
            )
        }
        return lines.joined(separator: "\n")
    }
}

/// A table on its way to a file.
private struct CSVFile: ~Copyable {
    private var writer: ByteWriter
    private var csv: HandbookCSV

    init(_ writer: consuming ByteWriter, _ csv: consuming HandbookCSV) {
        self.writer = writer
        self.csv = csv
        self.csv.appendHeader(to: &self.writer)
    }

    mutating func append(_ row: SimulatedTransaction) { csv.append(row, to: &writer) }

    func write(to path: String, _ fileSystem: PosixFileSystem) throws {
        try fileSystem.replace(path, with: writer.bytes)
    }
}
