import EventModel
import OnlineLearning

extension Benchmark {
    static let learnerBenchmarks =
        encodingBenchmarks + [
            scaler,
            predictAndLearn("sgd", .sgd(.constant(0.01))),
            predictAndLearn("adagrad", .adaGrad(rate: 0.05)),
            predictAndLearn("ftrl", .ftrl(alpha: 0.1, beta: 1)),
            secondOrder, score, sparseScore, sparseLearn, kMeans,
        ]
    private static let featureCount = 17

    private static let scaler = Benchmark("scaler-observe", unit: "row", small: 5_000, large: 2_000_000) {
        size, _, stopwatch in
        let rows = SampleRows(width: featureCount)
        var scaler = RunningScaler(columnCount: featureCount)
        stopwatch.measure { rows.forEach(size) { row, _ in scaler.learn(row) } }
        return Outcome(items: size, hash: hash(scaler.mean + scaler.inverseDeviation))
    }

    /// The probability of each row, then its label; 20 inputs, mini-batches of 64.
    private static func predictAndLearn(_ name: String, _ learner: Learner) -> Benchmark {
        Benchmark("\(name)-predict-learn", unit: "row", small: 5_000, large: 2_000_000) { size, _, stopwatch in
            let rows = SampleRows(width: 20)
            var specification = LogisticRegressionSpecification()
            specification.learner = learner
            specification.miniBatch = 64
            var classifier = LogisticRegression(inputCount: 20, specification: specification)
            let sum = stopwatch.measure { predictAndLearn(rows, size, &classifier) }
            return Outcome(items: size, hash: hash(classifier.inputWeights + [classifier.intercept, sum]))
        }
    }

    /// In a function of its own: closures copy what they capture for each use, and a model is large.
    @inline(never) private static func predictAndLearn(
        _ rows: SampleRows, _ size: Int, _ classifier: inout LogisticRegression
    ) -> Double {
        var sum = 0.0
        for index in 0..<size {
            let (row, _, _, isPositive) = rows[index]
            sum += classifier.probability(of: row)
            classifier.learn(row, isPositive: isPositive, at: EventTime(milliseconds: Int64(index)))
        }
        return sum
    }

    /// 31 inputs and the intercept: a matrix of 32 × 32, solved for each mini-batch of 64. The half-life is in event time,
    /// of which each row takes a millisecond.
    private static let secondOrder = Benchmark("newton-predict-learn", unit: "row", small: 2_000, large: 500_000) {
        size, _, stopwatch in
        let rows = SampleRows(width: 31)
        var specification = LogisticRegressionSpecification()
        specification.learner = .newton(ridge: 10, halfLife: .time(30 * .minute))
        specification.miniBatch = 64
        var classifier = LogisticRegression(inputCount: 31, specification: specification)
        let sum = stopwatch.measure { predictAndLearn(rows, size, &classifier) }
        return Outcome(items: size, hash: hash(classifier.inputWeights + [classifier.intercept, sum]))
    }

    /// Scaler and classifier together, of models that have learned.
    private static let score = Benchmark("score", unit: "row", small: 5_000, large: 2_000_000) { size, _, stopwatch in
        let rows = SampleRows(width: featureCount)
        var specification = ModelSpecification()
        specification.classifier.learner = .sgd(.constant(0.01))
        var model = OnlineModel(specification, featureCount: featureCount)
        rows.forEach(SampleRows.count) { row, isPositive in
            model.observe(row, at: .distantPast)
            model.learn(row, isPositive: isPositive, at: .distantPast)
        }
        let sum = stopwatch.measure {
            var sum = 0.0
            rows.forEach(size) { row, _ in sum += model.score(of: row).probability }
            return sum
        }
        return Outcome(items: size, hash: sum.bitPattern)
    }

    private static let sparseScore = sparse("sparse-score", large: 2_000_000) { rows, size, classifier in
        var sum = 0.0
        for index in 0..<size {
            let (row, indices, values, _) = rows[index]
            sum += classifier.probability(of: row, indices: indices, values: values)
        }
        return sum
    }

    private static let sparseLearn = sparse("sparse-learn", large: 1_000_000) { rows, size, classifier in
        for index in 0..<size {
            let (row, indices, values, isPositive) = rows[index]
            classifier.learn(row, indices: indices, values: values, isPositive: isPositive, at: .distantPast)
        }
        return classifier.intercept
    }

