/// A JSON value whose numbers stay as they were written, so that decimals survive exactly.
public enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// A number's literal as written (`57.10`, `1e3`): JSON's grammar, any precision.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// Members in their order; no key twice.
    case object([JSONMember])
}

/// A key and its value.
public struct JSONMember: Hashable, Sendable {
    public var key: String
    public var value: JSONValue

    public init(_ key: String, _ value: JSONValue) {
        self.key = key
        self.value = value
    }
}

extension JSONValue {
    /// The shortest literal that reads back as `value`; `null` when it is not finite, for which JSON has no number.
    public static func number(_ value: Double) -> JSONValue { value.isFinite ? .number("\(value)") : .null }

    public static func number(_ value: Int) -> JSONValue { .number("\(value)") }

    public static func number(_ value: Int64) -> JSONValue { .number("\(value)") }

    /// An integer with `scale` decimals taken as a decimal: 5716 with scale 2 is `57.16`.
    public static func decimal(_ unscaled: Int64, scale: Int) -> JSONValue {
        .number(decimalDescription(unscaled, scale: scale))
    }

    /// The value of the member `key`; nil when there is none, and for what is no object.
    /// - Complexity: O(members).
    public subscript(key: String) -> JSONValue? { members?.first { $0.key == key }?.value }

    /// The element at `index`; nil when there is none, and for what is no array.
    public subscript(index: Int) -> JSONValue? {
        guard let elements, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    public var isNull: Bool { self == .null }

    public var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    public var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The number when it is whole and fits in 64 bits (`3`, `3.0`, `3e2`).
    public var int64: Int64? {
        guard case .number(var literal) = self else { return nil }
        return Int64(literal) ?? literal.withUTF8 { parseInteger(UnsafeRawBufferPointer($0)) }
    }

    /// As `int64`.
    public var int: Int? { int64.map { Int($0) } }

    /// The nearest double; nil when the number is beyond the largest.
    public var double: Double? {
        guard case .number(let literal) = self, let value = Double(literal), value.isFinite else { return nil }
        return value
    }

    /// The unscaled integer of the number with `scale` decimals; nil when it has more, or overflows.
    public func decimal(scale: Int) -> Int64? {
        guard case .number(var literal) = self else { return nil }
        return literal.withUTF8 { parseDecimal(UnsafeRawBufferPointer($0), scale: scale) }
    }

    public var elements: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    public var members: [JSONMember]? {
        guard case .object(let members) = self else { return nil }
        return members
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .number(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    /// The caller gives no key twice.
    public init(dictionaryLiteral members: (String, JSONValue)...) {
        self = .object(members.map { JSONMember($0.0, $0.1) })
    }
}
