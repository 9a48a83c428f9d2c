import EventModel

/// A generator for tests: the same seed gives the same numbers, here and everywhere.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = mixed(seed) }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return mixed(state)
    }

    /// Uniform in the range.
    public mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    public mutating func int(_ range: Range<Int>) -> Int { Int.random(in: range, using: &self) }

    /// True in `percent` of a hundred cases.
    public mutating func isTrue(_ percent: Int) -> Bool { int(0..<100) < percent }

    public mutating func pick<Element>(_ elements: [Element]) -> Element { elements[int(elements.indices)] }
}
