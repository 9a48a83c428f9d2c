import EventModel
import LinearAlgebra
import Testing

@testable import OnlineLearning

/// A row of dense inputs and sparse entries.
private struct MixedRow {
    var dense: [Double]
    var indices: [Int32]
    var values: [Double]
    var isPositive: Bool

    /// The same with an input for each sparse weight.
    func expanded(_ sparseCount: Int) -> LabelledRow {
        var inputs = dense + Array(repeating: 0, count: sparseCount)
        for (index, value) in zip(indices, values) where index >= 0 { inputs[dense.count + Int(index)] += value }
        return LabelledRow(values: inputs, isPositive: isPositive)
    }
}

private func mixedRows(_ count: Int, sparseCount: Int, activeCount: Int, seed: UInt64) -> [MixedRow] {
    var random = TestRandom(seed: seed)
    return (0..<count).map { _ in
        let dense = random.row(3)
        let indices = (0..<activeCount).map { _ in Int32(random.unit() * Double(sparseCount + 1)) - 1 }
        let values = indices.map { _ in random.unit() < 0.5 ? 1 : random.unit() }
        let logit = dense[0] - dense[1] + (indices.contains(1) ? 2 : -0.5)
        return MixedRow(
            dense: dense, indices: indices, values: values, isPositive: random.unit() < sigmoid(logit))
    }
}

@Suite struct LearnerOracleTests {
    init() { BLAS.useOneThread() }

    private static let learners: [Learner] = [
        .sgd(.constant(0.05)), .sgd(.inverseScaling(rate: 0.2, power: 0.5)),
        .sgd(.polynomial(rate: 0.1, end: 0.01, rows: 100, power: 2)), .adaGrad(rate: 0.1),
        .ftrl(alpha: 0.2, beta: 0.5),
    ]

    private func specification(_ learner: Learner, miniBatch: Int) -> LogisticRegressionSpecification {
        var specification = LogisticRegressionSpecification()
        specification.learner = learner
        specification.miniBatch = miniBatch
        return specification
    }

    /// Learns all rows with both; the answer is the largest difference of any weight at any time.
    private func difference(
        _ specification: LogisticRegressionSpecification, sparseCount: Int, activeCount: Int, rows: Int = 240
    ) -> Double {
        let rows = mixedRows(rows, sparseCount: sparseCount, activeCount: activeCount, seed: 51)
        var model = LogisticRegression(
            inputCount: 3, sparseCount: sparseCount, activeCount: activeCount, specification: specification)
        var naive = NaiveRegression(inputCount: 3 + sparseCount, specification)
        var worst = 0.0
        for start in stride(from: 0, to: rows.count, by: specification.miniBatch) {
            let batch = Array(rows[start..<start + specification.miniBatch])
            for row in batch {
                model.learn(
                    row.dense, indices: row.indices, values: row.values, isPositive: row.isPositive, at: .distantPast)
            }
            naive.learn(batch.map { $0.expanded(sparseCount) })
            worst = max(worst, largestDifference(allWeights(model), naive.weights))
            let row = rows[start]
            let logit = model.logit(of: row.dense, indices: row.indices, values: row.values)
            worst = max(worst, abs(logit - naive.logit(row.expanded(sparseCount).values)))
        }
        return worst
    }

    /// As the naive one has them: inputs, sparse weights, intercept.
    private func allWeights(_ model: borrowing LogisticRegression) -> [Double] {
        model.inputWeights + (0..<model.sparseCount).map { model.sparseWeight($0) } + [model.intercept]
    }

    @Test(arguments: learners, [1, 8]) func sparseEntriesLearnAsDenseInputsDo(_ learner: Learner, _ miniBatch: Int) {
        var specification = specification(learner, miniBatch: miniBatch)
        specification.positiveWeight = 2
        specification.negativeWeight = 0.5
        for activeCount in [1, 3, 4, 9] {
            #expect(difference(specification, sparseCount: 7, activeCount: activeCount) < 1e-12)
        }
    }

    @Test(arguments: learners + [.adam(rate: 0.02)], [1, 8])
    func penaltiesActAsTheFormulasSay(_ learner: Learner, _ miniBatch: Int) {
        var specification = specification(learner, miniBatch: miniBatch)
        (specification.l1, specification.l2) = (0.02, 0.01)
        #expect(difference(specification, sparseCount: 0, activeCount: 0) < 1e-12)
    }

    /// FTRL-Proximal's penalties count once, so they act on weights that are not active too.
    @Test func sparseWeightsAreDrawnToZeroByTheLeaderOnly() {
        var specification = specification(.ftrl(alpha: 0.2, beta: 0.5), miniBatch: 8)
        (specification.l1, specification.l2) = (0.5, 0.1)
        #expect(difference(specification, sparseCount: 7, activeCount: 3) < 1e-12)
    }

