/// What an `OnlineModel` consists of. Plain values; two models of equal specification that learn the same rows are
/// equal bit for bit.
public struct ModelSpecification: Hashable, Sendable {
    public var scaler = ScalerSpecification()
    /// Clusters of the scaled rows; nil for none.
    public var kMeans: KMeansSpecification?
    /// At least one. The first one's score is served where there is no blend.
    public var classifiers = [ClassifierSpecification()]
    public var blend: BlendSpecification?

    public init() {}

    /// The first classifier's learner.
    public var classifier: LogisticRegressionSpecification {
        get { classifiers[0].regression }
        set { classifiers[0].regression = newValue }
    }

    /// The names of the classifiers where there are several; else none.
    public var namesWhereSeveral: [String] { classifiers.count > 1 ? classifiers.map(\.name) : [] }

    /// Whether the distances to the clusters are inputs of each classifier.
    public var clustersAsInputs: Bool {
        get { classifiers.allSatisfy(\.takesClusters) }
        set { for index in classifiers.indices { classifiers[index].takesClusters = newValue } }
    }
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
