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
        var label: Bool?
    }

    enum Answer: Equatable {
        case decided(DecisionStatus, features: [Double])
        case label(isCorrection: Bool)
        case command
        case setAside(SideReason, firstDecision: Int?)
    }

    private let specification: PipelineSpecification
    private var known: [Known] = []
    /// Milliseconds; nil before the first accepted transaction or heartbeat.
    private(set) var watermark: Int64?

    init(_ specification: PipelineSpecification) { self.specification = specification }

    mutating func take(_ record: ScriptRecord) -> Answer {
        switch record {
        case .transaction(let transaction): return take(transaction)
        case .label(let id, let isPositive): return label(id, isPositive: isPositive)
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

    private mutating func take(_ transaction: ScriptTransaction) -> Answer {
        if let index = remembered(transaction.id) {
            let isSame = known[index].transaction.payload == transaction.payload
            return isSame
                ? .setAside(.sameTransactionAgain, firstDecision: known[index].decision)
                : .setAside(.otherPayloadUnderTheSameID, firstDecision: nil)
        }
        let own = time(ofMinute: transaction.minute).milliseconds
        let arrival = time(ofMinute: transaction.arrival).milliseconds
        let rules = specification.time
        var status = DecisionStatus.onTime
        var asOf = own
        if own - arrival > specification.input.aheadTolerance.milliseconds {
            status = .quarantined
            asOf = watermark ?? Int64.min / 2
        } else if let watermark, own < watermark {
            let earliest = watermark - rules.allowedLateness.milliseconds
            status = own >= earliest ? .late : .tooLate
            asOf = max(own, earliest)
        }
        let features = vector(transaction, asOf: asOf)
        if status.isAccepted { raise(own - rules.outOfOrderness.milliseconds) }
        known.append(
            Known(transaction: transaction, watermark: watermark, decision: known.count, status: status, label: nil))
        return .decided(status, features: features)
    }

    private mutating func label(_ id: Int, isPositive: Bool) -> Answer {
        guard let index = remembered(id) else { return .setAside(.labelOfUnknownTransaction, firstDecision: nil) }
        let entry = known[index]
        if !entry.status.isAccepted { return .setAside(.labelOfTransactionNotAccepted, firstDecision: nil) }
        if entry.label == isPositive { return .setAside(.sameLabelAgain, firstDecision: nil) }
        let age = (watermark ?? Int64.min / 2) - time(ofMinute: entry.transaction.minute).milliseconds
        if age > specification.time.labelHorizon.milliseconds {
            return .setAside(.labelAfterHorizon, firstDecision: nil)
        }
        known[index].label = isPositive
        return .label(isCorrection: entry.label != nil)
    }

    // MARK: features

    private func vector(_ transaction: ScriptTransaction, asOf: Int64) -> [Double] {
        var values: [String: Double] = [
            "AMOUNT": Double(transaction.cents) / 100, "MEASURE": transaction.measure,
            "ITEMS": Double(transaction.items),
        ]
        return specification.features.map { feature in
            let value = value(feature.definition, transaction, asOf: asOf, values)
            values[feature.name] = value
            return value
        }
    }

    private func value(
        _ definition: FeatureDefinition, _ transaction: ScriptTransaction, asOf: Int64, _ values: [String: Double]
    ) -> Double {
        let minuteOfDay = ((transaction.minute % 1440) + 1440) % 1440
        switch definition {
        case .column(let name): return values[name] ?? .nan
        case .hour(let hours): return hours.contains(minuteOfDay / 60) ? 1 : 0
        case .weekday(let days):
            // 1970-01-01 was a Thursday.
            let day = Int((Double(transaction.minute) / 1440).rounded(.down)) + 17_622 + 3
            return days.contains(day % 7) ? 1 : 0
        case .log1p(let name): return log1p(max(values[name] ?? .nan, 0))
        case .ratio(let above, let below):
            let divisor = values[below] ?? .nan
            return divisor == 0 ? 0 : (values[above] ?? .nan) / divisor
        case .window(let window): return aggregate(window, transaction, asOf: asOf)
        default: return .nan
        }
    }

    private func aggregate(_ window: WindowFeature, _ transaction: ScriptTransaction, asOf: Int64) -> Double {
        let end = asOf - window.delay.milliseconds
        let isCustomer = window.entity == "customer"
        let inside = known.filter { entry in
            let other = entry.transaction
            let at = time(ofMinute: other.minute).milliseconds
            return entry.status.isAccepted && at > end - (window.length ?? 100_000 * .day).milliseconds && at <= end
                && (isCustomer ? other.customer == transaction.customer : other.terminal == transaction.terminal)
        }
        let own = window.delay == .zero && window.includesCurrent ? [transaction] : []
        let values = (inside.map(\.transaction) + own).map { window.column == "AMOUNT" ? $0.cents : $0.items }
        let divisor = window.column == "AMOUNT" ? 100.0 : 1
        let positives = inside.count { $0.label == true }
        let labelled = inside.count { $0.label != nil }
        let count = values.count
        switch window.aggregate {
        case .count: return Double(count)
        case .sum: return Double(values.reduce(0, +)) / divisor
        case .mean: return count == 0 ? window.ifEmpty : Double(values.reduce(0, +)) / (Double(count) * divisor)
        case .labelCount: return Double(positives)
        case .labelRate: return count == 0 ? 0 : Double(positives) / Double(count)
        case .knownLabelRate: return labelled == 0 ? 0 : Double(positives) / Double(labelled)
        default: return .nan
        }
    }
}
