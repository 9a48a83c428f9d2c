import ArgumentParser
import EventModel
import PipelineRuntime
import Platform

struct StateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "state",
        abstract: "Look up what the windows hold of a key: its events, and the value of each of its features.",
        discussion: """
            Takes up the newest checkpoint and goes through what the log has beyond it, features only. Nothing is \
            locked or written, so 'tidemark score' may run meanwhile. Values are as of the watermark, or as of --at, \
            with all labels known by now, and without an event that asks.
            """)

    @OptionGroup var pipeline: PipelineOption
    @OptionGroup var log: LogOption
    @Option(help: ArgumentHelp("Whose key it is, such as customer.", valueName: "name")) var entity: String
    @Option(
        name: .customLong("key"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("The key; of a pair give both, in the pipeline's order.", valueName: "key"))
    var keys: [String]
    @Option(
        name: .customLong("at"),
        help: ArgumentHelp("As of this time, such as 2018-09-30T12:00:00Z.", valueName: "time"))
    var time: String?
    @OptionGroup var output: OutputOptions

    func run() throws {
        Termination.install()
        try reporting {
            let (specification, _) = try pipeline.load()
            let time = try time.map { text in
                guard let time = TimeFormat.iso8601.time(of: text) else {
                    throw ValidationError("--at is a time such as 2018-09-30T12:00:00Z, not '\(text)'")
                }
                return time
            }
            let lookup = StateLookup(log: log.directory, specification: specification, fileSystem: PosixFileSystem())
            let line = ProgressLine("features", unit: "records", quiet: output.quiet || output.json)
            let answer = try lookup.look(
                up: keys, of: entity, asOf: time, shouldStop: { Termination.isRequested }
            ) { line.update(done: $0.offset.value, total: $0.end.value, detail: $0.eventTime.dateDescription) }
            line.finish()
            if Termination.isRequested { throw ExitCode(1) }
            if output.json {
                print(json(answer, pipeline: specification.name))
            } else {
                print(text(answer))
            }
        }
    }

    private func json(_ answer: StateLookup.Answer, pipeline: String) -> JSONValue {
        func text(_ time: EventTime?) -> JSONValue { time.map { .string($0.description) } ?? .null }
        return .object([
            JSONMember("pipeline", .string(pipeline)), JSONMember("entity", .string(entity)),
            JSONMember("key", .array(keys.map(JSONValue.string))),
            JSONMember("key_columns", .array(answer.keyColumns.map(JSONValue.string))),
            JSONMember("events_held", .number(answer.eventCount)),
            JSONMember("latest_event_time", text(answer.latest)), JSONMember("watermark", text(answer.watermark)),
            JSONMember("as_of", text(answer.asOf)), JSONMember("input_offset", .number(answer.offset.value)),
            JSONMember("checkpoint_offset", answer.checkpoint.map { .number($0.value) } ?? .null),
            JSONMember(
                "features",
                .array(
                    answer.windows.map {
                        .object([
                            JSONMember("name", .string($0.name)), JSONMember("window", .string($0.window)),
                            JSONMember("value", .number($0.value)),
                        ])
                    })),
        ])
    }

    private func text(_ answer: StateLookup.Answer) -> String {
        let key = zip(answer.keyColumns, keys).map { "\($0) \($1)" }.joined(separator: ", ")
        let watermark = answer.watermark.map { "watermark \($0)" } ?? "no watermark yet"
        let place = "\(watermark), input offset \(answer.offset.value)"
        guard !answer.windows.isEmpty else { return "\(entity) (\(key)): no events are held (\(place))" }
        let latest = answer.latest.map { ", the latest at \($0)" } ?? ""
        let events = answer.eventCount == 1 ? "1 event" : "\(grouped(answer.eventCount)) events"
        var lines = ["\(entity) (\(key)): \(events) held\(latest)", place]
        let asOf = answer.asOf.map { "as of \($0)" } ?? ""
        let rows =
            [["feature", "window", asOf]] + answer.windows.map { [$0.name, $0.window, shortened($0.value)] }
        let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
        lines.append("")
        for row in rows {
            lines.append(
                padded(row[0], widths[0]) + "  " + padded(row[1], widths[1]) + "  " + leftPadded(row[2], widths[2]))
        }
        return lines.joined(separator: "\n")
    }

    /// A whole number without its decimal point.
    private func shortened(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : "\(value)"
    }
}
