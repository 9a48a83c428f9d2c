import EventModel

// A change of a reference table as a row: its event time is since when it holds, its body what it does and the table's
// columns. A row without a time always was.

extension TransactionParser {
    /// The change that a row of a reference table is.
    mutating func parseChange(_ row: CSVRow) throws(MalformedRow) -> ParsedRow {
        var effective = EventTime.range.lowerBound
        if plan.eventTimeField >= 0, !row[plan.eventTimeField].isEmpty {
            switch encoder.times.time(of: row[plan.eventTimeField]) {
            case .value(let time): effective = time
            case .problem(let problem): throw malformed(row, plan.eventTimeField, problem)
            }
        }
        var operation = TableOperation.insert
        if let field = plan.operationField {
            guard let found = TableOperation(text: String(decoding: row[field], as: UTF8.self)) else {
                throw malformed(row, field, .notAnOperation)
            }
            operation = found
        }
        encoder.removeAll()
        encoder.body.appendAvro(operation.rawValue)
        for index in 0..<plan.fields.count {
            let isKey = plan.keyIndices.contains(index)
            if operation == .delete, !isKey {
                encoder.appendNothing(as: plan.columns[index].type)
                continue
            }
            let field = row[plan.fields[index]]
            let type = plan.columns[index].type
            if let problem = isKey ? encoder.appendID(field, type) : encoder.append(field, type) {
                throw malformed(row, plan.fields[index], problem)
            }
        }
        return encoder.change(since: effective, line: row.line)
    }
}

extension RowEncoder {
    /// Appends what a deletion has for a column that is no key.
    mutating func appendNothing(as type: ColumnType) {
        switch type {
        case .long, .timestamp: body.appendVarint(0)
        case .decimal: body.appendAvroDecimal(0)
        case .double: body.appendAvro(0.0)
        case .string: body.appendAvro("")
        }
    }

    /// The change whose operation and columns have been appended.
    func change(since effective: EventTime, line: Int) -> ParsedRow {
        var row = row(eventTime: effective, label: nil, labelTime: effective, line: line)
        row.isChange = true
        return row
    }
}

/// A change of a reference table from a line of JSON.
public struct ParsedChange {
    public var table: String
    /// Valid until the next line is parsed.
    public var row: ParsedRow
    /// Whether it says since when it holds; otherwise the row always was.
    public var hasTime: Bool
    public var operation: TableOperation
}

/// Reads changes of reference tables from objects of JSON.
///
///     {"table": "merchants", "op": "update", "TERMINAL_ID": 7, "MCC": "5411", "at": "2018-06-01"}
///
/// and what change capture sends (`payload` around it may be left out):
///
///     {"payload": {"op": "u", "before": ..., "after": {"TERMINAL_ID": 7, "MCC": "5411"},
///                  "source": {"table": "merchants", "ts_ms": 1527811200000}, "ts_ms": ...}}
///
/// `op` is insert, update or delete, or c, u, d, or r for a row that was there already; without it, a row is inserted.
/// A row has all the table's columns (those with a default may be left out); a deletion needs the key only. It holds
/// since the table's column for that, or `at` in the same format, or the source's `ts_ms`.
struct TableChangeReader: ~Copyable {
    private struct Table {
        var specification: TableSpecification
        var schema: RecordSchema
    }

    private let tables: [Table]
    private var encoders: [RowEncoderBox] = []

    private final class RowEncoderBox {
        var encoder: RowEncoder

        init(_ format: TimeFormat, roundsNoise: Bool) { encoder = RowEncoder(format, roundsNoise: roundsNoise) }
    }

    init(_ specification: InputSpecification, roundingNoise: Bool) {
        tables = specification.tables.map {
            Table(specification: $0, schema: .change(of: $0.name, columns: $0.columns))
        }
        encoders = tables.map { RowEncoderBox($0.specification.effectiveTimeFormat, roundsNoise: roundingNoise) }
    }

    func schema(ofTable name: String) -> RecordSchema? { tables.first { $0.specification.name == name }?.schema }

