import LinearAlgebra

/// Online logistic regression, learning in mini-batches of a fixed number of rows counted along the stream.
///
/// A mini-batch's gradient is taken at the weights before it and **summed** over its rows, so that a rate means the
/// same for each size. Rows that do not yet fill a mini-batch wait, and are part of the state.
/// The intercept is not regularised.
public struct LogisticRegression: ~Copyable, Sendable {
    public let inputCount: Int
    public let specification: LogisticRegressionSpecification

    /// One weight for each input, then the intercept.
    var weights: Vector
    /// Squared gradients added up, as `weights`; empty unless the learner is AdaGrad.
    var squaredGradients: Vector
    var curvature: Curvature

    /// Labels learned; those that wait are not among them.
    public internal(set) var learnedCount = 0
    public internal(set) var learnedPositives = 0

    /// Rows that wait for their mini-batch to fill.
    public internal(set) var pendingCount = 0
    var pendingPositives = 0
    /// The inputs of a row, then 1 for the intercept.
    var miniBatch: Matrix
    var labels: Vector
    var rowWeights: Vector

    private var errors: Vector
    private var gradient: Vector
    private var curvatures: Vector

    public init(
        inputCount: Int, specification: LogisticRegressionSpecification = LogisticRegressionSpecification()
    ) {
        precondition(specification.miniBatch >= 1, "a mini-batch has at least one row")
        precondition(specification.prior > 0 && specification.prior < 1, "a prior lies within (0, 1)")
        self.inputCount = inputCount
        self.specification = specification
        let rows = specification.miniBatch
        weights = Vector(count: inputCount + 1)
        squaredGradients = Vector(count: specification.learner.isAdaGrad ? inputCount + 1 : 0)
        curvature = Curvature(learner: specification.learner, size: inputCount + 1, miniBatch: rows)
        miniBatch = Matrix(rows: rows, columns: inputCount + 1)
        labels = Vector(count: rows)
        rowWeights = Vector(count: rows)
        errors = Vector(count: rows)
        gradient = Vector(count: inputCount + 1)
        curvatures = Vector(count: rows)
        weights[inputCount] = OnlineLearning.logit(specification.prior)
        for row in 0..<rows { miniBatch[row, inputCount] = 1 }
    }

    // MARK: learning

    /// Learns a row of `inputCount` finite values; `weight` multiplies its gradient.
    /// - Complexity: O(inputs), amortised; O(inputs²) for the second-order learner.
    public mutating func learn(_ row: UnsafePointer<Double>, isPositive: Bool, weight: Double = 1) {
        append(row, count: inputCount, isPositive: isPositive, weight: weight)
        if isMiniBatchFull { learnMiniBatch() }
    }

    /// Puts the first `count` inputs of a row into the mini-batch. The rest are 0 until the caller sets them, just
    /// before the mini-batch is learned.
    @inline(__always)
    mutating func append(_ row: UnsafePointer<Double>, count: Int, isPositive: Bool, weight: Double) {
        assert(count <= inputCount && pendingCount < specification.miniBatch && weight >= 0 && weight.isFinite)
        let target = miniBatch.row(pendingCount)
        target.update(from: row, count: count)
        if count < inputCount { (target + count).update(repeating: 0, count: inputCount - count) }
        labels[pendingCount] = isPositive ? 1 : 0
        rowWeights[pendingCount] = isPositive ? weight * specification.positiveWeight : weight
        pendingCount &+= 1
        if isPositive { pendingPositives &+= 1 }
    }

    var isMiniBatchFull: Bool { pendingCount == specification.miniBatch }

    /// Learns the full mini-batch.
    mutating func learnMiniBatch() {
        assert(isMiniBatchFull)
        takeErrors()
        takeGradient()
        switch specification.learner {
        case .sgd(let schedule): stepDown(rate: schedule.rate(afterRows: learnedCount))
        case .adaGrad(let rate): stepDownAdaptively(rate: rate)
        case .newton:
            curvature.add(miniBatch, curvatures: curvatures, l2: specification.l2)
            curvature.step(&weights, gradient: &gradient)
        }
        learnedCount &+= pendingCount
        learnedPositives &+= pendingPositives
        pendingCount = 0
        pendingPositives = 0
    }

