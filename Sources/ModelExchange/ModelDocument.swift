import EventModel
import Features
import OnlineLearning
import PipelineCore

/// A model snapshot as a JSON document: all that another program needs to score a feature vector as Tidemark does.
///
///     logit = intercept + Σ weight · (value − mean) / deviation        (a feature of deviation 0 adds nothing)
///     probability = 1 / (1 + exp(−logit))
///
/// With clusters as inputs, each adds weight · distance / √features, the Euclidean distance of the scaled vector; with
/// bins each adds the weight of the bin that the raw value falls into, with crosses that of the combination.
/// `notebooks-docs/formats.md` documents the members.
public enum ModelDocument {
    /// The version of this document's layout.
    public static let formatVersion = 1

    public static func make(
        _ models: ModelStage, plan: FeaturePlan, specification: PipelineSpecification
    ) -> JSONValue {
        models.withModel { model in
            let head = [
                JSONMember("format", .string("tidemark-model")),
                JSONMember("format_version", .number(formatVersion)),
                JSONMember("pipeline", .string(specification.name)),
                JSONMember("fingerprint", .string(specification.fingerprint)),
                JSONMember("ready", .bool(model.isReady)),
                JSONMember("observed_transactions", .number(model.observedCount)),
                JSONMember("learned_labels", .number(model.classifier.learnedCount)),
                JSONMember("learned_frauds", .number(model.classifier.learnedPositives)),
                JSONMember("intercept", .number(model.classifier.intercept)),
                JSONMember("features", features(model, plan)),
                JSONMember("clusters", clusters(model)),
            ]
            return .object(head + model.withClassifier(0) { sparse($0, plan) } + several(model, plan))
        }
    }

    private static func features(_ model: borrowing OnlineModel, _ plan: FeaturePlan) -> JSONValue {
        let means = model.scaler.mean
        let deviations = model.scaler.deviation
        let weights = model.withClassifier(0) { featureWeights($0, plan) }
        return .array(
            plan.names.indices.map { index in
                .object([
                    JSONMember("name", .string(plan.names[index])),
                    JSONMember("reason", .string(plan.reasons[index])),
                    JSONMember("mean", .number(means[index])),
                    JSONMember("deviation", .number(deviations[index])),
                    JSONMember("weight", weights[index]),
                ])
            })
    }

    /// By feature; null of those that are no dense inputs.
    private static func featureWeights(_ classifier: borrowing Classifier, _ plan: FeaturePlan) -> [JSONValue] {
        var weights = [JSONValue](repeating: .null, count: plan.count)
        for (feature, weight) in zip(classifier.denseFeatures, classifier.regression.inputWeights) {
            weights[feature] = .number(weight)
        }
        return weights
    }

    private static func clusters(_ model: borrowing OnlineModel) -> JSONValue {
        guard model.clusters.isStarted else { return .array([]) }
        let rows = model.clusters.centroidRows
        let sizes = model.clusters.clusterWeights
        let ids = model.clusters.ids
        let weights = model.withClassifier(0) { $0.clusterWeights }
        return .array(
            rows.indices.map { index in
                .object([
                    JSONMember("id", .number(ids[index])),
                    JSONMember("size", .number(sizes[index])),
                    JSONMember("weight", weights.isEmpty ? .null : .number(weights[index])),
                    JSONMember("centroid", .array(rows[index].map(JSONValue.number))),
                ])
            })
    }

    /// Where there are several classifiers: each of them, and how they are blended.
    private static func several(_ model: borrowing OnlineModel, _ plan: FeaturePlan) -> [JSONMember] {
        guard model.classifierCount > 1 else { return [] }
        var classifiers: [JSONValue] = []
        for index in 0..<model.classifierCount {
            classifiers.append(model.withClassifier(index) { classifier($0, plan) })
        }
        let blend = model.specification.blend.map { blend in
            JSONValue.object([
                JSONMember("space", .string(blend.space.rawValue)),
                JSONMember(
                    "weights", .object(blend.parts.map { JSONMember($0.classifier, .number($0.weight)) })),
            ])
        }
        return [JSONMember("classifiers", .array(classifiers)), JSONMember("blend", blend ?? .null)]
    }

    private static func classifier(_ classifier: borrowing Classifier, _ plan: FeaturePlan) -> JSONValue {
        let regression: [JSONMember] = [
            JSONMember("name", .string(classifier.specification.name)),
            JSONMember("ready", .bool(classifier.regression.isReady)),
            JSONMember("learned_labels", .number(classifier.regression.learnedCount)),
            JSONMember("learned_frauds", .number(classifier.regression.learnedPositives)),
            JSONMember("intercept", .number(classifier.regression.intercept)),
            JSONMember("weights", .array(featureWeights(classifier, plan))),
            JSONMember("cluster_weights", .array(classifier.clusterWeights.map(JSONValue.number))),
        ]
        return .object(regression + sparse(classifier, plan))
    }

    // MARK: bins and crosses

    private static func sparse(_ classifier: borrowing Classifier, _ plan: FeaturePlan) -> [JSONMember] {
        let groups = classifier.sparseWeights
        let isCross = { (group: SparseWeights) in
            if case .cross = group.kind { return true }
            return false
        }
        return [
            JSONMember("bins", .array(groups.filter { !isCross($0) }.map { bins($0, plan) })),
            JSONMember("crosses", .array(groups.filter(isCross).map { cross($0, plan) })),
            JSONMember("optimiser_state", .array(classifier.regression.optimiserState.map(JSONValue.number))),
        ]
    }

    private static func bins(_ group: SparseWeights, _ plan: FeaturePlan) -> JSONValue {
        var encoding = BinnedFeatures.Encoding.oneHot
        if case .piecewiseLinear = group.kind { encoding = .piecewiseLinear }
        return .object([
            JSONMember("feature", .string(plan.names[group.parts[0].feature])),
            JSONMember("encoding", .string(encoding.rawValue)),
            JSONMember("edges", .array((group.parts[0].edges ?? []).map(JSONValue.number))),
            JSONMember("shares", .array(group.shares.map(JSONValue.number))),
            JSONMember("weights", .array(group.weights.map(JSONValue.number))),
        ])
    }

    /// Of the weights those that are not 0, each with its place.
    private static func cross(_ group: SparseWeights, _ plan: FeaturePlan) -> JSONValue {
        let parts = group.parts.map { part in
            JSONValue.object([
                JSONMember("feature", .string(plan.names[part.feature])),
                JSONMember("edges", part.edges.map { .array($0.map(JSONValue.number)) } ?? .null),
            ])
        }
        let weights = group.weights.enumerated().filter { $0.element != 0 }.map { place, weight in
            JSONValue.array([.number(place), .number(weight)])
        }
        return .object([
            JSONMember("of", .array(parts)),
            JSONMember("buckets", group.buckets.map { .number($0) } ?? .null),
            JSONMember("weights", .array(weights)),
        ])
    }
}
