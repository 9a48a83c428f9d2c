import EventModel
import Features
import Foundation
import PipelineCore

/// What a pipeline must say of each record, by looking through all records so far each time.
struct NaivePipeline {
    private struct Known {
        var transaction: ScriptTransaction
        /// The watermark when it was taken; nil before there was one.
        var watermark: Int64?
        var decision: Int
        var status: DecisionStatus
        /// The last one, of any source.
        var label: Bool?
        /// The last one of each source.
        var said: [String: Bool] = [:]
        var labelTime: Int64 = .min
        var joined = Joined()
    }

    private struct KnownEvent {
        var event: ScriptEvent
        var watermark: Int64?
        var status: DecisionStatus
        var joined: Joined
    }

    enum Answer: Equatable {
        case decided(DecisionStatus, features: [Double])
        case event(isDeclared: Bool)
        case label(isCorrection: Bool)
        case change
        case command
        case setAside(SideReason, firstDecision: Int?)
    }

    private let specification: PipelineSpecification
    private var known: [Known] = []
    private var events: [KnownEvent] = []
    /// What entered windows, in log order: the index of a transaction or of an event.
    private var entered: [(isTransaction: Bool, index: Int)] = []
    private var tables = NaiveTables()
    private var clock = LabelClock()
    /// Milliseconds; nil before the first accepted transaction or heartbeat.
    private(set) var watermark: Int64?

    init(_ specification: PipelineSpecification) { self.specification = specification }

    mutating func take(_ record: ScriptRecord) -> Answer {
        clock.pass(record)
        switch record {
        case .transaction(let transaction): return take(transaction)
        case .event(let event): return take(event)
        case .label(let id, let isPositive, let source): return label(id, isPositive: isPositive, source)
        case .change(let change):
            let earliest = watermark.map { $0 - specification.time.allowedLateness.milliseconds }
            return tables.take(change, earliest: earliest)
        case .heartbeat(let minute):
            raise(time(ofMinute: minute).milliseconds)
            return .command
        case .damaged: return .setAside(.undecodable, firstDecision: nil)
        }
    }

    private mutating func raise(_ time: Int64) {
        let raised = max(watermark ?? time, time)
        if watermark == nil {
            for index in known.indices where known[index].watermark == nil { known[index].watermark = raised }
            for index in events.indices where events[index].watermark == nil { events[index].watermark = raised }
        }
        watermark = raised
    }

    /// The transaction of this id that is remembered: until the watermark has passed it by the longer horizon, the
    /// out-of-orderness added since it may have been that far ahead.
    private func remembered(_ id: Int) -> Int? {
        let rules = specification.time
        let horizon = max(rules.duplicateHorizon, rules.labelHorizon) + rules.outOfOrderness
        return known.lastIndex { entry in
            guard entry.transaction.id == id else { return false }
            guard let watermark, let taken = entry.watermark else { return true }
            return watermark - taken <= horizon.milliseconds
        }
    }

    private mutating func take(_ event: ScriptEvent) -> Answer {
        if event.kind == .unknown { return .event(isDeclared: false) }
        let rules = specification.time
        let horizon = max(rules.duplicateHorizon, rules.labelHorizon) + rules.outOfOrderness
        let before = events.last { entry in
            guard event.kind == .login, entry.event.kind == .login, entry.event.id == event.id else { return false }
            guard let watermark, let taken = entry.watermark else { return true }
            return watermark - taken <= horizon.milliseconds
        }
        if let before {
            let isSame = before.event.payload == event.payload
            return .setAside(isSame ? .sameEventAgain : .otherPayloadUnderTheSameEventID, firstDecision: nil)
        }
        let (status, asOf) = standing(minute: event.minute, arrival: event.arrival)
        let joined = tables.join(
            customer: event.kind == .ping ? nil : event.customer, terminal: event.kind == .ping ? event.terminal : nil,
            asOf: asOf)
        events.append(KnownEvent(event: event, watermark: watermark, status: status, joined: joined))
        if status == .quarantined { return .setAside(.aheadOfArrival, firstDecision: nil) }
        if status == .tooLate { return .setAside(.tooLate, firstDecision: nil) }
        entered.append((false, events.count - 1))
        return .event(isDeclared: true)
    }

