import EventModel
import Foundation
import LinearAlgebra
import Testing

@testable import OnlineLearning

/// Models with bins, crosses, and several classifiers.
@Suite struct ClassifierTests {
    init() { BLAS.useOneThread() }

    static func encoding(frozenAfter: Int = 60) -> EncodingSpecification {
        var encoding = EncodingSpecification()
        encoding.bins = [
            BinnedFeatures(["0", "1", "2"], shape: BinShape(count: 5, tail: .both, tailRows: 5, fraudCount: 4)),
            BinnedFeatures(["3"], shape: BinShape(count: 4), encoding: .piecewiseLinear),
        ]
        encoding.crosses = [
            Cross(["0", "1"], shape: BinShape(count: 3)), Cross(["0", "4"], buckets: 32), Cross(["1", "2", "0"]),
        ]
        encoding.binsFrozenAfter = frozenAfter
        return encoding
    }

    private func specification(
        _ learner: Learner = .adaGrad(rate: 0.1), blend: BlendSpecification.Space? = nil, clusters: Bool = false
    ) -> ModelSpecification {
        var specification = ModelSpecification()
        specification.scaler = ScalerSpecification(refresh: 16, block: 5)
        if clusters {
            specification.kMeans = KMeansSpecification(clusters: 3, batchRows: 8, decay: 0.9, startRows: 24, seed: 2)
        }
        var first = ClassifierSpecification()
        first.name = "first"
        first.regression.learner = learner
        first.regression.miniBatch = 7
        first.encoding = Self.encoding()
        specification.classifiers = [first]
        guard let blend else { return specification }
        var second = ClassifierSpecification()
        second.name = "second"
        second.encoding.dense = .only(["4", "1"])
        second.regression.learner = .newton(ridge: 1)
        second.regression.miniBatch = 5
        second.takesClusters = false
        specification.classifiers.append(second)
        specification.blend = BlendSpecification(
            [.init("second", weight: 0.25), .init("first", weight: 0.75)], space: blend)
        return specification
    }

    @Test(arguments: [
        Learner.adaGrad(rate: 0.1), .sgd(.constant(0.01)), .ftrl(alpha: 0.1, beta: 1), .newton(ridge: 1),
    ])
    func binsAndCrossesKeepTheLaws(_ learner: Learner) throws {
        let specification = specification(learner, clusters: true)
        checkTheSameStreamGivesTheSameBits(OnlineModel.self, specification)
        try checkASnapshotAnywhereChangesNothing(OnlineModel.self, specification, rows: 90)
        checkInputIsNotModified(OnlineModel.self, specification)
        checkConstantColumnsAreHarmless(OnlineModel.self, specification)
        checkExtremeValuesStayFinite(OnlineModel.self, specification)
        checkProbabilitiesLieWithinZeroAndOne(OnlineModel.self, specification)
    }

    /// Up to where the model calls itself steady; scored one by one and together, before and after edges and scale change.
    @Test(
        arguments: [Learner.adaGrad(rate: 0.1), .ftrl(alpha: 0.1, beta: 1)], [nil, Averaging.decayed(halfLifeRows: 30)])
    func rowsScoredTogetherHaveTheScoresOfEach(_ learner: Learner, _ averaging: Averaging?) {
        var specification = specification(learner)
        specification.classifiers[0].regression.averaging = averaging
        var model = OnlineModel(specification, featureCount: 5)
        let rows = labelledRows(300, columns: 5, seed: 8)
        var start = 0
        var together: [Double] = []
        while start < rows.count {
            let steady = model.steadiness
            let count = min(steady.labels, steady.transactions, rows.count - start)
            #expect(count >= 1)
            let ahead = Array(rows[start..<start + count])
            let flat = ahead.flatMap(\.values)
            together = Array(repeating: -1, count: count)
            flat.withUnsafeBufferPointer { flat in
                let pointers = ahead.indices.map { index in flat.baseAddress.map { $0 + 5 * index } }
                pointers.withUnsafeBufferPointer { model.probabilities(of: $0, into: &together) }
            }
            for (row, probability) in zip(ahead, together) {
                #expect(model.score(of: row.values).probability == probability)
                #expect(model.scoreInPlace(of: row.values).probability == probability)
                model.observe(row.values)
                model.learn(row.values, isPositive: row.isPositive)
            }
            start += count
        }
        #expect(model.withClassifier(0) { $0.sparseWeights.contains { $0.weights.contains { $0 != 0 } } })
    }

