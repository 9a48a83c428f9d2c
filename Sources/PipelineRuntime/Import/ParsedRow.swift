import EventModel

/// A transaction, an event or a change of a reference table, read from a table or a line of JSON. Its body lies in its parser's memory until the next row is
/// parsed.
public struct ParsedRow {
    public var eventTime: EventTime
    /// The Avro bytes of all fields behind the arrival time.
    public var body: UnsafeRawBufferPointer
    /// What the row says it turned out to be; nil when it does not say.
    public var label: Bool?
    /// When the label becomes known, never before the event time; meaningless without a label.
    public var labelTime: EventTime
    /// The line on which the row begins.
    public var line: Int
    /// Of which of an import's streams it is: by what schema it is written.
    public var stream: Int32 = 0
    /// Of a reference table: its event time is since when it holds, and moves no clock.
    public var isChange = false
    var idNumber: Int64
    /// Where a textual id lies in `body`; negative for a number.
    var idStart: Int32
    var idLength: Int32

    public var id: TransactionID {
        guard idStart >= 0 else { return .number(idNumber) }
        return .text(String(decoding: idBytes, as: UTF8.self))
    }

    /// The bytes of a textual id.
    var idBytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: body[Int(idStart)..<Int(idStart + idLength)])
    }
}

extension ByteWriter {
    /// Writes the value of a transaction record with its envelope.
    @inlinable public mutating func append(_ row: ParsedRow, schema: SchemaID, arrivalTime: EventTime) {
        reserve(envelopeLength + 10 + row.body.count)
        appendEnvelope(schema)
        appendVarintUnchecked(arrivalTime.milliseconds)
        append(contentsOf: row.body)
    }
}

/// A statement of what a transaction turned out to be, as a line of its own or taken from a table's label column.
public struct ParsedLabel: Hashable, Sendable {
    public var id: TransactionID
    public var isPositive: Bool
    /// Who says so, where the input says it.
    public var source: String?
    /// When it becomes known; nil: when it is read.
    public var time: EventTime?

    public init(id: TransactionID, isPositive: Bool, source: String? = nil, time: EventTime?) {
        self.id = id
        self.isPositive = isPositive
        self.source = source
        self.time = time
    }
}
