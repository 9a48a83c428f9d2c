import EventModel

/// A declared feature: its name, and what it is computed from. One-hot and hashed categories give several features.
public struct FeatureSpecification: Hashable, Sendable {
    public var name: String
    public var definition: FeatureDefinition
    /// What a person is told when the feature weighs in a decision; nil: a text made from the definition.
    public var reason: String?

    public init(name: String, definition: FeatureDefinition, reason: String? = nil) {
        self.name = name
        self.definition = definition
        self.reason = reason
    }
}

/// What a feature is computed from. A name refers to a column of the transaction or to a feature declared earlier.
public enum FeatureDefinition: Hashable, Sendable {
    /// A numeric column as it is.
    case column(String)
    /// An aggregate over the window (t − delay − length, t − delay] of the events with the same key.
    case window(WindowFeature)
    /// 1 when the hour of the event's day (UTC) is in the range, else 0.
    case hour(ClosedRange<Int>)
    /// 1 on these days of the week (0: Monday, 6: Sunday; UTC), else 0.
    case weekday([Int])
    /// A part of the date or time in a named time zone.
    case calendar(CalendarPart, zone: String)
    /// ln(1 + x), with x below 0 taken as 0.
    case log1p(String)
    /// x / y, and 0 where y is 0.
    case ratio(String, String)
    /// Arithmetic over columns and earlier features; see `Expression`.
    case expression(String)
    /// A feature NAME_VALUE for each value: 1 where the column has it, else 0.
    case oneHot(column: String, values: [String])
    /// A feature NAME_0, NAME_1, ... for each bucket: 1 where the values of the columns, taken together, fall into it.
    case hashed(columns: [String], buckets: Int)
}

/// A part of a date or time of day.
public enum CalendarPart: String, Hashable, Sendable, CaseIterable {
    /// 0 to 23.
    case hour
    /// 0 (Monday) to 6 (Sunday).
    case weekday
    /// 1 to 31.
    case dayOfMonth = "day_of_month"
    /// 1 to 12.
    case month
    /// 0 to 1439.
    case minuteOfDay = "minute_of_day"
}

public struct WindowFeature: Hashable, Sendable {
    public enum Aggregate: String, Hashable, Sendable, CaseIterable {
        case count, sum, mean, variance, min, max, first, last, distinct
        case decayedCount = "decayed_count"
        case decayedSum = "decayed_sum"
        case labelCount = "label_count"
        case labelRate = "label_rate"
        case knownLabelRate = "known_label_rate"
        case smoothedLabelRate = "smoothed_label_rate"
        case fraudRun = "fraud_run"
        case sinceFirstFraud = "since_first_fraud"
        case sinceLastFraud = "since_last_fraud"
        case sincePrevious = "since_previous"
        case previous

        public var needsColumn: Bool {
            switch self {
            case .sum, .mean, .variance, .min, .max, .first, .last, .distinct, .decayedSum, .previous: true
            default: false
            }
        }

        /// Whether the answer of an empty window can be declared.
        public var hasDefault: Bool {
            switch self {
            case .mean, .variance, .min, .max, .first, .last, .sinceFirstFraud, .sinceLastFraud, .sincePrevious,
                .previous:
                true
            default: false
            }
        }

        public var needsHalfLife: Bool { self == .decayedCount || self == .decayedSum }

        public var isOfLabels: Bool {
            switch self {
            case .labelCount, .labelRate, .knownLabelRate, .smoothedLabelRate, .fraudRun, .sinceFirstFraud,
                .sinceLastFraud:
                true
            default: false
            }
        }

        /// Whether the window may be left out, and has no end then.
        public var isOpenByDefault: Bool {
            switch self {
            case .decayedCount, .decayedSum, .fraudRun, .sinceFirstFraud, .sinceLastFraud, .sincePrevious, .previous:
                true
            default: false
            }
        }
    }

    /// By which time events belong to a window of a label aggregate.
    public enum Basis: String, Hashable, Sendable, CaseIterable {
        case eventTime = "event_time"
        /// When the event's label became known.
        case labelArrival = "label_arrival"
    }

    public var entity: String
    /// nil: without end.
    public var length: EventDuration?
    public var delay: EventDuration
    public var aggregate: Aggregate
    /// The column that is aggregated.
    public var column: String?
    public var includesCurrent: Bool
    /// The answer of an empty window, where it has none of its own.
    public var ifEmpty: Double
    /// A condition on the columns and the kind of each event, as an `Expression`; nil: all transactions.
    public var filter: String?
    public var basis: Basis
    /// After which an event of a decayed aggregate counts half.
    public var halfLife: EventDuration?
    /// The smoothed rate of a window without events, and as how many events it weighs.
    public var prior: Double
    public var strength: Double
    /// The smoothed rate's denominator: labelled events rather than all.
    public var overLabelled: Bool

    public init(
        entity: String, length: EventDuration?, delay: EventDuration = .zero, aggregate: Aggregate,
        column: String? = nil, includesCurrent: Bool = true, ifEmpty: Double = 0, filter: String? = nil,
        basis: Basis = .eventTime, halfLife: EventDuration? = nil, prior: Double = 0, strength: Double = 0,
        overLabelled: Bool = false
    ) {
        self.entity = entity
        self.length = length
        self.delay = delay
        self.aggregate = aggregate
        self.column = column
        self.includesCurrent = includesCurrent
        self.ifEmpty = ifEmpty
        self.filter = filter
        self.basis = basis
        self.halfLife = halfLife
        self.prior = prior
        self.strength = strength
        self.overLabelled = overLabelled
    }
}

/// Whose history features follow: a name and the column with the key, or two columns whose pair is the key.
public struct EntitySpecification: Hashable, Sendable {
    public var name: String
    /// One or two.
    public var keyColumns: [String]

    public init(name: String, keyColumn: String) {
        self.name = name
        keyColumns = [keyColumn]
    }

    public init(name: String, keyColumns: [String]) {
        precondition((1...2).contains(keyColumns.count), "entity \(name) has \(keyColumns.count) key columns; 1 or 2")
        self.name = name
        self.keyColumns = keyColumns
    }
}

/// The columns that the events of one kind have.
public struct EventKindColumns: Hashable, Sendable {
    public var name: String
    public var columns: [Column]

    public init(name: String, columns: [Column]) {
        self.name = name
        self.columns = columns
    }
}