    @Test(arguments: learners) func meansOfTheWeightsAnswer(_ learner: Learner) {
        let rows = mixedRows(400, sparseCount: 6, activeCount: 2, seed: 52)
        var specification = specification(learner, miniBatch: 4)
        specification.averaging = .all(afterRows: 100)
        var model = LogisticRegression(inputCount: 3, sparseCount: 6, activeCount: 2, specification: specification)
        var naive = NaiveRegression(inputCount: 9, specification)
        for start in stride(from: 0, to: rows.count, by: 4) {
            let batch = Array(rows[start..<start + 4])
            for row in batch {
                model.learn(
                    row.dense, indices: row.indices, values: row.values, isPositive: row.isPositive, at: .distantPast)
            }
            naive.learn(batch.map { $0.expanded(6) })
            let expected = start < 100 ? naive.weights : naive.mean(from: 25)
            #expect(largestDifference(allWeights(model), expected) < 1e-12)
        }
    }

    /// After many steps old weights have faded as the half-life says, and the scale has been taken anew many times.
    @Test func decayedMeansFade() {
        let rows = mixedRows(4000, sparseCount: 6, activeCount: 2, seed: 53)
        var specification = specification(.adaGrad(rate: 0.1), miniBatch: 1)
        specification.averaging = .decayed(halfLifeRows: 2)
        var model = LogisticRegression(inputCount: 3, sparseCount: 6, activeCount: 2, specification: specification)
        var naive = NaiveRegression(inputCount: 9, specification)
        for row in rows {
            model.learn(
                row.dense, indices: row.indices, values: row.values, isPositive: row.isPositive, at: .distantPast)
            naive.learn([row.expanded(6)])
        }
        var expected = Array(repeating: 0.0, count: 10)
        let share = 1 - 0.5.squareRoot()
        for weights in naive.history {
            for index in 0..<10 { expected[index] += share * (weights[index] - expected[index]) }
        }
        #expect(largestDifference(allWeights(model), expected) < 1e-12)
    }

    /// The same as learning the sampled rows alone, but for ln of the share in the intercept.
    @Test func negativesLeftOutOnlyMoveTheIntercept() {
        let rows = mixedRows(6000, sparseCount: 6, activeCount: 2, seed: 54)
        var specification = specification(.adaGrad(rate: 0.1), miniBatch: 1)
        specification.negativeShare = 0.25
        specification.prior = 0.1
        var sampled = LogisticRegression(inputCount: 3, sparseCount: 6, activeCount: 2, specification: specification)
        #expect(abs(sampled.probability(of: [0, 0, 0]) - 0.1) < 1e-15)
        specification.negativeShare = 1
        // The odds among the rows that are learned: 1 in 9 times 4.
        specification.prior = 4 / 13.0
        var plain = LogisticRegression(inputCount: 3, sparseCount: 6, activeCount: 2, specification: specification)
        var (kept, negatives) = (0, 0)
        for row in rows {
            let before = sampled.learnedCount
            sampled.learn(
                row.dense, indices: row.indices, values: row.values, isPositive: row.isPositive, at: .distantPast)
            let isLearned = sampled.learnedCount > before
            if !row.isPositive { (kept, negatives) = (kept + (isLearned ? 1 : 0), negatives + 1) }
            #expect(isLearned || !row.isPositive)
            guard isLearned else { continue }
            plain.learn(
                row.dense, indices: row.indices, values: row.values, isPositive: row.isPositive, at: .distantPast)
        }
        #expect(sampled.seenCount == 6000)
        #expect(abs(Double(kept) / Double(negatives) - 0.25) < 0.03)
        #expect(largestDifference(sampled.inputWeights, plain.inputWeights) < 1e-12)
        #expect(abs(sampled.intercept - plain.intercept - logarithm(0.25)) < 1e-12)
    }

    @Test func aSampledModelGivesTheProbabilitiesOfTheWholeStream() {
        var specification = specification(.newton(ridge: 1), miniBatch: 16)
        specification.negativeShare = 0.1
        var model = LogisticRegression(inputCount: 0, specification: specification)
        var random = TestRandom(seed: 55)
        for _ in 0..<60_000 { model.learn([], isPositive: random.unit() < 0.05) }
        #expect(abs(model.probability(of: []) - 0.05) < 0.004)
    }

    @Test func anInterceptRateOfZeroKeepsThePrior() {
        var specification = specification(.ftrl(alpha: 0.1, beta: 1), miniBatch: 1)
        specification.interceptRate = 0
        specification.prior = 0.2
        var model = LogisticRegression(inputCount: 1, specification: specification)
        for _ in 0..<10 { model.learn([1], isPositive: true) }
        #expect(abs(sigmoid(model.intercept) - 0.2) < 1e-15 && model.inputWeights[0] > 0)
    }

    /// Rows without any information keep the intercept where it started, although this learner derives weights anew.
    @Test func theLeaderStartsFromThePrior() {
        var specification = specification(.ftrl(alpha: 0.01, beta: 1), miniBatch: 1)
        specification.prior = 0.01
        var model = LogisticRegression(inputCount: 1, specification: specification)
        model.learn([0], isPositive: false)
        #expect(abs(model.probability(of: [0]) - 0.01) < 1e-4)
    }

