import EventModel
import OnlineLearning

extension Benchmark {
    static let learnerBenchmarks = [
        scaler,
        classifier("sgd-learn", .sgd(.constant(0.01))),
        classifier("adagrad-learn", .adaGrad(rate: 0.05)),
        score, kMeans,
    ]
    private static let featureCount = 17

    private static let scaler = Benchmark("scaler-observe", unit: "row", small: 5_000, large: 2_000_000) {
        size, _, stopwatch in
        let rows = SampleRows(width: featureCount)
        var scaler = RunningScaler(columnCount: featureCount)
        stopwatch.measure { rows.forEach(size) { row, _ in scaler.learn(row) } }
        return Outcome(items: size, hash: hash(scaler.mean + scaler.inverseDeviation))
    }

    /// Mini-batches of 64.
    private static func classifier(_ name: String, _ learner: Learner) -> Benchmark {
        Benchmark(name, unit: "row", small: 5_000, large: 2_000_000) { size, _, stopwatch in
            let rows = SampleRows(width: featureCount)
            var specification = LogisticRegressionSpecification()
            specification.learner = learner
            specification.miniBatch = 64
            var classifier = LogisticRegression(inputCount: featureCount, specification: specification)
            stopwatch.measure {
                rows.forEach(size) { row, isPositive in classifier.learn(row, isPositive: isPositive, at: .distantPast)
                }
            }
            return Outcome(items: size, hash: hash(classifier.inputWeights + [classifier.intercept]))
        }
    }

    /// Scaler and classifier together, of models that have learned.
    private static let score = Benchmark("score", unit: "row", small: 5_000, large: 2_000_000) { size, _, stopwatch in
        let rows = SampleRows(width: featureCount)
        var specification = ModelSpecification()
        specification.classifier.learner = .sgd(.constant(0.01))
        var model = OnlineModel(specification, featureCount: featureCount)
        rows.forEach(SampleRows.count) { row, isPositive in
            model.observe(row)
            model.learn(row, isPositive: isPositive)
        }
        let sum = stopwatch.measure {
            var sum = 0.0
            rows.forEach(size) { row, _ in sum += model.score(of: row).probability }
            return sum
        }
        return Outcome(items: size, hash: sum.bitPattern)
    }

    /// 16 clusters, batches of 256.
    private static let kMeans = Benchmark("kmeans-learn", unit: "row", small: 5_000, large: 1_000_000) {
        size, _, stopwatch in
        let rows = SampleRows(width: featureCount)
        var clusters = StreamingKMeans(columnCount: featureCount)
        stopwatch.measure { rows.forEach(size) { row, _ in clusters.learn(row, at: .distantPast) } }
        return Outcome(items: size, hash: hash(clusters.centroidRows.flatMap { $0 } + clusters.clusterWeights))
    }

    private static func hash(_ values: [Double]) -> UInt64 {
        values.reduce(UInt64(values.count)) { mixed($0, $1.bitPattern) }
    }
}

/// Made-up rows around two centres, gone through again and again: few enough to stay in the cache.
private final class SampleRows {
    static let count = 4096

    private let width: Int
    private let values: UnsafeMutablePointer<Double>
    private let labels: [Bool]

    init(width: Int) {
        self.width = width
        values = .allocate(capacity: Self.count * width)
        labels = (0..<Self.count).map { mixed(UInt64($0)) & 15 == 0 }
        for row in 0..<Self.count {
            for column in 0..<width {
                let bits = mixed(UInt64(row), UInt64(column + 1))
                values[row * width + column] = Double(mixed(bits) >> 11) * 0x1p-53 + (labels[row] ? 0.25 : 0)
            }
        }
    }

    deinit { values.deallocate() }

    @inline(__always) func forEach(_ size: Int, _ body: (UnsafePointer<Double>, Bool) -> Void) {
        labels.withUnsafeBufferPointer { labels in
            for index in 0..<size {
                let row = index & (Self.count - 1)
                body(UnsafePointer(values + row * width), labels[row])
            }
        }
    }
}
