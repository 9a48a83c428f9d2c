import EventModel
import Features
import OnlineLearning
import PipelineCore
import TestSupport

private func minutes(_ count: Int) -> EventDuration { EventDuration(milliseconds: Int64(count) * 60_000) }

/// Every kind of feature, with windows that share edges and some that do not.
private let features: [FeatureSpecification] = {
    func window(
        _ name: String, _ entity: String, _ length: Int?, _ aggregate: WindowFeature.Aggregate,
        of column: String? = nil, delay: Int = 0, current: Bool = true, ifEmpty: Double = 0,
        where filter: String? = nil,
        basis: WindowFeature.Basis = .eventTime, overLabelled: Bool = false
    ) -> FeatureSpecification {
        FeatureSpecification(
            name: name,
            definition: .window(
                WindowFeature(
                    entity: entity, length: length.map(minutes), delay: minutes(delay), aggregate: aggregate,
                    column: column, includesCurrent: current, ifEmpty: ifEmpty, filter: filter, basis: basis,
                    halfLife: aggregate.needsHalfLife ? minutes(40) : nil, prior: 0.25, strength: 3,
                    overLabelled: overLabelled)))
    }
    func plain(_ name: String, _ definition: FeatureDefinition) -> FeatureSpecification {
        FeatureSpecification(name: name, definition: definition)
    }
    return [
        plain("amount", .column("AMOUNT")),
        window("customer_count", "customer", 60, .count),
        window("customer_sum", "customer", 60, .sum, of: "AMOUNT"),
        window("customer_mean", "customer", 180, .mean, of: "AMOUNT", current: false, ifEmpty: -1),
        plain("measure", .column("MEASURE")),
        window("customer_items", "customer", 45, .mean, of: "ITEMS", delay: 60, ifEmpty: 7),
        window("customer_known", "customer", 180, .knownLabelRate),
        window("terminal_count", "terminal", 120, .count, delay: 30),
        window("terminal_frauds", "terminal", 150, .labelCount),
        window("terminal_risk", "terminal", 120, .labelRate, delay: 30),
        window("terminal_known", "terminal", 30, .knownLabelRate, delay: 30, current: false),
        window("terminal_others", "terminal", 30, .count, current: false),
        plain("night", .hour(0...6)),
        plain("weekend", .weekday([5, 6])),
        plain("log_amount", .log1p("AMOUNT")),
        plain("log_count", .log1p("customer_count")),
        plain("per_item", .ratio("AMOUNT", "ITEMS")),
        plain("to_mean", .ratio("amount", "customer_mean")),
        plain("per_measure", .ratio("customer_sum", "MEASURE")),

        // Every aggregate, with conditions, over pairs and other kinds of events.
        window("large", "customer", 180, .count, where: "AMOUNT > 300"),
        window("variance", "customer", 180, .variance, of: "AMOUNT", ifEmpty: -2),
        window("measure_mean", "terminal", 90, .mean, of: "MEASURE", ifEmpty: 5),
        window("least", "customer", 60, .min, of: "AMOUNT", delay: 5, ifEmpty: -1),
        window("most", "terminal", 120, .max, of: "MEASURE", where: "NOTE != 'gift' and not ITEMS == 0"),
        window("first", "pair", nil, .first, of: "ITEMS", current: false, ifEmpty: -1),
        window("last", "pair", 200, .last, of: "AMOUNT", current: false, ifEmpty: -1),
        window("pair_count", "pair", nil, .count),
        window("notes", "customer", 240, .distinct, of: "NOTE"),
        window("decayed", "customer", nil, .decayedCount),
        window("decayed_sum", "terminal", 200, .decayedSum, of: "AMOUNT", delay: 10),
        window("smoothed", "terminal", 120, .smoothedLabelRate, delay: 20),
        window("smoothed_known", "terminal", nil, .smoothedLabelRate, overLabelled: true),
        window("run", "customer", nil, .fraudRun),
        window("first_fraud", "customer", nil, .sinceFirstFraud, ifEmpty: -1),
        window("last_fraud", "terminal", 300, .sinceLastFraud, ifEmpty: -1),
        window("arrived", "terminal", 60, .labelCount, basis: .labelArrival),
        window("arrived_rate", "customer", 120, .knownLabelRate, basis: .labelArrival),
        window("since", "customer", nil, .sincePrevious, ifEmpty: -1),
        window("previous", "terminal", nil, .previous, of: "AMOUNT", ifEmpty: -1),
        window("logins", "customer", 120, .count, where: "kind == 'login'"),
        window("attempts", "customer", 120, .sum, of: "ITEMS", delay: 10, where: "kind == 'login'"),
        window("devices", "customer", nil, .distinct, of: "DEVICE", where: "kind == 'login'"),
        window("since_login", "customer", nil, .sincePrevious, ifEmpty: -1, where: "kind == 'login'"),
        window("others", "terminal", 60, .count, where: "kind != 'transaction'"),
        window(
            "mixed", "customer", 100, .count,
            where: "kind == 'login' and DEVICE == 'phone' or kind == 'ping' and MEASURE > 0"),
        window(
            "mixed_here", "terminal", 100, .max, of: "MEASURE", ifEmpty: -7,
            where: "kind == 'login' and DEVICE == 'phone' or kind == 'ping' and MEASURE > 0"),
        plain("zscore", .expression("zscore(AMOUNT, customer, 90m)")),
        plain("to_mean_plus_one", .expression("AMOUNT / (customer_mean + 1)")),
        plain("gift", .expression("if(since_previous(customer) < 600 and NOTE == 'gift', MEASURE, -1)")),
        plain("far", .expression("distance_km(MEASURE, ITEMS, terminal) > 100")),
        plain("minute", .calendar(.minuteOfDay, zone: "UTC")),
        plain("note", .oneHot(column: "NOTE", values: ["gift", "été", "none"])),
    ] + ScriptChange.features
}()

