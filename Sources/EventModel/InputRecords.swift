// The kinds of record that an input log holds, and their schemas. A transaction's schema is the user's own columns
// behind the arrival time; its event time is the record's timestamp. So is that of an event of another kind.

/// A statement of what a transaction turned out to be.
public struct Label: Hashable, Sendable {
    /// The transaction's id, as text when the id column is a string.
    public var transactionID: TransactionID
    /// True: fraud.
    public var isPositive: Bool
    /// Who says so: `csv`, `analyst`, `chargeback`, ...
    public var source: String

    public init(transactionID: TransactionID, isPositive: Bool, source: String) {
        self.transactionID = transactionID
        self.isPositive = isPositive
        self.source = source
    }
}

/// The identity that the outside gives a transaction.
public enum TransactionID: Hashable, Sendable, CustomStringConvertible {
    case number(Int64)
    case text(String)

    public var description: String {
        switch self {
        case .number(let number): String(number)
        case .text(let text): text
        }
    }
}

/// An input record that changes what is served or decided.
public enum Command: Hashable, Sendable {
    /// Event time has come as far as the record's timestamp although no transaction says so.
    case heartbeat
}

extension RecordSchema {
    /// The name of the field that holds when a record reached the log.
    public static let arrivalTimeColumn = "arrival_time"

    /// A transaction with the given columns (the event-time column left out: it is the record's timestamp).
    public static func transaction(columns: [Column]) -> RecordSchema {
        RecordSchema(name: "Transaction", columns: [Column(arrivalTimeColumn, .timestamp)] + columns)
    }

    /// How the names of the schemas of other kinds of events begin.
    public static let eventPrefix = "Event_"

    /// An event of another kind, with the given columns.
    public static func event(kind: String, columns: [Column]) -> RecordSchema {
        RecordSchema(name: eventPrefix + kind, columns: [Column(arrivalTimeColumn, .timestamp)] + columns)
    }

    /// A label for transactions whose id has `idType`.
    public static func label(idType: ColumnType) -> RecordSchema {
        RecordSchema(
            name: "Label",
            columns: [Column("transaction_id", idType), Column("value", .long), Column("source", .string)])
    }

    public static let command = RecordSchema(name: "Command", columns: [Column("kind", .string)])
}

extension ByteWriter {
    /// Writes the value of a label record (without its envelope).
    public mutating func appendAvro(_ label: Label) {
        switch label.transactionID {
        case .number(let number): appendVarint(number)
        case .text(let text): appendAvro(text)
        }
        appendVarint(label.isPositive ? 1 : 0)
        appendAvro(label.source)
    }
}