    /// Row weight times (probability − label), and for the second-order learner row weight times a curvature.
    private mutating func takeErrors() {
        if pendingCount == 1 {
            errors[0] = RowKernel.dot(miniBatch.row(0), weights.pointer, count: inputCount + 1)
        } else {
            miniBatch.multiply(weights, rows: pendingCount, into: &errors)
        }
        let (errors, curvatures, labels, rowWeights) =
            (errors.pointer, curvatures.pointer, labels.pointer, rowWeights.pointer)
        for row in 0..<pendingCount {
            let logit = errors[row]
            let probability = sigmoid(logit)
            errors[row] = rowWeights[row] * (probability - labels[row])
            curvatures[row] = rowWeights[row] * safeCurvature(logit, probability, isPositive: labels[row] == 1)
        }
    }

    private mutating func takeGradient() {
        if pendingCount == 1 {
            gradient.fill(with: 0)
            RowKernel.add(miniBatch.row(0), times: errors[0], count: inputCount + 1, to: gradient.pointer)
        } else {
            miniBatch.multiplyTransposed(errors, rows: pendingCount, into: &gradient)
        }
        guard specification.l2 > 0 else { return }
        let shrink = specification.l2 * Double(pendingCount)
        RowKernel.add(weights.pointer, times: shrink, count: inputCount, to: gradient.pointer)
    }

    private mutating func stepDown(rate: Double) {
        RowKernel.add(gradient.pointer, times: -rate, count: inputCount, to: weights.pointer)
        weights[inputCount] -= (specification.interceptRate ?? rate) * gradient[inputCount]
    }

    /// "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization" (2011); the root is taken of the
    /// sum plus 1e-8. The magnitude changes nothing; see `RowKernel.takeRoots`.
    private mutating func stepDownAdaptively(rate: Double) {
        let adaptive = specification.interceptRate == nil ? inputCount + 1 : inputCount
        let (weights, gradient, squares) = (weights.pointer, gradient.pointer, squaredGradients.pointer)
        for input in 0..<adaptive {
            let slope = gradient[input]
            let sum = squares[input] + slope * slope
            squares[input] = sum
            weights[input] -= rate * slope / (sum + 1e-8).magnitude.squareRoot()
        }
        if let plain = specification.interceptRate { weights[inputCount] -= plain * gradient[inputCount] }
    }

    // MARK: answers

    /// w·row + intercept.
    public func logit(of row: UnsafePointer<Double>) -> Double {
        RowKernel.dot(row, weights.pointer, count: inputCount) + intercept
    }

    /// The probability that a row is positive, within [0, 1].
    public func probability(of row: UnsafePointer<Double>) -> Double { sigmoid(logit(of: row)) }

    public var intercept: Double { weights[inputCount] }

    /// One weight for each input.
    public var inputWeights: [Double] { Array(weights.array.dropLast()) }

    /// The learner's own memory: for AdaGrad the sums of squared gradients (inputs, intercept); for the second-order
    /// learner the lower triangle of the precision matrix, row by row, intercept last; else nothing.
    public var optimiserState: [Double] { squaredGradients.array + curvature.lowerTriangle }

    /// Mini-batches of the second-order learner of which the system could not be solved, so that no step was taken.
    public var unsolvedMiniBatches: Int { curvature.unsolved }
}

/// The curvature of a row's loss: p(1 − p) on the right side; on the wrong side that of the parabola which lies above
/// the loss everywhere ("Bayesian parameter estimation via variational methods", 2000), since there p(1 − p) is next to
/// nothing and a step by it would overshoot without limit.
@inline(__always) private func safeCurvature(_ logit: Double, _ probability: Double, isPositive: Bool) -> Double {
    let isWrong = isPositive ? logit < 0 : logit > 0
    return isWrong ? (probability - 0.5) / logit : probability * (1 - probability)
}
