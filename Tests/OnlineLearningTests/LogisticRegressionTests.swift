import Foundation
import LinearAlgebra
import Testing

@testable import OnlineLearning

@Suite struct LogisticRegressionTests {
    init() { BLAS.useOneThread() }

    private func specification(
        _ learner: Learner, miniBatch: Int, change: (inout LogisticRegressionSpecification) -> Void = { _ in }
    ) -> LogisticRegressionSpecification {
        var specification = LogisticRegressionSpecification()
        specification.learner = learner
        specification.miniBatch = miniBatch
        change(&specification)
        return specification
    }

    /// Σ row weight · log-loss + rows · l2/2 · ‖w‖², with weights that end in the intercept.
    private func loss(_ weights: [Double], _ rows: [LabelledRow], positiveWeight: Double, l2: Double) -> Double {
        rows.reduce(0) { sum, row in
            let logit = zip(weights, row.values + [1]).reduce(0) { $0 + $1.0 * $1.1 }
            let loss = row.isPositive ? positiveWeight * log1p(exp(-logit)) : log1p(exp(logit))
            return sum + loss + l2 / 2 * weights.dropLast().reduce(0) { $0 + $1 * $1 }
        }
    }

    private func scaledRows(_ count: Int, columns: Int, seed: UInt64) -> [LabelledRow] {
        labelledRows(count, columns: columns, seed: seed).map { row in
            let values = row.values.enumerated().map { ($1 - 10 * Double($0)) / Double($0 + 1) }
            return LabelledRow(values: values, isPositive: row.isPositive)
        }
    }

    @Test(arguments: [1, 2, 9]) func aStepIsTheRateTimesTheNumericalGradient(_ miniBatch: Int) {
        let rows = scaledRows(miniBatch * 8, columns: 4, seed: 21)
        let (rate, l2, positiveWeight) = (0.05, 0.3, 2.5)
        var model = LogisticRegression(
            inputCount: 4,
            specification: specification(.sgd(.constant(rate)), miniBatch: miniBatch) {
                $0.l2 = l2
                $0.positiveWeight = positiveWeight
                $0.prior = 0.2
            })
        for start in stride(from: 0, to: rows.count, by: miniBatch) {
            let batch = Array(rows[start..<start + miniBatch])
            let before = model.weights.array
            for row in batch { model.learn(row.values, isPositive: row.isPositive) }
            for index in before.indices {
                var (up, down) = (before, before)
                up[index] += 1e-5
                down[index] -= 1e-5
                let slope =
                    (loss(up, batch, positiveWeight: positiveWeight, l2: l2)
                        - loss(down, batch, positiveWeight: positiveWeight, l2: l2)) / 2e-5
                #expect(abs(before[index] - model.weights[index] - rate * slope) < 1e-8)
            }
        }
    }

    @Test func theInterceptStartsAtTheLogitOfThePrior() {
        let model = LogisticRegression(
            inputCount: 2, specification: specification(.adaGrad(rate: 1), miniBatch: 1) { $0.prior = 0.008 })
        #expect(abs(model.probability(of: [5, 5]) - 0.008) < 1e-15)
        #expect(LogisticRegression(inputCount: 2).intercept == 0)
    }

    @Test func extremeLogitsKeepProbabilitiesAndStepsFinite() {
        #expect(sigmoid(-1e308) == 0 && sigmoid(1e308) == 1 && sigmoid(-.infinity) == 0 && sigmoid(.infinity) == 1)
        #expect(sigmoid(-700) > 0 && sigmoid(0) == 0.5)
        var model = LogisticRegression(inputCount: 1, specification: specification(.sgd(.constant(1)), miniBatch: 1))
        for _ in 0..<5 {
            model.learn([1e50], isPositive: true)
            model.learn([1e50], isPositive: false)
        }
        #expect(model.inputWeights[0].isFinite && model.intercept.isFinite)
    }

    @Test func aRowOfWeightTwoCountsAsTwoRows() {
        let rows = scaledRows(8, columns: 3, seed: 22)
        var once = LogisticRegression(inputCount: 3, specification: specification(.adaGrad(rate: 0.1), miniBatch: 8))
        var twice = LogisticRegression(inputCount: 3, specification: specification(.adaGrad(rate: 0.1), miniBatch: 16))
        for row in rows {
            once.learn(row.values, isPositive: row.isPositive, weight: 2)
            for _ in 0..<2 { twice.learn(row.values, isPositive: row.isPositive) }
        }
        #expect(largestDifference(once.weights.array, twice.weights.array) < 1e-12)
    }

