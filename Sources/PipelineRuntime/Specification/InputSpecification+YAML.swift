import EventModel
import Features

extension InputSpecification {
    init(_ value: YAMLValue) throws(SpecificationError) {
        let input = try value.section(keys: [
            "id", "event_time", "ahead_tolerance", "columns", "label", "label_sources", "events",
        ])
        let time = try input.required("event_time").section(keys: ["column", "format"])
        let timeColumn = try time.required("column")
        let format = try time.required("format").choice(TimeFormat.self)
        let columns = try readColumns(input.required("columns"), format)
        let label = try input["label"].map { value throws(SpecificationError) in try readLabel(value) }
        let labelSources = try readLabelSources(input)
        let idColumn = try readID(input.required("id"), columns)
        self.init(
            columns: columns, idColumn: idColumn, eventTimeColumn: try timeColumn.text(),
            eventTimeFormat: format, label: label,
            aheadTolerance: try input["ahead_tolerance"]?.duration() ?? .day,
            events: try readEvents(input, columns), labelSources: labelSources)
        try requireRolesApart(input)
    }

    /// The event time and the label stand apart from the columns and from one another.
    private func requireRolesApart(_ input: YAMLSection) throws(SpecificationError) {
        var roles = [RecordSchema.arrivalTimeColumn: "kept for the time at which a record reached the log"]
        let section = input.value
        for keys in [["event_time", "column"], ["label", "column"], ["label", "time_column"]] {
            let value = section.descendant(keys)
            guard value.path == "\(section.path).\(keys.joined(separator: "."))" else { continue }
            let name = try value.text()
            if let role = roles[name] { throw value.error("'\(name)' is \(role) already") }
            roles[name] = value.path
        }
        let columns = try input.required("columns").section().entries
        for column in columns {
            guard let role = roles[column.key] else { continue }
            throw column.value.error("'\(column.key)' is \(role) already; take it out of the columns")
        }
        for column in columns { roles[column.key] = column.value.path }
        for column in columns {
            guard column.value.node.mapping != nil, let aliases = try column.value.section()["aliases"] else {
                continue
            }
            for alias in try aliases.list() {
                let name = try alias.name()
                if let role = roles[name] { throw alias.error("'\(name)' is \(role) already") }
                roles[name] = alias.path
            }
        }
    }
}

private func readID(_ id: YAMLValue, _ columns: [Column]) throws(SpecificationError) -> String {
    let column = columns[try id.choice(of: columns.map(\.name), "the columns ")]
    guard column.type == .long || column.type == .string else {
        throw id.error("an id is a long or a string, but '\(column.name)' is \(column.type)")
    }
    guard column.default == nil else {
        throw id.error("'\(column.name)' has a default, which would be the id of many transactions; leave it out")
    }
    return column.name
}

/// The other kinds of events: NAME: `{ columns, event_time, id }`.
private func readEvents(
    _ input: YAMLSection, _ transactionColumns: [Column]
) throws(SpecificationError) -> [EventKindSpecification] {
    guard let value = input["events"] else { return [] }
    var events: [EventKindSpecification] = []
    for entry in try value.section().entries {
        guard Column.isValidName(entry.key), entry.key != transactionKind else {
            throw entry.value.error(
                "\(quoted(entry.key)) is no name of a kind (letters, digits and underscores, no digit first; not "
                    + "'\(transactionKind)', which transactions have)")
        }
        events.append(try readEvent(entry.key, entry.value))
    }
    guard events.count < 64 else { throw value.error("\(events.count) kinds of events are too many; at most 63") }
    if !events.isEmpty, transactionColumns.contains(where: { $0.name == "kind" }) {
        throw input.value.descendant(["columns", "kind"]).error(
            "'kind' tells the events' kinds; call the column otherwise")
    }
    return events
}

