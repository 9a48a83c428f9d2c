import EventModel

/// Encodes the fields of a row as Avro, in the order of the schema; what the parsers of tables and of JSON share.
struct RowEncoder: ~Copyable {
    var body = ByteWriter(capacity: 1_024)
    var times: EventTimeReader
    /// Decimals with more decimals than declared that were rounded because only floating-point noise was in them.
    private(set) var roundedDecimals = 0
    private let roundsNoise: Bool
    private var idNumber: Int64 = 0
    private var idStart: Int32 = -1
    private var idLength: Int32 = 0

    init(_ format: TimeFormat, roundsNoise: Bool) {
        times = EventTimeReader(format)
        self.roundsNoise = roundsNoise
    }

    /// Begins a row.
    mutating func removeAll() { body.removeAll() }

    /// Appends the id, which must not be empty.
    mutating func appendID(_ field: UnsafeRawBufferPointer, _ type: ColumnType) -> FieldProblem? {
        if field.isEmpty { return .emptyID }
        guard type == .string else {
            switch parseLong(field) {
            case .problem(let problem): return problem
            case .value(let number):
                body.appendVarint(number)
                (idNumber, idStart) = (number, -1)
                return nil
            }
        }
        if let problem = append(field, .string) { return problem }
        (idStart, idLength) = (Int32(body.count - field.count), Int32(field.count))
        return nil
    }

    /// Appends a field as a value of `type`, or says why it is none.
    @inline(__always) mutating func append(_ field: UnsafeRawBufferPointer, _ type: ColumnType) -> FieldProblem? {
        switch type {
        case .long:
            switch parseLong(field) {
            case .value(let value): body.appendVarint(value)
            case .problem(let problem): return problem
            }
        case .decimal(let scale):
            switch parseDecimalField(field, scale: scale) {
            case .value(let value): body.appendAvroDecimal(value)
            case .problem(let problem): return appendRoundedDecimal(field, scale: scale, or: problem)
            }
        case .double:
            switch parseDouble(field) {
            case .value(let value): body.appendAvro(value)
            case .problem(let problem): return problem
            }
        case .timestamp:
            switch times.time(of: field) {
            case .value(let time): body.appendVarint(time.milliseconds)
            case .problem(let problem): return problem
            }
        case .string: return appendText(field)
        }
        return nil
    }

    @inline(never) private mutating func appendRoundedDecimal(
        _ field: UnsafeRawBufferPointer, scale: Int, or problem: FieldProblem
    ) -> FieldProblem? {
        guard roundsNoise, problem == .tooManyDecimals(scale: scale),
            let value = roundedFloatingPointNoise(field, scale: scale)
        else { return problem }
        body.appendAvroDecimal(value)
        roundedDecimals += 1
        return nil
    }

    private mutating func appendText(_ field: UnsafeRawBufferPointer) -> FieldProblem? {
        guard isValidUTF8(field) else { return .notUTF8 }
        if field.contains(0) { return .containsNUL }
        body.appendAvro(field)
        return nil
    }

    /// The value of `type` that a field of this text has; it takes the row's place.
    mutating func value(of text: String, as type: ColumnType) -> Parsed<ColumnValue> {
        removeAll()
        let problem = Array(text.utf8).withUnsafeBytes { append($0, type) }
        if let problem { return .problem(problem) }
        var reader = ByteReader(body.bytes)
        return .value(reader.readAvro(type))
    }

    /// The row whose columns have been appended.
    func row(eventTime: EventTime, label: Bool?, labelTime: EventTime, line: Int) -> ParsedRow {
        ParsedRow(
            eventTime: eventTime, body: body.bytes, label: label, labelTime: labelTime, line: line, idNumber: idNumber,
            idStart: idStart, idLength: idLength)
    }
}

/// 0, 1, `false`, `true` (in any case); nothing is no label.
@inline(__always) func parseLabel(_ field: UnsafeRawBufferPointer) -> Parsed<Bool?> {
    if field.count == 1, field[0] | 1 == UInt8(ascii: "1") { return .value(field[0] == UInt8(ascii: "1")) }
    return parseLabelSlowly(field)
}

@inline(never) private func parseLabelSlowly(_ field: UnsafeRawBufferPointer) -> Parsed<Bool?> {
    if field.isEmpty { return .value(nil) }
    switch parseInteger(field) {
    case 0: return .value(false)
    case 1: return .value(true)
    default: break
    }
    switch String(decoding: field.prefix(8), as: UTF8.self).lowercased() {
    case "false": return .value(false)
    case "true": return .value(true)
    default: return .problem(.notALabel)
    }
}
