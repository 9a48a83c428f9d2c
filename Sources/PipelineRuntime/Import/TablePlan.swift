import EventModel

/// Which field of a table's rows serves for what.
struct TablePlan {
    let header: [String]
    /// A transaction's columns without the arrival time: the declared ones, then the others as strings. A declared one
    /// that the table lacks is left out, since readers have its default; the others have the default "", so that tables
    /// may have more of them or fewer.
    let columns: [Column]
    /// The field that each of `columns` is read from.
    let fields: [Int]
    /// The id among `columns`; -1: events of this kind have none.
    let idIndex: Int
    /// -1: a reference table whose rows always were.
    let eventTimeField: Int
    /// Where a change says what it does; nil: all rows are inserted.
    let operationField: Int?
    /// Of a reference table: where the key's columns stand among `columns`.
    let keyIndices: [Int]
    let labelField: Int?
    let labelTimeField: Int?
    let labelDelay: EventDuration

    init(_ specification: InputSpecification, header: [String], requiringLabels: Bool) throws(ImportError) {
        try specification.validate()
        var mapping = try HeaderMapping(header)
        let isTable = specification.table != nil
        eventTimeField =
            isTable && specification.eventTimeColumn.isEmpty
            ? -1 : try mapping.take(specification.eventTimeColumn, .eventTime)
        operationField =
            isTable && mapping.has(RecordSchema.operationColumn)
            ? try mapping.take(RecordSchema.operationColumn, .operation) : nil
        var labelFields: (label: Int?, time: Int?) = (nil, nil)
        if let label = specification.label, requiringLabels || mapping.has(label.column) {
            labelFields.label = try mapping.take(label.column, .label)
            if let column = label.timeColumn { labelFields.time = try mapping.take(column, .labelTime) }
        } else if let column = specification.label?.timeColumn, mapping.has(column) {
            _ = try mapping.take(column, .labelTime)
        }
        (labelField, labelTimeField) = labelFields
        labelDelay = specification.label?.delay ?? .zero
        var columns: [Column] = []
        var fields: [Int] = []
        for column in specification.columns {
            let isRequired = column.default == nil || column.name == specification.idColumn
            guard let field = try mapping.take(column, isRequired: isRequired) else { continue }
            columns.append(column)
            fields.append(field)
        }
        let others = mapping.rest(
            taken: specification.columns.map(\.name)
                + (isTable ? reservedTableColumns : [RecordSchema.arrivalTimeColumn]))
        self.header = header
        self.fields = fields + others.map(\.field)
        self.columns = columns + others.map { Column($0.name, .string, default: .text("")) }
        idIndex = columns.firstIndex { $0.name == specification.idColumn } ?? -1
        let keys = specification.tables.first { $0.name == specification.table }?.keyColumns ?? []
        keyIndices = keys.compactMap { key in columns.firstIndex { $0.name == key } }
    }
}