    @Test(arguments: BlendSpecification.Space.allCases)
    func severalClassifiersKeepTheLaws(_ space: BlendSpecification.Space) throws {
        let specification = specification(blend: space, clusters: true)
        checkTheSameStreamGivesTheSameBits(OnlineModel.self, specification)
        try checkASnapshotAnywhereChangesNothing(OnlineModel.self, specification, rows: 90)
        checkExtremeValuesStayFinite(OnlineModel.self, specification)
        checkProbabilitiesLieWithinZeroAndOne(OnlineModel.self, specification)
    }

    @Test func binsOfAllFeaturesKeepAllLaws() throws {
        var specification = ModelSpecification()
        specification.classifier.miniBatch = 7
        specification.classifiers[0].encoding.bins = [BinnedFeatures(nil, shape: BinShape(count: 8, tailRows: 3))]
        specification.classifiers[0].encoding.binsFrozenAfter = 25
        try checkAllLaws(OnlineModel.self, specification)
    }

    @Test(arguments: [nil, BlendSpecification.Space.logit, .probability], [false, true])
    func contributionsAndBaseSumToTheLogit(_ blend: BlendSpecification.Space?, _ clusters: Bool) {
        let rows = labelledRows(300, columns: 5, seed: 71)
        for count in [0, 30, 59, 60, 300] {
            var model = OnlineModel(specification(blend: blend, clusters: clusters), featureCount: 5)
            model.take(rows[..<count])
            for row in rows[..<40] {
                var contributions = Array(repeating: 0.0, count: model.contributionCount)
                let base = model.contributions(of: row.values, into: &contributions)
                let sum = contributions.reduce(base, +)
                #expect(abs(sum - model.score(of: row.values).logit) < 1e-9 * max(1, abs(sum)))
            }
        }
    }

    /// A value in a bin that most have adds next to nothing, wherever the intercept went.
    @Test func aBinContributesWhatItAddsOverTheMean() {
        var specification = ModelSpecification()
        specification.classifier.learner = .sgd(.constant(0.1))
        specification.classifier.miniBatch = 1
        specification.classifiers[0].encoding.dense = .only([])
        specification.classifiers[0].encoding.bins = [BinnedFeatures(["0"], shape: BinShape(count: 4))]
        specification.classifiers[0].encoding.binsFrozenAfter = 100
        var model = OnlineModel(specification, featureCount: 1)
        for index in 0..<100 { model.observe([index < 97 ? 0 : 1]) }
        for index in 0..<2000 { model.learn([index % 100 < 97 ? 0 : 1], isPositive: index % 100 >= 97) }
        var contribution = 0.0
        _ = model.contributions(of: [0], into: &contribution)
        #expect(abs(contribution) < 0.2)
        _ = model.contributions(of: [1], into: &contribution)
        #expect(contribution > 2)
    }

    @Test func theBlendIsTheWeightedSumOfItsClassifiers() {
        let rows = labelledRows(200, columns: 5, seed: 72)
        for space in BlendSpecification.Space.allCases {
            let model = OnlineModel(specification(blend: space), taking: rows)
            for row in rows[..<30] {
                var each = [0.0, 0]
                let score = model.score(of: row.values, each: &each)
                #expect(model.score(of: row.values) == score)
                let expected =
                    space == .probability
                    ? 0.75 * each[0] + 0.25 * each[1] : sigmoid(0.75 * logit(each[0]) + 0.25 * logit(each[1]))
                #expect(abs(score.probability - expected) < 1e-9)
            }
        }
    }

    @Test func eachClassifierLearnsAsIfItWereAlone() {
        let rows = labelledRows(150, columns: 5, seed: 73)
        let together = specification(blend: .logit, clusters: true)
        let model = OnlineModel(together, taking: rows)
        for (index, classifier) in together.classifiers.enumerated() {
            var alone = together
            alone.classifiers = [classifier]
            alone.blend = nil
            let other = OnlineModel(alone, taking: rows)
            for row in rows[..<20] {
                var each = [0.0, 0]
                _ = model.score(of: row.values, each: &each)
                #expect(each[index] == other.score(of: row.values).probability)
            }
        }
    }

    @Test func onlyTheLearnersOfALabelLearnIt() {
        var model = OnlineModel(specification(blend: .logit), featureCount: 5)
        for row in labelledRows(70, columns: 5, seed: 74) {
            model.observe(row.values)
            model.learn(row.values, isPositive: row.isPositive, by: 2)
        }
        #expect(model.withClassifier(0) { $0.regression.learnedCount } == 0)
        #expect(model.withClassifier(1) { $0.regression.learnedCount } == 70)
        let isReady = model.isReady
        #expect(!isReady)
    }

