import LinearAlgebra
import Testing

@testable import OnlineLearning

@Suite struct LogisticRegressionReferenceTests {
    init() { BLAS.useOneThread() }

    private struct Trace: Decodable {
        struct Step: Decodable {
            var pBefore: Double?
            var intercept: Double
            var coef: [Double]?
        }
        var trace: [Step]
    }

    @Test func weightsFollowScikitLearnRowByRow() throws {
        let rows = try numbers("breast_cancer_scaled.csv")
        let trace = try decoded("sklearn_sgd_breastcancer_noreg.json", as: Trace.self).trace
        try #require(rows.count == 569 && trace.count == 569)
        var specification = LogisticRegressionSpecification()
        specification.learner = .sgd(.constant(0.01))
        specification.miniBatch = 1
        var model = LogisticRegression(inputCount: 30, specification: specification)
        var worst = 0.0
        for (row, step) in zip(rows, trace) {
            if let expected = step.pBefore { worst = max(worst, abs(model.probability(of: row) - expected)) }
            model.learn(row, isPositive: row[30] == 1)
            worst = max(worst, abs(model.intercept - step.intercept))
            worst = max(worst, step.coef.map { largestDifference(model.inputWeights, $0) } ?? 0)
        }
        #expect(worst < 1e-12)
    }

    /// Columns: row, 9 features, y, probability before, intercept after, 9 weights after.
    @Test func theWholeModelFollowsRiverRowByRow() throws {
        let rows = try numbers("river_phishing_scaled.csv")
        try #require(rows.count == 1250)
        var specification = ModelSpecification()
        specification.scaler = ScalerSpecification(refresh: 1, block: 1)
        specification.classifier.learner = .sgd(.constant(0.1))
        specification.classifier.interceptRate = 0.01
        specification.classifier.miniBatch = 1
        var model = OnlineModel(specification, featureCount: 9)
        var worst = 0.0
        for row in rows {
            let features = Array(row[1...9])
            worst = max(worst, abs(model.score(of: features).probability - row[11]))
            model.observe(features)
            model.learn(features, isPositive: row[10] == 1)
            worst = max(worst, abs(model.classifier.intercept - row[12]))
            worst = max(worst, largestDifference(model.classifier.inputWeights, Array(row[13...])))
        }
        #expect(worst < 1e-12)
    }
}

@Suite struct FollowTheLeaderReferenceTests {
    init() { BLAS.useOneThread() }

    private struct Flink: Decodable {
        struct Case: Decodable {
            struct Batch: Decodable {
                var x: [[Double]]
                var y: [Double]
            }
            var `init`: [Double]
            var batches: [Batch]
            var predict: [[Double]]
            /// For each batch and row the probabilities of 0 and 1.
            var expected: [[[Double]]]
            /// Of the rule written anew, against the upstream test's values.
            var rederivedMaxAbsDiff: Double
        }
        var cases: [String: Case]
    }

    /// Flink's gradients are means over a mini-batch, and there is no intercept.
    @Test func probabilitiesEqualFlinks() throws {
        let flink = try #require(
            try decoded("flinkml_online_logistic.json", as: Flink.self).cases["dense"])
        var specification = LogisticRegressionSpecification()
        specification.learner = .ftrl(alpha: 0.1, beta: 0.1)
        (specification.l1, specification.l2) = (0.1, 0.1)
        specification.miniBatch = flink.batches[0].x.count
        specification.interceptRate = 0
        var model = LogisticRegression(inputCount: 2, specification: specification)
        for (index, weight) in flink.`init`.enumerated() { model.weights[index] = weight }
        for (batch, expected) in zip(flink.batches, flink.expected) {
            for (row, label) in zip(batch.x, batch.y) {
                model.learn(row, isPositive: label == 1, weight: 1 / Double(batch.x.count))
            }
            for (row, probabilities) in zip(flink.predict, expected) {
                #expect(abs(model.probability(of: row) - probabilities[1]) < 1e-13)
            }
        }
    }
}

@Suite struct StreamingKMeansReferenceTests {
    init() { BLAS.useOneThread() }

    private struct Digits: Decodable {
        struct Step: Decodable {
            var rows: Int
            var counts: [Double]
            /// Not for each step.
            var centers: [[Double]]?
        }
        var `init`: [[Double]]
        var trace: [Step]
    }

