/// What the rows that come in look like, and what in them is the id, the event time and the label.
///
/// The part of a pipeline's specification that import and scoring need; the columns stand in the log whatever a
/// pipeline then uses.
public struct InputSpecification: Hashable, Sendable {
    /// The declared columns in order, the event-time column and the label column left out. A source may have more:
    /// they are kept as strings. A column with a default need not be there.
    public var columns: [Column]
    /// One of `columns`, of type `long` or `string`.
    public var idColumn: String
    public var eventTimeColumn: String
    public var eventTimeFormat: TimeFormat
    public var label: LabelSpecification?
    /// An event that runs ahead of its arrival by more than this is quarantined.
    public var aheadTolerance: EventDuration
    /// The kinds of events besides transactions: logins, failed authorisations, ...
    public var events: [EventKindSpecification]
    /// The sources that a label may come from, at most `mostLabelSources`; empty: any, and none is told from another.
    public var labelSources: [String]
    public static let mostLabelSources = 16
    /// What is looked up by an event's columns.
    public var tables: [TableSpecification]
    /// The kind whose rows these are; nil: transactions. The id column of a kind without ids is empty.
    public private(set) var kind: String?
    /// The reference table whose changes these are. Without a column for the effective time that one's name is empty.
    public private(set) var table: String?

    public init(
        columns: [Column], idColumn: String, eventTimeColumn: String, eventTimeFormat: TimeFormat,
        label: LabelSpecification?, aheadTolerance: EventDuration, events: [EventKindSpecification] = [],
        labelSources: [String] = [], tables: [TableSpecification] = []
    ) {
        self.columns = columns
        self.idColumn = idColumn
        self.eventTimeColumn = eventTimeColumn
        self.eventTimeFormat = eventTimeFormat
        self.label = label
        self.aheadTolerance = aheadTolerance
        self.events = events
        self.labelSources = labelSources
        self.tables = tables
    }

    /// What the rows of another kind of event look like; nil where it is not declared.
    public func input(ofKind name: String) -> InputSpecification? {
        guard let event = events.first(where: { $0.name == name }) else { return nil }
        var input = InputSpecification(
            columns: event.columns, idColumn: event.idColumn ?? "", eventTimeColumn: event.eventTimeColumn,
            eventTimeFormat: event.eventTimeFormat, label: nil, aheadTolerance: aheadTolerance)
        input.kind = name
        return input
    }

    /// What the changes of a reference table look like as rows; nil where it is not declared.
    public func input(ofTable name: String) -> InputSpecification? {
        guard let table = tables.first(where: { $0.name == name }) else { return nil }
        var input = InputSpecification(
            columns: table.columns, idColumn: table.keyColumns.count == 1 ? table.keyColumns[0] : "",
            eventTimeColumn: table.effectiveTimeColumn ?? "", eventTimeFormat: table.effectiveTimeFormat, label: nil,
            aheadTolerance: aheadTolerance)
        input.table = name
        input.tables = [table]
        return input
    }

    /// The schema of a record of these columns.
    public func recordSchema(columns: [Column]) -> RecordSchema {
        if let table { return .change(of: table, columns: columns) }
        return kind.map { .event(kind: $0, columns: columns) } ?? .transaction(columns: columns)
    }

    public var idType: ColumnType { columns.first { $0.name == idColumn }?.type ?? .long }

    /// The schemas by which input records are read, whatever schemas they were written by. An id has no default.
    public var readerSchemas: [RecordSchema] {
        let columns = columns.map { $0.name == idColumn ? Column($0.name, $0.type, aliases: $0.aliases) : $0 }
        return [.transaction(columns: columns), .label(idType: idType), .command] + events.map(\.readerSchema)
            + tables.map(\.readerSchema)
    }
}

/// Events of one kind that are no transactions: they enter windows and are not scored.
public struct EventKindSpecification: Hashable, Sendable {
    /// A name that Avro allows.
    public var name: String
    /// As a transaction's: the event-time column left out.
    public var columns: [Column]
    /// One of `columns`, of type `long` or `string`; nil: its events have no ids, so that none is told from another.
    public var idColumn: String?
    public var eventTimeColumn: String
    public var eventTimeFormat: TimeFormat

    public init(
        name: String, columns: [Column], idColumn: String?, eventTimeColumn: String, eventTimeFormat: TimeFormat
    ) {
        self.name = name
        self.columns = columns
        self.idColumn = idColumn
        self.eventTimeColumn = eventTimeColumn
        self.eventTimeFormat = eventTimeFormat
    }

    /// Nil where there is no id.
    public var idType: ColumnType? { idColumn.flatMap { id in columns.first { $0.name == id }?.type } }

    /// The schema by which its records are read. An id has no default.
    public var readerSchema: RecordSchema {
        .event(
            kind: name,
            columns: columns.map { $0.name == idColumn ? Column($0.name, $0.type, aliases: $0.aliases) : $0 })
    }
}

/// Where a table's label stands and when it becomes known.
public struct LabelSpecification: Hashable, Sendable {
    /// The column with 0 or 1 (also `false`/`true`); an empty field is no label.
    public var column: String
    /// A label is known this long after its transaction, unless `timeColumn` says when.
    public var delay: EventDuration
    /// A column with the time at which the label became known, in the event time's format.
    public var timeColumn: String?
    /// Who says what the column says, and what a line of its own says that names no source; nil: `table`, `stream`.
    public var source: String?

    public init(column: String, delay: EventDuration, timeColumn: String? = nil, source: String? = nil) {
        self.column = column
        self.delay = delay
        self.timeColumn = timeColumn
        self.source = source
    }
}
