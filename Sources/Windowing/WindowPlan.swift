import EventModel

/// What an aggregate says of the events in its window.
public enum AggregateKind: Hashable, Sendable {
    /// The number of events.
    case count
    /// The sum of a value column over `divisor` (100 for a decimal with two decimals).
    case sum(column: Int, divisor: Double)
    /// The mean of a value column over `divisor`; `ifEmpty` where there is no event.
    case mean(column: Int, divisor: Double, ifEmpty: Double)
    /// The number of events known to be positive.
    case labelCount
    /// Known positives per event; 0 where there is no event.
    case labelRate
    /// Known positives per event whose label is known; 0 where there is none.
    case knownLabelRate
}

/// One aggregate over the window (t − delay − length, t − delay] of an entity's events.
public struct WindowAggregate: Hashable, Sendable {
    public var length: EventDuration
    public var delay: EventDuration
    public var kind: AggregateKind
    /// Whether an event is inside its own windows (those without delay).
    public var includesCurrent: Bool

    public init(length: EventDuration, delay: EventDuration, kind: AggregateKind, includesCurrent: Bool = true) {
        self.length = length
        self.delay = delay
        self.kind = kind
        self.includesCurrent = includesCurrent
    }
}

/// The aggregates of one entity, compiled: which boundaries in event time its keys keep, and how each answer follows.
///
/// A boundary at distance d stands before the first event later than t − d. The window (t − d − w, t − d] lies between
/// the boundaries at d + w and at d; windows share the boundaries that they have in common. A boundary is held as
/// words: the position of the event it stands before, the sums of the value columns over all events below it, and the
/// labels below it (known ones in the upper half of the word, positive ones in the lower). Sums wrap; only differences
/// of them have a meaning.
struct WindowPlan: Sendable {
    struct Answer {
        enum Kind: UInt8 { case count, sum, mean, labelCount, labelRate, knownLabelRate }

        var kind: Kind
        /// Where the upper and the lower boundary stand among the boundaries' words.
        var upper: Int
        var lower: Int
        /// The word of the sum within a boundary.
        var column = 0
        var divisor = 1.0
        var ifEmpty = 0.0
        /// What to add for the event itself when it is among the events below the upper boundary, and when it is not.
        var ownWhenInside: Int64
        var ownWhenOutside: Int64
        /// The position in the feature vector.
        var target: Int
    }

    /// Distances of the boundaries in milliseconds, ascending.
    let distances: [Int64]
    let answers: [Answer]
    /// For each value column held with an event, its place among the row's values.
    let valuePlaces: [Int]
    let hasLabels: Bool
    /// An event is needed no longer once it is this far behind.
    let retention: EventDuration

    /// Words of one boundary.
    var boundaryWords: Int { 1 + valuePlaces.count + (hasLabels ? 1 : 0) }
    /// Words of one event.
    var eventWords: Int { 1 + valuePlaces.count }

    init(_ aggregates: [WindowAggregate], targets: [Int]) {
        let upper = aggregates.map(\.delay.milliseconds)
        let lower = aggregates.map { $0.delay.milliseconds + $0.length.milliseconds }
        let distances = Set(upper + lower).sorted()
        let places = Set(aggregates.compactMap(\.kind.column)).sorted()
        let hasLabels = aggregates.contains { $0.kind.needsLabels }
        self.distances = distances
        self.hasLabels = hasLabels
        valuePlaces = places
        retention = EventDuration(milliseconds: distances.last ?? 0)
        let words = 1 + places.count + (hasLabels ? 1 : 0)
        answers = aggregates.indices.map { index in
            let aggregate = aggregates[index]
            let holdsCurrent = upper[index] == 0
            var answer = Answer(
                kind: .count,
                upper: (distances.firstIndex(of: upper[index]) ?? 0) * words,
                lower: (distances.firstIndex(of: lower[index]) ?? 0) * words,
                ownWhenInside: holdsCurrent && !aggregate.includesCurrent ? -1 : 0,
                ownWhenOutside: holdsCurrent && aggregate.includesCurrent ? 1 : 0,
                target: targets[index])
            switch aggregate.kind {
            case .count: answer.kind = .count
            case .sum(let column, let divisor):
                answer.kind = .sum
                answer.column = places.firstIndex(of: column) ?? 0
                answer.divisor = divisor
            case .mean(let column, let divisor, let ifEmpty):
                answer.kind = .mean
                answer.column = places.firstIndex(of: column) ?? 0
                answer.divisor = divisor
                answer.ifEmpty = ifEmpty
            case .labelCount: answer.kind = .labelCount
            case .labelRate: answer.kind = .labelRate
            case .knownLabelRate: answer.kind = .knownLabelRate
            }
            return answer
        }
    }
}

extension AggregateKind {
    var column: Int? {
        switch self {
        case .sum(let column, _), .mean(let column, _, _): column
        default: nil
        }
    }

    var needsLabels: Bool {
        switch self {
        case .labelCount, .labelRate, .knownLabelRate: true
        default: false
        }
    }
}
