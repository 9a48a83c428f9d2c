/// One of the classifiers of a pipeline: what it sees, how it learns, and from whom.
public struct ClassifierSpecification: Hashable, Sendable {
    /// A name that Avro allows; each classifier of a model has another.
    public var name = "classifier"
    public var encoding = EncodingSpecification()
    /// Whether the distances to the clusters are inputs, where there are clusters.
    public var takesClusters = true
    public var regression = LogisticRegressionSpecification()
    /// The sources of the labels that it learns; empty: all.
    public var labelSources: [String] = []

    public init() {}
}

/// How the scores of several classifiers become the one that is served.
public struct BlendSpecification: Hashable, Sendable {
    public enum Space: String, Hashable, Sendable, CaseIterable {
        /// The logits are added up.
        case logit
        /// The probabilities are.
        case probability
    }

    public struct Part: Hashable, Sendable {
        public var classifier: String
        /// Above 0; together 1.
        public var weight: Double

        public init(_ classifier: String, weight: Double) {
            self.classifier = classifier
            self.weight = weight
        }
    }

    public var parts: [Part]
    public var space: Space

    public init(_ parts: [Part], space: Space = .logit) {
        self.parts = parts
        self.space = space
    }

    /// 0 of a classifier that has no part.
    func weight(of classifier: String) -> Double { parts.first { $0.classifier == classifier }?.weight ?? 0 }
}

extension ModelSpecification {
    /// The most classifiers of a model.
    public static let mostClassifiers = 16

    func validateClassifiers() throws(ModelSpecificationError) {
        let check = RangeCheck(name: "classifiers")
        let names = classifiers.map(\.name)
        try check.require(
            (1...Self.mostClassifiers).contains(names.count), "count", names.count, "from 1 to \(Self.mostClassifiers)")
        try check.require(Set(names).count == names.count, "names", names, "different ones")
        for classifier in classifiers {
            let name = names.count == 1 ? classifier.name : "classifiers.\(classifier.name)"
            try classifier.regression.validate(as: name)
            try classifier.encoding.validate(as: name)
        }
        if let blend { try validate(blend, names) }
    }

    private func validate(_ blend: BlendSpecification, _ names: [String]) throws(ModelSpecificationError) {
        let check = RangeCheck(name: "blend")
        var sum = 0.0
        for part in blend.parts {
            try check.require(names.contains(part.classifier), "classifier", part.classifier, "one of \(names)")
            try check.requirePositive(part.weight, part.classifier)
            sum += part.weight
        }
        try check.require(
            Set(blend.parts.map(\.classifier)).count == blend.parts.count, "classifiers", blend.parts.count,
            "different ones")
        try check.require(abs(sum - 1) < 1e-9, "weights", sum, "1 together")
    }
}