    /// The change that a line says.
    func read(_ line: InputLine) throws(MalformedRow.Reason) -> ParsedChange {
        let json: JSONValue
        do { json = try JSONValue(parsing: line.bytes) } catch { throw .json(error) }
        let envelope = json["payload"] ?? json
        let isCapture = envelope["after"] != nil || envelope["before"] != nil
        guard let name = json["table"]?.string ?? envelope["table"]?.string ?? envelope["source"]?["table"]?.string
        else { throw .missingField(column: "table") }
        guard let index = tables.firstIndex(where: { $0.specification.name == name }) else {
            throw .unknownTable(name, known: tables.map(\.specification.name))
        }
        let text = envelope["op"]
        guard let operation = text == nil ? .insert : text?.string.flatMap({ TableOperation(text: $0) }) else {
            throw .field(column: "op", .notAnOperation, value: text.map { "\($0)" } ?? "")
        }
        let member = operation == .delete ? "before" : "after"
        let row = isCapture ? envelope[member] ?? .null : envelope
        guard row.members != nil else { throw .changeWithoutRow(member) }
        let box = encoders[index]
        var time = try self.time(in: row, envelope, index, box)
        // A row that was there when capture began held before, nobody knows since when.
        if time == nil, isCapture, text?.string != "r" { time = try captureTime(envelope) }
        let hasTime = time != nil || (isCapture && text?.string == "r")
        try append(row, operation, tables[index].specification, box)
        return ParsedChange(
            table: name, row: box.encoder.change(since: time ?? EventTime.range.lowerBound, line: line.number),
            hasTime: hasTime, operation: operation)
    }

    private func append(
        _ row: JSONValue, _ operation: TableOperation, _ table: TableSpecification, _ box: RowEncoderBox
    ) throws(MalformedRow.Reason) {
        box.encoder.removeAll()
        box.encoder.body.appendAvro(operation.rawValue)
        for column in table.columns {
            let isKey = table.keyColumns.contains(column.name)
            if operation == .delete, !isKey {
                box.encoder.appendNothing(as: column.type)
                continue
            }
            let value = ([column.name] + column.aliases).lazy.compactMap { row[$0] }.first ?? .null
            if value.isNull, let standIn = column.default {
                box.encoder.body.appendAvro(standIn, as: column.type)
                continue
            }
            let text = try scalar(value, column.name)
            let problem = Array(text.utf8).withUnsafeBytes {
                isKey ? box.encoder.appendID($0, column.type) : box.encoder.append($0, column.type)
            }
            if let problem { throw .field(column: column.name, problem, value: text) }
        }
    }

    /// A scalar's text.
    private func scalar(_ value: JSONValue, _ name: String) throws(MalformedRow.Reason) -> String {
        switch value {
        case .null: throw .missingField(column: name)
        case .string(let text), .number(let text): return text
        case .bool(let flag): return "\(flag)"
        case .array, .object: throw .field(column: name, .notAScalar, value: "")
        }
    }

    /// Since when the row itself says that it holds.
    private func time(
        in row: JSONValue, _ envelope: JSONValue, _ table: Int, _ box: RowEncoderBox
    ) throws(MalformedRow.Reason) -> EventTime? {
        for name in [tables[table].specification.effectiveTimeColumn, "at"] {
            guard let name, let value = row[name] ?? envelope[name], !value.isNull else { continue }
            let text = try scalar(value, name)
            switch Array(text.utf8).withUnsafeBytes({ box.encoder.times.time(of: $0) }) {
            case .value(let time): return time
            case .problem(let problem): throw .field(column: name, problem, value: text)
            }
        }
        return nil
    }

    /// When the change was made in its database, or else when capture saw it.
    private func captureTime(_ envelope: JSONValue) throws(MalformedRow.Reason) -> EventTime? {
        guard let value = envelope["source"]?["ts_ms"] ?? envelope["ts_ms"], !value.isNull else { return nil }
        let text = try scalar(value, "ts_ms")
        guard let number = value.int64, EventTime.range.contains(EventTime(milliseconds: number)) else {
            throw .field(column: "ts_ms", .notATime(.milliseconds), value: text)
        }
        return EventTime(milliseconds: number)
    }
}
