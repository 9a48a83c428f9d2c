import EventModel
import Features
import Foundation
import OnlineLearning
import PipelineCore
import PipelineRuntime
import Testing

/// A small pipeline; tests replace one piece of its text.
private let small = """
    pipeline: small
    input:
      id: id
      event_time: { column: at, format: seconds }
      columns:
        id: long
        card: string
        amount: decimal(2)
        score: double
      label: { column: fraud, delay: 2d }
    time:
      label_horizon: 10d
    entities:
      card: card
    features:
      - { name: amount, column: amount }
      - { name: night, hour: [0, 6] }
      - { name: mean_1d, entity: card, window: 1d, aggregate: mean, of: amount }
      - { name: ratio_1d, ratio: [amount, mean_1d] }
    models:
      scaler: { refresh: 64 }
      clusters: { count: 4 }
      classifier: { learner: adagrad, rate: 0.1 }
    decisions: { alert_threshold: 0.9 }
    evaluation: { entity: card }
    """

private func read(_ text: String) -> Result<PipelineSpecification, SpecificationError> {
    do {
        return .success(try PipelineSpecification(yaml: text, file: "small.yaml"))
    } catch {
        return .failure(error)
    }
}

private func message(_ text: String) -> String {
    switch read(text) {
    case .success: "accepted"
    case .failure(let error): error.description
    }
}

private func shipped(_ name: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("models/\(name).yaml"), encoding: .utf8)
}

struct SpecificationTests {
    @Test func allThatAFileDeclaresIsRead() throws {
        let pipeline = try read(small).get()
        #expect(pipeline.name == "small")
        let columns = [
            Column("id", .long), Column("card", .string), Column("amount", .decimal(scale: 2)),
            Column("score", .double),
        ]
        let input = InputSpecification(
            columns: columns, idColumn: "id", eventTimeColumn: "at", eventTimeFormat: .seconds,
            label: LabelSpecification(column: "fraud", delay: 2 * .day), aheadTolerance: .day)
        #expect(pipeline.input == input)
        let time = TimeSpecification(
            outOfOrderness: .zero, allowedLateness: .zero, duplicateHorizon: .day, labelHorizon: 10 * .day)
        #expect(pipeline.time == time)
        #expect(pipeline.entities == [EntitySpecification(name: "card", keyColumn: "card")])
        let mean = WindowFeature(entity: "card", length: .day, aggregate: .mean, column: "amount")
        let definitions: [FeatureDefinition] = [
            .column("amount"), .hour(0...6), .window(mean), .ratio("amount", "mean_1d"),
        ]
        #expect(pipeline.features.map(\.definition) == definitions)
        #expect(pipeline.model.scaler.refresh == 64)
        #expect(pipeline.model.kMeans?.clusters == 4)
        #expect(pipeline.model.classifier.learner == .adaGrad(rate: 0.1))
        #expect(pipeline.decision == DecisionSpecification(alertThreshold: 0.9, reasonCount: 3))
        #expect(pipeline.evaluation == EvaluationSpecification(entity: "card"))
    }

    @Test func onlyInputAndFeaturesHaveToBeDeclared() throws {
        let text = """
            pipeline: a
            input:
              id: id
              event_time: { column: at, format: iso8601 }
              columns: { id: string, x: double }
            features: [{ name: x, column: x, reason: the value }]
            """
        let pipeline = try read(text).get()
        #expect(pipeline.input.label == nil)
        #expect(pipeline.time.labelHorizon == 60 * .day)
        #expect(pipeline.model == ModelSpecification())
        #expect(pipeline.decision == DecisionSpecification(alertThreshold: 0.5, reasonCount: 3))
        #expect(pipeline.features == [FeatureSpecification(name: "x", definition: .column("x"), reason: "the value")])
    }

