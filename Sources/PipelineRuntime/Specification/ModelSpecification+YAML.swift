import EventModel
import OnlineLearning

extension ModelSpecification {
    /// Ranges are left to `validate()`.
    /// - Parameter labelSources: those that the input declares.
    init(_ top: YAMLSection, labelSources: [String]) throws(SpecificationError) {
        self.init()
        let models = try top.section(
            "models", keys: ["scaler", "clusters", "classifier", "classifiers", "blend", "blend_space"])
        let scaler = try models.section("scaler", keys: ["refresh", "block"])
        self.scaler.refresh = try scaler["refresh"]?.wholeNumber() ?? self.scaler.refresh
        self.scaler.block = try scaler["block"]?.wholeNumber() ?? self.scaler.block
        var takesClusters = true
        if let value = models["clusters"] {
            let clusters = try value.section(keys: KMeansSpecification.keys + ["as_inputs"])
            kMeans = try KMeansSpecification(clusters)
            takesClusters = try clusters["as_inputs"]?.flag() ?? takesClusters
        }
        classifiers = try readClassifiers(models, takesClusters: takesClusters, labelSources)
        blend = try readBlend(models, classifiers.map(\.name))
    }
}

private func readClassifiers(
    _ models: YAMLSection, takesClusters: Bool, _ labelSources: [String]
) throws(SpecificationError) -> [ClassifierSpecification] {
    guard let value = models["classifiers"] else {
        let keys = ClassifierSpecification.keys
        let section = try models.section("classifier", keys: keys)
        return [try ClassifierSpecification("classifier", section, takesClusters: takesClusters, labelSources)]
    }
    if let single = models["classifier"] {
        throw single.error("'classifier' and 'classifiers' exclude each other; leave one out")
    }
    var classifiers: [ClassifierSpecification] = []
    for entry in try value.section().entries {
        guard Column.isValidName(entry.key) else {
            throw entry.value.error(
                "\(quoted(entry.key)) is not a name (letters, digits and underscores, no digit first)")
        }
        let section = try entry.value.section(keys: ClassifierSpecification.keys)
        classifiers.append(
            try ClassifierSpecification(entry.key, section, takesClusters: takesClusters, labelSources))
    }
    guard (1...ModelSpecification.mostClassifiers).contains(classifiers.count) else {
        throw value.error("\(classifiers.count) classifiers; there are from 1 to \(ModelSpecification.mostClassifiers)")
    }
    return classifiers
}

/// `blend: { NAME: WEIGHT, ... }` and `blend_space`.
private func readBlend(_ models: YAMLSection, _ names: [String]) throws(SpecificationError) -> BlendSpecification? {
    guard let value = models["blend"] else {
        if let space = models["blend_space"] { throw space.error("there is no 'blend' that it says something of") }
        return nil
    }
    var parts: [BlendSpecification.Part] = []
    for entry in try value.section().entries {
        guard names.contains(entry.key) else {
            throw entry.value.error("\(quoted(entry.key)) is none of the classifiers \(names.joined(separator: ", "))")
        }
        let weight = try entry.value.number("a weight above 0, at most 1") { $0 > 0 && $0 <= 1 }
        parts.append(BlendSpecification.Part(entry.key, weight: weight))
    }
    let sum = parts.reduce(0) { $0 + $1.weight }
    guard abs(sum - 1) < 1e-9 else { throw value.error("the weights are \(sum) together; they must be 1") }
    return BlendSpecification(parts, space: try models["blend_space"]?.choice(BlendSpecification.Space.self) ?? .logit)
}

extension ClassifierSpecification {
    fileprivate static let ownKeys = ["inputs", "labels"]
    fileprivate static let keys = LogisticRegressionSpecification.keys + ownKeys

    fileprivate init(
        _ name: String, _ section: YAMLSection, takesClusters: Bool, _ sources: [String]
    ) throws(SpecificationError) {
        self.init()
        self.name = name
        self.takesClusters = takesClusters
        regression = try LogisticRegressionSpecification(section, others: Self.ownKeys)
        if let inputs = section["inputs"] {
            let keys = try inputs.section(keys: ["dense", "clusters", "bins", "crosses", "bins_frozen_after"])
            encoding = try EncodingSpecification(keys)
            self.takesClusters = try keys["clusters"]?.flag() ?? takesClusters
        }
        for label in try section["labels"]?.list("a list of sources, such as [chargeback]") ?? [] {
            let source = sources[try label.choice(of: sources, "the label sources of the input: ")]
            guard !labelSources.contains(source) else { throw label.error("'\(source)' stands twice in the list") }
            labelSources.append(source)
        }
    }
}
