import EventModel
import Features
import OnlineLearning
import PipelineCore
import Platform

extension PipelineSpecification {
    /// Reads a pipeline's declaration in YAML; what is accepted compiles and runs.
    ///
    /// The shipped files in `models` explain all keys.
    /// - Parameters:
    ///   - file: the name that errors give.
    ///   - fileSystem: where time zones are read, which the specification keeps; nil: there is only UTC.
    /// - Throws: the first thing that is wrong, with its line.
    public init(yaml text: String, file: String, fileSystem: (any FileSystem)? = nil) throws(SpecificationError) {
        let root = try YAMLValue(yaml: text, file: file)
        let top = try root.section(keys: [
            "pipeline", "input", "time", "tables", "entities", "features", "models", "decisions", "evaluation",
        ])
        let name = try pipelineName(top.required("pipeline"))
        var input = try InputSpecification(top.required("input"))
        input.tables = try readTables(top, input)
        let entities = try readEntities(top, columns: input.columns)
        let features = try readFeatures(top.required("features"), entities: entities.map(\.name))
        self.init(
            name: name, input: input, time: try TimeSpecification(top), entities: entities, features: features,
            model: try ModelSpecification(top, labelSources: input.labelSources),
            decision: try DecisionSpecification(top),
            evaluation: try EvaluationSpecification(top, entities: entities.map(\.name), columns: input.columns),
            zones: try readZones(top.required("features"), features, TimeZoneDatabase(fileSystem: fileSystem)))
        try requireLabelsInTime(root)
        try requireModel(root, featureNames: try requirePlan(root))
    }

    private func requireLabelsInTime(_ root: YAMLValue) throws(SpecificationError) {
        guard let label = input.label, label.timeColumn == nil, label.delay > time.labelHorizon else { return }
        throw root.descendant(["input", "label", "delay"]).error(
            "labels come \(label.delay) after their transaction, but time.label_horizon is \(time.labelHorizon): "
                + "none would be taken; make the horizon longer")
    }

    /// - Returns: the names of the features.
    private func requirePlan(_ root: YAMLValue) throws(SpecificationError) -> [String] {
        do { return try makePlan().names } catch {
            if input.events.contains(where: { $0.name == error.subject }) {
                throw root.descendant(["input", "events", error.subject]).error(error.problem)
            }
            if error.part == "on", input.tables.contains(where: { $0.name == error.subject }) {
                throw root.descendant(["tables", error.subject, "on"]).error(error.problem)
            }
            let list = root.descendant(["features"])
            let index = features.firstIndex { $0.name == error.subject }
            let place = try index.map { index throws(SpecificationError) in try list.list()[index] } ?? list
            throw (error.part.map { place.descendant([$0]) } ?? place).error(error.description)
        }
    }

    /// Buffers that a model may hold, in numbers of 8 bytes.
    private static let largestBuffer = 1 << 26

    private func requireModel(_ root: YAMLValue, featureNames: [String]) throws(SpecificationError) {
        do {
            try model.validate()
        } catch {
            throw root.descendant(["models"] + modelKeys(error.field))
                .error("\(error.value) is out of range; it must be \(error.expected)")
        }
        for classifier in model.classifiers {
            let keys =
                model.classifiers.count == 1 && root.descendant(["models", "classifiers"]).path == "models"
                ? [classifier.name] : ["classifiers", classifier.name]
            let place = root.descendant(["models"] + keys)
            let inputs = place.descendant(["inputs"])
            guard inputs.path != place.path else { continue }
            try classifier.encoding.requireFeatures(featureNames, inputs)
        }
        let width = featureNames.count + (model.kMeans?.clusters ?? 0)
        let batch = model.classifiers.map(\.regression.miniBatch).max() ?? 0
        let rows = max(batch, model.kMeans?.batchRows ?? 0, model.kMeans?.startRows ?? 0)
        guard rows * width <= Self.largestBuffer, width * width <= Self.largestBuffer else {
            throw root.descendant(["models"]).error(
                "\(rows) rows at once of \(width) features and clusters are more than fits; make batches smaller")
        }
    }
}

/// Where the file declares a model's field such as `kMeans.batchRows` or `classifier.averaging.afterRows`.
private func modelKeys(_ field: String) -> [String] {
    if field == "kMeans.clusters" { return ["clusters", "count"] }
    let parts = field.split(separator: ".")
    return parts.enumerated().map { index, part in
        if index == 1, parts[0] == "classifiers" { return String(part) }
        return part == "kMeans" ? "clusters" : part.map { $0.isUppercase ? "_\($0.lowercased())" : String($0) }.joined()
    }
}

/// A pipeline's name is the name of its folder.
private func pipelineName(_ value: YAMLValue) throws(SpecificationError) -> String {
    let expected = "a name (letters, digits, '-' and '_', at most 100)"
    let name = try value.text(expected)
    let isName = name.utf8.allSatisfy { $0 == 45 || $0 == 95 || Column.isValidName("a\(Unicode.Scalar($0))") }
    guard isName, (1...100).contains(name.utf8.count) else { throw value.error(expected: expected) }
    return name
}

private func readEntities(_ top: YAMLSection, columns: [Column]) throws(SpecificationError) -> [EntitySpecification] {
    guard let value = top["entities"] else { return [] }
    var entities: [EntitySpecification] = []
    for entry in try value.section().entries {
        guard Column.isValidName(entry.key) else {
            throw entry.value.error(
                "\(quoted(entry.key)) is not a name (letters, digits and underscores, no digit first)")
        }
        var names: [String] = []
        let values = entry.value.node.sequence == nil ? [entry.value] : try entry.value.list()
        guard (1...2).contains(values.count) else {
            throw entry.value.error("\(values.count) columns; a key is one column or a pair such as [CARD, MERCHANT]")
        }
        for value in values {
            let column = columns[try value.choice(of: columns.map(\.name), "the columns ")]
            guard column.type == .long || column.type == .string else {
                throw value.error("a key is a long or a string, but '\(column.name)' is \(column.type)")
            }
            guard !names.contains(column.name) else { throw value.error("'\(column.name)' stands twice in the pair") }
            names.append(column.name)
        }
        entities.append(EntitySpecification(name: entry.key, keyColumns: names))
    }
    guard entities.count <= 64 else { throw value.error("\(entities.count) entities are too many; at most 64") }
    return entities
}

/// The time zones that features name, each once.
private func readZones(
    _ value: YAMLValue, _ features: [FeatureSpecification], _ database: TimeZoneDatabase
) throws(SpecificationError) -> [TimeZoneTable] {
    var zones: [TimeZoneTable] = []
    for (feature, item) in zip(features, try value.list()) {
        for name in feature.zoneNames where !zones.contains(where: { $0.name == name }) {
            do { zones.append(try database.zone(name)) } catch { throw item.error("'\(feature.name)': \(error)") }
        }
    }
    return zones
}

extension TimeSpecification {
    init(_ top: YAMLSection) throws(SpecificationError) {
        let time = try top.section(
            "time", keys: ["out_of_orderness", "allowed_lateness", "duplicate_horizon", "label_horizon"])
        self.init(
            outOfOrderness: try time["out_of_orderness"]?.duration() ?? .zero,
            allowedLateness: try time["allowed_lateness"]?.duration() ?? .zero,
            duplicateHorizon: try time["duplicate_horizon"]?.duration() ?? .day,
            labelHorizon: try time["label_horizon"]?.duration() ?? 60 * .day)
    }
}