    @Test(arguments: [
        ("learner: sgd, rate: 0.5", Learner.sgd(.constant(0.5))),
        ("learner: sgd, rate: 0.5, power: 0.25", .sgd(.inverseScaling(rate: 0.5, power: 0.25))),
        ("learner: newton, ridge: 2", .newton(ridge: 2, halfLife: nil)),
        ("learner: newton, ridge: 2, half_life_rows: 1e4", .newton(ridge: 2, halfLife: .rows(10_000))),
        ("learner: newton, ridge: 2, half_life: 30d", .newton(ridge: 2, halfLife: .time(30 * .day))),
        ("learner: newton, ridge: 2, sparse_rate: 0.1", .newton(ridge: 2, sparseRate: 0.1)),
        (
            "learner: sgd, rate: 0.5, end_rate: 0.01, decay_rows: 1e6, power: 2",
            .sgd(.polynomial(rate: 0.5, end: 0.01, rows: 1e6, power: 2))
        ),
        ("learner: ftrl", .ftrl(alpha: 0.1, beta: 1)),
        ("learner: ftrl, alpha: 0.2, beta: 2", .ftrl(alpha: 0.2, beta: 2)),
        ("learner: adam, rate: 0.01", .adam(rate: 0.01)),
        ("learner: adagrad", .adaGrad(rate: 0.05)),
    ])
    func eachLearnerHasItsOwnParameters(_ keys: String, _ learner: Learner) throws {
        let text = small.replacingOccurrences(of: "learner: adagrad, rate: 0.1", with: keys)
        #expect(try read(text).get().model.classifier.learner == learner)
    }

    @Test func whatAClassifierSeesIsRead() throws {
        let inputs = """
            rate: 0.1, labels: [bank], inputs: { dense: { all_but: [night] }, clusters: false, bins_frozen_after: 9, bins: [
                  { of: all }, { of: [amount], count: 40, tail: both, steps: 4, last: 0.001, tail_rows: 7, fraud_count: 5,
                    encoding: piecewise_linear }],
                  crosses: [{ of: [amount, ratio_1d] }, { of: [amount, night], steps: 1, buckets: 99 }] }
            """
        let text = small.replacingOccurrences(of: "rate: 0.1", with: inputs).replacingOccurrences(
            of: "delay: 2d }", with: "delay: 2d, source: bank }\n  label_sources: [analyst, bank]")
        let pipeline = try read(text).get()
        var expected = EncodingSpecification()
        expected.dense = .allBut(["night"])
        expected.bins = [
            BinnedFeatures(nil),
            BinnedFeatures(
                ["amount"],
                shape: BinShape(count: 40, tail: .both, steps: 4, last: 0.001, tailRows: 7, fraudCount: 5),
                encoding: .piecewiseLinear),
        ]
        expected.crosses = [
            Cross(["amount", "ratio_1d"]), Cross(["amount", "night"], shape: BinShape(steps: 1), buckets: 99),
        ]
        expected.binsFrozenAfter = 9
        #expect(pipeline.model.classifiers.count == 1)
        #expect(pipeline.model.classifiers[0].encoding == expected)
        #expect(!pipeline.model.classifiers[0].takesClusters)
        #expect(pipeline.model.classifiers[0].labelSources == ["bank"])
        #expect(pipeline.input.labelSources == ["analyst", "bank"] && pipeline.input.label?.source == "bank")
    }

