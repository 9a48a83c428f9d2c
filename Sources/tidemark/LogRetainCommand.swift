import ArgumentParser
import EventModel
import LogStorage
import PipelineRuntime
import Platform

struct LogRetainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retain", abstract: "Remove old segments of a topic, as far as nobody needs them.",
        discussion: """
            Whole segments go, the oldest first, never the one that is written. What pipelines need for their windows, \
            pending labels and checkpoints stays, and what stored readers have not read. Ages count back from the \
            topic's present event time, or from the clock if that is earlier.
            """)

    @OptionGroup var log: LogOption
    @OptionGroup var topic: TopicOption
    @Option(help: ArgumentHelp("Records older than that may go, such as 90d.", valueName: "duration"))
    var maxAge: EventDuration?
    @Option(help: ArgumentHelp("The oldest may go while there is more than that, such as 10GB.", valueName: "size"))
    var maxBytes: ByteCount?
    @Flag(help: "Do not keep what stored readers have not read.") var ignoreReaders = false
    @Flag(help: "Say what would go, and change nothing.") var dryRun = false
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if maxAge == nil && maxBytes == nil { throw ValidationError("say how much to keep: --max-age, --max-bytes") }
    }

    func run() throws {
        try reporting {
            var limits = TopicRetention.Limits()
            limits.age = maxAge
            limits.bytes = maxBytes?.bytes
            limits.ignoresReaders = ignoreReaders
            let topic = try topic.one(in: log.directory)
            let retention = try TopicRetention(
                of: topic, in: log.directory, limits: limits, fileSystem: PosixFileSystem(), clock: SystemClock())
            defer { retention.end() }
            if !dryRun { try retention.apply() }
            tell(retention, of: topic)
        }
    }

    private func tell(_ retention: TopicRetention, of topic: LogTopic) {
        let plan = retention.plan
        if output.json {
            print(
                JSONValue.object([
                    JSONMember("topic", .string(topic.name)),
                    JSONMember("removed", .bool(!dryRun && plan.segments > 0)),
                    JSONMember("segments", .number(plan.segments)), JSONMember("records", .number(plan.records)),
                    JSONMember("bytes", .number(plan.bytes)), JSONMember("start_offset", .number(plan.newStart.value)),
                    JSONMember("reference", .string(retention.reference.description)),
                    JSONMember("held", .bool(plan.isHeldByFloor)),
                    JSONMember("floors", .array(retention.floors.map(\.json))),
                ]))
            return
        }
        if plan.segments == 0 {
            let why = plan.isHeldByFloor ? "" : ": no full segment is beyond the limits"
            print(
                "\(topic.name): nothing \(dryRun ? "would be" : "was") removed\(why); it begins at offset \(plan.start)"
            )
        } else {
            print(
                """
                \(topic.name): \(grouped(plan.segments)) segments with \(grouped(plan.records)) records and \
                \(grouped(plan.bytes)) bytes \(dryRun ? "would go" : "removed"); it begins at offset \(plan.newStart) then
                """)
        }
        guard plan.isHeldByFloor, let lowest = retention.floors.first else { return }
        for floor in retention.floors where floor.offset == lowest.offset { print("kept: \(floor.text)") }
    }
}

extension RetentionFloor {
    fileprivate var text: String { "\(who) needs offsets from \(offset) on (\(why))" }

    fileprivate var json: JSONValue {
        .object([
            JSONMember("who", .string(who)), JSONMember("offset", .number(offset.value)),
            JSONMember("why", .string(why)),
        ])
    }
}

/// A number of bytes, as `10GB`, `512MiB` or `1000000`.
struct ByteCount: ExpressibleByArgument {
    var bytes: Int

    private static let units: [(name: String, bytes: Int)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("kB", 1_000), ("KB", 1_000),
        ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1), ("", 1),
    ]

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), let unit = Self.units.first(where: { $0.name == argument[digits.endIndex...] })
        else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit.bytes)
        if overflow { return nil }
        self.bytes = bytes
    }
}