/// A pipeline with every kind of feature; how it keeps time and what it learns with follow from the seed.
func testPipeline(seed: UInt64, style: KeyStyle) -> PipelineSpecification {
    var random = SeededRandom(seed: seed ^ 0xABCD)
    var model = ModelSpecification()
    model.scaler = ScalerSpecification(refresh: random.pick([1, 16, 50]), block: random.pick([1, 8]))
    model.kMeans =
        random.isTrue(70)
        ? KMeansSpecification(clusters: 3, batchRows: random.pick([1, 8]), decay: 0.9, startRows: 12) : nil
    model.clustersAsInputs = model.kMeans != nil && random.isTrue(60)
    model.classifier.miniBatch = random.pick([1, 4, 7])
    model.classifier.prior = 0.2
    model.classifier.learner = random.pick([
        .adaGrad(rate: 0.1), .sgd(.inverseScaling(rate: 0.01, power: 0.5)), .newton(ridge: 1, halfLife: .rows(50)),
    ])
    let labelSources = seed % 3 == 1 ? ["bank", "analyst", "police"] : []
    addBins(&model, seed: seed, labelSources)
    return PipelineSpecification(
        name: "test",
        input: InputSpecification(
            columns: EncodedInput.columns(style), idColumn: "ID", eventTimeColumn: "TIME",
            eventTimeFormat: .milliseconds, label: nil, aheadTolerance: minutes(random.pick([0, 60])),
            events: [ScriptEvent.Kind.login, .ping].map { kind in
                EventKindSpecification(
                    name: kind.rawValue, columns: EncodedInput.eventColumns(kind, style),
                    idColumn: kind == .login ? "LOGIN" : nil, eventTimeColumn: "TIME", eventTimeFormat: .milliseconds)
            }, labelSources: labelSources, tables: ScriptChange.specifications(style)),
        time: TimeSpecification(
            outOfOrderness: minutes(random.pick([0, 0, 20])), allowedLateness: minutes(random.pick([0, 30, 90])),
            duplicateHorizon: minutes(random.pick([60, 300])), labelHorizon: minutes(random.pick([30, 240]))),
        entities: [
            EntitySpecification(name: "unused", keyColumn: "ITEMS"),
            EntitySpecification(name: "customer", keyColumn: "CUSTOMER"),
            EntitySpecification(name: "terminal", keyColumn: "TERMINAL"),
            EntitySpecification(name: "pair", keyColumns: ["CUSTOMER", "TERMINAL"]),
        ], features: features, model: model,
        decision: DecisionSpecification(alertThreshold: 0.5, reasonCount: 3), evaluation: EvaluationSpecification())
}

/// The same pipeline with one classifier that has bins, lines and crosses, and no clusters, so that rows are scored
/// together; what it learns with follows from the number.
func pipelineScoredTogether(_ number: Int, style: KeyStyle) -> PipelineSpecification {
    var specification = testPipeline(seed: 0, style: style)
    let learners: [Learner] = [.ftrl(alpha: 0.2, beta: 0.5), .adaGrad(rate: 0.1), .newton(ridge: 1)]
    specification.model.kMeans = nil
    specification.model.clustersAsInputs = false
    specification.model.scaler = ScalerSpecification(refresh: [1, 16, 50][number % 3], block: 8)
    addBins(&specification.model, seed: 1, [])
    specification.model.classifier.learner = learners[number % 3]
    specification.model.classifier.miniBatch = [1, 4, 11][number / 3 % 3]
    specification.model.classifier.averaging = number % 2 == 0 ? .decayed(halfLifeRows: 20) : nil
    specification.model.classifier.negativeShare = number % 4 == 3 ? 0.7 : 1
    return specification
}

/// Bins and crosses for one seed out of two; for one out of three several classifiers that learn from different sources.
private func addBins(_ model: inout ModelSpecification, seed: UInt64, _ labelSources: [String]) {
    var encoding = EncodingSpecification()
    encoding.bins = [
        BinnedFeatures(
            ["amount", "customer_count"], shape: BinShape(count: 4, tail: .both, tailRows: 3, fraudCount: 3)),
        BinnedFeatures(["terminal_risk", "log_amount"], shape: BinShape(count: 5), encoding: .piecewiseLinear),
    ]
    encoding.crosses = [
        Cross(["amount", "customer_count"], shape: BinShape(count: 2)), Cross(["amount", "minute"], buckets: 100),
    ]
    encoding.binsFrozenAfter = 30
    if seed % 2 == 1 { model.classifiers[0].encoding = encoding }
    guard !labelSources.isEmpty else { return }
    var second = ClassifierSpecification()
    second.name = "analysts"
    second.encoding = encoding
    second.encoding.dense = .only(["amount", "night"])
    second.regression.miniBatch = 3
    second.labelSources = ["analyst", "police"]
    model.classifiers[0].labelSources = seed % 2 == 0 ? ["bank"] : []
    model.classifiers.append(second)
    model.blend = BlendSpecification(
        [.init("classifier", weight: 0.5), .init("analysts", weight: 0.5)], space: seed % 4 < 2 ? .logit : .probability)
}
