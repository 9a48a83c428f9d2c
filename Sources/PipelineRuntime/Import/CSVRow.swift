/// A row of a table: its fields as bytes, in place. It is valid until its reader is called again.
public struct CSVRow {
    struct Field {
        var start: Int32
        var end: Int32
    }

    let base: UnsafePointer<UInt8>
    let fields: UnsafePointer<Field>
    /// The number of fields, at least 1.
    public let count: Int
    /// The line on which the row begins; 1 is the input's first.
    public let line: Int
    /// Bytes of input before the row.
    public let byteOffset: Int
    /// Whether a line feed ended it; the last row of an input may be cut short where it has none.
    public let isTerminated: Bool

    /// The field's bytes without the quotes around them.
    @inline(__always) public subscript(index: Int) -> UnsafeRawBufferPointer {
        precondition(index >= 0 && index < count, "a row has no field of this index")
        let field = fields[index]
        return UnsafeRawBufferPointer(start: base + Int(field.start), count: Int(field.end &- field.start))
    }

    /// The fields as text; nil when one is not UTF-8.
    public var strings: [String]? {
        var strings: [String] = []
        for index in 0..<count {
            guard let text = String(validating: self[index], as: UTF8.self) else { return nil }
            strings.append(text)
        }
        return strings
    }
}
