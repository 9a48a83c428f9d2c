/// A source that cannot be imported at all: its header and the specification do not fit.
public enum ImportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What the specification needs a column for.
    public enum Role: String, Hashable, Sendable {
        case declared = "declared"
        case eventTime = "event-time"
        case label = "label"
        case labelTime = "label-time"
        case operation = "operation"
    }

    case missingColumn(String, Role, header: [String])
    /// A name stands twice in the header or in the specification.
    case duplicateColumn(String)
    /// A declared column has a name that Avro does not allow.
    case invalidName(String)
    /// A declared column is also the event time, the label, the label's time or `arrival_time`, which a transaction's
    /// columns leave out.
    case reservedColumn(String)
    /// The id column is not declared, or neither `long` nor `string`.
    case invalidID(String)

    public var description: String {
        switch self {
        case .missingColumn(let name, let role, let header):
            "the \(role.rawValue) column '\(name)' is not in the header (\(header.joined(separator: ",")))"
        case .duplicateColumn(let name): "two columns have the name '\(name)'"
        case .invalidName(let name):
            "column '\(name)': a declared name begins with a letter or _ and has only letters, digits and _"
        case .reservedColumn(let name):
            """
            column '\(name)' is kept apart from a transaction's columns (event time, label or arrival time); do not \
            declare it as one of them
            """
        case .invalidID(let name): "the id column '\(name)' is not declared as long or string"
        }
    }
}
