import EventModel

/// Who a table's records come from, as the producer id of their batches: the same table under another name, with other
/// line ends, through standard input, or grown since, is the same source.
public struct SourceIdentity: Hashable, Sendable, CustomStringConvertible {
    /// 63 bits, not negative.
    public let value: Int64

    private init(hash: UInt64) { value = Int64(hash >> 1) }

    /// A table, known by its header and its first data row, and by the kind of its events where they are no
    /// transactions.
    public init(header: [String], firstRow: CSVRow, kind: String? = nil) {
        var hash = mixed(UInt64(header.count))
        if let kind { hash = mixed(hash, stableHash(kind)) }
        for name in header { hash = mixed(hash, stableHash(name)) }
        for index in 0..<firstRow.count { hash = mixed(hash, stableHash(firstRow[index])) }
        self.init(hash: mixed(hash))
    }

    /// Lines of JSON, known by the first.
    public init(firstLine: InputLine) { self.init(hash: mixed(stableHash(firstLine.bytes), 1)) }

    public var description: String { String(value, radix: 16) }
}