    /// How a transaction or event stands in time, and as of when it is answered.
    private func standing(minute: Int, arrival: Int) -> (DecisionStatus, asOf: Int64) {
        let own = time(ofMinute: minute).milliseconds
        if own - time(ofMinute: arrival).milliseconds > specification.input.aheadTolerance.milliseconds {
            return (.quarantined, watermark ?? Int64.min / 2)
        }
        guard let watermark, own < watermark else { return (.onTime, own) }
        let earliest = watermark - specification.time.allowedLateness.milliseconds
        return (own >= earliest ? .late : .tooLate, max(own, earliest))
    }

    private mutating func take(_ transaction: ScriptTransaction) -> Answer {
        if let index = remembered(transaction.id) {
            let isSame = known[index].transaction.payload == transaction.payload
            return isSame
                ? .setAside(.sameTransactionAgain, firstDecision: known[index].decision)
                : .setAside(.otherPayloadUnderTheSameID, firstDecision: nil)
        }
        let own = time(ofMinute: transaction.minute).milliseconds
        let (status, asOf) = standing(minute: transaction.minute, arrival: transaction.arrival)
        let joined = tables.join(customer: transaction.customer, terminal: transaction.terminal, asOf: asOf)
        let features = vector(transaction, joined, asOf: asOf)
        if status.isAccepted {
            let arrival = time(ofMinute: transaction.arrival).milliseconds
            raise(min(own, arrival) - specification.time.outOfOrderness.milliseconds)
        }
        known.append(
            Known(
                transaction: transaction, watermark: watermark, decision: known.count, status: status, label: nil,
                joined: joined))
        if status.isAccepted { entered.append((true, known.count - 1)) }
        return .decided(status, features: features)
    }

    private mutating func label(_ id: Int, isPositive: Bool, _ source: String) -> Answer {
        guard let index = remembered(id) else { return .setAside(.labelOfUnknownTransaction, firstDecision: nil) }
        let entry = known[index]
        let sources = specification.input.labelSources
        if !sources.isEmpty && !sources.contains(source) {
            return .setAside(.labelOfUnknownSource, firstDecision: nil)
        }
        if !entry.status.isAccepted { return .setAside(.labelOfTransactionNotAccepted, firstDecision: nil) }
        if (sources.isEmpty ? entry.label : entry.said[source]) == isPositive {
            return .setAside(.sameLabelAgain, firstDecision: nil)
        }
        let age = (watermark ?? Int64.min / 2) - time(ofMinute: entry.transaction.minute).milliseconds
        if age > specification.time.labelHorizon.milliseconds {
            return .setAside(.labelAfterHorizon, firstDecision: nil)
        }
        known[index].said[source] = isPositive
        guard entry.label != isPositive else { return .label(isCorrection: false) }
        known[index].label = isPositive
        known[index].labelTime = max(
            time(ofMinute: clock.minute).milliseconds, time(ofMinute: entry.transaction.minute).milliseconds)
        return .label(isCorrection: entry.label != nil)
    }

    // MARK: features

    /// All that entered windows, by time, then in log order.
    private var past: [NaiveEvent] {
        let all = entered.map { entry in
            if entry.isTransaction {
                let known = known[entry.index]
                var event = NaiveEvent(known.transaction, time: time(ofMinute: known.transaction.minute).milliseconds)
                event.label = known.label
                event.labelTime = known.labelTime
                event.joined = known.joined
                return event
            }
            let event = events[entry.index].event
            var naive = NaiveEvent(event, time: time(ofMinute: event.minute).milliseconds)
            naive.joined = events[entry.index].joined
            return naive
        }
        return all.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
    }

