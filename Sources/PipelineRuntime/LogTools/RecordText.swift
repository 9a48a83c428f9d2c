import EventModel
import LogStorage

/// Writes records as text for other tools: a JSON object on a line each, or CSV of one kind.
///
///     {"offset":1,"timestamp":"2018-04-01T00:00:31Z","kind":"Transaction","key":null,"value":{...},"headers":{}}
///
/// A tombstone's value is null. A value without schema, or one that is not what its schema says, has no kind and stands
/// as `text` instead of `value`, or as `base64` where it is no UTF-8; so does a key, as `key_base64`. Decimals have all
/// decimals of their scale, times are as the record's.
struct RecordText: ~Copyable {
    enum Format {
        case json
        /// Offset, timestamp, key, then these columns.
        case csv(columns: [String])
    }

    /// How values of one schema are written.
    private struct Layout {
        /// The schema's columns with their quoted names and colons.
        var columns: [(name: [UInt8], type: ColumnType)]
        var kind: String
        /// In CSV: the schema's column that stands at each of the table's; nil: none.
        var places: [Int?]
    }

    private let format: Format
    private let kind: String?
    private let check: ValueCheck
    private var layouts: [Int32: Layout] = [:]
    private var times = TimeText()
    private var fields: [UnsafeRawBufferPointer] = []
    private(set) var buffer = ByteWriter(capacity: 1 << 17)
    /// In CSV: a column that the header lacks, of a schema that came later.
    private(set) var lateColumn: String?

    /// - Parameter kind: what is wanted; nil: all. CSV has one kind only.
    init(_ format: Format, kind: String?, schemas: SchemaRegistry) {
        self.format = format
        self.kind = kind
        check = ValueCheck(schemas)
    }

    /// Appends the header line, which only CSV has.
    mutating func appendHeader() {
        guard case .csv(let columns) = format else { return }
        var taken: Set<String> = ["offset", "timestamp", "key"]
        var names = ["offset", "timestamp", "key"]
        for column in columns {
            var name = column
            var number = 2
            while !taken.insert(name).inserted {
                name = "\(column)_\(number)"
                number += 1
            }
            names.append(name)
        }
        buffer.append(text: names.map(csvField).joined(separator: ",") + "\n")
    }

    mutating func removeAll() { buffer.removeAll() }

    /// Appends a record if it is of the kind that is wanted.
    /// - Returns: whether it is.
    mutating func append(_ record: RecordView) -> Bool {
        var reader = ByteReader(record.value)
        let body = reader
        var found: Layout?
        if !record.isTombstone, case .known(let id, let schema) = check.envelope(&reader), isWanted(schema.name) {
            let value = reader
            if ValueCheck.fits(&reader, schema) {
                found = layout(id, schema)
                reader = value
            }
        }
        if let kind, found?.kind != kind { return false }
        switch format {
        case .json: appendJSON(record, found, &reader, body)
        case .csv: if let found { appendCSV(record, found, &reader) } else { return false }
        }
        return true
    }

    private func isWanted(_ name: String) -> Bool { kind == nil || kind == name }

    private mutating func layout(_ id: SchemaID, _ schema: RecordSchema) -> Layout {
        if let known = layouts[id.number] { return known }
        var layout = Layout(columns: [], kind: schema.name, places: [])
        for column in schema.columns { layout.columns.append((Array("\"\(column.name)\":".utf8), column.type)) }
        if case .csv(let columns) = format {
            layout.places = columns.map { schema.index(of: $0) }
            lateColumn = lateColumn ?? schema.columns.first { !columns.contains($0.name) }?.name
        }
        layouts[id.number] = layout
        return layout
    }

    // MARK: JSON

    private mutating func appendJSON(
        _ record: RecordView, _ layout: Layout?, _ reader: inout ByteReader, _ body: ByteReader
    ) {
        buffer.append(text: "{\"offset\":")
        buffer.append(decimal: record.offset.value)
        buffer.append(text: ",\"timestamp\":")
        appendJSON(record.timestamp)
        buffer.append(text: ",\"kind\":")
        if let layout { buffer.appendJSON(layout.kind) } else { buffer.append(text: "null") }
        buffer.append(text: ",")
        if let key = record.key {
            appendJSON(key, as: "key", or: "key_base64")
        } else {
            buffer.append(text: "\"key\":null")
        }
        buffer.append(text: ",")
        if let layout {
            buffer.append(text: "\"value\":{")
            for (index, column) in layout.columns.enumerated() {
                if index > 0 { buffer.append(UInt8(ascii: ",")) }
                column.name.withUnsafeBytes { buffer.append(contentsOf: $0) }
                appendJSON(&reader, column.type)
            }
            buffer.append(text: "}")
        } else if record.isTombstone {
            buffer.append(text: "\"value\":null")
        } else {
            appendJSON(record.value, as: "text", or: "base64")
        }
        buffer.append(text: ",\"headers\":")
        let headers = record.headers
        if headers.isEmpty { buffer.append(text: "{}") } else { buffer.append(Self.json(headers)) }
        buffer.append(text: "}\n")
    }

