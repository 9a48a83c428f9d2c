import ArgumentParser
import EventModel
import LogStorage
import PipelineRuntime
import Platform

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Bring tables into a log: transactions in order, labels as records of their own.",
        discussion: """
            A CSV table needs a header line with the columns that the pipeline declares; all columns are kept. A label \
            becomes a record at event time + delay, before transactions of the same time. Rows that cannot be read go \
            to LOG/malformed-0 with line and reason. Run it again after a stop, or on the file once it has grown: what \
            the log has already is not added twice. A file .ndjson or .jsonl has a JSON object a line: a transaction, a \
            label, an event, a heartbeat or a change of a reference table, as 'tidemark score' takes them.
            --kind NAME=FILE brings events of another kind, as the pipeline declares it under input.events, and \
            --table NAME=FILE a reference table's rows; --kind NAME or --table NAME alone say what the tables before \
            are. Several files are merged by time, so that each event stands before the transactions that it tells of.
            """)

    @Argument(help: "Tables; - reads standard input.") var tables: [String] = []
    @OptionGroup var pipeline: PipelineOption
    @OptionGroup var log: LogOption
    @Option(
        name: .customLong("kind"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A kind of events, and the file with them.", valueName: "kind[=file]"))
    var kinds: [String] = []
    @Option(
        name: .customLong("table"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A reference table, and the file with its rows.", valueName: "table[=file]"))
    var references: [String] = []
    @Flag(help: "Also add labels that are due after the last transaction (no rows may follow then).")
    var flushLabels = false
    @OptionGroup var storage: StorageOptions
    @OptionGroup var output: OutputOptions

    /// A file and what its rows are.
    private struct Named {
        var path: String
        var rows: Importer.Rows

        var name: String { path == "-" ? "standard input" : path }
        var what: String {
            switch rows {
            case .transactions: "transactions"
            case .events(let kind): "events (\(kind))"
            case .changes(let table): "changes (\(table))"
            case .lines: "records"
            }
        }
    }

    func validate() throws {
        let files = try named()
        if files.isEmpty { throw ValidationError("which table? name a file, or - for standard input") }
        if files.count(where: { $0.path == "-" }) > 1 { throw ValidationError("standard input can be read once only") }
    }

    private func named() throws -> [Named] {
        var rows = Importer.Rows.transactions
        var others: [Named] = []
        for (options, make) in [
            (kinds, { Importer.Rows.events(kind: $0) }), (references, { Importer.Rows.changes(table: $0) }),
        ] {
            for option in options {
                let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
                if parts.count == 2 {
                    others.append(Named(path: parts[1], rows: make(parts[0])))
                } else {
                    guard rows == .transactions else {
                        throw ValidationError("a table's rows are of one kind: give the others as NAME=FILE")
                    }
                    rows = make(option)
                }
            }
        }
        let plain = tables.map { path in
            Named(path: path, rows: path.hasSuffix(".ndjson") || path.hasSuffix(".jsonl") ? .lines : rows)
        }
        return plain + others
    }

    func run() throws {
        Termination.install()
        try reporting {
            let (specification, _) = try pipeline.load()
            let fileSystem = PosixFileSystem()
            let files = try named()
            let sources = try files.map { file in
                Importer.Source(
                    file.path == "-" ? InputStream() : try InputStream(path: file.path, fileSystem: fileSystem),
                    name: file.name, rows: file.rows)
            }
            let importer = Importer(
                log: log.directory, input: specification.input, fileSystem: fileSystem,
                segmentBytes: storage.segmentBytes)
            let start = SystemClock().monotonicNanoseconds
            let line = ProgressLine("import", unit: "bytes", quiet: output.quiet || output.json)
            let reports = try importer.importAll(
                sources, flushLabels: flushLabels, shouldStop: { Termination.isRequested },
                progress: {
                    line.update(done: $0.bytes, total: $0.totalBytes, detail: "\(grouped($0.rows)) rows")
                })
            line.finish()
            try tell(reports, files, seconds: seconds(since: start))
        }
    }

    private func tell(_ reports: [Importer.Report], _ files: [Named], seconds: Double) throws {
        let report = reports.reduce(Importer.Report(), +)
        if reports.count > 1, !output.json {
            for (file, report) in zip(files, reports) {
                print(
                    "\(file.name): \(grouped(report.rows)) rows, \(grouped(report.transactions)) \(file.what) and "
                        + "\(grouped(report.labels)) labels added")
            }
        }
        try tell(report, files.count == 1 ? files[0].what : "records", seconds: seconds)
        if Termination.isRequested { throw ExitCode(1) }
        for (file, report) in zip(files, reports) where report.rows > 0 && report.malformed == report.rows {
            throw CommandFailure("no row of \(file.name) could be read; see the reasons above")
        }
    }

    private func tell(_ report: Importer.Report, _ what: String, seconds: Double) throws {
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
                    JSONMember("refused_labels", .number(report.refusedLabels)),
                    JSONMember("pending_labels", .number(report.pendingLabels)),
                    JSONMember("seconds", .number(seconds)), JSONMember("rows_per_second", .number(rate)),
                ]))
        } else {
            print(
                """
                \(grouped(report.rows)) rows in \(fixed(seconds, 2)) s (\(grouped(Int64(rate))) a second): \
                \(grouped(report.transactions)) \(what) and \(grouped(report.labels)) labels added, \
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
            if report.refusedLabels > 0 {
                print(
                    """
                    \(grouped(report.refusedLabels)) labels were left out, the first in line \(report.firstRefusedLabel): \
                    their rows have the id of another row shortly before, with other fields, and are refused
                    """)
            }
            if report.roundedDecimals > 0 {
                print("\(grouped(report.roundedDecimals)) decimals such as 85.64999999999999 were read as 85.65")
            }
            for example in report.examples { print("malformed: \(example)") }
        }
    }
}
