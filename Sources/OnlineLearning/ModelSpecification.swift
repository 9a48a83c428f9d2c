/// What an `OnlineModel` consists of. Plain values; two models of equal specification that learn the same rows are
/// equal bit for bit.
public struct ModelSpecification: Hashable, Sendable {
    public var scaler = ScalerSpecification()
    /// Clusters of the scaled rows; nil for none.
    public var kMeans: KMeansSpecification?
    /// Whether the distances to the clusters are inputs of the classifier.
    public var clustersAsInputs = true
    public var classifier = LogisticRegressionSpecification()

    public init() {}
}

public struct ScalerSpecification: Hashable, Sendable {
    /// Rows between two changes of the scale that others see, at least 1. It changes oftener at first.
    public var refresh = 1024
    /// Rows added up before they are merged into mean and variance, at least 1; 1 is Welford's method.
    public var block = 64

    public init(refresh: Int = 1024, block: Int = 64) {
        self.refresh = refresh
        self.block = block
    }
}

public struct LogisticRegressionSpecification: Hashable, Sendable {
    public var learner = Learner.adaGrad(rate: 0.05)
    /// Rows learned together, at least 1.
    public var miniBatch = 64
    /// Adds l2/2·‖w‖² to the loss of each row; at least 0. The intercept is left out.
    public var l2 = 0.0
    /// Multiplies the loss of positive rows; above 0.
    public var positiveWeight = 1.0
    /// The share of positives expected before any label has been learned, within (0, 1): the intercept starts at its
    /// logit.
    public var prior = 0.5
    /// A constant rate of the intercept's own, by plain gradient descent; nil: it learns as the weights do.
    /// The second-order learner has no use for it.
    public var interceptRate: Double?

    public init() {}
}

public enum Learner: Hashable, Sendable {
    /// Stochastic gradient descent.
    case sgd(RateSchedule)
    /// A rate of its own for each weight, which falls with the gradients that it has seen.
    case adaGrad(rate: Double)
    /// Second order: the curvature of past rows, forgotten by half every `halfLifeRows` rows (nil: never), with a ridge
    /// above 0, solved anew each mini-batch.
    case newton(ridge: Double, halfLifeRows: Double?)

    var isAdaGrad: Bool {
        if case .adaGrad = self { return true }
        return false
    }
}

public enum RateSchedule: Hashable, Sendable {
    case constant(Double)
    /// rate / tᵖᵒʷᵉʳ, t counting labels from 1; a mini-batch takes the rate of its first row.
    case inverseScaling(rate: Double, power: Double)

    func rate(afterRows count: Int) -> Double {
        switch self {
        case .constant(let rate): rate
        case .inverseScaling(let rate, let exponent): rate / power(Double(count + 1), exponent)
        }
    }
}

public struct KMeansSpecification: Hashable, Sendable {
    public var clusters = 16
    /// Rows learned together, at least 1.
    public var batchRows = 256
    /// What a weight keeps at each batch, within [0, 1]; 1 never forgets.
    public var decay = 0.99
    /// Rows among which the first centroids are chosen, at least 1.
    public var startRows = 1024
    /// A cluster lighter than this share of the heaviest one dies; 0: none ever does.
    public var dyingShare = 1e-4
    public var seed: UInt64 = 1

    public init(
        clusters: Int = 16, batchRows: Int = 256, decay: Double = 0.99, startRows: Int = 1024,
        dyingShare: Double = 1e-4, seed: UInt64 = 1
    ) {
        self.clusters = clusters
        self.batchRows = batchRows
        self.decay = decay
        self.startRows = startRows
        self.dyingShare = dyingShare
        self.seed = seed
    }

    /// No clusters at all.
    static let none = KMeansSpecification(clusters: 0)
}
