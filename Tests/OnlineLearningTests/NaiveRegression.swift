import Foundation

@testable import OnlineLearning

/// Logistic regression from the papers' formulas, weight by weight and in the plainest order; all inputs dense. The
/// intercept is the last weight.
struct NaiveRegression {
    let specification: LogisticRegressionSpecification
    var weights: [Double]
    private(set) var history: [[Double]] = []
    private var first: [Double]
    private var second: [Double]
    private var learned = 0
    private var steps = 0

    init(inputCount: Int, _ specification: LogisticRegressionSpecification) {
        self.specification = specification
        weights = Array(repeating: 0, count: inputCount + 1)
        weights[inputCount] = log(specification.prior / (1 - specification.prior))
        first = Array(repeating: 0, count: inputCount + 1)
        second = first
    }

    func logit(_ inputs: [Double]) -> Double { zip(weights, inputs + [1]).reduce(0) { $0 + $1.0 * $1.1 } }

    /// One mini-batch. The intercept starts at 0 for what this oracle is used for, unless the learner is plain descent.
    mutating func learn(_ rows: [LabelledRow]) {
        var gradient = Array(repeating: 0.0, count: weights.count)
        for row in rows {
            let weight = row.isPositive ? specification.positiveWeight : specification.negativeWeight
            let error = weight * (1 / (1 + exp(-logit(row.values))) - (row.isPositive ? 1 : 0))
            for (index, input) in (row.values + [1]).enumerated() { gradient[index] += error * input }
        }
        steps += 1
        for index in weights.indices { step(index, gradient[index], rows: Double(rows.count)) }
        learned += rows.count
        history.append(weights)
    }

    private mutating func step(_ index: Int, _ gradient: Double, rows: Double) {
        let isIntercept = index == weights.count - 1
        let (l1, l2) = isIntercept ? (0, 0) : (specification.l1, specification.l2)
        var slope = gradient
        var rate = 0.0
        switch specification.learner {
        case .ftrl(let alpha, let beta):
            let sigma = ((second[index] + gradient * gradient).squareRoot() - second[index].squareRoot()) / alpha
            first[index] += gradient - sigma * weights[index]
            second[index] += gradient * gradient
            let (z, n) = (first[index], second[index])
            weights[index] =
                abs(z) <= l1 ? 0 : -(z - (z < 0 ? -l1 : l1)) / ((beta + n.squareRoot()) / alpha + l2)
            return
        case .adaGrad(let constant):
            slope += l2 * rows * weights[index]
            first[index] += slope * slope
            rate = constant / (first[index] + 1e-8).squareRoot()
        case .adam(let constant):
            slope += l2 * rows * weights[index]
            first[index] = 0.9 * first[index] + 0.1 * slope
            second[index] = 0.999 * second[index] + 0.001 * slope * slope
            let root = (second[index] / (1 - pow(0.999, Double(steps)))).squareRoot() + 1e-8
            slope = first[index] / (1 - pow(0.9, Double(steps)))
            rate = constant / root
        case .sgd(let schedule):
            slope += l2 * rows * weights[index]
            rate = schedule.rate(afterRows: learned)
        case .newton: preconditionFailure("not for this learner")
        }
        let moved = weights[index] - rate * slope
        let threshold = rate * l1 * rows
        weights[index] = moved > threshold ? moved - threshold : moved < -threshold ? moved + threshold : 0
        if threshold == 0 { weights[index] = moved }
    }

    /// The mean of the weights after each mini-batch from `start` on.
    func mean(from start: Int) -> [Double] {
        weights.indices.map { index in
            history[start...].reduce(0) { $0 + $1[index] } / Double(history.count - start)
        }
    }
}
