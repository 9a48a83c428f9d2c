/// A value of a model specification that no model can have.
public struct ModelSpecificationError: Error, Hashable, CustomStringConvertible {
    /// Such as `classifier.miniBatch`.
    public var field: String
    public var value: String
    public var expected: String

    public var description: String { "model: \(field) is \(value); it must be \(expected)" }
}

extension ModelSpecification {
    /// Throws for the first value that is out of its range. `OnlineModel` requires a specification that passes.
    public func validate() throws(ModelSpecificationError) {
        try require(scaler.refresh >= 1, "scaler.refresh", scaler.refresh, "at least 1")
        try require(scaler.block >= 1, "scaler.block", scaler.block, "at least 1")
        try validateClassifier()
        if let kMeans { try validate(kMeans) }
    }

    private func validateClassifier() throws(ModelSpecificationError) {
        let batch = classifier.miniBatch
        try require((1...1 << 20).contains(batch), "classifier.miniBatch", batch, "from 1 to 1048576")
        try require(classifier.l2 >= 0 && classifier.l2.isFinite, "classifier.l2", classifier.l2, "at least 0")
        try requirePositive(classifier.positiveWeight, "classifier.positiveWeight")
        let prior = classifier.prior
        try require(prior > 0 && prior < 1, "classifier.prior", prior, "above 0 and below 1")
        if let rate = classifier.interceptRate { try requireRate(rate, "classifier.interceptRate") }
        switch classifier.learner {
        case .sgd(.constant(let rate)): try requireRate(rate, "classifier.learner rate")
        case .sgd(.inverseScaling(let rate, let power)):
            try requireRate(rate, "classifier.learner rate")
            try require(power >= 0 && power.isFinite, "classifier.learner power", power, "at least 0")
        case .adaGrad(let rate): try requireRate(rate, "classifier.learner rate")
        case .newton(let ridge, let halfLifeRows):
            try requirePositive(ridge, "classifier.learner ridge")
            if let halfLifeRows { try requirePositive(halfLifeRows, "classifier.learner halfLifeRows") }
        }
    }

    private func validate(_ kMeans: KMeansSpecification) throws(ModelSpecificationError) {
        try require((1...4096).contains(kMeans.clusters), "kMeans.clusters", kMeans.clusters, "from 1 to 4096")
        let (batch, start) = (kMeans.batchRows, kMeans.startRows)
        try require((1...1 << 20).contains(batch), "kMeans.batchRows", batch, "from 1 to 1048576")
        try require((1...1 << 20).contains(start), "kMeans.startRows", start, "from 1 to 1048576")
        try require((0...1).contains(kMeans.decay), "kMeans.decay", kMeans.decay, "from 0 to 1")
        let share = kMeans.dyingShare
        try require(share >= 0 && share < 1, "kMeans.dyingShare", share, "at least 0 and below 1")
    }

    /// Larger rates only diverge.
    private func requireRate(_ rate: Double, _ field: String) throws(ModelSpecificationError) {
        try requirePositive(rate, field)
        try require(rate <= 1_000, field, rate, "at most 1000")
    }

    private func requirePositive(_ value: Double, _ field: String) throws(ModelSpecificationError) {
        try require(value > 0 && value.isFinite, field, value, "above 0")
    }

    private func require(
        _ isMet: Bool, _ field: String, _ value: some CustomStringConvertible, _ expected: String
    ) throws(ModelSpecificationError) {
        guard isMet else {
            throw ModelSpecificationError(field: field, value: value.description, expected: expected)
        }
    }
}
