import EventModel

/// Which field of a table's rows serves for what.
struct TablePlan {
    let header: [String]
    /// A transaction's columns without the arrival time: the declared ones, then the others as strings.
    let columns: [Column]
    /// The field that each of `columns` is read from.
    let fields: [Int]
    /// The id among `columns`.
    let idIndex: Int
    let eventTimeField: Int
    let labelField: Int?
    let labelTimeField: Int?
    let labelDelay: EventDuration

    init(_ specification: InputSpecification, header: [String], requiringLabels: Bool) throws(ImportError) {
        try specification.validate()
        var mapping = try HeaderMapping(header)
        eventTimeField = try mapping.take(specification.eventTimeColumn, .eventTime)
        var labelFields: (label: Int?, time: Int?) = (nil, nil)
        if let label = specification.label, requiringLabels || mapping.has(label.column) {
            labelFields.label = try mapping.take(label.column, .label)
            if let column = label.timeColumn { labelFields.time = try mapping.take(column, .labelTime) }
        } else if let column = specification.label?.timeColumn, mapping.has(column) {
            _ = try mapping.take(column, .labelTime)
        }
        (labelField, labelTimeField) = labelFields
        labelDelay = specification.label?.delay ?? .zero
        var fields: [Int] = []
        for column in specification.columns { fields.append(try mapping.take(column.name, .declared)) }
        let others = mapping.rest(taken: specification.columns.map(\.name) + [RecordSchema.arrivalTimeColumn])
        self.header = header
        self.fields = fields + others.map(\.field)
        columns = specification.columns + others.map { Column($0.name, .string) }
        idIndex = specification.columns.firstIndex { $0.name == specification.idColumn } ?? 0
    }
}
