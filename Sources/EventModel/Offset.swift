/// The position of a record in one topic: 0, 1, 2, ... without holes.
public struct Offset: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var value: Int64

    @inlinable public init(_ value: Int64) { self.value = value }

    public static let zero = Offset(0)

    @inlinable public static func < (a: Offset, b: Offset) -> Bool { a.value < b.value }
    @inlinable public func advanced(by records: Int) -> Offset { Offset(value + Int64(records)) }

    public var description: String { String(value) }
}