    private mutating func appendJSON(_ reader: inout ByteReader, _ type: ColumnType) {
        switch type {
        case .long: buffer.append(decimal: reader.readVarint())
        case .decimal(let scale): buffer.append(decimal: reader.readAvroDecimal(), scale: scale)
        case .timestamp: appendJSON(EventTime(milliseconds: reader.readVarint()))
        case .string: buffer.appendJSON(reader.readAvroString())
        case .double:
            let number = reader.readAvroDouble()
            buffer.append(text: number.isFinite ? "\(number)" : "null")
        }
    }

    /// A time as text; one that no text can hold as milliseconds.
    private mutating func appendJSON(_ time: EventTime) {
        guard EventTime.range.contains(time) else { return buffer.append(decimal: time.milliseconds) }
        buffer.append(UInt8(ascii: "\""))
        times.append(time, to: &buffer)
        buffer.append(UInt8(ascii: "\""))
    }

    private mutating func appendJSON(_ bytes: UnsafeRawBufferPointer, as name: String, or binaryName: String) {
        let isText = isValidUTF8(bytes)
        buffer.appendJSON(isText ? name : binaryName)
        buffer.append(UInt8(ascii: ":"))
        buffer.appendJSON(isText ? String(decoding: bytes, as: UTF8.self) : base64(bytes))
    }

    /// Headers by name; a list where a name comes more than once.
    private static func json(_ headers: [RecordHeader]) -> JSONValue {
        var names: [String] = []
        var values: [String: [JSONValue]] = [:]
        for header in headers {
            if values[header.key] == nil { names.append(header.key) }
            let value = header.value.map { bytes in
                bytes.withUnsafeBytes { isValidUTF8($0) }
                    ? JSONValue.string(String(decoding: bytes, as: UTF8.self))
                    : .object([JSONMember("base64", .string(base64(bytes)))])
            }
            values[header.key, default: []].append(value ?? .null)
        }
        return .object(
            names.map { name in
                let all = values[name] ?? []
                return JSONMember(name, all.count == 1 ? all[0] : .array(all))
            })
    }

    // MARK: CSV

    private mutating func appendCSV(_ record: RecordView, _ layout: Layout, _ reader: inout ByteReader) {
        buffer.append(decimal: record.offset.value)
        buffer.append(UInt8(ascii: ","))
        appendCSV(record.timestamp)
        buffer.append(UInt8(ascii: ","))
        if let key = record.key {
            buffer.append(text: csvField(isValidUTF8(key) ? String(decoding: key, as: UTF8.self) : base64(key)))
        }
        fields.removeAll(keepingCapacity: true)
        for column in layout.columns { fields.append(reader.readField(column.type)) }
        for place in layout.places {
            buffer.append(UInt8(ascii: ","))
            guard let place else { continue }
            var field = ByteReader(fields[place])
            appendCSV(&field, layout.columns[place].type)
        }
        buffer.append(UInt8(ascii: "\n"))
    }

    private mutating func appendCSV(_ reader: inout ByteReader, _ type: ColumnType) {
        switch type {
        case .long: buffer.append(decimal: reader.readVarint())
        case .decimal(let scale): buffer.append(decimal: reader.readAvroDecimal(), scale: scale)
        case .timestamp: appendCSV(EventTime(milliseconds: reader.readVarint()))
        case .string: buffer.append(text: csvField(reader.readAvroString()))
        case .double: buffer.append(text: "\(reader.readAvroDouble())")
        }
    }

    private mutating func appendCSV(_ time: EventTime) {
        if EventTime.range.contains(time) {
            times.append(time, to: &buffer)
        } else {
            buffer.append(decimal: time.milliseconds)
        }
    }
}

extension ByteReader {
    /// The bytes of a value of `type`, in place.
    fileprivate mutating func readField(_ type: ColumnType) -> UnsafeRawBufferPointer {
        var rest = self
        skipAvro(type)
        return rest.readBytes(rest.remaining - remaining)
    }
}
