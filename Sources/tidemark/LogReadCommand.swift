import ArgumentParser
import EventModel
import LogStorage
import PipelineRuntime
import Platform

struct LogReadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read", abstract: "Records as NDJSON, or as CSV of one kind, for other tools.",
        discussion: """
            A line for each record: offset, timestamp, kind, key, value, headers; up to the durable end, and with \
            --follow on and on, as they are synced. Values without a schema stand as \"text\" or \"base64\". CSV has \
            offset, timestamp, key, then all columns that the kind ever had. Times in a log may be out of order: \
            --from-time and --to-time choose records, wherever they stand.
            With --reader NAME it goes on where the reader of that name stopped (a new one begins at --from) and \
            stores the offset once the lines are written; after a crash some may be written again, none is left out.
            """)

    @OptionGroup var log: LogOption
    @OptionGroup var topic: TopicOption
    @Option(help: ArgumentHelp("First offset; the oldest if left out.", valueName: "offset")) var from: Int64?
    @Option(help: ArgumentHelp("Stop before this offset.", valueName: "offset")) var to: Int64?
    @Option(help: ArgumentHelp("Only records of this time or later.", valueName: "time")) var fromTime: EventTime?
    @Option(help: ArgumentHelp("Only records before this time.", valueName: "time")) var toTime: EventTime?
    @Option(help: ArgumentHelp("Stop after so many records.", valueName: "n")) var limit: Int64?
    @Option(help: "ndjson or csv.") var format: TopicExport.Format = .ndjson
    @Option(help: ArgumentHelp("Only this kind: Transaction, Label, Command, Decision, ...", valueName: "kind"))
    var kind: String?
    @Flag(help: "Wait for more at the end, until SIGTERM or Ctrl-C.") var follow = false
    @Option(help: ArgumentHelp("A name under which the offset reached is stored.", valueName: "name"))
    var reader: String?
    @Flag(help: "Show no progress.") var quiet = false

    func validate() throws {
        for (name, value) in [("from", from), ("to", to), ("limit", limit)] {
            if let value, value < 0 { throw ValidationError("--\(name) is 0 or more") }
        }
    }

    func run() throws {
        Termination.install()
        try reporting {
            var options = TopicExport.Options()
            options.from = from.map(Offset.init)
            options.to = to.map(Offset.init)
            options.fromTime = fromTime
            options.toTime = toTime
            options.limit = limit
            options.format = format
            options.kind = kind
            options.follows = follow
            options.reader = reader
            let export = try TopicExport(
                topic.one(in: log.directory), of: log.directory, options: options, fileSystem: PosixFileSystem(),
                clock: SystemClock())
            let line = ProgressLine("read", unit: "records", quiet: quiet || follow || StandardStreams.isTerminal(1))
            _ = try export.run(
                shouldStop: { Termination.isRequested },
                progress: { line.update(done: $0.value, total: $1.value, detail: $2.dateDescription) }
            ) { bytes throws(FileError) in try StandardStreams.write(bytes) }
            line.finish()
            if Termination.isRequested && !follow { throw ExitCode(1) }
        }
    }
}

extension TopicExport.Format: ExpressibleByArgument {}

extension EventTime: ExpressibleByArgument {
    public init?(argument: String) {
        guard let time = TimeFormat.iso8601.time(of: argument) else { return nil }
        self = time
    }
}

extension EventDuration: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
