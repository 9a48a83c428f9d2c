import ArgumentParser
import EventModel
import LogStorage
import PipelineRuntime
import Platform

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Look at a log, read it, check it, keep it small, copy it.",
        discussion: """
            A log holds topics: the input (input-0), rows that could not be read (malformed-0), and what each pipeline \
            writes (pipelines/NAME/decisions-0, ...). All but 'repair' work while the writer and readers go on.
            """,
        subcommands: [
            LogInfoCommand.self, LogReadCommand.self, LogReadersCommand.self, LogVerifyCommand.self,
            LogRepairCommand.self, LogRetainCommand.self, LogMergeCommand.self, LogCompactCommand.self,
            LogBackupCommand.self, LogRestoreCommand.self,
        ],
        defaultSubcommand: LogInfoCommand.self)
}

/// A log and one of its topics.
struct TopicOption: ParsableArguments {
    @Option(
        name: .customLong("topic"),
        help: ArgumentHelp("A topic, such as input-0 or decisions-0.", valueName: "topic"))
    var name: String?

    /// The topic of that name, or the input.
    func one(in log: LogDirectory) throws -> LogTopic {
        try LogTopics(of: log, fileSystem: PosixFileSystem()).topic(name ?? "input-0")
    }

    /// The topic of that name alone, or all.
    func chosen(in log: LogDirectory) throws -> [LogTopic] {
        try LogTopics(of: log, fileSystem: PosixFileSystem()).chosen(name)
    }
}

struct LogInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Topics with their offsets, times, sizes and readers.")

    @OptionGroup var log: LogOption
    @OptionGroup var topic: TopicOption
    @Flag(help: "Also a line for each segment.") var segments = false
    @OptionGroup var output: OutputOptions

    private static let nameWidth = 44

    func run() throws {
        try reporting {
            var topics: [TopicInfo] = []
            for topic in try topic.chosen(in: log.directory) {
                topics.append(try TopicInfo(of: topic, fileSystem: PosixFileSystem()))
            }
            if output.json {
                let json = topics.map { $0.json(withSegments: segments) }
                print(JSONValue.object([JSONMember("topics", .array(json))]))
                return
            }
            print(
                padded("topic", Self.nameWidth)
                    + ["records", "start", "durable", "segments"].map { leftPadded($0, 13) }.joined()
                    + leftPadded("bytes", 16) + "  first and last event time")
            for topic in topics { tell(topic) }
        }
    }

    private func tell(_ topic: TopicInfo) {
        let numbers = [topic.records, topic.startOffset.value, topic.durableEnd.value, Int64(topic.segments.count)]
        print(
            padded(topic.name, Self.nameWidth) + numbers.map { leftPadded(grouped($0), 13) }.joined()
                + leftPadded(grouped(topic.bytes), 16) + text(topic.times))
        if segments {
            for segment in topic.segments {
                let numbers = [Int64(segment.records), segment.offsets.lowerBound.value]
                print(
                    padded("  \(segment.file)", Self.nameWidth)
                        + numbers.map { leftPadded(grouped($0), 13) }.joined()
                        + leftPadded(segment.isSealed ? "sealed" : "open", 26)
                        + leftPadded(grouped(segment.bytes), 16) + text(segment.times))
            }
        }
        for reader in topic.readers { print("  " + reader.text) }
    }

    private func text(_ times: ClosedRange<EventTime>?) -> String {
        times.map { "  \($0.lowerBound) to \($0.upperBound)" } ?? ""
    }
}

struct LogReadersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "readers", abstract: "Readers with a stored offset ('log read --reader'), and how far they are.",
        discussion: "Retention keeps what they have not read. A reader that will not come back is to be forgotten.")

    @OptionGroup var log: LogOption
    @OptionGroup var topic: TopicOption
    @Option(help: ArgumentHelp("Remove what the reader stored.", valueName: "reader")) var forget: String?
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reporting {
            let fileSystem = PosixFileSystem()
            if let name = forget { return try forget(name, of: topic.one(in: log.directory), fileSystem) }
            var found: [(topic: String, reader: TopicInfo.Reader)] = []
            for topic in try topic.chosen(in: log.directory) {
                found += try TopicInfo.readers(of: topic, fileSystem: fileSystem).map { (topic.name, $0) }
            }
            if output.json {
                let list = found.map { topic, reader in
                    JSONValue.object([JSONMember("topic", .string(topic))] + reader.members)
                }
                return print(JSONValue.object([JSONMember("readers", .array(list))]))
            }
            if found.isEmpty { print("no reader has stored an offset") }
            for (topic, reader) in found { print("\(topic): \(reader.text)") }
        }
    }

    private func forget(_ name: String, of topic: LogTopic, _ fileSystem: PosixFileSystem) throws {
        let known = try TopicInfo.readers(of: topic, fileSystem: fileSystem)
        guard let reader = known.first(where: { $0.name == name }) else {
            let names = known.isEmpty ? "none" : known.map(\.name).joined(separator: ", ")
            throw CommandFailure("\(topic.name) has no reader '\(name)'; there are: \(names)")
        }
        let stored = try topic.storedOffset(of: name, fileSystem: fileSystem)
        try stored.forget()
        stored.close()
        if output.json {
            print(
                JSONValue.object([
                    JSONMember("topic", .string(topic.name)), JSONMember("forgotten", .object(reader.members)),
                ]))
        } else {
            print("\(topic.name): reader \(name) is forgotten; it stood at offset \(reader.offset)")
        }
    }
}

extension TopicInfo.Reader {
    var text: String { "reader \(name) at offset \(offset), \(grouped(lag)) behind" }

    var members: [JSONMember] {
        [
            JSONMember("name", .string(name)), JSONMember("offset", .number(offset.value)),
            JSONMember("lag", .number(lag)),
        ]
    }
}

extension TopicInfo {
    func json(withSegments: Bool) -> JSONValue {
        var members = [
            JSONMember("topic", .string(name)), JSONMember("start_offset", .number(startOffset.value)),
            JSONMember("end_offset", .number(endOffset.value)), JSONMember("durable_end", .number(durableEnd.value)),
            JSONMember("records", .number(records)), JSONMember("bytes", .number(bytes)),
            JSONMember("segments", .number(segments.count)),
        ]
        members += Self.members(of: times)
        members.append(JSONMember("readers", .array(readers.map { .object($0.members) })))
        if withSegments { members.append(JSONMember("segment_list", .array(segments.map(Self.json)))) }
        return .object(members)
    }

    private static func json(_ segment: SegmentInfo) -> JSONValue {
        .object(
            [
                JSONMember("file", .string(segment.file)),
                JSONMember("start_offset", .number(segment.offsets.lowerBound.value)),
                JSONMember("end_offset", .number(segment.offsets.upperBound.value)),
                JSONMember("records", .number(segment.records)), JSONMember("bytes", .number(segment.bytes)),
                JSONMember("sealed", .bool(segment.isSealed)),
            ] + members(of: segment.times))
    }

    private static func members(of times: ClosedRange<EventTime>?) -> [JSONMember] {
        [
            JSONMember("first_event_time", times.map { .string($0.lowerBound.description) } ?? .null),
            JSONMember("last_event_time", times.map { .string($0.upperBound.description) } ?? .null),
        ]
    }
}
