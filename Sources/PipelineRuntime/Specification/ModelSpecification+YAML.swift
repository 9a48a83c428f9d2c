import OnlineLearning

extension ModelSpecification {
    /// Ranges are left to `validate()`.
    init(_ top: YAMLSection) throws(SpecificationError) {
        self.init()
        let models = try top.section("models", keys: ["scaler", "clusters", "classifier"])
        let scaler = try models.section("scaler", keys: ["refresh", "block"])
        self.scaler.refresh = try scaler["refresh"]?.wholeNumber() ?? self.scaler.refresh
        self.scaler.block = try scaler["block"]?.wholeNumber() ?? self.scaler.block
        if let value = models["clusters"] {
            let clusters = try value.section(keys: KMeansSpecification.keys + ["as_inputs"])
            kMeans = try KMeansSpecification(clusters)
            clustersAsInputs = try clusters["as_inputs"]?.flag() ?? clustersAsInputs
        }
        classifier = try LogisticRegressionSpecification(
            try models.section("classifier", keys: LogisticRegressionSpecification.keys))
    }
}
