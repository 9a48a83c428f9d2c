import EventModel

/// By what time events are inside a label aggregate's window.
public enum WindowBasis: Hashable, Sendable {
    /// By when they happened.
    case eventTime
    /// By when their label became known (the newest label record); so only labelled events are inside.
    case labelArrival
}

/// What a rate of labels is over.
public enum RateBase: Hashable, Sendable {
    case all
    case labelled
}

/// What an aggregate says of the events in its window.
///
/// `column` is the place of a value among a row's values, `divisor` what an unscaled value is divided by (100 for a
/// decimal with two decimals), `ifEmpty` the answer where there is no event. Ages are in seconds up to the time of the
/// event that is answered.
public enum AggregateKind: Hashable, Sendable {
    /// The number of events.
    case count
    case sum(column: Int, divisor: Double)
    case mean(column: Int, divisor: Double, ifEmpty: Double)
    /// The population variance.
    case variance(column: Int, divisor: Double, ifEmpty: Double)
    case minimum(column: Int, divisor: Double, ifEmpty: Double)
    case maximum(column: Int, divisor: Double, ifEmpty: Double)
    /// The value of the earliest event.
    case first(column: Int, divisor: Double, ifEmpty: Double)
    /// The value of the latest event.
    case last(column: Int, divisor: Double, ifEmpty: Double)
    /// The number of different values.
    case distinct(column: Int)
    /// The events weighed by 2^(−age / half-life), their age counted up to the window's end.
    case decayedCount(halfLife: EventDuration)
    case decayedSum(column: Int, divisor: Double, halfLife: EventDuration)
    /// The number of events known to be positive.
    case labelCount
    /// Known positives per event; 0 where there is no event.
    case labelRate
    /// Known positives per event whose label is known; 0 where there is none.
    case knownLabelRate
    /// (positives + prior · strength) / (n + strength).
    case smoothedLabelRate(prior: Double, strength: Double, over: RateBase)
    /// The length of the run of positives up to the newest labelled event; of events of the same time, or of labels that
    /// became known at the same time, up to the last in log order.
    case fraudRun
    /// The age of the first known positive.
    case sinceFirstFraud(ifNone: Double)
    /// The age of the last known positive.
    case sinceLastFraud(ifNone: Double)
    /// The age of the event before the current one.
    case sincePrevious(ifNone: Double)
    /// The value of the event before the current one.
    case previous(column: Int, divisor: Double, ifEmpty: Double)
}

/// One aggregate over the window (t − delay − length, t − delay] of an entity's events.
public struct WindowAggregate: Hashable, Sendable {
    /// nil: without end, since the beginning of the log.
    public var length: EventDuration?
    public var delay: EventDuration
    public var kind: AggregateKind
    /// Whether an event is inside its own windows (those without delay).
    public var includesCurrent: Bool
    /// The bit of a row's filter mask that an event must have set; nil: all events count.
    public var filter: Int?
    /// For label aggregates only.
    public var basis: WindowBasis

    public init(
        length: EventDuration?, delay: EventDuration, kind: AggregateKind, includesCurrent: Bool = true,
        filter: Int? = nil, basis: WindowBasis = .eventTime
    ) {
        self.length = length
        self.delay = delay
        self.kind = kind
        self.includesCurrent = includesCurrent
        self.filter = filter
        self.basis = basis
    }
}

extension AggregateKind {
    /// The value column, for the kinds that have one.
    var column: Int? {
        switch self {
        case .sum(let column, _), .mean(let column, _, _), .variance(let column, _, _), .minimum(let column, _, _),
            .maximum(let column, _, _), .first(let column, _, _), .last(let column, _, _), .distinct(let column),
            .decayedSum(let column, _, _), .previous(let column, _, _):
            column
        default: nil
        }
    }

    var divisor: Double {
        switch self {
        case .sum(_, let divisor), .mean(_, let divisor, _), .variance(_, let divisor, _),
            .minimum(_, let divisor, _), .maximum(_, let divisor, _), .first(_, let divisor, _),
            .last(_, let divisor, _), .decayedSum(_, let divisor, _), .previous(_, let divisor, _):
            divisor
        default: 1
        }
    }

    var ifEmpty: Double {
        switch self {
        case .mean(_, _, let ifEmpty), .variance(_, _, let ifEmpty), .minimum(_, _, let ifEmpty),
            .maximum(_, _, let ifEmpty), .first(_, _, let ifEmpty), .last(_, _, let ifEmpty),
            .previous(_, _, let ifEmpty), .sincePrevious(let ifEmpty), .sinceFirstFraud(let ifEmpty),
            .sinceLastFraud(let ifEmpty):
            ifEmpty
        default: 0
        }
    }

    /// Whether the answer depends on labels.
    public var isOfLabels: Bool {
        switch self {
        case .labelCount, .labelRate, .knownLabelRate, .smoothedLabelRate, .fraudRun, .sinceFirstFraud,
            .sinceLastFraud:
            true
        default: false
        }
    }
}
