import ArgumentParser
import EventModel
import Platform
import Simulation

struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Write a table of made-up card transactions with frauds, any number of them in flat memory.",
        discussion: """
            The transactions follow the Fraud Detection Handbook's published model: customers who use the terminals \
            near them, and three kinds of fraud: large amounts, compromised terminals, compromised customers. The \
            columns are the Handbook's. With --workload w it is the benchmark's table instead, to be imported with \
            models/workload-w.yaml. The same options give the same rows. With - the closing line, or the JSON, goes to \
            standard error.
            """)

    enum Workload: String, ExpressibleByArgument, CaseIterable { case handbook, w }

    @Argument(help: "The file to write; - is standard output.") var output: String
    @Option(help: "handbook, or w.") var workload = Workload.handbook
    @Option(help: "Customers (default: 5000).") var customers: Int?
    @Option(help: "Terminals (default: 10000).") var terminals: Int?
    @Option(help: "Days (default: 183; workload w: 30).") var days: Int?
    @Option(help: "Another seed gives other transactions.") var seed: UInt64 = 0
    @Option(help: "The first day (default: 2018-04-01; workload w: 2023-11-14).") var start: String?
    @OptionGroup(title: "Handbook options") var handbook: HandbookOptions
    @OptionGroup(title: "Options of workload w") var w: WorkloadWOptions
    @OptionGroup var display: OutputOptions

    func validate() throws {
        if workload == .w, handbook.isAnyGiven {
            throw ValidationError("the options of the Handbook's simulation do not go with --workload w")
        }
        if workload == .handbook, w.isAnyGiven {
            throw ValidationError("--rows, --late-share and --maximum-lateness need --workload w")
        }
        guard (1...1_000_000).contains(days ?? 1) else {
            throw ValidationError("--days is \(days ?? 0): it must be 1 to 1,000,000")
        }
        do {
            if workload == .w { try workloadOptions().validate() } else { try handbookOptions().validate() }
        } catch let error as SimulationOptionError { throw ValidationError(error) }
    }

    private func handbookOptions() throws -> CardFraudOptions {
        var options = CardFraudOptions()
        options.seed = seed
        set(&options.customerCount, customers)
        set(&options.terminalCount, terminals)
        set(&options.startTime, try startTime())
        try handbook.apply(to: &options)
        return options
    }

    private func workloadOptions() throws -> WorkloadOptions {
        var options = WorkloadOptions()
        options.seed = seed
        set(&options.customerCount, customers)
        set(&options.terminalCount, terminals)
        set(&options.dayCount, days)
        set(&options.startTime, try startTime())
        try w.apply(to: &options)
        return options
    }

    private func startTime() throws -> EventTime? {
        guard let start else { return nil }
        let parts = start.split(separator: "-", omittingEmptySubsequences: false).compactMap { Int64($0) }
        guard parts.count == 3, let day = daysSinceEpoch(year: parts[0], month: parts[1], day: parts[2]) else {
            throw ValidationError("--start is '\(start)': it must be a day such as 2018-04-01")
        }
        return EventTime(milliseconds: day * 86_400_000)
    }

    // MARK: writing

    func run() throws {
        Termination.install()
        try reporting {
            let begin = SystemClock().monotonicNanoseconds
            let line = ProgressLine("generate", unit: "rows", quiet: display.quiet || display.json)
            let writer = TableWriter(
                try OutputStream(path: output, fileSystem: PosixFileSystem()), dayCount: dayCount, line: line)
            do {
                if workload == .w { try writeWorkload(writer) } else { try writeHandbook(writer) }
            } catch let error as FileError where error.code == .brokenPipe && output == "-" {
                // Whoever reads has seen enough.
                throw ExitCode.success
            }
            line.finish()
            try tell(writer, seconds: seconds(since: begin))
        }
    }

    private var dayCount: Int { days ?? (workload == .w ? WorkloadOptions().dayCount : 183) }

    private func writeHandbook(_ writer: TableWriter) throws {
        let options = try handbookOptions()
        var simulation = try CardFraudSimulation(options)
        var csv = HandbookCSV(startTime: options.startTime)
        try writer.write(
            header: { csv.appendHeader(to: &$0) }, nextDay: { simulation.appendNextDay(to: &$0) },
            row: { csv.append($0, to: &$1) })
    }

    private func writeWorkload(_ writer: TableWriter) throws {
        var simulation = try WorkloadW(try workloadOptions())
        let csv = WorkloadCSV()
        try writer.write(
            header: { csv.appendHeader(to: &$0) }, nextDay: { simulation.appendNextDay(to: &$0) },
            row: { csv.append($0, to: &$1) })
    }

    /// Standard output is for people and programs unless the table goes there.
    private func tell(_ writer: TableWriter, seconds: Double) throws {
        let text: String
        if display.json {
            text =
                JSONValue.object([
                    JSONMember("rows", .number(writer.rowCount)), JSONMember("frauds", .number(writer.fraudCount)),
                    JSONMember("days", .number(writer.daysWritten)), JSONMember("bytes", .number(writer.byteCount)),
                    JSONMember("seed", .string(String(seed))), JSONMember("seconds", .number(seconds)),
                    JSONMember("rows_per_second", .number(Double(writer.rowCount) / max(seconds, 1e-9))),
                    JSONMember("resident_bytes", .number(ProcessResources.peakResidentBytes)),
                ]).description
        } else {
            let share = fixed(100 * Double(writer.fraudCount) / Double(max(writer.rowCount, 1)), 2)
            let rate = magnitudeText(Double(writer.rowCount) / max(seconds, 1e-9))
            text =
                "\(grouped(writer.rowCount)) rows of \(writer.daysWritten) days, \(grouped(writer.fraudCount)) frauds "
                + "(\(share) %), in \(fixed(seconds, 2)) s (\(rate) rows a second)"
        }
        try StandardStreams.write(text + "\n", to: output == "-" ? .error : .output)
        if Termination.isRequested { throw ExitCode(1) }
    }
}

