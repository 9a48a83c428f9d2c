import Evaluation
import EventModel
import Features
import LogStorage
import PipelineCore
import Platform

/// The metrics of a pipeline's decisions, prequential: each score as it was given, against what its transaction turned
/// out to be by the end of the log. A transaction without a label counts as legitimate.
public struct PipelineEvaluation: Sendable {
    public var report: EvaluationReport
    /// The same days ranked by the baseline column; nil where none is declared.
    public var baseline: EvaluationReport?
    /// Transactions with a decision, and those of them with a label.
    public var decisionCount: Int
    public var labelledCount: Int

    /// - Parameter evaluation: what to look at; its `entity` gives the cards.
    public init(
        log: LogDirectory, specification: PipelineSpecification, evaluation: EvaluationSpecification,
        fileSystem: any FileSystem
    ) throws(RuntimeError) {
        let plan = try Self.plan(specification, evaluation)
        let decisions = try DecisionLog(log, pipeline: specification.name, fileSystem: fileSystem)
        var collector = Collector(plan: plan)
        var decision = try decisions.next()
        try forEachBlock(of: log, plan: plan, input: specification.input, fileSystem: fileSystem) {
            block, _ throws(RuntimeError) in
            for index in 0..<block.recordCount {
                switch block.decoded(index) {
                case .transaction(let row):
                    // Retention may have taken the input of decisions that are still there.
                    while let older = decision, older.inputOffset < block.input(index).offset {
                        decision = try decisions.next()
                    }
                    guard let current = decision, current.inputOffset == block.input(index).offset else { continue }
                    collector.append(current, row: row, of: block)
                    decision = try decisions.next()
                case .label(let id, let isPositive): collector.setLabel(id, isPositive: isPositive)
                case .event, .change, .heartbeat, .undecodable: continue
                }
            }
            return true
        }
        decisionCount = collector.rows.count
        labelledCount = collector.labelledCount
        do throws(EvaluationError) {
            report = try Self.evaluate(collector.numberedRows(), evaluation)
            baseline =
                collector.hasBaseline
                ? try Self.evaluate(collector.numberedRows(byBaseline: true), evaluation) : nil
        } catch { throw .usage("\(error)") }
    }

    private static func evaluate(
        _ rows: [EvaluationRow], _ evaluation: EvaluationSpecification
    ) throws(EvaluationError) -> EvaluationReport {
        var days = evaluation.days
        if days == nil, let first = rows.min(by: { $0.day < $1.day })?.day,
            let last = rows.max(by: { $0.day < $1.day })?.day
        {
            days = first...last
        }
        var how = EvaluationProtocol(firstDay: days?.lowerBound ?? 0, lastDay: days?.upperBound ?? 0)
        how.blockDays = evaluation.blockDays
        how.labelDelayDays = evaluation.labelDelayDays
        how.trainingDays = evaluation.trainingDays
        how.cardsPerDay = evaluation.cardsPerDay
        how.filtersKnownCards = evaluation.entity != nil
        return try Evaluation.evaluate(rows, by: how)
    }

    /// A plan that reads just the card's key and the baseline column.
    private static func plan(
        _ specification: PipelineSpecification, _ evaluation: EvaluationSpecification
    ) throws(RuntimeError) -> FeaturePlan {
        var features: [FeatureSpecification] = []
        if let entity = evaluation.entity {
            features.append(
                FeatureSpecification(
                    name: "card", definition: .window(WindowFeature(entity: entity, length: .second, aggregate: .count))
                ))
        }
        if let column = evaluation.baselineColumn {
            features.append(FeatureSpecification(name: "baseline", definition: .column(column)))
        }
        if features.isEmpty { features = [FeatureSpecification(name: "none", definition: .weekday([0]))] }
        do throws(FeatureError) {
            return try FeaturePlan(
                features: features, entities: specification.entities, columns: specification.columns)
        } catch { throw .feature(error) }
    }

    private struct Collector {
        let hasCards: Bool
        let hasBaseline: Bool
        private let baselineIsDouble: Bool
        var rows: [EvaluationRow] = []
        private var baseline: [Double] = []
        private var cards: [TransactionID: Int32] = [:]
        private var rowOfID: [TransactionID: Int32] = [:]
        private var isLabelled: [Bool] = []

        init(plan: FeaturePlan) {
            hasCards = !plan.entities.isEmpty
            baselineIsDouble = !plan.doubleColumns.isEmpty
            hasBaseline = baselineIsDouble || !plan.integerColumns.isEmpty
        }

        var labelledCount: Int { isLabelled.count { $0 } }

        mutating func append(_ decision: RecordedDecision, row: Int, of block: borrowing EventBlock) {
            var card: Int32 = 0
            if hasCards {
                let key = block.key(row: row, entity: 0)
                card = cards[key] ?? Int32(cards.count)
                cards[key] = card
            }
            rowOfID[decision.transactionID] = Int32(truncatingIfNeeded: rows.count)
            rows.append(
                EvaluationRow(
                    score: decision.probability, day: Int32(truncatingIfNeeded: decision.eventTime.day), card: card,
                    isFraud: false))
            isLabelled.append(false)
            if hasBaseline {
                baseline.append(
                    baselineIsDouble ? block.double(row: row, column: 0) : Double(block.integer(row: row, column: 0)))
            }
        }

        mutating func setLabel(_ id: TransactionID, isPositive: Bool) {
            guard let row = rowOfID[id] else { return }
            rows[Int(row)].isFraud = isPositive
            isLabelled[Int(row)] = true
        }

        /// The rows with cards numbered in the order of their keys, so that ties fall the same way everywhere.
        func numberedRows(byBaseline: Bool = false) -> [EvaluationRow] {
            let order = cards.keys.sorted {
                switch ($0, $1) {
                case (.number(let a), .number(let b)): a < b
                default: $0.description < $1.description
                }
            }
            var numbers = [Int32](repeating: 0, count: max(cards.count, 1))
            for (number, key) in order.enumerated() { numbers[Int(cards[key] ?? 0)] = Int32(number) }
            return rows.indices.map { index in
                var row = rows[index]
                row.card = numbers[Int(row.card)]
                if byBaseline { row.score = baseline[index] }
                return row
            }
        }
    }
}
