import EventModel
import LinearAlgebra
import Testing

@testable import OnlineLearning

@Suite struct OnlineModelTests {
    init() { BLAS.useOneThread() }

    private var withClusters: ModelSpecification {
        var specification = ModelSpecification()
        specification.scaler = ScalerSpecification(refresh: 32)
        specification.classifier.miniBatch = 8
        specification.kMeans = KMeansSpecification(clusters: 3, batchRows: 16, startRows: 32)
        return specification
    }

    private func trained(_ specification: ModelSpecification, _ rows: [LabelledRow]) -> OnlineModel {
        OnlineModel(specification, taking: rows)
    }

    @Test(arguments: [false, true]) func contributionsAndInterceptSumToTheLogit(_ hasClusters: Bool) {
        var specification = withClusters
        if !hasClusters { specification.kMeans = nil }
        let rows = labelledRows(200, columns: 6, seed: 41)
        let model = trained(specification, rows)
        #expect(model.contributionCount == (hasClusters ? 7 : 6))
        for row in rows {
            var contributions = Array(repeating: 0.0, count: model.contributionCount)
            let base = model.contributions(of: row.values, into: &contributions)
            #expect(base == model.classifier.intercept)
            let sum = contributions.reduce(base, +)
            #expect(abs(sum - model.score(of: row.values).logit) < 1e-12)
        }
    }

    @Test func theLogitIsThatOfTheScaledRowAndItsDistances() {
        let rows = labelledRows(200, columns: 6, seed: 42)
        let model = trained(withClusters, rows)
        for row in rows {
            var inputs = row.values + [0, 0, 0]
            model.scaler.transform(row.values, into: &inputs)
            inputs.withUnsafeMutableBufferPointer { buffer in
                let base = buffer.baseAddress!
                model.clusters.squaredDistances(of: base, into: base + 6)
            }
            let nearest = inputs[6...].min()?.squareRoot()
            for index in 6..<9 { inputs[index] = (inputs[index] / 6).squareRoot() }
            let score = model.score(of: row.values)
            #expect(abs(score.logit - model.classifier.logit(of: inputs)) < 1e-12)
            #expect(score.probability == sigmoid(score.logit))
            #expect(score.anomaly == nearest && score.anomaly == model.anomalyScore(of: row.values))
        }
    }

    @Test func clustersThatAreNoInputsGiveOnlyTheAnomalyScore() {
        var specification = withClusters
        specification.clustersAsInputs = false
        let rows = labelledRows(100, columns: 4, seed: 43)
        let model = trained(specification, rows)
        specification.kMeans = nil
        let plain = trained(specification, rows)
        let (score, plainScore) = (model.score(of: rows[0].values), plain.score(of: rows[0].values))
        #expect(score.logit == plainScore.logit && score.anomaly > 0 && plainScore.anomaly == 0)
    }

    @Test func scalingIsAppliedAnewWhenTheMiniBatchIsLearned() {
        var specification = ModelSpecification()
        specification.scaler = ScalerSpecification(refresh: 4)
        specification.classifier.learner = .sgd(.constant(1))
        specification.classifier.miniBatch = 2
        var model = OnlineModel(specification, featureCount: 1)
        model.learn([2], isPositive: true)
        for value in [0.0, 0, 2, 2] { model.observe([value]) }
        model.learn([0], isPositive: true)
        // Mean 1, deviation 1: the scaled rows are 1 and −1, so their gradients cancel; the intercept moves twice by ½.
        #expect(model.classifier.inputWeights == [0] && model.classifier.intercept == 1)
    }

    @Test func centroidsStayInPlaceWhenTheScaleChanges() {
        var specification = withClusters
        specification.scaler.refresh = 64
        specification.kMeans = KMeansSpecification(clusters: 2, batchRows: 1000, startRows: 64)
        var model = OnlineModel(specification, featureCount: 2)
        let rows = labelledRows(128, columns: 2, seed: 44)
        for row in rows[..<64] { model.observe(row.values) }
        let before = rawCentroids(model)
        let scaledBefore = model.clusters.centroidRows
        for row in rows[64...] { model.observe(row.values.map { $0 * 5 }) }
        #expect(largestDifference(rawCentroids(model), before) < 1e-12)
        #expect(model.clusters.centroidRows != scaledBefore)
    }

    private func rawCentroids(_ model: borrowing OnlineModel) -> [Double] {
        var raw: [Double] = []
        for var centroid in model.clusters.centroidRows {
            model.scaler.undoTransform(&centroid)
            raw += centroid
        }
        return raw
    }

    @Test func theModelIsReadyWhenBothClassesHaveBeenLearned() {
        var specification = ModelSpecification()
        specification.classifier.miniBatch = 2
        var model = OnlineModel(specification, featureCount: 1)
        var readiness: [Bool] = []
        for isPositive in [true, true, true, true, false, false] {
            model.learn([1], isPositive: isPositive)
            readiness.append(model.isReady)
        }
        #expect(readiness == [false, false, false, false, false, true])
        #expect(model.classifier.learnedCount == 6)
    }

    @Test func itLearnsWhatThereIsToLearn() {
        var specification = withClusters
        specification.classifier.learner = .newton(ridge: 1, halfLife: nil)
        let rows = labelledRows(3000, columns: 4, seed: 45)
        let model = trained(specification, Array(rows[..<2000]))
        var right = 0
        for row in rows[2000...] where (model.score(of: row.values).probability > 0.5) == row.isPositive { right += 1 }
        #expect(right > 750, "\(right) of 1000")
    }

    @Test func aStateOfAnotherSpecificationIsRefused() throws {
        let model = trained(withClusters, labelledRows(50, columns: 3, seed: 46))
        var writer = ByteWriter()
        model.encode(into: &writer)
        var changes: [ModelSpecification] = []
        for change: (inout ModelSpecification) -> Void in [
            { $0.scaler.refresh = 33 }, { $0.scaler.block = 3 }, { $0.kMeans = nil }, { $0.kMeans?.clusters = 4 },
            { $0.kMeans?.batchRows = 17 }, { $0.classifier.miniBatch = 9 },
            { $0.classifier.learner = .sgd(.constant(1)) },
            { $0.classifier.learner = .newton(ridge: 1, halfLife: nil) }, { $0.clustersAsInputs = false },
        ] {
            var other = withClusters
            change(&other)
            changes.append(other)
        }
        for specification in changes {
            var reader = ByteReader(writer.bytes)
            #expect(throws: StateCodingError.self) {
                _ = try OnlineModel(decoding: &reader, specification, featureCount: 3)
            }
        }
    }

    @Test func specificationsOutOfRangeSayWhatIsExpected() throws {
        try ModelSpecification().validate()
        try withClusters.validate()
        var specification = ModelSpecification()
        specification.classifier.prior = 1
        let error = #expect(throws: ModelSpecificationError.self) { try specification.validate() }
        #expect(error?.description == "model: classifier.prior is 1.0; it must be above 0 and below 1")
    }
}