    private func vector(_ transaction: ScriptTransaction, _ joined: Joined, asOf: Int64) -> [Double] {
        var values: [String: Double] = [
            "AMOUNT": Double(transaction.cents) / 100, "MEASURE": transaction.measure,
            "ITEMS": Double(transaction.items), "shops.RATE": Double(joined.rate) / 100,
            "shops.WEIGHT": joined.weight, "classes.RISK": Double(joined.risk),
        ]
        var own = NaiveEvent(transaction, time: asOf)
        own.joined = joined
        let past = past
        return specification.features.flatMap { feature in
            let found = self.values(feature.definition, transaction, past, own, values)
            if found.count == 1 { values[feature.name] = found[0] }
            return found
        }
    }

    private func values(
        _ definition: FeatureDefinition, _ transaction: ScriptTransaction, _ past: [NaiveEvent], _ own: NaiveEvent,
        _ values: [String: Double]
    ) -> [Double] {
        let minuteOfDay = ((transaction.minute % 1440) + 1440) % 1440
        switch definition {
        case .column(let name): return [values[name] ?? .nan]
        case .hour(let hours): return [hours.contains(minuteOfDay / 60) ? 1 : 0]
        case .weekday(let days):
            // 1970-01-01 was a Thursday.
            let day = Int((Double(transaction.minute) / 1440).rounded(.down)) + 17_622 + 3
            return [days.contains(day % 7) ? 1 : 0]
        case .calendar: return [Double(minuteOfDay)]
        case .log1p(let name): return [log1p(max(values[name] ?? .nan, 0))]
        case .ratio(let above, let below): return [ratio(values[above] ?? .nan, values[below] ?? .nan)]
        case .window(let window): return [window.naiveAnswer(past, own)]
        case .oneHot(let column, let names):
            let value = column == "NOTE" ? transaction.note : own.joined.shopClass
            return names.map { $0 == value ? 1 : 0 }
        case .hashed: return []
        case .expression(let text): return [naiveExpressions[text]?(past, own, values) ?? .nan]
        }
    }
}

private func ratio(_ above: Double, _ below: Double) -> Double { below == 0 ? 0 : above / below }

/// What the expressions of the test pipeline say.
private let naiveExpressions: [String: @Sendable ([NaiveEvent], NaiveEvent, [String: Double]) -> Double] = [
    "AMOUNT / (customer_mean + 1)": { _, _, values in
        ratio(values["AMOUNT"] ?? .nan, (values["customer_mean"] ?? .nan) + 1)
    },
    "zscore(AMOUNT, customer, 90m)": { past, own, values in
        func window(_ aggregate: WindowFeature.Aggregate) -> Double {
            WindowFeature(
                entity: "customer", length: EventDuration(milliseconds: 90 * 60_000), aggregate: aggregate,
                column: "AMOUNT", includesCurrent: false
            ).naiveAnswer(past, own)
        }
        return ratio((values["AMOUNT"] ?? .nan) - window(.mean), window(.variance).squareRoot())
    },
    "if(since_previous(customer) < 600 and NOTE == 'gift', MEASURE, -1)": { past, own, _ in
        let since = WindowFeature(entity: "customer", length: nil, aggregate: .sincePrevious).naiveAnswer(past, own)
        return since < 600 && own.note == "gift" ? own.measure : -1
    },
    "AMOUNT * shops.RATE": { _, _, values in (values["AMOUNT"] ?? .nan) * (values["shops.RATE"] ?? .nan) },
    "if(known(profiles) and AMOUNT > profiles.LIMIT, 1, 0)": { _, own, values in
        own.joined.limit.map { (values["AMOUNT"] ?? .nan) > Double($0) / 100 } == true ? 1 : 0
    },
    "distance_km(MEASURE, ITEMS, terminal) > 100": { past, own, _ in
        let previous = past.last { $0.kind == "transaction" && $0.hasKey(of: own, "terminal") && $0.time <= own.time }
        guard let previous else { return 0 }
        // No two of the places lie between 90 and 110 km from each other.
        return hypot(previous.measure - own.measure, Double(previous.items - own.items)) > 0.9 ? 1 : 0
    },
]
