import ArgumentParser
import EventModel
import LogStorage
import PipelineRuntime
import Platform

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Bring a CSV table into a log: transactions in order, labels as records of their own.",
        discussion: """
            The table needs a header line with the columns that the pipeline declares; all columns are kept. A label \
            becomes a record at event time + delay, before transactions of the same time. Rows that cannot be read go \
            to LOG/malformed-0 with line and reason. Run it again after a stop, or on the file once it has grown: what \
            the log has already is not added twice.
            With --kind the rows are events of that kind, as the pipeline declares it under input.events. Import them \
            before the transactions, which alone move event time: what comes after them is late.
            """)

    @Argument(help: "The table; - reads standard input.") var table: String
    @OptionGroup var pipeline: PipelineOption
    @OptionGroup var log: LogOption
    @Option(help: ArgumentHelp("The kind of its events, where they are no transactions.", valueName: "kind"))
    var kind: String?
    @Flag(help: "Also add labels that are due after the last transaction (no rows may follow then).")
    var flushLabels = false
    @OptionGroup var storage: StorageOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        Termination.install()
        try reporting {
            let (specification, _) = try pipeline.load()
            let fileSystem = PosixFileSystem()
            let stream = table == "-" ? InputStream() : try InputStream(path: table, fileSystem: fileSystem)
            let importer = Importer(
                log: log.directory, input: specification.input, kind: kind, fileSystem: fileSystem,
                segmentBytes: storage.segmentBytes)
            let start = SystemClock().monotonicNanoseconds
            let line = ProgressLine("import", unit: "bytes", quiet: output.quiet || output.json)
            let report = try importer.importTable(
                from: stream, name: table == "-" ? "standard input" : table, flushLabels: flushLabels,
                shouldStop: { Termination.isRequested },
                progress: {
                    line.update(done: $0.bytes, total: $0.totalBytes, detail: "\(grouped($0.rows)) rows")
                })
            line.finish()
            try tell(report, seconds: seconds(since: start))
        }
    }

    private func tell(_ report: Importer.Report, seconds: Double) throws {
        let rate = Double(report.rows) / max(seconds, 1e-9)
        if output.json {
            print(
                JSONValue.object([
                    JSONMember("rows", .number(report.rows)), JSONMember("transactions", .number(report.transactions)),
                    JSONMember("labels", .number(report.labels)),
                    JSONMember("already_there", .number(report.alreadyThere)),
                    JSONMember("malformed", .number(report.malformed)),
                    JSONMember("rounded_decimals", .number(report.roundedDecimals)),
                    JSONMember("balanced", .bool(report.isBalanced)),
                    JSONMember("waiting", .number(report.waiting)), JSONMember("far_behind", .number(report.farBehind)),
                    JSONMember("pending_labels", .number(report.pendingLabels)),
                    JSONMember("seconds", .number(seconds)), JSONMember("rows_per_second", .number(rate)),
                ]))
        } else {
            print(
                """
                \(grouped(report.rows)) rows in \(fixed(seconds, 2)) s (\(grouped(Int64(rate))) a second): \
                \(grouped(report.transactions)) \(kind.map { "events (\($0))" } ?? "transactions") and \(grouped(report.labels)) labels added, \
                \(grouped(report.alreadyThere)) rows already there, \(grouped(report.malformed)) malformed
                """)
            if report.pendingLabels > 0 {
                print(
                    """
                    \(grouped(report.pendingLabels)) labels are due only after the last transaction; they come when \
                    the table has grown and is imported again, or now with --flush-labels
                    """)
            }
            if report.waiting > 0 {
                print(
                    """
                    \(grouped(report.waiting)) rows at the end run so far ahead that their clock may be wrong; they come when \
                    the table has grown and is imported again, or now with --flush-labels
                    """)
            }
            if report.farBehind > 0 {
                print(
                    """
                    \(grouped(report.farBehind)) rows are far earlier than rows before them, the first in line \
                    \(report.firstFarBehind): is the table in order of time, and are the clocks before that line right? \
                    A pipeline takes what is behind its watermark by more than allowed_lateness as too late
                    """)
            }
            if report.roundedDecimals > 0 {
                print("\(grouped(report.roundedDecimals)) decimals such as 85.64999999999999 were read as 85.65")
            }
            for example in report.examples { print("malformed: \(example)") }
        }
        if Termination.isRequested { throw ExitCode(1) }
        if report.rows > 0 && report.malformed == report.rows {
            throw CommandFailure("no row of \(table) could be read; see the reasons above")
        }
    }
}
