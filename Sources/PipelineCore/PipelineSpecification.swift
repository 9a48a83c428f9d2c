import EventModel
import Features
import OnlineLearning

/// All that is declared of a pipeline: what comes in, how time is kept, the features, the models, what is decided.
public struct PipelineSpecification: Hashable, Sendable {
    public var name: String
    public var input: InputSpecification
    public var time: TimeSpecification
    public var entities: [EntitySpecification]
    public var features: [FeatureSpecification]
    public var model: ModelSpecification
    public var decision: DecisionSpecification
    public var evaluation: EvaluationSpecification
    /// The time zones that features name, as the system knew them when the specification was read.
    public var zones: [TimeZoneTable]

    public init(
        name: String, input: InputSpecification, time: TimeSpecification, entities: [EntitySpecification],
        features: [FeatureSpecification], model: ModelSpecification, decision: DecisionSpecification,
        evaluation: EvaluationSpecification, zones: [TimeZoneTable] = []
    ) {
        self.name = name
        self.input = input
        self.time = time
        self.entities = entities
        self.features = features
        self.model = model
        self.decision = decision
        self.evaluation = evaluation
        self.zones = zones
    }

    /// The columns that a pipeline can compute from.
    public var columns: [Column] { input.columns }

    /// A hash of all that results depend on (how they are evaluated is left out): of time zones their offsets, since a
    /// country may change its clocks.
    public var fingerprint: String {
        let text = "\(input)|\(time)|\(entities)|\(features)|\(model)|\(decision)"
        return StateDigest(sum: zones.reduce(stableHash(text)) { mixed($0, $1.fingerprint) }).description
    }

    public func makePlan() throws(FeatureError) -> FeaturePlan {
        try FeaturePlan(
            features: features, entities: entities, columns: columns,
            kinds: input.events.map { EventKindColumns(name: $0.name, columns: $0.columns) }, tables: input.tables,
            zones: zones)
    }
}

/// How event time is kept and how long things are remembered.
public struct TimeSpecification: Hashable, Sendable {
    /// How far behind the highest event time the watermark stays.
    public var outOfOrderness: EventDuration
    /// How far behind the watermark a transaction may still enter its windows.
    public var allowedLateness: EventDuration
    /// How long a transaction's id is remembered, so that it is not taken twice.
    public var duplicateHorizon: EventDuration
    /// How long after its transaction a label is still taken.
    public var labelHorizon: EventDuration

    public init(
        outOfOrderness: EventDuration, allowedLateness: EventDuration, duplicateHorizon: EventDuration,
        labelHorizon: EventDuration
    ) {
        self.outOfOrderness = outOfOrderness
        self.allowedLateness = allowedLateness
        self.duplicateHorizon = duplicateHorizon
        self.labelHorizon = labelHorizon
    }
}

public struct DecisionSpecification: Hashable, Sendable {
    /// A decision with this probability or more is an alert, with its reasons; within (0, 1].
    public var alertThreshold: Double
    /// How many reasons an alert gives.
    public var reasonCount: Int

    public init(alertThreshold: Double, reasonCount: Int) {
        self.alertThreshold = alertThreshold
        self.reasonCount = reasonCount
    }
}

/// What the metrics are about; it changes no result of the pipeline.
public struct EvaluationSpecification: Hashable, Sendable {
    /// The entity whose compromised members card precision counts.
    public var entity: String?
    /// The column that the amount baseline ranks by.
    public var baselineColumn: String?
    /// First and last test day (days since 1970-01-01); nil: all days.
    public var days: ClosedRange<Int32>?
    public var blockDays: Int
    public var labelDelayDays: Int
    public var trainingDays: Int
    /// Cards that can be looked at in a day.
    public var cardsPerDay: Int

    public init(
        entity: String? = nil, baselineColumn: String? = nil, days: ClosedRange<Int32>? = nil, blockDays: Int = 7,
        labelDelayDays: Int = 7, trainingDays: Int = 14, cardsPerDay: Int = 100
    ) {
        self.entity = entity
        self.baselineColumn = baselineColumn
        self.days = days
        self.blockDays = blockDays
        self.labelDelayDays = labelDelayDays
        self.trainingDays = trainingDays
        self.cardsPerDay = cardsPerDay
    }
}
