import EventModel

/// A key of an entity, by how its keys are told apart (`EntityKeyKind`).
public enum EntityKey: Hashable, Sendable {
    case number(Int64)
    case text(String)
    case pair(Int64, Int64)

    /// The key of a pair with a text. The length keeps "ab" and "c" apart from "a" and "bc".
    public static func text(ofPair first: String, _ second: String) -> String {
        "\(first.utf8.count):\(first)|\(second)"
    }
}

/// What an entity's windows hold of one key, and what they answer.
public struct KeyHolding: Sendable {
    /// The events held, and the time of the newest of them; nil without any.
    public var eventCount: Int
    public var latest: EventTime?
    /// As wide as a row's features; the aggregates' answers stand at their targets.
    public var answers: [Double]
}

extension EntityWindows {
    /// What is held of a key, and what its aggregates say as of `time` without an event that asks: of a key that is not
    /// remembered, what empty windows say. It changes nothing.
    ///
    /// - Parameters:
    ///   - time: not before the earliest acceptable event, since what only earlier windows reach is dropped.
    ///   - columns: windowed values a row.
    ///   - width: features a row.
    /// - Complexity: O(events held of the key).
    public func lookUp(_ key: EntityKey, asOf time: EventTime, columns: Int, width: Int) -> KeyHolding {
        let number =
            switch key {
            case .number(let key): number(of: key)
            case .text(let text): number(of: text)
            case .pair(let first, let second): number(of: first, second)
            }
        let values = UnsafeMutablePointer<Int64>.allocate(capacity: max(columns, 1))
        values.initialize(repeating: 0, count: max(columns, 1))
        let features = UnsafeMutablePointer<Double>.allocate(capacity: width)
        features.initialize(repeating: 0, count: width)
        defer {
            values.deallocate()
            features.deallocate()
        }
        answer(
            number, asOf: time,
            WindowRow(values: values, filters: 0, features: features, isAnswered: true, hasKey: false))
        let answers = Array(UnsafeBufferPointer(start: features, count: width))
        guard let number else { return KeyHolding(eventCount: 0, latest: nil, answers: answers) }
        let header = headers + number * headerWords
        let (first, head) = (header[Header.first], header[Header.head])
        let newest = head > first ? ring(header).map { givenWord(event(header, $0, head &- 1), 0) >> 2 } : nil
        return KeyHolding(
            eventCount: Int(head &- first), latest: newest.map(EventTime.init(milliseconds:)),
            answers: answers)
    }
}
