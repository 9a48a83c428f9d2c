import ArgumentParser
import EventModel
import PipelineRuntime
import Platform

struct StateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "state",
        abstract: "Look up a key: its events, the value of each of its features, or its row of a reference table.",
        discussion: """
            Takes up the newest checkpoint and goes through what the log has beyond it, features only. Nothing is \
            locked or written, so 'tidemark score' may run meanwhile. Values are as of the watermark, or as of --at, \
            with all labels known by now, and without an event that asks.
            """)

    @OptionGroup var pipeline: PipelineOption
    @OptionGroup var log: LogOption
    @Option(help: ArgumentHelp("Whose key it is, such as customer.", valueName: "name")) var entity: String?
    @Option(help: ArgumentHelp("The reference table whose row is asked for.", valueName: "name")) var table: String?
    @Option(
        name: .customLong("key"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("The key; of a pair give both, in the pipeline's order.", valueName: "key"))
    var keys: [String]
    @Option(
        name: .customLong("at"),
        help: ArgumentHelp("As of this time, such as 2018-09-30T12:00:00Z.", valueName: "time"))
    var time: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if (entity == nil) == (table == nil) { throw ValidationError("give one of --entity and --table") }
    }

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
            func tell(_ progress: PipelineRun.Progress) {
                line.update(
                    done: progress.offset.value, total: progress.end.value, detail: progress.eventTime.dateDescription)
            }
            if let table {
                let row = try lookup.lookUpRow(
                    of: table, key: keys, asOf: time, shouldStop: { Termination.isRequested }, progress: tell)
                line.finish()
                if Termination.isRequested { throw ExitCode(1) }
                print(
                    output.json
                        ? row.json(table, keys, pipeline: specification.name).description : row.text(table, keys))
            } else if let entity {
                let answer = try lookup.look(
                    up: keys, of: entity, asOf: time, shouldStop: { Termination.isRequested }, progress: tell)
                line.finish()
                if Termination.isRequested { throw ExitCode(1) }
                print(
                    output.json ? json(answer, entity, pipeline: specification.name).description : text(answer, entity))
            }
        }
    }

    private func json(_ answer: StateLookup.Answer, _ entity: String, pipeline: String) -> JSONValue {
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
                    }
                        + answer.features.map {
                            .object([
                                JSONMember("name", .string($0.name)), JSONMember("definition", .string($0.definition)),
                                JSONMember("value", $0.value.map { .number($0) } ?? .null),
                                JSONMember("needs", .array($0.needs.map(JSONValue.string))),
                            ])
                        })),
        ])
    }

    private func text(_ answer: StateLookup.Answer, _ entity: String) -> String {
        let key = zip(answer.keyColumns, keys).map { "\($0) \($1)" }.joined(separator: ", ")
        let watermark = answer.watermark.map { "watermark \($0)" } ?? "no watermark yet"
        let place = "\(watermark), input offset \(answer.offset.value)"
        guard !answer.windows.isEmpty else { return "\(entity) (\(key)): no events are held (\(place))" }
        let latest = answer.latest.map { ", the latest at \($0)" } ?? ""
        let events =
            answer.eventCount == 0
            ? "no events are" : answer.eventCount == 1 ? "1 event" : "\(grouped(answer.eventCount)) events"
        var lines = ["\(entity) (\(key)): \(events) held\(latest)", place]
        let asOf = answer.asOf.map { "as of \($0)" } ?? ""
        let rows =
            [["feature", "window", asOf]] + answer.windows.map { [$0.name, $0.window, shortened($0.value)] }
            + answer.features.map { feature in
                [feature.name, feature.definition, feature.value.map(shortened) ?? "needs \(list(feature.needs))"]
            }
        let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
        lines.append("")
        for row in rows {
            lines.append(
                padded(row[0], widths[0]) + "  " + padded(row[1], widths[1]) + "  " + leftPadded(row[2], widths[2]))
        }
        return lines.joined(separator: "\n")
    }

    /// At most three names.
    private func list(_ names: [String]) -> String {
        names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", ..." : "")
    }

    /// A whole number without its decimal point.
    private func shortened(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : "\(value)"
    }
}

extension StateLookup.Row {
    fileprivate func json(_ table: String, _ keys: [String], pipeline: String) -> JSONValue {
        func text(_ time: EventTime?) -> JSONValue { time.map { .string($0.description) } ?? .null }
        return .object([
            JSONMember("pipeline", .string(pipeline)), JSONMember("table", .string(table)),
            JSONMember("key", .array(keys.map(JSONValue.string))),
            JSONMember("key_columns", .array(keyColumns.map(JSONValue.string))),
            JSONMember("exists", .bool(change != nil)), JSONMember("since", text(since)),
            JSONMember("change_offset", change.map { .number($0.value) } ?? .null),
            JSONMember("watermark", text(watermark)), JSONMember("as_of", text(asOf)),
            JSONMember("input_offset", .number(offset.value)),
            JSONMember("checkpoint_offset", checkpoint.map { .number($0.value) } ?? .null),
            JSONMember(
                "row",
                .object(values.map { JSONMember($0.column.name, $0.value.json($0.column.type)) })),
        ])
    }

    fileprivate func text(_ table: String, _ keys: [String]) -> String {
        let key = zip(keyColumns, keys).map { "\($0) \($1)" }.joined(separator: ", ")
        let watermark = watermark.map { "watermark \($0)" } ?? "no watermark yet"
        let place = "\(watermark), input offset \(offset.value)"
        guard let since, let change else { return "\(table) (\(key)): no row (\(place))" }
        let from = since == EventTime.range.lowerBound ? "since ever" : "since \(since)"
        let width = values.map(\.column.name.count).max() ?? 0
        return
            (["\(table) (\(key)): \(from), by the change at input offset \(change.value)", place, ""]
            + values.map { column, value in
                padded(column.name, width) + "  "
                    + (value.json(column.type).string ?? value.json(column.type).description)
            }).joined(separator: "\n")
    }
}

extension ColumnValue {
    fileprivate func json(_ type: ColumnType) -> JSONValue {
        switch (self, type) {
        case (.text(let text), _): .string(text)
        case (.double(let number), _): .number(number)
        case (.integer(let number), .decimal(let scale)): .decimal(number, scale: scale)
        case (.integer(let number), .timestamp):
            .string(EventTime(milliseconds: number).description)
        case (.integer(let number), _): .number(number)
        }
    }
}