/// Writes a table day by day: what is in memory is a day and a buffer.
private final class TableWriter {
    private static let bufferBytes = 1 << 20

    private let stream: OutputStream
    private let dayCount: Int
    private let line: ProgressLine
    private var text = ByteWriter(capacity: bufferBytes + 4096)
    private(set) var daysWritten = 0
    private(set) var rowCount = 0
    private(set) var fraudCount = 0
    private(set) var byteCount = 0

    init(_ stream: OutputStream, dayCount: Int, line: ProgressLine) {
        self.stream = stream
        self.dayCount = dayCount
        self.line = line
    }

    func write(
        header: (inout ByteWriter) -> Void, nextDay: (inout [SimulatedTransaction]) -> Void,
        row: (SimulatedTransaction, inout ByteWriter) -> Void
    ) throws {
        header(&text)
        var rows: [SimulatedTransaction] = []
        while daysWritten < dayCount, !Termination.isRequested {
            rows.removeAll(keepingCapacity: true)
            nextDay(&rows)
            daysWritten += 1
            let before = rowCount
            let expected = Int64(Double(before + rows.count) / Double(daysWritten) * Double(dayCount))
            for transaction in rows {
                row(transaction, &text)
                rowCount += 1
                if transaction.isFraud { fraudCount += 1 }
                if text.count >= Self.bufferBytes {
                    try flush()
                    line.update(
                        done: Int64(rowCount), total: max(expected, Int64(rowCount)),
                        detail: transaction.time.dateDescription)
                }
            }
        }
        try flush()
        stream.close()
    }

    private func flush() throws {
        try stream.write(text.bytes)
        byteCount += text.count
        text.removeAll()
    }
}

/// A file written from its start to its end, or standard output.
private final class OutputStream {
    private let file: (any OpenFile)?
    private var position = 0

    /// - Parameter path: `-` for standard output.
    init(path: String, fileSystem: any FileSystem) throws(FileError) {
        file = path == "-" ? nil : try fileSystem.open(path, .replacing)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        guard let file else { return try StandardStreams.write(bytes) }
        try file.write(bytes, at: position)
        position += bytes.count
    }

    func close() { file?.close() }
}