    @Test func centroidsFollowScikitLearnBatchByBatch() throws {
        let rows = try numbers("digits.csv")
        let digits = try decoded("sklearn_minibatchkmeans_digits.json", as: Digits.self)
        try #require(rows.count == 1797 && digits.trace.count == 18)
        var model = given(digits.`init`, weights: Array(repeating: 0, count: 10), batchRows: 100, decay: 1)
        var next = 0
        for step in digits.trace {
            for _ in 0..<step.rows {
                model.learn(rows[next])
                next += 1
            }
            model.learnPending()
            for (centroid, expected) in zip(model.centroidRows, step.centers ?? []) {
                #expect(largestDifference(centroid, expected) < 1e-12)
            }
            #expect(model.clusterWeights == step.counts)
        }
        #expect(next == rows.count)
    }

    private struct Spark: Decodable {
        struct Case: Decodable {
            var name: String
            var decay: Double?
            var `init`: [[Double]]?
            var initWeights: [Double]?
            var batches: [[[Double]]]?
            var expectedWeights: [Double]?
            var mean: [Double]?
            var expectedCentersExactlyInit: Bool?
            var centers: [[Double]]?
            var predict: [[Double]]?
            var expected: [Int]?
            var expectedCentersAfterBatch1: [[Double]]?
            var expectedPredictions: [[Int]]?
        }
        var kmeans: [Case]
    }

    @Test func centroidsAndAssignmentsEqualSparks() throws {
        let cases = try decoded("spark_streaming_kmeans.json", as: Spark.self).kmeans
        try #require(cases.count == 4)
        for spark in cases {
            let start = try #require(spark.`init` ?? spark.centers)
            let weights = spark.initWeights ?? Array(repeating: 1, count: start.count)
            let batches = spark.batches ?? []
            var model = given(start, weights: weights, batchRows: 5, decay: spark.decay ?? 1)
            if let predict = spark.predict { #expect(places(model, predict) == spark.expected) }
            for (index, batch) in batches.enumerated() {
                for row in batch { model.learn(row) }
                model.learnPending()
                if index == 0, let expected = spark.expectedCentersAfterBatch1 {
                    #expect(largestDifference(model.centroidRows.flatMap(\.self), expected.flatMap(\.self)) < 1e-15)
                }
                if let expected = spark.expectedPredictions { #expect(places(model, batch) == expected[index]) }
            }
            if let expected = spark.expectedWeights { #expect(model.clusterWeights == expected) }
            if let mean = spark.mean { #expect(largestDifference(model.centroidRows[0], mean) < 1e-14) }
            if spark.expectedCentersExactlyInit == true { #expect(model.centroidRows == start) }
        }
    }

    private struct Flink: Decodable {
        struct Case: Decodable {
            var decay: Double
            var initCentroids: [[Double]]?
            var initWeights: [Double]?
            var batches: [[[Double]]]
            var expectedCentroidsSortedByX: [[Double]]
            var expectedWeights: [Double]
        }
        var cases: [Case]
    }

    @Test func centroidsAndWeightsEqualFlinks() throws {
        let cases = try decoded("flinkml_online_kmeans.json", as: Flink.self).cases
        try #require(cases.count == 2)
        for flink in cases {
            var model = given(
                flink.initCentroids ?? [[-1, 0], [1, 0]], weights: flink.initWeights ?? [0, 0], batchRows: 6,
                decay: flink.decay)
            for row in flink.batches.flatMap(\.self) { model.learn(row) }
            let centroids = model.centroidRows.flatMap(\.self)
            #expect(largestDifference(centroids, flink.expectedCentroidsSortedByX.flatMap(\.self)) < 1e-13)
            #expect(model.clusterWeights == flink.expectedWeights)
        }
    }

    private func given(
        _ centroids: [[Double]], weights: [Double], batchRows: Int, decay: Double
    ) -> StreamingKMeans {
        let specification = KMeansSpecification(
            clusters: centroids.count, batchRows: batchRows, decay: decay, dyingShare: 0)
        return StreamingKMeans(centroids: centroids, weights: weights, specification: specification)
    }

    private func places(_ model: borrowing StreamingKMeans, _ rows: [[Double]]) -> [Int?] {
        var places: [Int?] = []
        for row in rows { places.append(model.nearest(to: row)?.place) }
        return places
    }
}
