import CVarints
import EventModel

extension FuzzTarget {
    /// Values by a schema, and the texts that schemas and other JSON are read from.
    ///
    ///     kind 1 │ schema 2 │ a value          kind 0: the value, 1: an envelope before it
    ///     kind 1 │ text                        kind 2: JSON, 3: a schema (.avsc)
    static let avro = FuzzTarget(name: "avro", seeds: avroSeeds) { input in
        guard let kind = input.first else { return }
        let rest = UnsafeRawBufferPointer(rebasing: input[1...])
        switch kind & 3 {
        case 2: checkJSON(rest)
        case 3: checkSchemaText(rest)
        default:
            var reader = ByteReader(rest)
            let columns = columnTypes(of: reader.readBigEndian(UInt16.self))
            if kind & 3 == 1 { checkEnvelope(&reader) }
            checkValue(reader.readBytes(reader.remaining), columns)
        }
    }
}

/// One to six columns, their types the number's digits in base 5.
private func columnTypes(of number: UInt16) -> [ColumnType] {
    let types: [ColumnType] = [.long, .decimal(scale: 2), .double, .string, .timestamp]
    var columns: [ColumnType] = []
    var rest = Int(number)
    repeat {
        columns.append(types[rest % 5])
        rest /= 5
    } while rest > 0
    return columns
}

// MARK: values

private enum AvroField: Hashable {
    case integer(Int64)
    case decimal(Int64)
    case double(bits: UInt64)
    case text([UInt8])
}

private func checkEnvelope(_ reader: inout ByteReader) {
    guard let schema = reader.readEnvelope() else { return }
    var writer = ByteWriter()
    writer.appendEnvelope(schema)
    writer.bytes.withMemoryRebound(to: UInt8.self) { precondition($0.count == envelopeLength && $0[0] == 0) }
}

/// Decodes a value of these columns; what can be decoded can be stepped over, and comes out the same when encoded and
/// decoded again, in no more bytes.
private func checkValue(_ bytes: UnsafeRawBufferPointer, _ columns: [ColumnType]) {
    checkFastReading(bytes, columns)
    var reader = ByteReader(bytes)
    var skipping = ByteReader(bytes)
    var fields: [AvroField] = []
    for column in columns {
        fields.append(reader.readField(column))
        skipping.skipAvro(column)
        guard reader.isValid else {
            precondition(reader.remaining == 0 && reader.readVarint() == 0, "an invalid reader goes on reading")
            return
        }
        precondition(skipping.isValid && skipping.remaining == reader.remaining, "read and stepped over differ")
    }
    var writer = ByteWriter()
    for field in fields { writer.append(field) }
    precondition(writer.count <= bytes.count - reader.remaining, "the shortest encoding is longer than what was read")
    var again = ByteReader(writer.bytes)
    precondition(
        columns.map { again.readField($0) } == fields, "decoded, encoded and decoded again, it is not the same")
    precondition(again.isValid && again.remaining == 0, "the encoding does not end where its value does")
}

/// What the fast way reads of a row and of the same row once more, with the bytes behind it or without, is what the careful
/// way reads.
private func checkFastReading(_ bytes: UnsafeRawBufferPointer, _ columns: [ColumnType]) {
    guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
    var reader = ByteReader(bytes)
    let numbers: [Int64] = columns.map { column in
        switch reader.readField(column) {
        case .integer(let number), .decimal(let number): number
        case .double, .text: 0
        }
    }
    let (whole, row) = (start + bytes.count, start + (bytes.count - reader.remaining))
    let fields = columns.enumerated().map { $1.field(word: $0, salt: 3) }
    for (end, isRow) in [(row, reader.isValid), (whole, reader.isValid && reader.remaining == 0)] {
        for read in [tidemark_read_rows, tidemark_read_rows_by_shifts] {
            var words = [Int64](repeating: 0, count: 2 * columns.count)
            words.withUnsafeMutableBufferPointer { words in
                guard let target = words.baseAddress else { return }
                var rows = [0, columns.count].map {
                    tidemark_row(position: start, end: end, words: target + $0, hash: 0)
                }
                let count = read(&rows, 2, whole, fields, columns.count)
                guard count > 0 else { return }
                precondition(
                    isRow && count == 2 && words.elementsEqual(numbers + numbers), "the fast way reads another row")
            }
        }
    }
}

