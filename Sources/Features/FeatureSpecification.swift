import EventModel

/// A declared feature: its name, and what it is computed from.
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
    /// An aggregate over the window (t − delay − length, t − delay] of the transactions with the same key.
    case window(WindowFeature)
    /// 1 when the hour of the event's day (UTC) is in the range, else 0.
    case hour(ClosedRange<Int>)
    /// 1 on these days of the week (0: Monday, 6: Sunday; UTC), else 0.
    case weekday([Int])
    /// ln(1 + x), with x below 0 taken as 0.
    case log1p(String)
    /// x / y, and 0 where y is 0.
    case ratio(String, String)
}

public struct WindowFeature: Hashable, Sendable {
    public enum Aggregate: String, Hashable, Sendable, CaseIterable {
        case count, sum, mean
        case labelCount = "label_count"
        case labelRate = "label_rate"
        case knownLabelRate = "known_label_rate"

        public var needsColumn: Bool { self == .sum || self == .mean }
    }

    public var entity: String
    public var length: EventDuration
    public var delay: EventDuration
    public var aggregate: Aggregate
    /// The column that is summed or averaged.
    public var column: String?
    public var includesCurrent: Bool
    /// The mean of no events.
    public var ifEmpty: Double

    public init(
        entity: String, length: EventDuration, delay: EventDuration = .zero, aggregate: Aggregate,
        column: String? = nil, includesCurrent: Bool = true, ifEmpty: Double = 0
    ) {
        self.entity = entity
        self.length = length
        self.delay = delay
        self.aggregate = aggregate
        self.column = column
        self.includesCurrent = includesCurrent
        self.ifEmpty = ifEmpty
    }
}

/// Whose history features follow: a name and the column with the key.
public struct EntitySpecification: Hashable, Sendable {
    public var name: String
    public var keyColumn: String

    public init(name: String, keyColumn: String) {
        self.name = name
        self.keyColumn = keyColumn
    }
}

extension FeatureDefinition {
    /// The definition in one line, for people.
    var text: String {
        switch self {
        case .column(let name): name
        case .window(let window): window.text
        case .hour(let hours): "hour of day \(hours.lowerBound) to \(hours.upperBound)"
        case .weekday(let days):
            days.map { ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"][$0] }
                .joined(separator: " or ")
        case .log1p(let name): "ln(1 + \(name))"
        case .ratio(let above, let below): "\(above) / \(below)"
        }
    }
}

extension WindowFeature {
    var text: String {
        let what =
            switch aggregate {
            case .count: "transactions"
            case .sum: "sum of \(column ?? "")"
            case .mean: "mean of \(column ?? "")"
            case .labelCount: "known frauds"
            case .labelRate: "share of known frauds"
            case .knownLabelRate: "share of frauds among labelled transactions"
            }
        let until = delay == .zero ? "" : " up to \(delay) ago"
        return "\(entity): \(what) in \(length)\(until)"
    }
}
