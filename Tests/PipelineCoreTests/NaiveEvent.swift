import EventModel
import Features
import Foundation
import PipelineCore

/// An event as windows see it, of whatever kind.
struct NaiveEvent {
    var kind: String
    var time: Int64
    /// nil where events of its kind have none.
    var customer: Int?
    var terminal: Int?
    var cents: Int64 = 0
    var items: Int64 = 0
    var measure = 0.0
    var note = ""
    var device = ""
    /// What it reads of the tables.
    var joined = Joined()
    var label: Bool?
    /// When the label became known.
    var labelTime: Int64 = .min

    init(_ transaction: ScriptTransaction, time: Int64) {
        kind = "transaction"
        self.time = time
        customer = transaction.customer
        terminal = transaction.terminal
        cents = transaction.cents
        items = transaction.items
        measure = transaction.measure
        note = transaction.note
    }

    init(_ event: ScriptEvent, time: Int64) {
        kind = event.kind.rawValue
        self.time = time
        measure = event.kind == .ping ? event.measure : 0
        if event.kind == .ping {
            terminal = event.terminal
        } else {
            customer = event.customer
            items = event.items
            device = event.device
        }
    }

    /// Whether it belongs to the key that `other` has of an entity.
    func hasKey(of other: NaiveEvent, _ entity: String) -> Bool {
        switch entity {
        case "customer": customer != nil && customer == other.customer
        case "terminal": terminal != nil && terminal == other.terminal
        default:
            customer != nil && terminal != nil && customer == other.customer && terminal == other.terminal
        }
    }

    /// A column's value as windows hold it, and what it is divided by.
    func value(_ column: String) -> (number: Int64, divisor: Double) {
        switch column {
        case "AMOUNT": (cents, 100)
        case "ITEMS": (items, 1)
        case "MEASURE": (Int64((measure * 1e6).rounded()), 1e6)
        case "shops.RATE": (joined.rate, 100)
        case "shops.WEIGHT": (Int64((joined.weight * 1e6).rounded()), 1e6)
        case "shops.CLASS": (Int64(bitPattern: stableHash(joined.shopClass)), 1)
        case "NOTE": (Int64(bitPattern: stableHash(note)), 1)
        default: (Int64(bitPattern: stableHash(device)), 1)
        }
    }
}

/// What the conditions of the test pipeline say; without one: transactions.
let naiveConditions: [String: @Sendable (NaiveEvent) -> Bool] = [
    "AMOUNT > 300": { $0.kind == "transaction" && $0.cents > 30_000 },
    "kind == 'login'": { $0.kind == "login" },
    "kind != 'transaction'": { $0.kind != "transaction" },
    "kind == 'login' and DEVICE == 'phone' or kind == 'ping' and MEASURE > 0": {
        $0.kind == "login" && $0.device == "phone" || $0.kind == "ping" && $0.measure > 0
    },
    "shops.CLASS == 'food'": { $0.kind == "transaction" && $0.joined.shopClass == "food" },
    "kind == 'ping' and classes.RISK > 40": { $0.kind == "ping" && $0.joined.risk > 40 },
    "NOTE != 'gift' and not ITEMS == 0": { $0.kind == "transaction" && $0.note != "gift" && $0.items != 0 },
]

/// Aggregates by their definitions.
extension WindowFeature {
    /// - Parameters:
    ///   - past: events in the order of their time, those of the same time in log order.
    ///   - own: the event that is answered, as of `own.time`.
    func naiveAnswer(_ past: [NaiveEvent], _ own: NaiveEvent) -> Double {
        let passes = filter.flatMap { naiveConditions[$0] } ?? { $0.kind == "transaction" }
        let end = own.time - delay.milliseconds
        let start = length.map { end - $0.milliseconds }
        func isInside(_ time: Int64) -> Bool { time <= end && start.map { time > $0 } != false }
        let isByArrival = basis == .labelArrival
        let before = past.filter { event in
            event.hasKey(of: own, entity) && passes(event)
                && (isByArrival ? event.label != nil && isInside(event.labelTime) : isInside(event.time))
        }
        let isOwnInside = delay == .zero && includesCurrent && !isByArrival && passes(own)
        let inside = before + (isOwnInside ? [own] : [])
        switch aggregate {
        case .sincePrevious: return before.last.map { Double(own.time - $0.time) / 1000 } ?? ifEmpty
        case .previous: return before.last.map { scaled($0) } ?? ifEmpty
        case .decayedCount: return decayed(inside, end) { _ in 1 }
        case .decayedSum: return decayed(inside, end) { scaled($0) }
        default: return aggregate.isOfLabels ? naiveLabelAnswer(inside, own.time) : naiveValueAnswer(inside)
        }
    }

    private func scaled(_ event: NaiveEvent) -> Double {
        let (number, divisor) = event.value(column ?? "")
        return Double(number) / divisor
    }

    private func decayed(_ inside: [NaiveEvent], _ end: Int64, _ value: (NaiveEvent) -> Double) -> Double {
        let life = Double((halfLife ?? .day).milliseconds)
        return inside.reduce(0) { $0 + value($1) * power(Double(end - $1.time) / life) }
    }

    private func naiveValueAnswer(_ inside: [NaiveEvent]) -> Double {
        let count = Double(inside.count)
        if aggregate == .count { return count }
        let values = inside.map { $0.value(column ?? "").number }
        let divisor = inside.first?.value(column ?? "").divisor ?? 1
        switch aggregate {
        case .distinct: return Double(Set(values).count)
        case .sum: return Double(values.reduce(0, +)) / divisor
        default: break
        }
        guard let first = values.first, let last = values.last, let least = values.min(), let most = values.max() else {
            return ifEmpty
        }
        switch aggregate {
        case .mean: return Double(values.reduce(0, +)) / (count * divisor)
        case .variance:
            let mean = values.reduce(0) { $0 + Double($1) } / count
            return values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count / (divisor * divisor)
        case .min: return Double(least) / divisor
        case .max: return Double(most) / divisor
        case .first: return Double(first) / divisor
        case .last: return Double(last) / divisor
        default: return .nan
        }
    }

    private func naiveLabelAnswer(_ inside: [NaiveEvent], _ now: Int64) -> Double {
        func at(_ event: NaiveEvent) -> Int64 { basis == .labelArrival ? event.labelTime : event.time }
        let known = inside.filter { $0.label != nil }
            .sorted { (at($0), $0.label == true ? 1 : 0) < (at($1), $1.label == true ? 1 : 0) }
        let frauds = known.filter { $0.label == true }
        let positives = Double(frauds.count)
        switch aggregate {
        case .labelCount: return positives
        case .labelRate: return inside.isEmpty ? 0 : positives / Double(inside.count)
        case .knownLabelRate: return known.isEmpty ? 0 : positives / Double(known.count)
        case .smoothedLabelRate:
            return (positives + prior * strength) / (Double(overLabelled ? known.count : inside.count) + strength)
        case .fraudRun: return Double(known.reversed().prefix { $0.label == true }.count)
        case .sinceFirstFraud: return frauds.first.map { Double(now - at($0)) / 1000 } ?? ifEmpty
        case .sinceLastFraud: return frauds.last.map { Double(now - at($0)) / 1000 } ?? ifEmpty
        default: return .nan
        }
    }
}

/// 2^−x.
private func power(_ x: Double) -> Double { exp2(-x) }
