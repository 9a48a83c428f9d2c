/// What a `LogisticRegression` learns with.
public struct LogisticRegressionSpecification: Hashable, Sendable {
    public var learner = Learner.adaGrad(rate: 0.05)
    /// Rows learned together, at least 1.
    public var miniBatch = 64
    /// Draws weights to exactly 0; at least 0. Adds l1·‖w‖₁ to the loss of each row; with FTRL-Proximal, once and not
    /// for each row. The intercept is left out, and the second-order learner has none.
    public var l1 = 0.0
    /// Adds l2/2·‖w‖² to the loss of each row; with FTRL-Proximal, once and not for each row. At least 0. The intercept
    /// is left out. A row's loss holds its active sparse weights only.
    public var l2 = 0.0
    /// Multiplies the loss of positive rows; above 0.
    public var positiveWeight = 1.0
    /// Multiplies the loss of negative rows; above 0.
    public var negativeWeight = 1.0
    /// The share of the negative rows that are learned, within (0, 1]. Which ones follows from their number in the
    /// stream. Answers are corrected for it: ln of the share is added to the logit.
    public var negativeShare = 1.0
    /// The share of positives expected before any label has been learned, within (0, 1): the intercept starts at its
    /// logit.
    public var prior = 0.5
    /// A constant rate of the intercept's own, by plain gradient descent; 0: it stays at the prior; nil: it learns as
    /// the weights do. The second-order learner has no use for it.
    public var interceptRate: Double?
    /// Whether a mean of the weights over time answers, and which; nil: the latest weights do.
    public var averaging: Averaging?

    public init() {}
}

public enum Learner: Hashable, Sendable {
    /// Stochastic gradient descent.
    case sgd(RateSchedule)
    /// A rate of its own for each weight, which falls with the gradients that it has seen.
    case adaGrad(rate: Double)
    /// FTRL-Proximal: rates of their own as AdaGrad has, and weights that are exactly 0 until they are worth it.
    /// α scales the rates, β above 0 damps the first steps.
    case ftrl(alpha: Double, beta: Double)
    /// Running means of gradients and of their squares, of decay 0.9 and 0.999.
    case adam(rate: Double)
    /// Second order: the curvature of past rows, forgotten by and by (nil: never), with a ridge above 0, solved anew
    /// each mini-batch. Sparse weights learn beside it by AdaGrad at `sparseRate`.
    case newton(ridge: Double, halfLife: HalfLife? = nil, sparseRate: Double = 0.05)

    var isSecondOrder: Bool {
        if case .newton = self { return true }
        return false
    }
}

/// How a rate falls with the labels learned before; a mini-batch takes the rate of its first row.
public enum RateSchedule: Hashable, Sendable {
    case constant(Double)
    /// rate / tᵖᵒʷᵉʳ, t counting labels from 1.
    case inverseScaling(rate: Double, power: Double)
    /// From `rate` to `end` within `rows` labels: end + (rate − end)·(1 − t/rows)ᵖᵒʷᵉʳ, t counting from 0; then `end`.
    case polynomial(rate: Double, end: Double, rows: Double, power: Double)

    func rate(afterRows count: Int) -> Double {
        switch self {
        case .constant(let rate): rate
        case .inverseScaling(let rate, let exponent): rate / power(Double(count + 1), exponent)
        case .polynomial(let rate, let end, let rows, let exponent):
            end + (rate - end) * power(max(0, 1 - Double(count) / rows), exponent)
        }
    }
}

/// Means of the weights over the mini-batches. They are steadier than the latest weights, and slower to follow.
public enum Averaging: Hashable, Sendable {
    /// All mini-batches after so many labels count alike ("Acceleration of Stochastic Approximation by Averaging",
    /// 1992); until then the latest weights answer.
    case all(afterRows: Int)
    /// Older weights count less, half after so many labels.
    case decayed(halfLifeRows: Double)
}