extension ByteReader {
    fileprivate mutating func readField(_ type: ColumnType) -> AvroField {
        switch type {
        case .long, .timestamp: return .integer(readVarint())
        case .decimal: return .decimal(readAvroDecimal())
        case .double: return .double(bits: readAvroDouble().bitPattern)
        case .string:
            let bytes = readAvroBytes()
            _ = isValidUTF8(bytes)
            return .text(Array(bytes))
        }
    }
}

extension ByteWriter {
    fileprivate mutating func append(_ field: AvroField) {
        switch field {
        case .integer(let value): appendVarint(value)
        case .decimal(let value): appendAvroDecimal(value)
        case .double(let bits): appendAvro(Double(bitPattern: bits))
        case .text(let text): text.withUnsafeBytes { appendAvro($0) }
        }
    }
}

// MARK: texts

/// What is read as JSON can be stepped over, and is the same when written and read again.
private func checkJSON(_ text: UnsafeRawBufferPointer) {
    var skipping = JSONReader(text)
    let isSkipped = (try? skipping.skipValue()) != nil && (try? skipping.readEnd()) != nil
    guard let value = try? JSONValue(parsing: text) else { return }
    precondition(isSkipped, "what can be read cannot be stepped over")
    let written = value.description
    for text in [written, value.prettyDescription] {
        guard let again = try? JSONValue(parsing: text) else { preconditionFailure("not read again: \(text)") }
        precondition(again == value && Array(again.description.utf8) == Array(written.utf8), "read again: \(text)")
    }
    checkNumbers(in: value)
}

private func checkNumbers(in value: JSONValue) {
    switch value {
    case .array(let elements): elements.forEach(checkNumbers)
    case .object(let members): members.forEach { checkNumbers(in: $0.value) }
    case .number:
        _ = value.double
        if let integer = value.int64 { precondition(JSONValue.number(integer).int64 == integer) }
        for scale in [0, 2, 18] {
            guard let unscaled = value.decimal(scale: scale) else { continue }
            precondition(JSONValue.decimal(unscaled, scale: scale).decimal(scale: scale) == unscaled)
        }
    case .string(let text):
        _ = ColumnType(text)
        _ = Column.isValidName(text)
        checkTime(text)
    case .null, .bool: break
    }
}

private func checkTime(_ text: String) {
    for format in TimeFormat.allCases {
        guard let time = format.time(of: text) else { continue }
        precondition(EventTime.range.contains(time), "a time out of range")
        precondition(TimeFormat.iso8601.time(of: time.description) == time, "\(time) is not read again")
    }
}

private func checkSchemaText(_ text: UnsafeRawBufferPointer) {
    do {
        let schema = try RecordSchema(avsc: text)
        precondition((try? RecordSchema(avsc: schema.avsc)) == schema, "a schema that is not read again")
    } catch {
        precondition(!error.description.isEmpty)
    }
}

// MARK: seeds

private let avroSeeds: @Sendable () -> [[UInt8]] = {
    let allTypes: UInt16 = (((4 * 5 + 3) * 5 + 2) * 5 + 1) * 5
    var value = ByteWriter()
    value.appendVarint(-123_456_789)
    value.appendAvroDecimal(5716)
    value.appendAvro(0.1)
    value.appendAvro("terminal-é")
    value.appendVarint(1_700_000_000_000)
    let columns = [UInt8(allTypes >> 8), UInt8(truncatingIfNeeded: allTypes)]
    let schema = RecordSchema(
        name: "Transaction",
        columns: [
            Column("id", .long), Column("amount", .decimal(scale: 2)), Column("score", .double),
            Column("terminal", .string), Column("time", .timestamp),
        ])
    let texts = [
        #"{"a": [1, -2.50, 1e3, true, false, null, {"b": "\u00e9\ud83d\ude00\n"}], "decimal(2)": "é"}"#,
        #"["2018-04-01T02:00:31.250+02:00", "1700000000", "decimal(18)", 92233720368547758.07, 0.000, -0E-5]"#,
    ]
    return [[0] + columns + value.array, [1] + columns + [0, 0, 0, 0, 9] + value.array]
        + texts.map { [2] + Array($0.utf8) } + [[3] + Array(schema.avsc.utf8)]
}
