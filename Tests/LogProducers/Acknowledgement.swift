import EventModel

/// A line of `log-producers`: the batch is durable.
public struct Acknowledgement: Hashable, Sendable, CustomStringConvertible {
    public var producer: Int64
    /// The number of the batch's first record among the producer's.
    public var first: Int
    public var count: Int
    /// Where its first record stands in the log.
    public var offset: Offset

    public init(producer: Int64, first: Int, count: Int, offset: Offset) {
        self.producer = producer
        self.first = first
        self.count = count
        self.offset = offset
    }

    /// - Returns: nil when the text is no such line.
    public init?(_ line: some StringProtocol) {
        let numbers = line.split(separator: " ").compactMap { Int64($0) }
        guard numbers.count == 4 else { return nil }
        self.init(producer: numbers[0], first: Int(numbers[1]), count: Int(numbers[2]), offset: Offset(numbers[3]))
    }

    public var description: String { "\(producer) \(first) \(count) \(offset.value)" }
}
