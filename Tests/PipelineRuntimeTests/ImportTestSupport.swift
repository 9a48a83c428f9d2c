import EventModel

@testable import PipelineRuntime

struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return mixed(state)
    }
}

/// What a reader gave, in order: rows as text and malformed ones.
enum ReadRow: Equatable {
    case row([String], line: Int, offset: Int)
    case malformed(MalformedRow)
}

/// Reads `text` in chunks of the given size; the last argument of `read` says where each chunk ends.
func readRows(_ text: [UInt8], chunk: Int, limit: Int = 1 << 20) -> (rows: [ReadRow], emptyLines: Int) {
    readRows(
        stride(from: 0, to: text.count, by: chunk).map { Array(text[$0..<min($0 + chunk, text.count)]) }, limit: limit)
}

func readRows(_ chunks: [[UInt8]], limit: Int = 1 << 20) -> (rows: [ReadRow], emptyLines: Int) {
    var reader = CSVRowReader(maximumRowLength: limit)
    var rows: [ReadRow] = []
    for chunk in chunks {
        chunk.withUnsafeBytes { reader.append($0) }
        drain(&reader, &rows)
    }
    reader.finish()
    drain(&reader, &rows)
    return (rows, reader.emptyLines)
}

private func drain(_ reader: inout CSVRowReader, _ rows: inout [ReadRow]) {
    while true {
        do {
            guard let row = try reader.next() else { return }
            let fields = (0..<row.count).map { String(decoding: row[$0], as: UTF8.self) }
            rows.append(.row(fields, line: row.line, offset: row.byteOffset))
        } catch { rows.append(.malformed(error)) }
    }
}

extension InputSpecification {
    static let example = InputSpecification(
        columns: [
            Column("id", .long), Column("card", .string), Column("amount", .decimal(scale: 2)),
            Column("score", .double),
            Column("since", .timestamp),
        ],
        idColumn: "id", eventTimeColumn: "time", eventTimeFormat: .iso8601,
        label: LabelSpecification(column: "fraud", delay: 7 * .day, timeColumn: "known"), aheadTolerance: .hour)
}

/// A transaction's values by column name as text, read back from its Avro bytes.
func values(of row: ParsedRow, _ schema: RecordSchema) -> [String: String] {
    var reader = ByteReader(row.body)
    var values: [String: String] = [:]
    for column in schema.columns.dropFirst() {
        values[column.name] =
            switch column.type {
            case .long: String(reader.readVarint())
            case .timestamp: EventTime(milliseconds: reader.readVarint()).description
            case .double: "\(reader.readAvroDouble())"
            case .string: reader.readAvroString()
            case .decimal(let scale): decimalDescription(reader.readAvroDecimal(), scale: scale)
            }
    }
    return reader.isValid && reader.remaining == 0 ? values : [:]
}

/// Parses one line of the example's table.
func parse(
    _ line: String, header: String = "id,time,card,amount,score,since,fraud,known,note",
    _ specification: InputSpecification = .example
) throws -> (row: ParsedRow, values: [String: String], id: TransactionID) {
    try parse(Array(line.utf8), header: header, specification)
}

func parse(
    _ line: [UInt8], header: String = "id,time,card,amount,score,since,fraud,known,note",
    _ specification: InputSpecification = .example
) throws -> (row: ParsedRow, values: [String: String], id: TransactionID) {
    var parser = try TransactionParser(specification, header: header.split(separator: ",").map(String.init))
    var reader = CSVRowReader()
    (Array(header.utf8) + [10] + line).withUnsafeBytes { reader.append($0) }
    reader.finish()
    _ = try reader.next()
    guard let csv = try reader.next() else { throw MalformedRow(line: 0, byteOffset: 0, reason: .notAnObject) }
    let row = try parser.parse(csv)
    return (row, values(of: row, parser.schema), row.id)
}
