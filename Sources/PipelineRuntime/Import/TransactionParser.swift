import EventModel

/// Turns the rows of a table into transactions, into events of another kind, or into changes of a reference table.
///
/// The header names the columns. The declared ones come first, in the specification's order; the event time, the label
/// and the label's time are taken out; every other column is kept behind them as a string, in the header's order. A
/// name there that Avro does not allow is changed: each character that is no letter, digit or `_` becomes `_`, a
/// leading digit gets a `_` before it, and a name already taken gets `_2`, `_3`, ... A declared name matches the header
/// as written, or else as changed (`Amount (EUR)` can be declared as `Amount__EUR_`).
public struct TransactionParser: ~Copyable {
    /// The schema of the transactions: the arrival time, the declared columns, the others.
    public let schema: RecordSchema
    let plan: TablePlan
    var encoder: RowEncoder
    private let isTable: Bool

    /// Whether the table has the label column.
    public var hasLabels: Bool { plan.labelField != nil }

    /// Decimals rounded so far because only a double's noise was in them (`85.64999999999999` for 85.65).
    public var roundedDecimals: Int { encoder.roundedDecimals }

    /// - Parameters:
    ///   - requiringLabels: a specified label column must be there; when scoring it need not.
    ///   - roundingNoise: a decimal with more decimals than declared is rounded, and counted, when it is a printed
    ///     double within floating-point noise of a decimal that fits; otherwise, and always without this, its row is
    ///     malformed.
    public init(
        _ specification: InputSpecification, header: [String], requiringLabels: Bool = true,
        roundingNoise: Bool = true
    ) throws(ImportError) {
        let plan = try TablePlan(specification, header: header, requiringLabels: requiringLabels)
        self.plan = plan
        isTable = specification.table != nil
        schema = specification.recordSchema(columns: plan.columns)
        encoder = RowEncoder(specification.eventTimeFormat, roundsNoise: roundingNoise)
    }

    /// The transaction that `row` holds; its body is valid until the next call.
    /// - Complexity: O(row); no allocation.
    public mutating func parse(_ row: CSVRow) throws(MalformedRow) -> ParsedRow {
        guard row.count == plan.header.count else {
            throw malformed(row, .fieldCount(found: row.count, expected: plan.header.count))
        }
        if isTable { return try parseChange(row) }
        let eventTime: EventTime
        switch encoder.times.time(of: row[plan.eventTimeField]) {
        case .value(let time): eventTime = time
        case .problem(let problem): throw malformed(row, plan.eventTimeField, problem)
        }
        encoder.removeAll()
        for index in 0..<plan.fields.count {
            let field = row[plan.fields[index]]
            let type = plan.columns[index].type
            let problem = index == plan.idIndex ? encoder.appendID(field, type) : encoder.append(field, type)
            if let problem { throw malformed(row, plan.fields[index], problem) }
        }
        var label: Bool?
        var labelTime = eventTime + plan.labelDelay
        if let labelField = plan.labelField {
            switch parseLabel(row[labelField]) {
            case .value(let value): label = value
            case .problem(let problem): throw malformed(row, labelField, problem)
            }
            if let labelTimeField = plan.labelTimeField, label != nil, !row[labelTimeField].isEmpty {
                switch encoder.times.time(of: row[labelTimeField]) {
                case .value(let time): labelTime = max(time, eventTime)
                case .problem(let problem): throw malformed(row, labelTimeField, problem)
                }
            }
        }
        return encoder.row(eventTime: eventTime, label: label, labelTime: labelTime, line: row.line)
    }

    @inline(never) func malformed(_ row: CSVRow, _ field: Int, _ problem: FieldProblem) -> MalformedRow {
        malformed(row, .field(column: plan.header[field], problem, value: printable(row[field])))
    }

    private func malformed(_ row: CSVRow, _ reason: MalformedRow.Reason) -> MalformedRow {
        MalformedRow(line: row.line, byteOffset: row.byteOffset, reason: reason)
    }
}
