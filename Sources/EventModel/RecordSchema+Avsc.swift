/// A schema file (`.avsc`) that cannot be read, or says something that the log does not hold.
public enum AvscError: Error, Hashable, Sendable, CustomStringConvertible {
    case json(JSONError)
    /// The top level is no `{"type": "record", "name": ..., "fields": [...]}`.
    case notARecord
    /// A field without a name that Avro allows.
    case field(index: Int)
    case duplicateField(String)
    case type(field: String, found: String)

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
        }
    }
}

extension RecordSchema {
    /// Reads what `avsc` writes. The namespace, documentation, aliases and defaults are passed over.
    public init(avsc: UnsafeRawBufferPointer) throws(AvscError) {
        let json: JSONValue
        do { json = try JSONValue(parsing: avsc) } catch { throw .json(error) }
        guard json["type"]?.string == "record", let fields = json["fields"]?.elements,
            let name = json["name"]?.string?.split(separator: ".").last.map(String.init), Column.isValidName(name)
        else { throw .notARecord }
        self.init(name: name, columns: [])
        for (index, field) in fields.enumerated() {
            guard let name = field["name"]?.string, Column.isValidName(name) else { throw .field(index: index) }
            if self.index(of: name) != nil { throw .duplicateField(name) }
            guard let type = ColumnType(avro: field["type"] ?? .null) else {
                throw .type(field: name, found: (field["type"] ?? .null).description)
            }
            columns.append(Column(name, type))
        }
    }

    public init(avsc: String) throws(AvscError) {
        let bytes = Array(avsc.utf8)
        self = try bytes.withUnsafeBufferPointer { (bytes) throws(AvscError) in
            try RecordSchema(avsc: UnsafeRawBufferPointer(bytes))
        }
    }
}

extension ColumnType {
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
}
