import EventModel
import Features
import OnlineLearning
import PipelineCore

/// A model snapshot as a JSON document: all that another program needs to score a feature vector as Tidemark does.
///
///     logit = intercept + Σ weight · (value − mean) / deviation        (a feature of deviation 0 adds nothing)
///     probability = 1 / (1 + exp(−logit))
///
/// With clusters as inputs, each adds weight · distance / √features, the Euclidean distance of the scaled vector.
/// `notebooks-docs/formats.md` documents the members.
public enum ModelDocument {
    /// The version of this document's layout.
    public static let formatVersion = 1

    public static func make(
        _ models: ModelStage, plan: FeaturePlan, specification: PipelineSpecification
    ) -> JSONValue {
        models.withModel { model in
            .object([
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
                JSONMember("clusters", clusters(model, plan)),
                JSONMember("optimiser_state", .array(model.classifier.optimiserState.map(JSONValue.number))),
            ])
        }
    }

    private static func features(_ model: borrowing OnlineModel, _ plan: FeaturePlan) -> JSONValue {
        let means = model.scaler.mean
        let deviations = model.scaler.deviation
        let weights = model.classifier.inputWeights
        return .array(
            plan.names.indices.map { index in
                .object([
                    JSONMember("name", .string(plan.names[index])),
                    JSONMember("reason", .string(plan.reasons[index])),
                    JSONMember("mean", .number(means[index])),
                    JSONMember("deviation", .number(deviations[index])),
                    JSONMember("weight", .number(weights[index])),
                ])
            })
    }

    private static func clusters(_ model: borrowing OnlineModel, _ plan: FeaturePlan) -> JSONValue {
        guard model.clusters.isStarted else { return .array([]) }
        let rows = model.clusters.centroidRows
        let sizes = model.clusters.clusterWeights
        let ids = model.clusters.ids
        let weights = Array(model.classifier.inputWeights.dropFirst(plan.count))
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
}
