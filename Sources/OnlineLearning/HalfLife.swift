import EventModel

/// How long it takes until what was learned counts half.
public enum HalfLife: Hashable, Sendable {
    /// Rows learned, above 0.
    case rows(Double)
    /// Event time, above 0.
    case time(EventDuration)

    /// What is kept of old knowledge after a batch of `rows` rows and a time that passed since the batch before.
    func keeping(rows: Int, elapsed: EventDuration) -> Double {
        switch self {
        case .rows(let half): power(2, -Double(rows) / half)
        case .time(let half): power(2, -Double(elapsed.milliseconds) / Double(half.milliseconds))
        }
    }
}

/// How far event time has come among what was learned. It never goes back: a row that comes late moves nothing.
struct LearningClock: Hashable, Sendable {
    /// The latest time of any row; `distantPast` before the first.
    private(set) var latest = EventTime.distantPast
    /// The latest time when the last batch was learned.
    private(set) var learned = EventTime.distantPast

    @inline(__always) mutating func advance(to time: EventTime) { latest = max(latest, time) }

    /// The time that passed since the batch before; nothing before the first.
    mutating func learnBatch() -> EventDuration {
        let elapsed = learned == .distantPast ? .zero : latest - learned
        learned = latest
        return elapsed
    }
}

extension LearningClock {
    func encode(into writer: inout ByteWriter) {
        writer.encode(latest)
        writer.encode(learned)
    }

    init(decoding reader: inout ByteReader, _ what: String) throws(StateCodingError) {
        latest = try reader.decodeEventTime()
        learned = try reader.decodeEventTime()
        let range = EventTime.distantPast...EventTime.range.upperBound
        guard range.contains(latest), range.contains(learned), learned <= latest else {
            throw StateCodingError("\(what): the clock stands at \(latest.milliseconds) after \(learned.milliseconds)")
        }
    }
}
