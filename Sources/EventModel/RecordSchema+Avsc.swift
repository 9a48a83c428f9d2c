/// A schema file (`.avsc`) that cannot be read, or says something that the log does not hold.
public enum AvscError: Error, Hashable, Sendable, CustomStringConvertible {
    case json(JSONError)
    /// The top level is no `{"type": "record", "name": ..., "fields": [...]}`.
    case notARecord
    /// A field without a name that Avro allows.
    case field(index: Int)
    case duplicateField(String)
    case type(field: String, found: String)
    case defaultValue(field: String, type: ColumnType, found: String)
    /// Aliases that are no list of names that Avro allows.
    case aliases(field: String, found: String)

    public var description: String {
        switch self {
        case .json(let error): "Avro schema: \(error)"
        case .notARecord: "Avro schema: expected an object with \"type\": \"record\", a \"name\" and \"fields\""
        case .field(let index): "Avro schema: field \(index) has no name of letters, digits and underscores"
        case .duplicateField(let name): "Avro schema: the field \(name) stands there twice"
        case .type(let field, let found):
            """
            Avro schema: field \(field) has the type \(found); expected long, double, string, timestamp-millis or \
            decimal as bytes (precision up to 18)
            """
        case .defaultValue(let field, let type, let found):
            "Avro schema: field \(field) has the default \(found), which is no \(type)"
        case .aliases(let field, let found):
            "Avro schema: field \(field) has the aliases \(found); expected a list of names"
        }
    }
}

extension RecordSchema {
    /// The schema as Avro's JSON, one field a line.
    public var avsc: String { avsc(metadata: []) }

    /// The schema as Avro's JSON, with attributes of our own before all others; Avro passes over what it does not know.
    public func avsc(metadata: [JSONMember]) -> String {
        let attributes: [JSONMember] =
            metadata + [
                JSONMember("type", "record"), JSONMember("namespace", "tidemark"), JSONMember("name", .string(name)),
            ]
        let lines = attributes.map { "  \(JSONValue.string($0.key)): \($0.value)," } + ["  \"fields\": ["]
        return """
            {
            \(lines.joined(separator: "\n"))
            \(columns.map { "    " + $0.avsc }.joined(separator: ",\n"))
              ]
            }

            """
    }

    /// Reads what `avsc` writes. The namespace, documentation and attributes that are not Avro's are passed over.
    public init(avsc: UnsafeRawBufferPointer) throws(AvscError) {
        let json: JSONValue
        do { json = try JSONValue(parsing: avsc) } catch { throw .json(error) }
        guard json["type"]?.string == "record", let fields = json["fields"]?.elements,
            let name = json["name"]?.string?.split(separator: ".").last.map(String.init), Column.isValidName(name)
        else { throw .notARecord }
        self.init(name: name, columns: [])
        for (index, field) in fields.enumerated() {
            let column = try Column(avsc: field, index: index)
            if self.index(of: column.name) != nil { throw .duplicateField(column.name) }
            columns.append(column)
        }
    }

    public init(avsc: String) throws(AvscError) {
        let bytes = Array(avsc.utf8)
        self = try bytes.withUnsafeBufferPointer { (bytes) throws(AvscError) in
            try RecordSchema(avsc: UnsafeRawBufferPointer(bytes))
        }
    }
}

extension Column {
    fileprivate var avsc: String {
        var text = "{\"name\": \"\(name)\", \"type\": \(type.avsc)"
        if let value = self.default { text += ", \"default\": \(type.avroDefault(value))" }
        if !aliases.isEmpty { text += ", \"aliases\": \(JSONValue.array(aliases.map(JSONValue.string)))" }
        return text + "}"
    }

    fileprivate init(avsc field: JSONValue, index: Int) throws(AvscError) {
        guard let name = field["name"]?.string, Column.isValidName(name) else { throw .field(index: index) }
        guard let type = ColumnType(avro: field["type"] ?? .null) else {
            throw .type(field: name, found: (field["type"] ?? .null).description)
        }
        var value: ColumnValue?
        if let json = field["default"] {
            value = type.value(avroDefault: json)
            if value == nil { throw .defaultValue(field: name, type: type, found: json.description) }
        }
        var aliases: [String] = []
        if let json = field["aliases"] {
            aliases = json.elements?.compactMap(\.string) ?? []
            guard aliases.count == json.elements?.count, aliases.allSatisfy(Column.isValidName) else {
                throw .aliases(field: name, found: json.description)
            }
        }
        self.init(name, type, default: value, aliases: aliases)
    }
}

extension ColumnType {
    fileprivate var avsc: String {
        switch self {
        case .long: "\"long\""
        case .double: "\"double\""
        case .string: "\"string\""
        case .timestamp: "{\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}"
        case .decimal(let scale):
            "{\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": 18, \"scale\": \(scale)}"
        }
    }

    fileprivate init?(avro type: JSONValue) {
        switch (type["type"]?.string ?? type.string, type["logicalType"]?.string) {
        case ("long", nil): self = .long
        case ("long", "timestamp-millis"): self = .timestamp
        case ("double", nil): self = .double
        case ("string", nil): self = .string
        case ("bytes", "decimal"):
            let scale = type["scale"] ?? 0
            guard let precision = type["precision"]?.int, (1...18).contains(precision), let scale = scale.int,
                (0...precision).contains(scale)
            else { return nil }
            self = .decimal(scale: scale)
        default: return nil
        }
    }

    /// Avro writes a default in JSON; that of bytes is a string whose code points 0 to 255 are the bytes.
    fileprivate func avroDefault(_ value: ColumnValue) -> JSONValue {
        switch value {
        case .text(let text): return .string(text)
        case .double(let number): return .number(number)
        case .integer(let number):
            guard case .decimal = self else { return .number(number) }
            var writer = ByteWriter()
            writer.appendAvroDecimal(number)
            var reader = ByteReader(writer.bytes)
            let bytes = reader.readAvroBytes()
            return .string(String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) })))
        }
    }

    fileprivate func value(avroDefault json: JSONValue) -> ColumnValue? {
        let value: ColumnValue?
        switch self {
        case .string: value = json.string.map(ColumnValue.text)
        case .double: value = json.double.map(ColumnValue.double)
        case .long, .timestamp: value = json.int64.map(ColumnValue.integer)
        case .decimal:
            let bytes = json.string?.unicodeScalars.map { UInt8(exactly: $0.value) }
            guard let bytes, bytes.allSatisfy({ $0 != nil }) else { return nil }
            var writer = ByteWriter()
            writer.appendVarint(Int64(bytes.count))
            for case let byte? in bytes { writer.append(byte) }
            var reader = ByteReader(writer.bytes)
            let number = reader.readAvroDecimal()
            value = reader.isValid ? .integer(number) : nil
        }
        return value.flatMap { $0.fits(self) ? $0 : nil }
    }
}
