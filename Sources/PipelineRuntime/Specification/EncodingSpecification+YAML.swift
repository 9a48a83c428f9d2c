import OnlineLearning

extension EncodingSpecification {
    /// Whether the features exist is left to `requireFeatures`.
    init(_ section: YAMLSection) throws(SpecificationError) {
        self.init()
        if let dense = section["dense"] { self.dense = try Dense(dense) }
        for item in try section["bins"]?.list("a list, such as [{ of: [amount] }]") ?? [] {
            bins.append(try BinnedFeatures(item))
        }
        for item in try section["crosses"]?.list("a list, such as [{ of: [amount, hour], buckets: 1024 }]") ?? [] {
            crosses.append(try Cross(item))
        }
        binsFrozenAfter = try section["bins_frozen_after"]?.integer(in: Self.frozenAfterRange) ?? binsFrozenAfter
    }

    /// Throws for the first feature that there is not, at its place.
    func requireFeatures(_ names: [String], _ inputs: YAMLValue) throws(SpecificationError) {
        guard let section = try? inputs.section() else { return }
        if let dense = section["dense"] { try requireFeatures(names, inList: dense) }
        for key in ["bins", "crosses"] {
            guard let items = section[key] else { continue }
            for item in try items.list() {
                if let of = try item.section()["of"] { try requireFeatures(names, inList: of) }
            }
        }
        do { try validate(featureNames: names, as: "classifier") } catch {
            guard error.field.hasSuffix("crosses.buckets") else {
                throw inputs.error("\(error.value) \(error.field) is out of range; it must be \(error.expected)")
            }
            throw (section["crosses"] ?? inputs).error(
                "a cross of features that are not all under 'bins' has no end of combinations; give 'buckets', or bins")
        }
    }

    private func requireFeatures(_ names: [String], inList value: YAMLValue) throws(SpecificationError) {
        var value = value
        if value.node.mapping != nil, let list = try value.section()["all_but"] { value = list }
        guard value.node.sequence != nil else { return }
        var found: Set<String> = []
        for item in try value.list() {
            let name = try item.text()
            guard names.contains(name) else {
                let guess = nearest(to: name, among: names).map { "; did you mean '\($0)'?" } ?? ""
                throw item.error("\(quoted(name)) is none of the \(names.count) features\(guess)")
            }
            guard found.insert(name).inserted else { throw item.error("'\(name)' stands twice in the list") }
        }
    }
}

extension EncodingSpecification.Dense {
    /// `all`, a list, or `{ all_but: [...] }`.
    fileprivate init(_ value: YAMLValue) throws(SpecificationError) {
        let expected = "all, a list of features, or { all_but: [...] }"
        if value.node.mapping != nil {
            self = .allBut(try featureList(try value.section(keys: ["all_but"]).required("all_but")))
        } else if value.node.sequence != nil {
            self = .only(try featureList(value))
        } else {
            guard try value.text(expected) == "all" else { throw value.error(expected: expected) }
            self = .all
        }
    }
}

extension BinnedFeatures {
    fileprivate init(_ value: YAMLValue) throws(SpecificationError) {
        let section = try value.section(keys: ["of", "encoding"] + BinShape.keys)
        let of = try section.required("of")
        let expected = "all, or a list of features such as [amount]"
        var features: [String]?
        if of.node.sequence == nil {
            guard try of.text(expected) == "all" else { throw of.error(expected: expected) }
        } else {
            features = try featureList(of)
        }
        self.init(
            features, shape: try BinShape(section), encoding: try section["encoding"]?.choice(Encoding.self) ?? .oneHot)
    }
}

extension BinShape {
    fileprivate static let keys = ["count", "tail", "steps", "last", "tail_rows", "fraud_count"]

    fileprivate init(_ section: YAMLSection) throws(SpecificationError) {
        typealias Ranges = EncodingSpecification
        self.init()
        count = try section["count"]?.integer(in: Ranges.countRange) ?? count
        tail = try section["tail"]?.choice(Tail.self) ?? tail
        steps = try section["steps"]?.integer(in: Ranges.stepRange) ?? steps
        last = try section["last"]?.number("a share of at least 0 and below 0.5", where: Ranges.isLast) ?? last
        tailRows = try section["tail_rows"]?.integer(in: 1...(.max)) ?? tailRows
        fraudCount = try section["fraud_count"]?.integer(in: Ranges.fraudCountRange) ?? fraudCount
    }
}

extension Cross {
    fileprivate init(_ value: YAMLValue) throws(SpecificationError) {
        let section = try value.section(keys: ["of", "buckets"] + BinShape.keys)
        let of = try section.required("of")
        let features = try featureList(of)
        let sizes = EncodingSpecification.crossSizes
        guard sizes.contains(features.count) else {
            throw of.error(
                "a cross is of \(sizes.lowerBound) to \(sizes.upperBound) features, not of \(features.count)")
        }
        let isShaped = BinShape.keys.contains { section[$0] != nil }
        self.init(
            features, shape: isShaped ? try BinShape(section) : nil,
            buckets: try section["buckets"]?.integer(in: EncodingSpecification.bucketRange))
    }
}

private func featureList(_ value: YAMLValue) throws(SpecificationError) -> [String] {
    var names: [String] = []
    for item in try value.list("a list of features") { names.append(try item.text("a feature")) }
    return names
}
