import ArgumentParser
import EventModel
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform

struct FeaturesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "features",
        abstract: "Write the feature vectors as they were scored, as CSV; or explain the plan.",
        discussion: """
            A replay of the features alone: transaction_id, then a column for each feature in the plan's order. With \
            --context also event_time, status and input_offset: leave out rows that are too_late or quarantined, whose \
            windows are as of another time, when you train a model elsewhere. Where retention has removed the log's \
            beginning, windows that reached back to it are not what they were, and --forget-removed has to say that this \
            is known.
            With --explain nothing is read but the pipeline: positions, names, definitions, the windows that each \
            entity shares, and the steps that are done with each block of rows.
            """)

    @OptionGroup var pipeline: PipelineOption
    @Option(name: .customLong("log"), help: ArgumentHelp("The log's directory.", valueName: "dir")) var log: String?
    @Option(name: .customLong("output"), help: ArgumentHelp("The CSV file to write.", valueName: "file")) var path:
        String?
    @Flag(help: "Also write event_time, status and input_offset.") var context = false
    @Flag(help: "Go by what retention has left, though windows that reached further back are not whole.")
    var forgetRemoved = false
    @Flag(help: "Print the compiled plan and end.") var explain = false
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if !explain, log == nil || path == nil {
            throw ValidationError("give --log and --output to write the vectors, or --explain")
        }
    }

    func run() throws {
        Termination.install()
        try reporting {
            let (specification, _) = try pipeline.load()
            if explain {
                let explanation = try specification.makePlan().explanation
                guard !output.json else { return print(explanation.json) }
                print("pipeline \(specification.name), fingerprint \(specification.fingerprint) (its models have it)\n")
                return print(explanation.text)
            }
            guard let log, let path else { return }
            let export = FeatureExport(
                log: LogDirectory(log), specification: specification, fileSystem: PosixFileSystem())
            let start = SystemClock().monotonicNanoseconds
            let line = ProgressLine("features", unit: "records", quiet: output.quiet || output.json)
            let rows = try export.write(
                to: path, withContext: context, forgetsRemoved: forgetRemoved,
                shouldStop: { Termination.isRequested }
            ) {
                line.update(done: $0.offset.value, total: $0.end.value, detail: $0.eventTime.dateDescription)
            }
            line.finish()
            if Termination.isRequested { throw CommandFailure("stopped; \(path) is not complete") }
            if output.json {
                print(
                    JSONValue.object([
                        JSONMember("rows", .number(rows)), JSONMember("seconds", .number(seconds(since: start))),
                    ]))
            } else {
                print("\(grouped(rows)) rows in \(fixed(seconds(since: start), 2)) s: \(path)")
            }
        }
    }
}

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Prequential metrics of the decisions in the log, by day and in all.",
        discussion: """
            Each score as it was given, against what its transaction turned out to be by the end of the log. Shown with \
            all transactions, and without those of cards already known to be compromised.
            """)

    @OptionGroup var pipeline: PipelineOption
    @OptionGroup var log: LogOption
    @Option(name: .customLong("from"), help: ArgumentHelp("First test day.", valueName: "yyyy-mm-dd")) var firstDay:
        String?
    @Option(name: .customLong("to"), help: ArgumentHelp("Last test day.", valueName: "yyyy-mm-dd")) var lastDay: String?
    @Flag(help: "Also a line for each day.") var days = false
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reporting {
            let (specification, _) = try pipeline.load()
            var evaluation = specification.evaluation
            if firstDay != nil || lastDay != nil {
                let first = try day(firstDay, "--from"), last = try day(lastDay, "--to")
                guard first <= last else { throw ValidationError("--from lies behind --to") }
                evaluation.days = first...last
            }
            let result = try PipelineEvaluation(
                log: log.directory, specification: specification, evaluation: evaluation,
                fileSystem: PosixFileSystem())
            if output.json {
                print(result.json(withDays: days))
                return
            }
            print(result.text)
            guard days else { return }
            let view = result.report.filtered ?? result.report.unfiltered
            print("\nday              rows  frauds        AP       AUC      CP@k")
            for day in view.days {
                print(
                    dateText(day.day) + leftPadded(grouped(day.rowCount), 11) + leftPadded(grouped(day.fraudCount), 8)
                        + [day.averagePrecision, day.areaUnderROC, day.cardPrecision]
                        .map { leftPadded($0.map { fixed($0, 4) } ?? "-", 10) }.joined())
            }
        }
    }

    private func day(_ text: String?, _ option: String) throws -> Int32 {
        guard let text, let time = TimeFormat.iso8601.time(of: text), time.millisecondOfDay == 0 else {
            throw ValidationError(
                "give both --from and --to as days such as 2018-08-08; \(option) is \(text ?? "missing")")
        }
        return Int32(truncatingIfNeeded: time.day)
    }
}

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the newest model snapshot as JSON.",
        discussion: "The document holds all that another program needs to score a feature vector.")

    @OptionGroup var log: LogOption
    @Option(
        name: .customLong("output"), help: ArgumentHelp("The file to write; - is standard output.", valueName: "file"))
    var path: String
    @Option(help: ArgumentHelp("The pipeline, where the log has several.", valueName: "pipeline")) var name: String?

    func run() throws {
        try reporting {
            let store = SnapshotStore(log: log.directory, fileSystem: PosixFileSystem())
            let snapshot = try store.newest(of: name)
            let text = snapshot.document.prettyDescription
            if path == "-" {
                try StandardStreams.write(text)
            } else {
                try store.write(text, to: path)
                print("\(snapshot.name) version \(snapshot.version) (input offset \(snapshot.version)): \(path)")
            }
        }
    }
}
