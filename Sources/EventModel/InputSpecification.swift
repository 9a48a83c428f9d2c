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

    public init(
        columns: [Column], idColumn: String, eventTimeColumn: String, eventTimeFormat: TimeFormat,
        label: LabelSpecification?, aheadTolerance: EventDuration
    ) {
        self.columns = columns
        self.idColumn = idColumn
        self.eventTimeColumn = eventTimeColumn
        self.eventTimeFormat = eventTimeFormat
        self.label = label
        self.aheadTolerance = aheadTolerance
    }

    public var idType: ColumnType { columns.first { $0.name == idColumn }?.type ?? .long }

    /// The schemas by which input records are read, whatever schemas they were written by. An id has no default.
    public var readerSchemas: [RecordSchema] {
        let columns = columns.map { $0.name == idColumn ? Column($0.name, $0.type, aliases: $0.aliases) : $0 }
        return [.transaction(columns: columns), .label(idType: idType), .command]
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

    public init(column: String, delay: EventDuration, timeColumn: String? = nil) {
        self.column = column
        self.delay = delay
        self.timeColumn = timeColumn
    }
}