    @Test func denseInputsAreThoseNamed() {
        let rows = labelledRows(120, columns: 5, seed: 75)
        var named = ModelSpecification()
        named.classifier.miniBatch = 8
        named.classifiers[0].encoding.dense = .only(["3", "1"])
        var but = named
        but.classifiers[0].encoding.dense = .allBut(["0", "2", "4"])
        var narrow = named
        narrow.classifiers[0].encoding.dense = .all
        let a = OnlineModel(named, taking: rows)
        let b = OnlineModel(but, taking: rows)
        let picked = rows.map { LabelledRow(values: [$0.values[3], $0.values[1]], isPositive: $0.isPositive) }
        let c = OnlineModel(narrow, taking: picked)
        for (row, short) in zip(rows, picked) {
            let logit = a.score(of: row.values).logit
            #expect(abs(logit - b.score(of: row.values).logit) < 1e-9)
            #expect(abs(logit - c.score(of: short.values).logit) < 1e-9)
        }
    }

    /// What no line can: positives in the middle. Bins learn it, and piecewise lines too.
    @Test(arguments: BinnedFeatures.Encoding.allCases) func binsBendALinearModel(_ encoding: BinnedFeatures.Encoding) {
        var random = TestRandom(seed: 76)
        let rows = (0..<6000).map { _ in
            let value = random.normal()
            return LabelledRow(values: [value], isPositive: abs(value) < 0.5)
        }
        var specification = ModelSpecification()
        specification.classifier.learner = .adaGrad(rate: 0.3)
        specification.classifiers[0].encoding.bins = [
            BinnedFeatures(["0"], shape: BinShape(count: 16), encoding: encoding)
        ]
        specification.classifiers[0].encoding.binsFrozenAfter = 1000
        let model = OnlineModel(specification, taking: Array(rows[..<5000]))
        let right = rows[5000...].count { (model.score(of: $0.values).probability > 0.5) == $0.isPositive }
        #expect(right > 900, "\(right) of 1000")
    }

    @Test func statesOfOtherEncodingsAreRefused() throws {
        let model = OnlineModel(specification(), taking: labelledRows(100, columns: 5, seed: 77))
        var writer = ByteWriter()
        model.encode(into: &writer)
        for change: (inout EncodingSpecification) -> Void in [
            { $0.bins.removeLast() }, { $0.crosses[0].buckets = 11 }, { $0.dense = .only(["0"]) }, { $0.bins = [] },
        ] {
            var other = specification()
            change(&other.classifiers[0].encoding)
            var reader = ByteReader(writer.bytes)
            #expect(throws: StateCodingError.self) { _ = try OnlineModel(decoding: &reader, other, featureCount: 5) }
        }
    }

    @Test func specificationsOutOfRangeAreNamed() throws {
        let changes: [(inout ModelSpecification) -> Void] = [
            { $0.classifiers = [] }, { $0.classifiers.append($0.classifiers[0]) },
            { $0.classifiers[0].encoding.binsFrozenAfter = 0 }, { $0.classifiers[0].encoding.bins[0].shape.count = 0 },
            { $0.classifiers[0].encoding.bins[0].shape.tailRows = 0 },
            { $0.classifiers[0].encoding.crosses[0].shape?.steps = 17 },
            { $0.classifiers[0].encoding.crosses[0].features = ["0"] },
            { $0.classifiers[0].encoding.crosses[1].buckets = 1 }, { $0.blend = BlendSpecification([]) },
            { $0.blend = BlendSpecification([.init("first", weight: 0.9)]) },
            { $0.blend = BlendSpecification([.init("third", weight: 1)]) },
        ]
        try specification(blend: .logit).validate()
        try Self.encoding().validate(featureNames: (0..<5).map(String.init), as: "first")
        for change in changes {
            var wrong = specification()
            change(&wrong)
            #expect(throws: ModelSpecificationError.self) { try wrong.validate() }
        }
        for change: (inout EncodingSpecification) -> Void in [
            { $0.dense = .only(["5"]) }, { $0.dense = .allBut(["1", "1"]) }, { $0.bins[0].features = ["x"] },
            { $0.crosses[1].buckets = nil },
            {
                $0.crosses[0].shape?.count = 256; $0.crosses[0].features = ["0", "1", "2"]
            },
        ] {
            var wrong = Self.encoding()
            change(&wrong)
            #expect(throws: ModelSpecificationError.self) {
                try wrong.validate(featureNames: (0..<5).map(String.init), as: "first")
            }
        }
    }
}