    @Test func severalClassifiersAndTheirBlendAreRead() throws {
        let text = small.replacingOccurrences(
            of: "classifier: { learner: adagrad, rate: 0.1 }",
            with: """
                classifiers: { slow: { learner: newton, ridge: 1 }, fast: { inputs: { dense: [amount] } } }
                  blend: { fast: 0.25, slow: 0.75 }
                  blend_space: probability
                """)
        let model = try read(text).get().model
        #expect(model.classifiers.map(\.name) == ["slow", "fast"])
        #expect(model.classifiers[0].regression.learner == .newton(ridge: 1))
        #expect(model.classifiers[1].encoding.dense == .only(["amount"]))
        let blend = BlendSpecification([.init("fast", weight: 0.25), .init("slow", weight: 0.75)], space: .probability)
        #expect(model.blend == blend)
        #expect(
            try read(
                text.replacingOccurrences(of: "blend: { fast: 0.25, slow: 0.75 }\n", with: "")
                    .replacingOccurrences(of: "  blend_space: probability", with: "")
            ).get().model.blend == nil)
    }

    @Test func cardFraudHasTheHandbooksFeatures() throws {
        let pipeline = try PipelineSpecification(yaml: shipped("card-fraud"), file: "card-fraud.yaml")
        var names = ["TX_AMOUNT", "TX_DURING_WEEKEND", "TX_DURING_NIGHT"]
        for days in [1, 7, 30] {
            names += ["CUSTOMER_ID_NB_TX_\(days)DAY_WINDOW", "CUSTOMER_ID_AVG_AMOUNT_\(days)DAY_WINDOW"]
        }
        for days in [1, 7, 30] {
            names += ["TERMINAL_ID_NB_TX_\(days)DAY_WINDOW", "TERMINAL_ID_RISK_\(days)DAY_WINDOW"]
        }
        #expect(try pipeline.makePlan().names == names)
        #expect(pipeline.features[1].definition == .weekday([5, 6]))
        #expect(pipeline.features[2].definition == .hour(0...6))
        let risk = WindowFeature(entity: "terminal", length: 30 * .day, delay: 7 * .day, aggregate: .labelRate)
        #expect(pipeline.features[14].definition == .window(risk))
        #expect(pipeline.model.clustersAsInputs == false)
        #expect(pipeline.evaluation.days == nil)
    }

    @Test func workloadWHasItsSeventeenFeatures() throws {
        let pipeline = try PipelineSpecification(yaml: shipped("workload-w"), file: "workload-w.yaml")
        #expect(try pipeline.makePlan().count == 17)
        #expect(pipeline.features.first?.definition == .log1p("amount"))
        #expect(pipeline.features.last?.definition == .ratio("amount", "customer_mean_7d"))
        #expect(pipeline.model.kMeans == nil)
        #expect(pipeline.model.classifier.learner == .sgd(.constant(0.01)))
        #expect(pipeline.input.label?.delay == .zero)
    }

    @Test func cardFraudBestHasItsBins() throws {
        let pipeline = try PipelineSpecification(yaml: shipped("card-fraud-best"), file: "card-fraud-best.yaml")
        let names = try pipeline.makePlan().names
        let inputs = pipeline.model.classifiers[0].encoding
        #expect(names.count == 30)
        #expect(inputs.bins.map { $0.features?.count } == [23, 23])
        #expect(inputs.bins[0].features == inputs.bins[1].features)
        #expect(inputs.bins.map(\.encoding) == [.piecewiseLinear, .oneHot])
        #expect(inputs.binsFrozenAfter == 400_000)
    }

    @Test(arguments: ["ulb", "ulb-river"])
    func ulbHasItsTwentyNineColumns(_ name: String) throws {
        let pipeline = try PipelineSpecification(yaml: shipped(name), file: name + ".yaml")
        #expect(try pipeline.makePlan().names == (1...28).map { "V\($0)" } + ["Amount"])
        #expect(pipeline.input.label?.delay == .zero)
        #expect(pipeline.entities.isEmpty)
    }

    @Test(arguments: wrongSpecifications)
    func whatIsWrongIsNamedWithItsLine(_ wrong: Wrong) {
        #expect(small.components(separatedBy: wrong.text).count == 2, "the small pipeline holds '\(wrong.text)' once")
        let text = small.replacingOccurrences(of: wrong.text, with: wrong.replacement)
        #expect(message(text) == "small.yaml:" + wrong.message)
    }

    @Test(arguments: [
        ("", "small.yaml:1: the file is empty; it has to declare a pipeline"),
        ("# nothing", "small.yaml:1: the file is empty; it has to declare a pipeline"),
        ("- a", "small.yaml:1: a list is not a section with keys and values"),
        ("card fraud", "small.yaml:1: 'card fraud' is not a section with keys and values"),
        ("pipeline: a", "small.yaml:1: the key 'input' is missing"),
        ("? [a]\n: b", "small.yaml:1: a list is not a key"),
        (
            "pipeline: a\n---\npipeline: b",
            "small.yaml:2:1: not valid YAML: but found another document"
        ),
        (
            "pipeline: a\ninput: {\n  id: [",
            "small.yaml:4:1: not valid YAML: did not find expected node content "
                + "(while parsing a flow node that begins in line 4)"
        ),
        (
            "pipeline: a\n\tinput: b",
            "small.yaml:2:1: not valid YAML: found a tab character that violates indentation "
                + "(while scanning a plain scalar that begins in line 1)"
        ),
        ("pipeline: a\nb: \u{1}", "small.yaml:2:4: not valid YAML: control characters are not allowed"),
        ("pipeline: *a", "small.yaml:1:11: not valid YAML: found undefined alias"),
    ])
    func whatIsNoPipelineAtAllIsNamed(_ text: String, _ expected: String) {
        #expect(message(text) == expected)
    }

    @Test func deepNestingIsAnErrorAndNoCrash() {
        for opening in ["[", "{a: ", "- ", "? "] {
            #expect(message(String(repeating: opening, count: 100_000)) != "accepted")
        }
    }

    /// Each mutant is refused or accepted; none may trap.
    @Test func aByteOrderMarkBeforeTheTextIsPassedOver() throws {
        let text = try shipped("workload-w")
        #expect(
            try PipelineSpecification(yaml: "\u{FEFF}" + text, file: "w.yaml")
                == PipelineSpecification(yaml: text, file: "w.yaml"))
    }

    @Test(arguments: ["card-fraud", "workload-w"])
    func mutantsOfTheShippedFilesDoNotTrap(_ name: String) throws {
        var random = SplitMix(state: 20_180_401)
        let text = try shipped(name).split(separator: "\n").filter { !$0.contains("# ") }.joined(separator: "\n")
        var refused = 0
        for _ in 0..<300 {
            let mutant = mutate(text, using: &random)
            if case .failure(let error) = read(mutant) {
                refused += 1
                #expect(error.line >= 1 && error.line <= mutant.count { $0 == "\n" } + 2, "\(error)")
            }
        }
        #expect(refused > 100)
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        let first = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        let second = (first ^ first >> 27) &* 0x94D0_49BB_1331_11EB
        return second ^ second >> 31
    }
}

/// `text` with one to three of its pieces removed, doubled, swapped, or replaced by odd ones.
private func mutate(_ text: String, using random: inout SplitMix) -> String {
    let odd = [
        "", "-1", "0", "99999999999999999999", "1e400", "nan", "~", "[]", "{}", "*a", "&a", "!!int", "\"", "0s", "7d",
        "'x'", "é", "\u{0}", "[[", "decimal(19)", "9223372036854775807d", "count", ": :", "- ", "\t", "---", "%",
    ]
    let separators: [Character] = [" ", ",", "\n", ":", "[", "]", "{", "}"]
    var pieces: [String] = []
    var piece = ""
    for character in text {
        if separators.contains(character) {
            pieces += [piece, String(character)]
            piece = ""
        } else {
            piece.append(character)
        }
    }
    pieces.append(piece)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<pieces.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: pieces[place] = ""
        case 1: pieces[place] += pieces[place]
        case 2: pieces.swapAt(place, Int.random(in: 0..<pieces.count, using: &random))
        default: pieces[place] = odd.randomElement(using: &random) ?? ""
        }
    }
    return pieces.joined()
}
