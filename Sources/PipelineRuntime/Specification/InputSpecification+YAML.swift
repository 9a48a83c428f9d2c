import EventModel

extension InputSpecification {
    init(_ value: YAMLValue) throws(SpecificationError) {
        let input = try value.section(keys: ["id", "event_time", "ahead_tolerance", "columns", "label"])
        let time = try input.required("event_time").section(keys: ["column", "format"])
        let timeColumn = try time.required("column")
        let columns = try readColumns(input.required("columns"))
        let label = try input["label"].map { value throws(SpecificationError) in try readLabel(value) }
        let id = try input.required("id")
        let idColumn = columns[try id.choice(of: columns.map(\.name), "the columns ")]
        guard idColumn.type == .long || idColumn.type == .string else {
            throw id.error("an id is a long or a string, but '\(idColumn.name)' is \(idColumn.type)")
        }
        self.init(
            columns: columns, idColumn: idColumn.name, eventTimeColumn: try timeColumn.text(),
            eventTimeFormat: try time.required("format").choice(TimeFormat.self), label: label,
            aheadTolerance: try input["ahead_tolerance"]?.duration() ?? .day)
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
        for column in try input.required("columns").section().entries {
            guard let role = roles[column.key] else { continue }
            throw column.value.error("'\(column.key)' is \(role) already; take it out of the columns")
        }
    }
}

private func readColumns(_ value: YAMLValue) throws(SpecificationError) -> [Column] {
    var columns: [Column] = []
    for entry in try value.section().entries {
        guard Column.isValidName(entry.key) else {
            throw entry.value.error(
                "\(quoted(entry.key)) is not a name (letters, digits and underscores, no digit first)")
        }
        let expected = "a type: long, double, string, timestamp or decimal(SCALE) with a scale from 0 to 18"
        guard let type = ColumnType(try entry.value.text(expected)) else { throw entry.value.error(expected: expected) }
        columns.append(Column(entry.key, type))
    }
    return columns
}

private func readLabel(_ value: YAMLValue) throws(SpecificationError) -> LabelSpecification {
    let label = try value.section(keys: ["column", "delay", "time_column"])
    let column = try label.required("column").text()
    switch (label["delay"], label["time_column"]) {
    case (let delay?, nil): return LabelSpecification(column: column, delay: try delay.duration())
    case (nil, let time?): return LabelSpecification(column: column, delay: .zero, timeColumn: try time.text())
    case (nil, nil): throw value.error("when is a label known? Add 'delay' or 'time_column'")
    case (_?, let time?): throw time.error("'delay' and 'time_column' exclude each other; leave one out")
    }
}
