extension JSONValue {
    /// Reads JSON text (RFC 8259) strictly: UTF-8 without a byte-order mark, nothing behind the value, no key twice in
    /// an object (keys that differ only in Unicode normalisation count as one), at most 64 levels of nesting.
    public init(parsing text: UnsafeRawBufferPointer) throws(JSONError) {
        var reader = JSONReader(text)
        self = try Self.read(&reader, depth: 0)
        try reader.readEnd()
    }

    public init(parsing text: String) throws(JSONError) {
        let bytes = Array(text.utf8)
        self = try bytes.withUnsafeBufferPointer { (bytes) throws(JSONError) in
            try JSONValue(parsing: UnsafeRawBufferPointer(bytes))
        }
    }

    private static func read(_ reader: inout JSONReader, depth: Int) throws(JSONError) -> JSONValue {
        switch reader.peek() {
        case UInt8(ascii: "\""): return .string(try reader.readString().string)
        case UInt8(ascii: "t"):
            try reader.readWord("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try reader.readWord("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try reader.readWord("null")
            return .null
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            try reader.readArray(depth: depth) { (reader) throws(JSONError) in
                elements.append(try read(&reader, depth: depth + 1))
            }
            return .array(elements)
        case UInt8(ascii: "{"):
            var members: [JSONMember] = []
            var keys: Set<String> = []
            try reader.readObject(depth: depth) { (reader, key) throws(JSONError) in
                let key = key.string
                guard keys.insert(key).inserted else { throw reader.error(.uniqueKey(key)) }
                members.append(JSONMember(key, try read(&reader, depth: depth + 1)))
            }
            return .object(members)
        case .some(let byte) where byte == UInt8(ascii: "-") || byte &- 48 < 10:
            return .number(String(decoding: try reader.readNumber(), as: UTF8.self))
        default: throw reader.error(.value)
        }
    }
}

extension JSONValue: CustomStringConvertible {
    /// The value as JSON text without white space.
    public var description: String { text(indent: nil) }

    /// The value as JSON text with two spaces for each level, and a line feed at the end.
    public var prettyDescription: String { text(indent: 2) + "\n" }

    private func text(indent: Int?) -> String {
        var writer = ByteWriter()
        writer.append(self, indent: indent)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension ByteWriter {
    /// Writes `value` as JSON text: compact, or with `indent` spaces for each level.
    public mutating func append(_ value: JSONValue, indent: Int? = nil) { append(value, indent: indent, level: 0) }

    /// Writes `text` as a JSON string with its quotes.
    public mutating func appendJSON(_ text: String) {
        var text = text
        text.withUTF8 { characters in
            let utf8 = UnsafeRawBufferPointer(characters)
            append(UInt8(ascii: "\""))
            var start = 0
            for index in utf8.indices {
                let byte = utf8[index]
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
                append(contentsOf: UnsafeRawBufferPointer(rebasing: utf8[start..<index]))
                appendEscape(of: byte)
                start = index + 1
            }
            append(contentsOf: UnsafeRawBufferPointer(rebasing: utf8[start...]))
            append(UInt8(ascii: "\""))
        }
    }

    private mutating func appendEscape(of byte: UInt8) {
        switch byte {
        case 8: appendRaw("\\b")
        case 9: appendRaw("\\t")
        case 10: appendRaw("\\n")
        case 12: appendRaw("\\f")
        case 13: appendRaw("\\r")
        case 0..<0x20:
            appendRaw(byte < 16 ? "\\u000" : "\\u00")
            appendRaw(String(byte, radix: 16))
        default:
            append(UInt8(ascii: "\\"))
            append(byte)
        }
    }

    private mutating func append(_ value: JSONValue, indent: Int?, level: Int) {
        switch value {
        case .null: appendRaw("null")
        case .bool(let value): appendRaw(value ? "true" : "false")
        case .number(let literal): appendRaw(literal)
        case .string(let text): appendJSON(text)
        case .array(let elements):
            appendList(elements, "[", "]", indent: indent, level: level) {
                $0.append($1, indent: indent, level: level + 1)
            }
        case .object(let members):
            appendList(members, "{", "}", indent: indent, level: level) { writer, member in
                writer.appendJSON(member.key)
                writer.appendRaw(indent == nil ? ":" : ": ")
                writer.append(member.value, indent: indent, level: level + 1)
            }
        }
    }

    private mutating func appendList<Item>(
        _ items: [Item], _ open: String, _ close: String, indent: Int?, level: Int,
        _ appendItem: (inout ByteWriter, Item) -> Void
    ) {
        appendRaw(open)
        for (index, item) in items.enumerated() {
            if index > 0 { append(UInt8(ascii: ",")) }
            appendLineBreak(indent: indent, level: level + 1)
            appendItem(&self, item)
        }
        if !items.isEmpty { appendLineBreak(indent: indent, level: level) }
        appendRaw(close)
    }

    private mutating func appendLineBreak(indent: Int?, level: Int) {
        guard let indent else { return }
        appendRaw("\n")
        for _ in 0..<(indent * level) { append(UInt8(ascii: " ")) }
    }

    private mutating func appendRaw(_ text: String) {
        var text = text
        text.withUTF8 { append(contentsOf: UnsafeRawBufferPointer($0)) }
    }
}
