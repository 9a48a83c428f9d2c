import EventModel

/// Turns the rows of a table into transactions.
///
/// The header names the columns. The declared ones come first, in the specification's order; the event time, the label
/// and the label's time are taken out; every other column is kept behind them as a string, in the header's order. A
/// name there that Avro does not allow is changed: each character that is no letter, digit or `_` becomes `_`, a
/// leading digit gets a `_` before it, and a name already taken gets `_2`, `_3`, ... A declared name matches the header
/// as written, or else as changed (`Amount (EUR)` can be declared as `Amount__EUR_`).
public struct TransactionParser: ~Copyable {
    /// The schema of the transactions: the arrival time, the declared columns, the others.
    public let schema: RecordSchema
    /// Whether the table has the label column.
    public var hasLabels: Bool { labelField != nil }

    private let columnTypes: [ColumnType]
    /// The field that each column is read from.
    private let fields: [Int]
    private let header: [String]
    private let idIndex: Int
    private let eventTimeField: Int
    private let labelField: Int?
    private let labelTimeField: Int?
    private let labelDelay: EventDuration
    private var encoder: RowEncoder

    /// - Parameter requiringLabels: a specified label column must be there; when scoring it need not.
    public init(
        _ specification: InputSpecification, header: [String], requiringLabels: Bool = true
    ) throws(ImportError) {
        try specification.validate()
        var mapping = try HeaderMapping(header)
        eventTimeField = try mapping.take(specification.eventTimeColumn, .eventTime)
        let label = specification.label
        if let label, requiringLabels || mapping.has(label.column) {
            labelField = try mapping.take(label.column, .label)
            labelTimeField = try label.timeColumn.map { (column) throws(ImportError) in
                try mapping.take(column, .labelTime)
            }
        } else {
            labelField = nil
            labelTimeField = nil
        }
        labelDelay = label?.delay ?? .zero
        var fields: [Int] = []
        for column in specification.columns { fields.append(try mapping.take(column.name, .declared)) }
        let others = mapping.rest(taken: specification.columns.map(\.name) + [RecordSchema.arrivalTimeColumn])
        let columns = specification.columns + others.map { Column($0.name, .string) }
        self.fields = fields + others.map(\.field)
        self.header = header
        schema = .transaction(columns: columns)
        columnTypes = columns.map(\.type)
        idIndex = columns.firstIndex { $0.name == specification.idColumn } ?? 0
        encoder = RowEncoder(specification.eventTimeFormat)
    }

    /// The transaction that `row` holds; its body is valid until the next call.
    /// - Complexity: O(row); no allocation.
    public mutating func parse(_ row: CSVRow) throws(MalformedRow) -> ParsedRow {
        guard row.count == header.count else {
            throw malformed(row, .fieldCount(found: row.count, expected: header.count))
        }
        let eventTime: EventTime
        switch encoder.times.time(of: row[eventTimeField]) {
        case .value(let time): eventTime = time
        case .problem(let problem): throw malformed(row, eventTimeField, problem)
        }
        encoder.removeAll()
        for index in 0..<fields.count {
            let field = row[fields[index]]
            let type = columnTypes[index]
            let problem = index == idIndex ? encoder.appendID(field, type) : encoder.append(field, type)
            if let problem { throw malformed(row, fields[index], problem) }
        }
        var label: Bool?
        var labelTime = eventTime + labelDelay
        if let labelField {
            switch parseLabel(row[labelField]) {
            case .value(let value): label = value
            case .problem(let problem): throw malformed(row, labelField, problem)
            }
            if let labelTimeField, label != nil, !row[labelTimeField].isEmpty {
                switch encoder.times.time(of: row[labelTimeField]) {
                case .value(let time): labelTime = max(time, eventTime)
                case .problem(let problem): throw malformed(row, labelTimeField, problem)
                }
            }
        }
        return encoder.row(eventTime: eventTime, label: label, labelTime: labelTime, line: row.line)
    }

    @inline(never) private func malformed(_ row: CSVRow, _ field: Int, _ problem: FieldProblem) -> MalformedRow {
        malformed(row, .field(column: header[field], problem, value: printable(row[field])))
    }

    private func malformed(_ row: CSVRow, _ reason: MalformedRow.Reason) -> MalformedRow {
        MalformedRow(line: row.line, byteOffset: row.byteOffset, reason: reason)
    }
}