    /// Rows of 28 inputs and 20 active of 20 × 128 one-hot weights, of a classifier that has learned.
    private static func sparse(
        _ name: String, large: Int,
        _ work: @escaping @Sendable (SampleRows, Int, inout LogisticRegression) -> Double
    ) -> Benchmark {
        Benchmark(name, unit: "row", small: 5_000, large: large) { size, _, stopwatch in
            let rows = SampleRows(width: 28, activeCount: 20)
            var specification = LogisticRegressionSpecification()
            specification.prior = 0.06
            var classifier = LogisticRegression(
                inputCount: 28, sparseCount: 20 * 128, activeCount: 20, specification: specification)
            for index in 0..<SampleRows.count {
                let (row, indices, values, isPositive) = rows[index]
                classifier.learn(row, indices: indices, values: values, isPositive: isPositive, at: .distantPast)
            }
            let result = stopwatch.measure { work(rows, size, &classifier) }
            return Outcome(items: size, hash: result.bitPattern)
        }
    }

    /// 16 clusters in 20 columns, batches of 256: each row is assigned, then moves its centroid.
    private static let kMeans = Benchmark("kmeans-learn", unit: "row", small: 5_000, large: 1_000_000) {
        size, _, stopwatch in
        let rows = SampleRows(width: 20)
        var clusters = StreamingKMeans(columnCount: 20)
        stopwatch.measure { rows.forEach(size) { row, _ in clusters.learn(row, at: .distantPast) } }
        return Outcome(items: size, hash: hash(clusters.centroidRows.flatMap { $0 } + clusters.clusterWeights))
    }

    private static func hash(_ values: [Double]) -> UInt64 {
        values.reduce(UInt64(values.count)) { mixed($0, $1.bitPattern) }
    }
}

/// Made-up rows around two centres, gone through again and again: few enough to stay in the cache.
final class SampleRows: @unchecked Sendable {
    static let count = 4096

    private let width: Int
    private let values: UnsafeMutablePointer<Double>
    private let activeCount: Int
    /// One of 128 for each sparse entry, lower ones oftener, and its value 1.
    private let indices: UnsafeMutablePointer<Int32>
    private let ones: UnsafeMutablePointer<Double>
    private let labels: [Bool]

    init(width: Int, activeCount: Int = 0) {
        self.width = width
        self.activeCount = activeCount
        values = .allocate(capacity: Self.count * width)
        indices = .allocate(capacity: Self.count * activeCount)
        ones = .allocate(capacity: activeCount)
        ones.initialize(repeating: 1, count: activeCount)
        labels = (0..<Self.count).map { mixed(UInt64($0)) & 15 == 0 }
        for row in 0..<Self.count {
            for column in 0..<width {
                let unit = Self.unit(row, column + 1)
                values[row * width + column] = unit + (labels[row] ? 0.25 : 0)
            }
            for entry in 0..<activeCount {
                let unit = Self.unit(row, width + entry + 1)
                indices[row * activeCount + entry] = Int32(128 * entry) + Int32(128 * unit * unit)
            }
        }
    }

    /// A number within [0, 1).
    private static func unit(_ row: Int, _ number: Int) -> Double {
        Double(mixed(mixed(UInt64(row), UInt64(number))) >> 11) * 0x1p-53
    }

    deinit {
        values.deallocate()
        indices.deallocate()
        ones.deallocate()
    }

    @inline(__always) func forEach(_ size: Int, _ body: (UnsafePointer<Double>, Bool) -> Void) {
        labels.withUnsafeBufferPointer { labels in
            for index in 0..<size {
                let row = index & (Self.count - 1)
                body(UnsafePointer(values + row * width), labels[row])
            }
        }
    }

    /// A row, its sparse entries and its label.
    @inline(__always) subscript(
        index: Int
    ) -> (UnsafePointer<Double>, UnsafePointer<Int32>, UnsafePointer<Double>, Bool) {
        let row = index & (Self.count - 1)
        return (
            UnsafePointer(values + row * width), UnsafePointer(indices + row * activeCount), UnsafePointer(ones),
            labels[row]
        )
    }
}
