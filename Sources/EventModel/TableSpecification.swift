/// A reference table: rows by key that change in event time, such as customers' profiles, merchants or exchange rates.
///
/// Each change is a record of the input: from its effective time on its row is so, until a change with a later one. An
/// event sees the row as of its own time, by the changes whose records stand before its own.
public struct TableSpecification: Hashable, Sendable {
    /// A name that Avro allows.
    public var name: String
    /// The key's columns among them; the effective time's column left out.
    public var columns: [Column]
    /// One or two of `columns`, of type `long` or `string`.
    public var keyColumns: [String]
    /// The column that says since when a row is so; nil: a table's rows always were.
    public var effectiveTimeColumn: String?
    public var effectiveTimeFormat: TimeFormat
    /// What an event without a row reads, where it is not 0 or the empty text.
    public var missing: [MissingValue]
    public var joins: [TableJoin]

    public init(
        name: String, columns: [Column], keyColumns: [String], effectiveTimeColumn: String? = nil,
        effectiveTimeFormat: TimeFormat = .iso8601, missing: [MissingValue] = [], joins: [TableJoin]
    ) {
        precondition((1...2).contains(keyColumns.count), "table \(name) has \(keyColumns.count) key columns; 1 or 2")
        self.name = name
        self.columns = columns
        self.keyColumns = keyColumns
        self.effectiveTimeColumn = effectiveTimeColumn
        self.effectiveTimeFormat = effectiveTimeFormat
        self.missing = missing
        self.joins = joins
    }

    /// Where each of the key's columns stands among `columns`.
    public var keyIndices: [Int] { keyColumns.map { key in columns.firstIndex { $0.name == key } ?? 0 } }

    /// The schema by which its changes are read. A key has no default.
    public var readerSchema: RecordSchema {
        .change(
            of: name,
            columns: columns.map {
                keyColumns.contains($0.name) ? Column($0.name, $0.type, aliases: $0.aliases) : $0
            })
    }

    /// What an event without a row reads of a column.
    public func missingValue(of column: Column) -> ColumnValue {
        if let known = missing.first(where: { $0.column == column.name }) { return known.value }
        switch column.type {
        case .string: return .text("")
        case .double: return .double(0)
        case .long, .decimal, .timestamp: return .integer(0)
        }
    }
}

/// What an event without a row of a table reads of a column.
public struct MissingValue: Hashable, Sendable {
    public var column: String
    public var value: ColumnValue

    public init(column: String, value: ColumnValue) {
        self.column = column
        self.value = value
    }
}

/// By which columns of an event its row of a table is found; features read the row as `NAME.COLUMN`.
public struct TableJoin: Hashable, Sendable {
    public var name: String
    /// For each of the table's key columns one of the event's, or `JOIN.COLUMN` of a join before.
    public var columns: [String]

    public init(name: String, columns: [String]) {
        self.name = name
        self.columns = columns
    }
}

/// What a change does to a row.
public enum TableOperation: String, Hashable, Sendable, CaseIterable {
    case insert, update, delete

    /// As `insert`, `update`, `delete`, or in the letters that change capture tools use (a row that was there already
    /// when they began is `r`).
    public init?(text: some StringProtocol) {
        switch text {
        case "insert", "c", "r": self = .insert
        case "update", "u": self = .update
        case "delete", "d": self = .delete
        default: return nil
        }
    }
}

extension RecordSchema {
    /// How the names of the schemas of tables' changes begin.
    public static let tablePrefix = "Table_"
    /// The name of the field that holds what a change does.
    public static let operationColumn = "op"

    /// A change of a table's row, with the table's columns; a deletion has values for the key only, and 0 or the empty
    /// text in the others.
    public static func change(of table: String, columns: [Column]) -> RecordSchema {
        RecordSchema(
            name: tablePrefix + table,
            columns: [Column(arrivalTimeColumn, .timestamp), Column(operationColumn, .string)] + columns)
    }
}

/// A row's key as the record of its change has it: the number, or the text; of a pair both with `|` between, where `\`
/// stands before a `|` or `\` that belongs to a text.
public func tableKey(_ values: [ColumnValue]) -> String {
    let parts = values.map { value in
        switch value {
        case .integer(let number): String(number)
        case .double(let number): "\(number)"
        case .text(let text):
            values.count == 1
                ? text
                : String(text.flatMap { $0 == "|" || $0 == "\\" ? ["\\", $0] : [$0] })
        }
    }
    return parts.joined(separator: "|")
}
