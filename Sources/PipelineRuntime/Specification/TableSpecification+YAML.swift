import EventModel
import Features

/// Names that a change has besides its table's columns, in the log or as JSON.
let reservedTableColumns = [RecordSchema.arrivalTimeColumn, RecordSchema.operationColumn, "table", "at"]

/// Reference tables: NAME: `{ key, columns, effective_time, on }`.
func readTables(_ top: YAMLSection, _ input: InputSpecification) throws(SpecificationError) -> [TableSpecification] {
    guard let value = top["tables"] else { return [] }
    var tables: [TableSpecification] = []
    for entry in try value.section().entries {
        guard Column.isValidName(entry.key) else {
            throw entry.value.error(
                "\(quoted(entry.key)) is not a name (letters, digits and underscores, no digit first)")
        }
        tables.append(try readTable(entry.key, entry.value, input))
    }
    guard tables.count <= 64 else { throw value.error("\(tables.count) tables are too many; at most 64") }
    if !tables.isEmpty, input.columns.contains(where: { $0.name == "table" }) {
        throw value.error("a column 'table' of the transactions could not be told from a change of a table; rename it")
    }
    return tables
}

private func readTable(
    _ name: String, _ value: YAMLValue, _ input: InputSpecification
) throws(SpecificationError) -> TableSpecification {
    let section = try value.section(keys: ["key", "columns", "effective_time", "on"])
    let time = try section["effective_time"]?.section(keys: ["column", "format"])
    let timeColumn = try time?.required("column").text()
    let format = try time?["format"]?.choice(TimeFormat.self) ?? input.eventTimeFormat
    let list = try section.required("columns")
    var columns: [Column] = []
    var missing: [MissingValue] = []
    for entry in try list.section().entries {
        let column = try readTableColumn(entry.key, entry.value, format, &missing)
        for name in [column.name] + column.aliases where reservedTableColumns.contains(name) || name == timeColumn {
            throw entry.value.error("'\(name)' is kept for the change itself; take it out of the columns")
        }
        columns.append(column)
    }
    let keys = try readTableKey(section.required("key"), columns)
    return TableSpecification(
        name: name, columns: columns, keyColumns: keys, effectiveTimeColumn: timeColumn, effectiveTimeFormat: format,
        missing: missing, joins: try readJoins(section["on"], name, keys))
}

/// As another column, with `if_missing: VALUE` for what an event without a row reads.
private func readTableColumn(
    _ name: String, _ value: YAMLValue, _ format: TimeFormat, _ missing: inout [MissingValue]
) throws(SpecificationError) -> Column {
    guard Column.isValidName(name) else {
        throw value.error("\(quoted(name)) is not a name (letters, digits and underscores, no digit first)")
    }
    let column = try readColumn(name, value, format, keys: ["if_missing"])
    if value.node.mapping != nil, let standIn = try value.section()["if_missing"] {
        missing.append(MissingValue(column: name, value: try readDefault(standIn, column.type, format)))
    }
    return column
}

/// A column, or a list of two.
private func readTableKey(_ value: YAMLValue, _ columns: [Column]) throws(SpecificationError) -> [String] {
    var keys: [String] = []
    for item in try value.oneOrTwo("a key is one column or a pair such as [FROM, TO]") {
        let column = columns[try item.choice(of: columns.map(\.name), "the table's columns ")]
        guard column.type == .long || column.type == .string else {
            throw item.error("a key is a long or a string, but '\(column.name)' is \(column.type)")
        }
        guard column.default == nil else {
            throw item.error("'\(column.name)' has a default, which would be the key of many rows; leave it out")
        }
        guard !keys.contains(column.name) else { throw item.error("'\(column.name)' stands twice in the key") }
        keys.append(column.name)
    }
    return keys
}

/// The event's columns: one, a list, or for several joins `{ NAME: COLUMN, ... }`; left out: those of the key's names.
private func readJoins(
    _ value: YAMLValue?, _ name: String, _ keys: [String]
) throws(SpecificationError) -> [TableJoin] {
    guard let value else { return [TableJoin(name: name, columns: keys)] }
    guard value.node.mapping != nil else {
        return [TableJoin(name: name, columns: try readJoinColumns(value))]
    }
    var joins: [TableJoin] = []
    for entry in try value.section().entries {
        guard Column.isValidName(entry.key) else {
            throw entry.value.error(
                "\(quoted(entry.key)) is not a name (letters, digits and underscores, no digit first)")
        }
        joins.append(TableJoin(name: entry.key, columns: try readJoinColumns(entry.value)))
    }
    guard !joins.isEmpty else { throw value.error("no join is declared; leave 'on' out to join by the key's name") }
    return joins
}

private func readJoinColumns(_ value: YAMLValue) throws(SpecificationError) -> [String] {
    var columns: [String] = []
    for item in try value.oneOrTwo("a row is found by one column or a pair such as [FROM, TO]") {
        columns.append(try item.text("a column of the event, or TABLE.COLUMN"))
    }
    return columns
}

extension YAMLValue {
    /// The value alone, or its one or two items.
    fileprivate func oneOrTwo(_ rule: String) throws(SpecificationError) -> [YAMLValue] {
        let values = node.sequence == nil ? [self] : try list()
        guard (1...2).contains(values.count) else { throw error("\(values.count) columns; \(rule)") }
        return values
    }
}
