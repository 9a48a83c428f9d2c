import EventModel
import Features
import OnlineLearning

#if canImport(Glibc)
    import Glibc
#endif

/// The second stage: the models score each transaction before they learn from it, and learn from each label.
public final class ModelStage {
    private let plan: FeaturePlan
    private let decision: DecisionSpecification
    private let classifierCount: Int
    /// So many transactions are scored together at most.
    private static let mostTogether = 32
    private let learners: LabelLearners
    private var state: State

    private struct State: ~Copyable {
        var model: OnlineModel
        /// The latest event time of an accepted transaction, in log order: as of when rows and labels are learned.
        var clock = EventTime.distantPast
        /// The digest of all decisions so far, and their number.
        var decisions = StateDigest()
        var decisionCount: Int64 = 0
        var scratch: [Double]
        /// For the progress display only: a mean over labels, the latest with the most weight, of one label in 64.
        var loss = 0.0
        var lossWeight = 0.0
        var labelCount = 0
    }

    public init(plan: FeaturePlan, specification: PipelineSpecification) {
        self.plan = plan
        decision = specification.decision
        let model = OnlineModel(specification.model, featureNames: plan.names)
        classifierCount = model.classifierCount
        learners = LabelLearners(specification)
        state = State(model: model, scratch: [])
        state.scratch = [Double](repeating: 0, count: state.model.contributionCount)
    }

    /// The digest of the models and of every decision that they made.
    public var digest: StateDigest {
        StateDigest(
            sum: state.decisions.sum &+ mixed(UInt64(bitPattern: state.decisionCount)) &+ state.model.digest.sum
                &+ mixed(UInt64(bitPattern: state.clock.milliseconds)))
    }

    /// Whether each decision comes with its reasons (`EventBlock.explanations`), not only alerts.
    public var explainsEveryDecision = false

    public var isReady: Bool { state.model.isReady }
    public var learnedCount: Int { state.model.classifier.learnedCount }

    /// Gives read access to the models.
    public func withModel<Result>(_ body: (borrowing OnlineModel) -> Result) -> Result { body(state.model) }

    /// Scores and learns a block that the feature stage has been through.
    public func process(_ block: inout EventBlock) {
        process(&block, &state)
    }

    private func process(_ block: inout EventBlock, _ state: inout State) {
        block.probabilities.reserve(block.rowCount)
        block.anomalies.reserve(block.rowCount)
        block.decidedRows.reserve(block.rowCount)
        block.classifierCount = classifierCount > 1 ? classifierCount : 0
        block.classifierScores.reserve(block.rowCount * block.classifierCount)
        let width = plan.count
        let stride = plan.width
        let explains = explainsEveryDecision
        let scoresTogether = state.model.scoresRowsTogether
        /// Up to which operation rows have been scored.
        var scoredEnd = 0
        for index in 0..<block.modelOperationCount {
            let operation = block.modelOperations[index]
            switch operation.kind {
            case .score:
                let row = Int(operation.index)
                let features = UnsafePointer(block.features.pointer + row * stride)
                if scoresTogether {
                    if index >= scoredEnd { scoredEnd = scoreTogether(from: index, &block, &state) }
                } else {
                    let score = score(features, row: row, &block, &state)
                    block.probabilities[row] = score.probability
                    block.anomalies[row] = score.anomaly
                }
                let probability = block.probabilities[row]
                block.decidedRows[block.decisionCount] = operation.index
                block.decisionCount += 1
                state.decisions.insert(
                    mixed(UInt64(bitPattern: state.decisionCount), probability.bitPattern))
                state.decisionCount += 1
                let isAlert = probability >= decision.alertThreshold
                if isAlert || explains {
                    let explained = Alert(row: row, reasons: reasons(features, &state))
                    if isAlert { block.alerts.append(explained) }
                    if explains { block.explanations.append(explained) }
                }
                if operation.flag {
                    state.clock = max(state.clock, block.eventTime(row: row))
                    state.model.observe(features, at: state.clock)
                }
            case .learn:
                let place = Int(operation.index)
                let features = UnsafePointer(
                    place < 0 ? block.features.pointer + ~place &* stride : block.vectors.pointer + place &* width)
                if state.labelCount & 63 == 0 { noteLoss(features, isPositive: operation.flag, &state) }
                state.labelCount &+= 1
                state.model.learn(
                    features, isPositive: operation.flag, at: state.clock,
                    by: learners.mask(source: operation.source, alreadySaid: operation.alreadySaid))
            }
        }
    }

