/// The type of a column: how the log holds it and what can be computed from it.
public enum ColumnType: Hashable, Sendable, CustomStringConvertible {
    /// A 64-bit integer; Avro `long`.
    case long
    /// A number with `scale` decimals (0 to 18), held as an integer; Avro `bytes` with the logical type `decimal`.
    case decimal(scale: Int)
    /// A finite 64-bit floating-point number; Avro `double`.
    case double
    /// UTF-8 text; Avro `string`.
    case string
    /// A time in milliseconds; Avro `long` with the logical type `timestamp-millis`.
    case timestamp

    public var description: String {
        switch self {
        case .long: "long"
        case .decimal(let scale): "decimal(\(scale))"
        case .double: "double"
        case .string: "string"
        case .timestamp: "timestamp"
        }
    }

    /// Reads `long`, `double`, `string`, `timestamp`, `decimal(2)`.
    public init?(_ text: String) {
        switch text {
        case "long": self = .long
        case "double": self = .double
        case "string": self = .string
        case "timestamp": self = .timestamp
        default:
            guard text.hasPrefix("decimal("), text.hasSuffix(")"), let scale = Int(text.dropFirst(8).dropLast()),
                (0...18).contains(scale)
            else { return nil }
            self = .decimal(scale: scale)
        }
    }
}

/// A field of a record schema.
public struct Column: Hashable, Sendable {
    public let name: String
    public let type: ColumnType
    /// What a record has here that was written without the column; nil: such a record cannot be read.
    public let `default`: ColumnValue?
    /// Names that the column had before.
    public let aliases: [String]

    /// - Parameter default: a value of `type`.
    public init(_ name: String, _ type: ColumnType, default: ColumnValue? = nil, aliases: [String] = []) {
        precondition(`default`?.fits(type) ?? true, "the default of column \(name) is no \(type)")
        self.name = name
        self.type = type
        self.default = `default`
        self.aliases = aliases
    }

    /// Whether Avro allows `name`: a letter or underscore, then letters, digits and underscores.
    public static func isValidName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(48...57).contains(first) else { return false }
        return name.utf8.allSatisfy {
            (65...90).contains($0) || (97...122).contains($0) || (48...57).contains($0) || $0 == 95
        }
    }
}

/// An Avro record schema: what the values of one kind of record look like.
public struct RecordSchema: Hashable, Sendable {
    /// The record's name within the namespace `tidemark`; it tells the kind (`Transaction`, `Label`, ...).
    public var name: String
    public var columns: [Column]

    public init(name: String, columns: [Column]) {
        self.name = name
        self.columns = columns
    }

    public func index(of column: String) -> Int? { columns.firstIndex { $0.name == column } }
}

/// The number under which a log's `schemas` folder keeps a schema: 1, 2, ...
public struct SchemaID: Hashable, Sendable, CustomStringConvertible {
    public var number: Int32

    @inlinable public init(_ number: Int32) { self.number = number }

    public var description: String { String(number) }
}