    @Test func ratesFallAsTheScheduleSays() {
        let schedule = RateSchedule.inverseScaling(rate: 0.5, power: 0.25)
        #expect(schedule.rate(afterRows: 0) == 0.5)
        #expect(abs(schedule.rate(afterRows: 80) - 0.5 / 3) < 1e-15)
    }

    /// AdaGrad by hand: after one row of slope g the step is rate·g/√(g² + 1e-8).
    @Test func theFirstAdaptiveStepIsTheRate() {
        var model = LogisticRegression(inputCount: 1, specification: specification(.adaGrad(rate: 0.1), miniBatch: 1))
        model.learn([4], isPositive: true)
        #expect(abs(model.inputWeights[0] - 0.1 * 2 / (4 + 1e-8).squareRoot()) < 1e-15)
        #expect(model.optimiserState == [4, 0.25])
    }

    /// With nothing kept from one mini-batch to the next each step is one of Newton's method on that mini-batch.
    @Test func theSecondOrderLearnerReachesTheBatchSolution() {
        let rows = scaledRows(60, columns: 3, seed: 23)
        let ridge = 2.0
        var model = LogisticRegression(
            inputCount: 3,
            specification: specification(.newton(ridge: ridge, halfLife: .rows(1e-3)), miniBatch: rows.count))
        for _ in 0..<60 {
            for row in rows { model.learn(row.values, isPositive: row.isPositive) }
        }
        let weights = model.weights.array
        for index in weights.indices {
            let slope = rows.reduce(index < 3 ? ridge * weights[index] : 0) { sum, row in
                let inputs = row.values + [1]
                let logit = zip(weights, inputs).reduce(0) { $0 + $1.0 * $1.1 }
                return sum + (sigmoid(logit) - (row.isPositive ? 1 : 0)) * inputs[index]
            }
            #expect(abs(slope) < 1e-9, "slope \(index) of the batch objective")
        }
        #expect(model.unsolvedMiniBatches == 0)
    }

    @Test func aSurpriseDoesNotThrowTheSecondOrderLearnerOff() {
        var model = LogisticRegression(
            inputCount: 1,
            specification: specification(.newton(ridge: 1, halfLife: nil), miniBatch: 1) { $0.prior = 1e-4 })
        model.learn([20], isPositive: true)
        #expect(model.probability(of: [20]) > 0.5 && model.inputWeights[0] < 1)
    }

    @Test func inOnePassTheSecondOrderLearnerComesNearTheBatchSolution() {
        let rows = scaledRows(4096, columns: 3, seed: 24)
        var online = LogisticRegression(
            inputCount: 3, specification: specification(.newton(ridge: 1, halfLife: nil), miniBatch: 64))
        var batch = LogisticRegression(
            inputCount: 3, specification: specification(.newton(ridge: 1, halfLife: .rows(1e-3)), miniBatch: rows.count)
        )
        for row in rows { online.learn(row.values, isPositive: row.isPositive) }
        for _ in 0..<12 {
            for row in rows { batch.learn(row.values, isPositive: row.isPositive) }
        }
        let difference = largestDifference(online.weights.array, batch.weights.array)
        #expect(difference < 0.05, "\(online.weights.array) \(batch.weights.array)")
    }

    @Test func rowsThatWaitChangeNothingUntilTheirMiniBatchIsFull() {
        let rows = scaledRows(8, columns: 3, seed: 25)
        var model = LogisticRegression(inputCount: 3, specification: specification(.adaGrad(rate: 0.1), miniBatch: 8))
        for row in rows.dropLast() {
            model.learn(row.values, isPositive: row.isPositive)
            #expect(model.weights.array == [0, 0, 0, 0] && model.learnedCount == 0)
        }
        model.learn(rows[7].values, isPositive: rows[7].isPositive)
        #expect(model.weights.array != [0, 0, 0, 0] && model.learnedCount == 8 && model.pendingCount == 0)
        #expect(model.learnedPositives == rows.filter(\.isPositive).count)
    }
}