    @Test func theSecondOrderLearnerTakesSparseEntriesBesideIt() {
        let rows = mixedRows(4000, sparseCount: 6, activeCount: 2, seed: 56)
        var specification = specification(.newton(ridge: 1, sparseRate: 0.2), miniBatch: 16)
        specification.prior = 0.4
        var model = LogisticRegression(inputCount: 3, sparseCount: 6, activeCount: 2, specification: specification)
        for row in rows {
            model.learn(
                row.dense, indices: row.indices, values: row.values, isPositive: row.isPositive, at: .distantPast)
        }
        #expect(model.sparseWeight(1) - model.sparseWeight(2) > 1.5 && model.inputWeights[0] > 0.7)
    }

    /// Rows a minute apart: half-lives of 40 minutes and of 40 rows are the same.
    @Test func halfLivesInEventTimeAndInRowsAgree() {
        let rows = mixedRows(800, sparseCount: 0, activeCount: 0, seed: 57)
        var weights: [[Double]] = []
        for halfLife in [HalfLife.rows(40), .time(40 * .minute)] {
            var model = LogisticRegression(
                inputCount: 3, specification: specification(.newton(ridge: 1, halfLife: halfLife), miniBatch: 8))
            for (minute, row) in rows.enumerated() {
                // A late row moves no clock.
                let time = EventTime(milliseconds: Int64(minute) * 60_000 - (minute % 8 == 3 ? 9_000_000 : 0))
                model.learn(row.dense, isPositive: row.isPositive, at: time)
            }
            weights.append(model.weights.array + model.curvature.lowerTriangle)
        }
        #expect(largestDifference(weights[0], weights[1]) < 1e-9)
    }

    /// A pause of many half-lives leaves the prior's ridge.
    @Test func timeThatPassesWithoutRowsFadesTheCurvature() {
        let rows = mixedRows(64, sparseCount: 0, activeCount: 0, seed: 58)
        var model = LogisticRegression(
            inputCount: 3, specification: specification(.newton(ridge: 2, halfLife: .time(.hour)), miniBatch: 8))
        for row in rows { model.learn(row.dense, isPositive: row.isPositive, at: EventTime(milliseconds: 0)) }
        let before = model.curvature.precision[0, 0]
        for row in rows[..<8] {
            model.learn(row.dense, isPositive: row.isPositive, at: EventTime(milliseconds: 1_000 * 3_600_000))
        }
        #expect(before > 8 && model.curvature.precision[0, 0] < 2 + 8)
    }
}

@Suite struct ResetTests {
    init() { BLAS.useOneThread() }

    /// The weights are those of least loss, by the parabola that the learner knows, with that weight 0: no move of any
    /// other weight makes it less.
    @Test func withoutAnInputTheOtherWeightsOfTheSecondOrderLearnerTakeOver() {
        var specification = LogisticRegressionSpecification()
        specification.learner = .newton(ridge: 1)
        specification.miniBatch = 8
        var model = LogisticRegression(inputCount: 3, specification: specification)
        var random = TestRandom(seed: 61)
        for _ in 0..<800 {
            let x = random.normal()
            // Two inputs that say nearly the same.
            let row = [x, x + 0.1 * random.normal(), random.normal()]
            model.learn(row, isPositive: random.unit() < sigmoid(2 * x + row[2]))
        }
        let (before, precision) = (model.weights.array, model.curvature.precision.arrays)
        model.resetInput(0)
        let after = model.weights.array
        #expect(after[0] == 0 && model.inputWeights[0] == 0)
        let change = zip(after, before).map { $0 - $1 }
        for row in 1..<4 {
            let slope = (0..<4).reduce(0) { $0 + precision[max(row, $1)][min(row, $1)] * change[$1] }
            #expect(abs(slope) < 1e-9)
        }
        #expect(abs(after[1] - before[0] - before[1]) < 0.3, "\(before) \(after)")
        #expect(model.curvature.precision[0, 0] == 1 && model.curvature.precision[2, 0] == 0)
    }

    @Test(arguments: [Learner.sgd(.constant(0.1)), .adaGrad(rate: 0.1), .ftrl(alpha: 0.1, beta: 1), .adam(rate: 0.01)])
    func aForgottenInputStartsAnew(_ learner: Learner) {
        var specification = LogisticRegressionSpecification()
        specification.learner = learner
        specification.miniBatch = 4
        specification.averaging = .all(afterRows: 0)
        var model = LogisticRegression(inputCount: 2, specification: specification)
        for row in labelledRows(40, columns: 2, seed: 62) { model.learn(row.values, isPositive: row.isPositive) }
        let before = model.inputWeights
        #expect(before[1] != 0)
        model.resetInput(1)
        #expect(model.inputWeights == [before[0], 0] && model.weights[1] == 0)
        let size = model.memory.first.count
        if size > 0 { #expect(model.memory.first[1] == 0) }
        if model.memory.second.count > 0 { #expect(model.memory.second[1] == 0) }
    }
}
