extension LogisticRegressionSpecification {
    /// Throws for the first value that is out of its range; `name` is what errors call the specification.
    public func validate(as name: String = "classifier") throws(ModelSpecificationError) {
        let check = RangeCheck(name: name)
        try check.require((1...1 << 20).contains(miniBatch), "miniBatch", miniBatch, "from 1 to 1048576")
        try check.requireAtLeastZero(l1, "l1")
        try check.require(l1 == 0 || !learner.isSecondOrder, "l1", l1, "0 with the second-order learner")
        try check.requireAtLeastZero(l2, "l2")
        try check.requirePositive(positiveWeight, "positiveWeight")
        try check.requirePositive(negativeWeight, "negativeWeight")
        try check.require(
            negativeShare > 0 && negativeShare <= 1, "negativeShare", negativeShare, "above 0 and at most 1")
        try check.require(prior > 0 && prior < 1, "prior", prior, "above 0 and below 1")
        if let rate = interceptRate {
            try check.require(rate >= 0 && rate <= 1_000, "interceptRate", rate, "from 0 to 1000")
        }
        try learner.validate(check)
        switch averaging {
        case .all(let rows): try check.require(rows >= 0, "averaging.afterRows", rows, "at least 0")
        case .decayed(let rows): try check.requirePositive(rows, "averaging.halfLifeRows")
        case nil: break
        }
    }
}

extension Learner {
    fileprivate func validate(_ check: RangeCheck) throws(ModelSpecificationError) {
        switch self {
        case .sgd(.constant(let rate)), .adaGrad(let rate), .adam(let rate): try check.requireRate(rate, "rate")
        case .sgd(.inverseScaling(let rate, let power)):
            try check.requireRate(rate, "rate")
            try check.requireAtLeastZero(power, "power")
        case .sgd(.polynomial(let rate, let end, let rows, let power)):
            try check.requireRate(rate, "rate")
            try check.require(end >= 0 && end <= 1_000, "endRate", end, "from 0 to 1000")
            try check.requirePositive(rows, "decayRows")
            try check.requireAtLeastZero(power, "power")
        case .ftrl(let alpha, let beta):
            try check.requireRate(alpha, "alpha")
            try check.requirePositive(beta, "beta")
        case .newton(let ridge, let halfLife, let sparseRate):
            try check.requirePositive(ridge, "ridge")
            try check.require(halfLife)
            try check.requireRate(sparseRate, "sparseRate")
        }
    }
}

/// Checks the values of one part of a model specification.
struct RangeCheck {
    /// What errors call the part.
    var name: String

    func require(
        _ isMet: Bool, _ field: String, _ value: some CustomStringConvertible, _ expected: String
    ) throws(ModelSpecificationError) {
        guard isMet else {
            throw ModelSpecificationError(field: "\(name).\(field)", value: value.description, expected: expected)
        }
    }

    func requirePositive(_ value: Double, _ field: String) throws(ModelSpecificationError) {
        try require(value > 0 && value.isFinite, field, value, "above 0")
    }

    func requireAtLeastZero(_ value: Double, _ field: String) throws(ModelSpecificationError) {
        try require(value >= 0 && value.isFinite, field, value, "at least 0")
    }

    /// Larger rates only diverge.
    func requireRate(_ rate: Double, _ field: String) throws(ModelSpecificationError) {
        try requirePositive(rate, field)
        try require(rate <= 1_000, field, rate, "at most 1000")
    }

    func require(_ halfLife: HalfLife?) throws(ModelSpecificationError) {
        switch halfLife {
        case .rows(let rows): try requirePositive(rows, "halfLifeRows")
        case .time(let time): try require(time > .zero, "halfLife", "\(time.milliseconds)ms", "above 0")
        case nil: break
        }
    }
}
