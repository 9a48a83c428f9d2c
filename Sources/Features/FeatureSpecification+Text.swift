import EventModel

let weekdayNames = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

extension FeatureDefinition {
    /// The definition in one line, for people.
    var text: String {
        switch self {
        case .column(let name): name
        case .window(let window): window.text
        case .hour(let hours): "hour of day \(hours.lowerBound) to \(hours.upperBound)"
        case .weekday(let days): days.map { weekdayNames[$0] }.joined(separator: " or ")
        case .calendar(let part, let zone):
            "\(part.rawValue.replacing("_", with: " ")) in \(zone)"
        case .log1p(let name): "ln(1 + \(name))"
        case .ratio(let above, let below): "\(above) / \(below)"
        case .expression(let text): text
        case .oneHot(let column, let values): "\(column) is one of \(values.joined(separator: ", "))"
        case .hashed(let columns, let buckets): "\(columns.joined(separator: " × ")) in \(buckets) buckets"
        }
    }
}

extension String {
    fileprivate func replacing(_ old: Character, with new: Character) -> String {
        String(map { $0 == old ? new : $0 })
    }
}

extension WindowFeature {
    var text: String {
        let until = delay == .zero ? "" : " up to \(delay) ago"
        let range = length.map { " in \($0)" } ?? " since the beginning"
        let condition = filter.map { " where \($0)" } ?? ""
        let time = basis == .labelArrival ? " by the labels' arrival" : ""
        return "\(entity): \(what)\(condition)\(range)\(until)\(time)"
    }

    private var what: String {
        let column = column ?? ""
        let isOfKinds = filter.flatMap { try? ExpressionParser.parse($0) }?.mentions("kind") ?? false
        let events = isOfKinds ? "events" : "transactions"
        return switch aggregate {
        case .count: events
        case .sum: "sum of \(column)"
        case .mean: "mean of \(column)"
        case .variance: "variance of \(column)"
        case .min: "least \(column)"
        case .max: "largest \(column)"
        case .first: "first \(column)"
        case .last: "last \(column)"
        case .distinct: "different values of \(column)"
        case .decayedCount: "\(events), halved every \(halfLife ?? .zero),"
        case .decayedSum: "sum of \(column), halved every \(halfLife ?? .zero),"
        case .labelCount: "known frauds"
        case .labelRate: "share of known frauds"
        case .knownLabelRate: "share of frauds among labelled transactions"
        case .smoothedLabelRate: "share of known frauds, smoothed towards \(prior),"
        case .fraudRun: "frauds in a row up to the last label"
        case .sinceFirstFraud: "seconds since the first known fraud"
        case .sinceLastFraud: "seconds since the last known fraud"
        case .sincePrevious: "seconds since the previous \(isOfKinds ? "event" : "transaction")"
        case .previous: "\(column) of the previous \(isOfKinds ? "event" : "transaction")"
        }
    }
}