struct LogMergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge", abstract: "Join small segments that lie side by side; offsets and records stay.")

    @OptionGroup var log: LogOption
    @OptionGroup var topic: TopicOption
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reporting {
            var reports: [(topic: LogTopic, report: RewriteReport)] = []
            for topic in try topic.chosen(in: log.directory) {
                let line = ProgressLine("merge \(topic.name)", unit: "bytes", quiet: output.quiet || output.json)
                let housekeeping = try Housekeeping(topic.directory, PosixFileSystem())
                defer { housekeeping.end() }
                let report = try housekeeping.merge { line.update(done: Int64($0), total: Int64($1)) }
                line.finish()
                reports.append((topic, report))
                if output.json { continue }
                print("\(topic.name): \(grouped(report.segmentsBefore)) segments, now \(grouped(report.segmentsAfter))")
            }
            if output.json {
                print(JSONValue.object([JSONMember("topics", .array(reports.map { $0.report.json(of: $0.topic) }))]))
            }
        }
    }
}

struct LogCompactCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact", abstract: "Keep the newest record of each key in a topic; offsets stay.",
        discussion: """
            For topics that hold states by key. A tombstone (a key without value) goes once it is older than \
            --tombstone-age. The segment that is written stays as it is. The input, decisions and side outputs are not \
            compacted: each of their records counts. Of a reference table's topic (tables/NAME-0) goes what a later \
            change of the same row and time replaces, as far as 'log retain' has removed the input with both; with \
            --before also each version that took effect before the row's newest one by then.
            """)

    @OptionGroup var log: LogOption
    @Option(help: ArgumentHelp("The topic, such as models-0.", valueName: "topic")) var topic: String
    @Option(help: ArgumentHelp("How long a tombstone stays.", valueName: "duration")) var tombstoneAge =
        EventDuration.day
    @Option(
        help: ArgumentHelp("Of a table: no event of the remaining input is before this time.", valueName: "time"))
    var before: String?
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reporting {
            let fileSystem = PosixFileSystem()
            let topic = try LogTopics(of: log.directory, fileSystem: fileSystem).topic(topic)
            guard !topic.isHistory else {
                throw CommandFailure(
                    """
                    \(topic.name) is not compacted: each of its records counts, not only the newest of a key; to make it \
                    smaller use 'tidemark log retain'
                    """)
            }
            let policy = try policy(topic, fileSystem)
            let housekeeping = try Housekeeping(topic.directory, fileSystem)
            defer { housekeeping.end() }
            let line = ProgressLine("compact", unit: "bytes", quiet: output.quiet || output.json)
            let report = try housekeeping.compact(policy) { line.update(done: Int64($0), total: Int64($1)) }
            line.finish()
            if output.json { return print(report.json(of: topic)) }
            print(
                """
                \(topic.name): \(grouped(report.recordsRemoved)) records removed, \(grouped(report.bytesBefore)) bytes, \
                now \(grouped(report.bytesAfter))
                """)
        }
    }
}

extension LogCompactCommand {
    private func policy(_ topic: LogTopic, _ fileSystem: PosixFileSystem) throws -> CompactionPolicy {
        let reference = try topic.presentTime(SystemClock(), fileSystem)
        guard let table = topic.table else {
            if before != nil { throw ValidationError("--before is of tables' topics; \(topic.name) is none") }
            return CompactionPolicy(tombstoneAge: tombstoneAge, reference: reference)
        }
        let time = try before.map { text in
            guard let time = TimeFormat.iso8601.time(of: text) else {
                throw ValidationError("--before is a time such as 2018-09-30T12:00:00Z, not '\(text)'")
            }
            return time
        }
        return try TableTopics.compactionPolicy(
            of: table, in: log.directory, collapsingBefore: time, reference: reference, fileSystem: fileSystem)
    }
}

extension RewriteReport {
    fileprivate func json(of topic: LogTopic) -> JSONValue {
        .object([
            JSONMember("topic", .string(topic.name)), JSONMember("segments_before", .number(segmentsBefore)),
            JSONMember("segments_after", .number(segmentsAfter)), JSONMember("bytes_before", .number(bytesBefore)),
            JSONMember("bytes_after", .number(bytesAfter)), JSONMember("records_removed", .number(recordsRemoved)),
        ])
    }
}
