import OnlineLearning

extension LogisticRegressionSpecification {
    private static let commonKeys = [
        "learner", "mini_batch", "l1", "l2", "positive_weight", "negative_weight", "negative_share", "prior",
        "averaging",
    ]
    private static let learnerKeys = [
        "adagrad": ["rate", "intercept_rate"],
        "sgd": ["rate", "power", "end_rate", "decay_rows", "intercept_rate"],
        "ftrl": ["alpha", "beta", "intercept_rate"],
        "adam": ["rate", "intercept_rate"],
        "newton": ["ridge", "half_life", "half_life_rows", "sparse_rate"],
    ]
    private static let learnerNames = ["adagrad", "sgd", "ftrl", "adam", "newton"]

    /// The keys of a classifier, whatever its learner.
    static let keys: [String] = {
        var keys = commonKeys
        for name in learnerNames { keys += (learnerKeys[name] ?? []).filter { !keys.contains($0) } }
        return keys
    }()

    /// Ranges are left to `validate()`. `others`: keys of the section that the caller reads.
    init(_ section: YAMLSection, others: [String] = []) throws(SpecificationError) {
        self.init()
        let name = Self.learnerNames[try section["learner"]?.choice(of: Self.learnerNames) ?? 0]
        try section.require(
            Self.commonKeys + (Self.learnerKeys[name] ?? []) + others, beside: "learner '\(name)'")
        learner = try Learner(name: name, section)
        miniBatch = try section["mini_batch"]?.wholeNumber() ?? miniBatch
        l1 = try section["l1"]?.number() ?? l1
        l2 = try section["l2"]?.number() ?? l2
        positiveWeight = try section["positive_weight"]?.number() ?? positiveWeight
        negativeWeight = try section["negative_weight"]?.number() ?? negativeWeight
        negativeShare = try section["negative_share"]?.number() ?? negativeShare
        prior = try section["prior"]?.number() ?? prior
        interceptRate = try section["intercept_rate"]?.number()
        averaging = try section["averaging"].map(Averaging.init)
    }
}

extension Learner {
    fileprivate init(name: String, _ section: YAMLSection) throws(SpecificationError) {
        switch name {
        case "sgd": self = .sgd(try RateSchedule(section))
        case "ftrl":
            self = .ftrl(
                alpha: try section["alpha"]?.number() ?? 0.1, beta: try section["beta"]?.number() ?? 1)
        case "adam": self = .adam(rate: try section["rate"]?.number() ?? 0.001)
        case "newton":
            self = .newton(
                ridge: try section.required("ridge").number(), halfLife: try HalfLife(section),
                sparseRate: try section["sparse_rate"]?.number() ?? 0.05)
        default: self = .adaGrad(rate: try section["rate"]?.number() ?? 0.05)
        }
    }
}

extension RateSchedule {
    /// With `decay_rows` the rate falls by a polynomial, else with `power` it is scaled inversely, else it is constant.
    fileprivate init(_ section: YAMLSection) throws(SpecificationError) {
        let rate = try section.required("rate").number()
        let power = try section["power"]?.number()
        if let rows = try section["decay_rows"]?.number() {
            self = .polynomial(
                rate: rate, end: try section["end_rate"]?.number() ?? 0, rows: rows, power: power ?? 1)
        } else if let end = section["end_rate"] {
            throw end.error("it has no meaning without 'decay_rows', the labels after which it is reached")
        } else {
            self = power.map { .inverseScaling(rate: rate, power: $0) } ?? .constant(rate)
        }
    }
}

extension Averaging {
    /// `{ after_rows: 10000 }` or `{ half_life_rows: 50000 }`.
    fileprivate init(_ value: YAMLValue) throws(SpecificationError) {
        let section = try value.section(keys: ["after_rows", "half_life_rows"])
        switch (section["after_rows"], section["half_life_rows"]) {
        case (let rows?, nil): self = .all(afterRows: try rows.wholeNumber())
        case (nil, let rows?): self = .decayed(halfLifeRows: try rows.number())
        default: throw value.error("it needs either 'after_rows' or 'half_life_rows'")
        }
    }
}