private func readEvent(_ name: String, _ value: YAMLValue) throws(SpecificationError) -> EventKindSpecification {
    let section = try value.section(keys: ["columns", "event_time", "id"])
    let time = try section.required("event_time").section(keys: ["column", "format"])
    let timeColumn = try time.required("column").text()
    let format = try time.required("format").choice(TimeFormat.self)
    let list = try section.required("columns")
    let columns = try readColumns(list, format)
    for column in columns {
        let place = list.descendant([column.name])
        for name in [column.name] + column.aliases where [timeColumn, "kind"].contains(name) {
            throw place.error("'\(name)' is kept for the event's time or kind; take it out of the columns")
        }
        guard column.name != RecordSchema.arrivalTimeColumn else {
            throw place.error("'\(column.name)' is kept for the time at which a record reached the log")
        }
    }
    let id = try section["id"].map { id throws(SpecificationError) in try readID(id, columns) }
    return EventKindSpecification(
        name: name, columns: columns, idColumn: id, eventTimeColumn: timeColumn, eventTimeFormat: format)
}

private func readColumns(_ value: YAMLValue, _ format: TimeFormat) throws(SpecificationError) -> [Column] {
    var columns: [Column] = []
    for entry in try value.section().entries {
        guard Column.isValidName(entry.key) else {
            throw entry.value.error(
                "\(quoted(entry.key)) is not a name (letters, digits and underscores, no digit first)")
        }
        columns.append(try readColumn(entry.key, entry.value, format))
    }
    return columns
}

/// `TYPE`, or `{ type: TYPE, default: VALUE, aliases: [NAME, ...] }`.
/// - Parameter keys: further ones that the column may have.
func readColumn(
    _ name: String, _ value: YAMLValue, _ format: TimeFormat, keys: [String] = []
) throws(SpecificationError) -> Column {
    guard value.node.mapping != nil else { return Column(name, try readType(value)) }
    let section = try value.section(keys: ["type", "default", "aliases"] + keys)
    let type = try readType(section.required("type"))
    var aliases: [String] = []
    for alias in try section["aliases"]?.list("a list of names") ?? [] { aliases.append(try alias.name()) }
    let standIn = try section["default"].map { value throws(SpecificationError) in
        try readDefault(value, type, format)
    }
    return Column(name, type, default: standIn, aliases: aliases)
}

private func readType(_ value: YAMLValue) throws(SpecificationError) -> ColumnType {
    let expected = "a type: long, double, string, timestamp or decimal(SCALE) with a scale from 0 to 18"
    guard let type = ColumnType(try value.text(expected)) else { throw value.error(expected: expected) }
    return type
}

/// A default is written as a table would write the value.
func readDefault(
    _ value: YAMLValue, _ type: ColumnType, _ format: TimeFormat
) throws(SpecificationError) -> ColumnValue {
    let text = try value.text("a value of type \(type)")
    var encoder = RowEncoder(format, roundsNoise: false)
    switch encoder.value(of: text, as: type) {
    case .problem(let problem): throw value.error("\(quoted(text)) \(problem)")
    case .value(let standIn): return standIn
    }
}

private func readLabel(_ value: YAMLValue) throws(SpecificationError) -> LabelSpecification {
    let label = try value.section(keys: ["column", "delay", "time_column", "source"])
    var specification = LabelSpecification(column: try label.required("column").text(), delay: .zero)
    switch (label["delay"], label["time_column"]) {
    case (let delay?, nil): specification.delay = try delay.duration()
    case (nil, let time?): specification.timeColumn = try time.text()
    case (nil, nil): throw value.error("when is a label known? Add 'delay' or 'time_column'")
    case (_?, let time?): throw time.error("'delay' and 'time_column' exclude each other; leave one out")
    }
    specification.source = try label["source"]?.text("the name of a source, such as chargeback")
    return specification
}

/// `label_sources: [chargeback, analyst]`; the label's own source is one of them.
private func readLabelSources(_ input: YAMLSection) throws(SpecificationError) -> [String] {
    guard let value = input["label_sources"] else { return [] }
    var sources: [String] = []
    for item in try value.list("a list of sources, such as [chargeback, analyst]") {
        let name = try item.text("the name of a source")
        guard !sources.contains(name) else { throw item.error("'\(name)' stands twice in the list") }
        sources.append(name)
    }
    guard (1...InputSpecification.mostLabelSources).contains(sources.count) else {
        throw value.error("\(sources.count) sources; there are from 1 to \(InputSpecification.mostLabelSources)")
    }
    guard let label = input["label"] else { return sources }
    let section = try label.section()
    guard let source = section["source"] else {
        throw label.error("whose are its labels? Add 'source', one of \(sources.joined(separator: ", "))")
    }
    _ = try source.choice(of: sources, "the label sources ")
    return sources
}
