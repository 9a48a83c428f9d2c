import EventModel

@testable import Windowing

/// Recomputes each answer from all events that ever came, by the definitions.
struct WindowOracle {
    struct Event {
        var key: Int
        var time: Int64
        var values: [Int64]
        var filters: UInt64
        var label: Bool?
        /// No earlier than the event.
        var labelTime: Int64 = .min
        /// The label's place in the log.
        var labelOrder = 0
    }

    /// In log order.
    var events: [Event] = []

    /// - Parameter own: the event that is answered; nil where it does not belong to the entity.
    func answers(_ aggregates: [WindowAggregate], key: Int, time: Int64, own: Event?) -> [Double] {
        // Sorting is stable, so that log order decides at the same time.
        let past = events.filter { $0.key == key }.sorted { $0.time < $1.time }
        return aggregates.map { answer($0, own == nil ? [] : past, time: time, own: own) }
    }

    private func answer(_ aggregate: WindowAggregate, _ past: [Event], time: Int64, own: Event?) -> Double {
        let end = time - aggregate.delay.milliseconds
        let start = aggregate.length.map { end - $0.milliseconds }
        func isInside(_ time: Int64) -> Bool { time <= end && start.map { time > $0 } != false }
        func passes(_ event: Event) -> Bool { aggregate.filter.map { event.filters >> UInt64($0) & 1 == 1 } != false }
        let isOfLabels = aggregate.kind.isOfLabels
        let before = past.filter {
            passes($0)
                && (isOfLabels && aggregate.basis == .labelArrival
                    ? $0.label != nil && isInside($0.labelTime) : isInside($0.time))
        }
        switch aggregate.kind {
        case .sincePrevious(let ifNone): return before.last.map { Double(time - $0.time) / 1000 } ?? ifNone
        case .previous(let column, let divisor, let ifEmpty):
            return before.last.map { Double($0.values[column]) / divisor } ?? ifEmpty
        default: break
        }
        var inside = before
        if let own, aggregate.delay.milliseconds == 0, aggregate.includesCurrent, passes(own),
            !(isOfLabels && aggregate.basis == .labelArrival)
        {
            inside.append(own)
        }
        return isOfLabels ? labelAnswer(aggregate, inside, time) : answer(aggregate.kind, inside, end)
    }

    private func answer(_ kind: AggregateKind, _ inside: [Event], _ end: Int64) -> Double {
        let count = Double(inside.count)
        func values(_ column: Int) -> [Int64] { inside.map { $0.values[column] } }
        func sum(_ column: Int) -> Int128 { values(column).reduce(0) { $0 + Int128($1) } }
        func double(_ sum: Int128) -> Double { Int64(exactly: sum).map(Double.init) ?? Double(sum) }
        switch kind {
        case .count: return count
        case .sum(let column, let divisor): return double(sum(column)) / divisor
        case .mean(let column, let divisor, let ifEmpty):
            return inside.isEmpty ? ifEmpty : double(sum(column)) / (count * divisor)
        case .variance(let column, let divisor, let ifEmpty):
            if inside.isEmpty { return ifEmpty }
            return squaredDeviations(values(column)) / (count * count * divisor * divisor)
        case .minimum(let column, let divisor, let ifEmpty):
            return values(column).min().map { Double($0) / divisor } ?? ifEmpty
        case .maximum(let column, let divisor, let ifEmpty):
            return values(column).max().map { Double($0) / divisor } ?? ifEmpty
        case .first(let column, let divisor, let ifEmpty):
            return values(column).first.map { Double($0) / divisor } ?? ifEmpty
        case .last(let column, let divisor, let ifEmpty):
            return values(column).last.map { Double($0) / divisor } ?? ifEmpty
        case .distinct(let column): return Double(Set(values(column)).count)
        case .decayedCount(let halfLife):
            return Self.decayed(inside.map { ($0.time, 1) }, at: end, halfLife.milliseconds)
        case .decayedSum(let column, let divisor, let halfLife):
            return Self.decayed(inside.map { ($0.time, $0.values[column]) }, at: end, halfLife.milliseconds) / divisor
        default: return .nan
        }
    }

    /// n · Σv² − (Σv)²: exactly below 2⁶³, else by doubles, after whole numbers are taken off.
    private func squaredDeviations(_ values: [Int64]) -> Double {
        let count = Int128(values.count)
        let sum = values.reduce(0 as Int128) { $0 + Int128($1) }
        if values.allSatisfy({ $0.magnitude < 1 << 31 }) {
            return Double(Int64(count * values.reduce(0 as Int128) { $0 + Int128($1) * Int128($1) } - sum * sum))
        }
        let mean = sum / count
        let rests = values.map { Int128($0) - mean }
        let rest = Double(rests.reduce(0, +))
        return Double(count) * rests.reduce(0) { $0 + Double($1) * Double($1) } - rest * rest
    }

    /// By the plain formula, with doubles.
    static func decayed(_ events: [(time: Int64, value: Int64)], at time: Int64, _ halfLife: Int64) -> Double {
        events.reduce(0) { sum, event in
            let age = Double(time - event.time) / Double(halfLife)
            let whole = age.rounded(.down)
            return sum
                + scaled(Double(event.value) / PowerOfTwo.shared(fraction: age - whole), byPowerOfTwo: -Int64(whole))
        }
    }

    private func labelAnswer(_ aggregate: WindowAggregate, _ inside: [Event], _ time: Int64) -> Double {
        func basisTime(_ event: Event) -> Int64 { aggregate.basis == .eventTime ? event.time : event.labelTime }
        // Events are in order; at the same time the log decides.
        var known = inside.filter { $0.label != nil }
        if aggregate.basis == .labelArrival {
            known.sort { ($0.labelTime, $0.labelOrder) < ($1.labelTime, $1.labelOrder) }
        }
        let frauds = known.filter { $0.label == true }
        let positives = Double(frauds.count)
        switch aggregate.kind {
        case .labelCount: return positives
        case .labelRate: return inside.isEmpty ? 0 : positives / Double(inside.count)
        case .knownLabelRate: return known.isEmpty ? 0 : positives / Double(known.count)
        case .smoothedLabelRate(let prior, let strength, let over):
            let count = Double(over == .all ? inside.count : known.count)
            return (positives + prior * strength) / (count + strength)
        case .fraudRun: return Double(known.reversed().prefix { $0.label == true }.count)
        case .sinceFirstFraud(let ifNone): return frauds.first.map { Double(time - basisTime($0)) / 1000 } ?? ifNone
        case .sinceLastFraud(let ifNone): return frauds.last.map { Double(time - basisTime($0)) / 1000 } ?? ifNone
        default: return .nan
        }
    }
}
