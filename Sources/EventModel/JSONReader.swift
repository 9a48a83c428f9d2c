/// Text that is not JSON (RFC 8259), or not the JSON that was asked for.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes before the place where the text went wrong.
    public var position: Int
    public var expected: Expectation

    public enum Expectation: Hashable, Sendable {
        case value, digit, key, colon, commaOrEndOfArray, commaOrEndOfObject, endOfText, endOfString
        case escape, surrogatePair, escapedControlCharacter, validUTF8, uniqueKey(String), nesting(limit: Int)
    }

    public init(position: Int, expected: Expectation) {
        self.position = position
        self.expected = expected
    }

    public var description: String {
        let what =
            switch expected {
            case .value: "a value"
            case .digit: "a digit"
            case .key: "a key in double quotes"
            case .colon: "':'"
            case .commaOrEndOfArray: "',' or ']'"
            case .commaOrEndOfObject: "',' or '}'"
            case .endOfText: "the end of the text"
            case .endOfString: "'\"' at the string's end"
            case .escape: "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX"
            case .surrogatePair: "a \\u escape of the other half of a surrogate pair"
            case .escapedControlCharacter: "a control character to be escaped"
            case .validUTF8: "UTF-8"
            case .uniqueKey(let key): "each key once, but \"\(key)\" stands here again"
            case .nesting(let limit): "at most \(limit) levels of nesting"
            }
        return "not valid JSON at byte \(position): expected \(what)"
    }
}

/// The characters of a JSON string between its quotes, checked, in place.
public struct JSONText {
    /// As written, escapes and all.
    public var literal: UnsafeRawBufferPointer
    public var hasEscapes: Bool
}

/// Reads JSON text (RFC 8259) piece by piece, strictly and without building values: the caller says what comes next.
///
/// It borrows the memory: use it only while the buffer lives.
public struct JSONReader {
    /// Arrays and objects within each other that are read at most.
    public static let nestingLimit = 64

    private let bytes: UnsafeRawBufferPointer
    /// Bytes read so far.
    public private(set) var position = 0

    public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    public func error(_ expected: JSONError.Expectation) -> JSONError {
        JSONError(position: position, expected: expected)
    }

    /// The first byte of the next token, not yet read; nil at the end of the text.
    public mutating func peek() -> UInt8? {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            position += 1
        }
        return nil
    }

    /// Reads `byte` when it is the next token.
    public mutating func skip(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    public mutating func readEnd() throws(JSONError) {
        if peek() != nil { throw error(.endOfText) }
    }

    /// Reads the key of an object's member and the colon behind it.
    public mutating func readKey() throws(JSONError) -> JSONText {
        guard peek() == UInt8(ascii: "\"") else { throw error(.key) }
        let key = try readString()
        guard skip(UInt8(ascii: ":")) else { throw error(.colon) }
        return key
    }

    /// Reads `true`, `false` or `null`.
    public mutating func readWord(_ word: StaticString) throws(JSONError) {
        guard let start = peek().map({ _ in position }), start + word.utf8CodeUnitCount <= bytes.count else {
            throw error(.value)
        }
        for index in 0..<word.utf8CodeUnitCount where bytes[start + index] != word.utf8Start[index] {
            throw error(.value)
        }
        position = start + word.utf8CodeUnitCount
    }

    /// Reads a number; gives its literal as written.
    public mutating func readNumber() throws(JSONError) -> UnsafeRawBufferPointer {
        guard peek() != nil else { throw error(.value) }
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        if current == UInt8(ascii: "0") { position += 1 } else { try readDigits() }
        if current == UInt8(ascii: ".") {
            position += 1
            try readDigits()
        }
        if let byte = current, byte | 0x20 == UInt8(ascii: "e") {
            position += 1
            if let sign = current, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            try readDigits()
        }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    }

    /// Reads a string with its quotes: no bare control characters, known escapes, whole surrogate pairs, valid UTF-8.
    public mutating func readString() throws(JSONError) -> JSONText {
        guard skip(UInt8(ascii: "\"")) else { throw error(.value) }
        let start = position
        var hasEscapes = false
        var all: UInt8 = 0
        while let byte = current, byte != UInt8(ascii: "\"") {
            all |= byte
            if byte < 0x20 { throw error(.escapedControlCharacter) }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                try readEscape()
            } else {
                position += 1
            }
        }
        guard current != nil else { throw error(.endOfString) }
        let literal = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
        if all >= 0x80, !isValidUTF8(literal) { throw JSONError(position: start, expected: .validUTF8) }
        position += 1
        return JSONText(literal: literal, hasEscapes: hasEscapes)
    }

    /// Reads any value and forgets it.
    public mutating func skipValue(depth: Int = 0) throws(JSONError) {
        switch peek() {
        case UInt8(ascii: "\""): _ = try readString()
        case UInt8(ascii: "t"): try readWord("true")
        case UInt8(ascii: "f"): try readWord("false")
        case UInt8(ascii: "n"): try readWord("null")
        case UInt8(ascii: "["):
            try readArray(depth: depth) { (reader) throws(JSONError) in try reader.skipValue(depth: depth + 1) }
        case UInt8(ascii: "{"):
            try readObject(depth: depth) { (reader, _) throws(JSONError) in try reader.skipValue(depth: depth + 1) }
        case .some(let byte) where byte == UInt8(ascii: "-") || byte &- 48 < 10: _ = try readNumber()
        default: throw error(.value)
        }
    }

    /// Reads an array; `readElement` reads each element.
    public mutating func readArray(
        depth: Int, _ readElement: (inout JSONReader) throws(JSONError) -> Void
    ) throws(JSONError) {
        guard depth < Self.nestingLimit else { throw error(.nesting(limit: Self.nestingLimit)) }
        guard skip(UInt8(ascii: "[")) else { throw error(.value) }
        if skip(UInt8(ascii: "]")) { return }
        repeat { try readElement(&self) } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "]")) else { throw error(.commaOrEndOfArray) }
    }

    /// Reads an object; `readMember` gets each key and reads the value behind it.
    public mutating func readObject(
        depth: Int, _ readMember: (inout JSONReader, JSONText) throws(JSONError) -> Void
    ) throws(JSONError) {
        guard depth < Self.nestingLimit else { throw error(.nesting(limit: Self.nestingLimit)) }
        guard skip(UInt8(ascii: "{")) else { throw error(.value) }
        if skip(UInt8(ascii: "}")) { return }
        repeat {
            let key = try readKey()
            try readMember(&self, key)
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "}")) else { throw error(.commaOrEndOfObject) }
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func readDigits() throws(JSONError) {
        let start = position
        while let byte = current, byte &- 48 < 10 { position += 1 }
        if position == start { throw error(.digit) }
    }

    private mutating func readEscape() throws(JSONError) {
        guard position + 1 < bytes.count else { throw error(.endOfString) }
        switch bytes[position + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 2
        case UInt8(ascii: "u"):
            guard let unit = codeUnit(bytes, at: position) else { throw error(.escape) }
            if UTF16.isTrailSurrogate(unit) { throw error(.surrogatePair) }
            position += 6
            guard UTF16.isLeadSurrogate(unit) else { return }
            guard let trail = codeUnit(bytes, at: position), UTF16.isTrailSurrogate(trail) else {
                throw error(.surrogatePair)
            }
            position += 6
        default: throw error(.escape)
        }
    }
}

