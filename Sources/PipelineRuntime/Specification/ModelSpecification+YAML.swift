import OnlineLearning

extension ModelSpecification {
    /// Ranges are left to `validate()`.
    init(_ top: YAMLSection) throws(SpecificationError) {
        self.init()
        let models = try top.section("models", keys: ["scaler", "clusters", "classifier"])
        let scaler = try models.section("scaler", keys: ["refresh", "block"])
        self.scaler.refresh = try scaler["refresh"]?.anyInteger() ?? self.scaler.refresh
        self.scaler.block = try scaler["block"]?.anyInteger() ?? self.scaler.block
        if let value = models["clusters"] {
            let clusters = try value.section(keys: [
                "count", "batch_rows", "decay", "start_rows", "dying_share", "seed", "as_inputs",
            ])
            kMeans = try KMeansSpecification(clusters)
            clustersAsInputs = try clusters["as_inputs"]?.flag() ?? clustersAsInputs
        }
        classifier = try LogisticRegressionSpecification(models)
    }
}

extension KMeansSpecification {
    init(_ section: YAMLSection) throws(SpecificationError) {
        self.init()
        clusters = try section["count"]?.anyInteger() ?? clusters
        batchRows = try section["batch_rows"]?.anyInteger() ?? batchRows
        decay = try section["decay"]?.number() ?? decay
        startRows = try section["start_rows"]?.anyInteger() ?? startRows
        dyingShare = try section["dying_share"]?.number() ?? dyingShare
        seed = try section["seed"]?.unsignedInteger() ?? seed
    }
}

extension LogisticRegressionSpecification {
    private static let commonKeys = ["learner", "mini_batch", "l2", "positive_weight", "prior"]

    init(_ models: YAMLSection) throws(SpecificationError) {
        self.init()
        let keys = Self.commonKeys + ["rate", "power", "intercept_rate", "ridge", "half_life_rows"]
        let section = try models.section("classifier", keys: keys)
        learner = try Learner(section, commonKeys: Self.commonKeys)
        miniBatch = try section["mini_batch"]?.anyInteger() ?? miniBatch
        l2 = try section["l2"]?.number() ?? l2
        positiveWeight = try section["positive_weight"]?.number() ?? positiveWeight
        prior = try section["prior"]?.number() ?? prior
        interceptRate = try section["intercept_rate"]?.number()
    }
}

extension Learner {
    fileprivate init(_ section: YAMLSection, commonKeys: [String]) throws(SpecificationError) {
        let names = ["adagrad", "sgd", "newton"]
        let name = names[try section["learner"]?.choice(of: names) ?? 0]
        switch name {
        case "newton":
            try section.require(commonKeys + ["ridge", "half_life_rows"], beside: "learner '\(name)'")
            let ridge = try section.required("ridge").number()
            self = .newton(ridge: ridge, halfLifeRows: try section["half_life_rows"]?.number())
        case "sgd":
            try section.require(commonKeys + ["rate", "power", "intercept_rate"], beside: "learner '\(name)'")
            let rate = try section.required("rate").number()
            if let power = try section["power"]?.number() {
                self = .sgd(.inverseScaling(rate: rate, power: power))
            } else {
                self = .sgd(.constant(rate))
            }
        default:
            try section.require(commonKeys + ["rate", "intercept_rate"], beside: "learner '\(name)'")
            self = .adaGrad(rate: try section["rate"]?.number() ?? 0.05)
        }
    }
}

extension YAMLValue {
    fileprivate func anyInteger() throws(SpecificationError) -> Int {
        guard let value = Int(try text("a whole number")) else { throw error(expected: "a whole number") }
        return value
    }
}