    /// Scores the rows from an operation on, up to which no label learned and no row observed changes what is scored.
    /// - Returns: the first operation behind them.
    private func scoreTogether(from start: Int, _ block: inout EventBlock, _ state: inout State) -> Int {
        let most = Self.mostTogether
        var steady = state.model.steadiness
        var end = start
        withUnsafeTemporaryAllocation(of: UnsafePointer<Double>?.self, capacity: most) { rows in
            withUnsafeTemporaryAllocation(of: Double.self, capacity: most) { probabilities in
                var count = 0
                while end < block.modelOperationCount, count < most, steady.labels > 0, steady.transactions > 0 {
                    let operation = block.modelOperations[end]
                    if operation.kind == .score {
                        rows[count] = UnsafePointer(block.features.pointer + Int(operation.index) * plan.width)
                        count += 1
                        if operation.flag { steady.transactions -= 1 }
                    } else {
                        steady.labels -= 1
                    }
                    end += 1
                }
                guard let first = probabilities.baseAddress else { return }
                state.model.probabilities(of: UnsafeBufferPointer(start: rows.baseAddress, count: count), into: first)
                count = 0
                for index in start..<end where block.modelOperations[index].kind == .score {
                    let row = Int(block.modelOperations[index].index)
                    block.probabilities[row] = first[count]
                    block.anomalies[row] = 0
                    count += 1
                }
            }
        }
        return end
    }

    @inline(__always) private func score(
        _ features: UnsafePointer<Double>, row: Int, _ block: inout EventBlock, _ state: inout State
    ) -> Score {
        guard classifierCount > 1 else { return state.model.scoreInPlace(of: features) }
        let each = block.classifierScores.pointer + row * classifierCount
        let score = state.model.score(of: features, each: each)
        for index in 0..<classifierCount {
            state.decisions.insert(
                mixed(~UInt64(bitPattern: state.decisionCount) &+ UInt64(index), each[index].bitPattern))
        }
        return score
    }

    /// Mean log-loss of labels lately learned, by the models as they were before; nil before the first.
    public var recentLoss: Double? { state.lossWeight > 0 ? state.loss / state.lossWeight : nil }

    private func noteLoss(_ features: UnsafePointer<Double>, isPositive: Bool, _ state: inout State) {
        let logit = state.model.scoreInPlace(of: features).logit
        let margin = isPositive ? logit : -logit
        let loss = margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin
        state.loss = state.loss * 0.9984 + loss
        state.lossWeight = state.lossWeight * 0.9984 + 1
    }

    /// What weighs most in the score of a feature vector under the models as they are now, the heaviest first.
    public func reasons(_ features: UnsafePointer<Double>) -> [Reason] { reasons(features, &state) }

    private func reasons(_ features: UnsafePointer<Double>, _ state: inout State) -> [Reason] {
        let count = state.model.contributionCount
        state.scratch.withUnsafeMutableBufferPointer { scratch in
            guard let start = scratch.baseAddress else { return }
            _ = state.model.contributions(of: features, into: start)
        }
        var order: [Int] = []
        for index in 0..<count {
            // Behind those that are as heavy.
            let place = order.firstIndex { abs(state.scratch[$0]) < abs(state.scratch[index]) } ?? order.count
            guard place < decision.reasonCount else { continue }
            if order.count == decision.reasonCount { order.removeLast() }
            order.insert(index, at: place)
        }
        return order.map { index in
            let isFeature = index < plan.count
            return Reason(
                feature: isFeature ? index : nil, contribution: state.scratch[index],
                value: isFeature ? features[index] : state.model.anomalyScore(of: features))
        }
    }

    // MARK: saved state

    public func encode(into writer: inout ByteWriter) {
        writer.encode(state.decisions.sum)
        writer.encode(state.decisionCount)
        writer.encode(state.clock)
        state.model.encode(into: &writer)
    }

    /// Takes up what `encode` wrote for the same specification; the stage must be new.
    public func decode(
        from reader: inout ByteReader, specification: PipelineSpecification
    ) throws(StateCodingError) {
        state.decisions = StateDigest(sum: try reader.decodeUInt64())
        state.decisionCount = try reader.decodeInt64()
        state.clock = try reader.decodeEventTime()
        state.model = try OnlineModel(decoding: &reader, specification.model, featureNames: plan.names)
    }
}