/// The UTF-16 code unit of the escape `\uXXXX` at `position`, or nil when there is none.
private func codeUnit(_ bytes: UnsafeRawBufferPointer, at position: Int) -> UInt16? {
    guard position + 6 <= bytes.count, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
    else { return nil }
    var unit: UInt16 = 0
    for byte in bytes[(position + 2)..<(position + 6)] {
        let digit: UInt8
        switch byte {
        case 48...57: digit = byte - 48
        case 65...70: digit = byte - 55
        case 97...102: digit = byte - 87
        default: return nil
        }
        unit = unit << 4 | UInt16(digit)
    }
    return unit
}

extension ByteWriter {
    /// Writes the characters that `text` stands for: at most as many bytes as its literal has.
    public mutating func append(_ text: JSONText) {
        let literal = text.literal
        guard text.hasEscapes else { return append(contentsOf: literal) }
        reserve(literal.count)
        var position = 0
        while position < literal.count {
            guard literal[position] == UInt8(ascii: "\\") else {
                appendUnchecked(literal[position])
                position += 1
                continue
            }
            if var unit = codeUnit(literal, at: position).map(UInt32.init) {
                position += 6
                if let trail = UTF16.isLeadSurrogate(UInt16(unit)) ? codeUnit(literal, at: position) : nil {
                    unit = 0x10000 + (unit - 0xD800) << 10 + (UInt32(trail) - 0xDC00)
                    position += 6
                }
                for byte in UTF8.encode(Unicode.Scalar(unit) ?? "\u{FFFD}") ?? UTF8.encodedReplacementCharacter {
                    appendUnchecked(byte)
                }
                continue
            }
            switch literal[position + 1] {
            case UInt8(ascii: "b"): appendUnchecked(8)
            case UInt8(ascii: "f"): appendUnchecked(12)
            case UInt8(ascii: "n"): appendUnchecked(10)
            case UInt8(ascii: "r"): appendUnchecked(13)
            case UInt8(ascii: "t"): appendUnchecked(9)
            default: appendUnchecked(literal[position + 1])
            }
            position += 2
        }
    }
}

extension JSONText {
    public var string: String {
        guard hasEscapes else { return String(decoding: literal, as: UTF8.self) }
        var writer = ByteWriter(capacity: literal.count)
        writer.append(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
