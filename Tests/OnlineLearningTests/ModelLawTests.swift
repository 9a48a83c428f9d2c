import EventModel
import LinearAlgebra
import Testing

@testable import OnlineLearning

extension RunningScaler: LawfulLearner {
    init(lawful specification: ScalerSpecification, columns: Int) {
        self.init(columnCount: columns, specification: specification)
    }

    init(
        restoring reader: inout ByteReader, _ specification: ScalerSpecification, columns: Int
    ) throws(StateCodingError) {
        try self.init(decoding: &reader, columnCount: columns, specification: specification)
    }

    mutating func take(_ row: [Double], isPositive: Bool) { learn(row) }

    func answers(_ row: [Double]) -> [Double] {
        var scaled = row
        transform(row, into: &scaled)
        return scaled
    }

    func probabilities(_ row: [Double]) -> [Double] { [] }
}

extension StreamingKMeans: LawfulLearner {
    init(lawful specification: KMeansSpecification, columns: Int) {
        self.init(columnCount: columns, specification: specification)
    }

    init(
        restoring reader: inout ByteReader, _ specification: KMeansSpecification, columns: Int
    ) throws(StateCodingError) {
        try self.init(decoding: &reader, columnCount: columns, specification: specification)
    }

    mutating func take(_ row: [Double], isPositive: Bool) { learn(row) }

    func answers(_ row: [Double]) -> [Double] {
        var distances = Array(repeating: 0.0, count: specification.clusters)
        squaredDistances(of: row, into: &distances)
        return distances
    }

    func probabilities(_ row: [Double]) -> [Double] { [] }
}

extension LogisticRegression: LawfulLearner {
    init(lawful specification: LogisticRegressionSpecification, columns: Int) {
        self.init(inputCount: columns, specification: specification)
    }

    init(
        restoring reader: inout ByteReader, _ specification: LogisticRegressionSpecification, columns: Int
    ) throws(StateCodingError) {
        try self.init(decoding: &reader, inputCount: columns, specification: specification)
    }

    mutating func take(_ row: [Double], isPositive: Bool) { learn(row, isPositive: isPositive) }
    func answers(_ row: [Double]) -> [Double] { [logit(of: row), probability(of: row)] }
    func probabilities(_ row: [Double]) -> [Double] { [probability(of: row)] }
}

/// A classifier of dense inputs with sparse entries beside them: one of eight bins for each column, with a value that
/// differs, and inactive in the lowest.
struct SparseRegression: LawfulLearner, ~Copyable {
    var model: LogisticRegression

    init(lawful specification: LogisticRegressionSpecification, columns: Int) {
        model = LogisticRegression(
            inputCount: columns, sparseCount: 8 * columns, activeCount: columns, specification: specification)
    }

    init(
        restoring reader: inout ByteReader, _ specification: LogisticRegressionSpecification, columns: Int
    ) throws(StateCodingError) {
        model = try LogisticRegression(
            decoding: &reader, inputCount: columns, sparseCount: 8 * columns, activeCount: columns,
            specification: specification)
    }

    func encode(into writer: inout ByteWriter) { model.encode(into: &writer) }

    private func entries(_ row: [Double]) -> (indices: [Int32], values: [Double]) {
        let bins = row.map { Int32(min(max($0 / 8, 0), 7)) }
        let indices = bins.enumerated().map { $1 == 0 ? -1 : Int32($0) * 8 + $1 }
        return (indices, bins.map { Double($0) / 8 })
    }

    mutating func take(_ row: [Double], isPositive: Bool) {
        let (indices, values) = entries(row)
        model.learn(
            row, indices: indices, values: values, isPositive: isPositive,
            at: EventTime(milliseconds: Int64(model.seenCount) * 60_000))
    }

    func answers(_ row: [Double]) -> [Double] {
        let (indices, values) = entries(row)
        return [
            model.logit(of: row, indices: indices, values: values),
            model.probability(of: row, indices: indices, values: values),
        ]
    }

    func probabilities(_ row: [Double]) -> [Double] { [answers(row)[1]] }
}

extension OnlineModel: LawfulLearner {
    init(lawful specification: ModelSpecification, columns: Int) {
        self.init(specification, featureCount: columns)
    }

    init(
        restoring reader: inout ByteReader, _ specification: ModelSpecification, columns: Int
    ) throws(StateCodingError) {
        try self.init(decoding: &reader, specification, featureCount: columns)
    }

    mutating func take(_ row: [Double], isPositive: Bool) {
        observe(row)
        learn(row, isPositive: isPositive)
    }

    func answers(_ row: [Double]) -> [Double] {
        let score = score(of: row)
        return [score.logit, score.probability, score.anomaly, anomalyScore(of: row)]
    }

    func probabilities(_ row: [Double]) -> [Double] { [score(of: row).probability] }

    /// Distances as inputs are divided by the root of the number of features.
    static func ignoresMissingColumns(_ specification: ModelSpecification) -> Bool { specification.kMeans == nil }
}

private let learners: [Learner] = [
    .sgd(.constant(0.01)), .sgd(.inverseScaling(rate: 0.01, power: 0.5)), .adaGrad(rate: 0.05),
    .sgd(.polynomial(rate: 0.01, end: 0.001, rows: 100, power: 2)), .ftrl(alpha: 0.1, beta: 1), .adam(rate: 0.01),
    .newton(ridge: 1, halfLife: nil), .newton(ridge: 0.5, halfLife: .rows(40)),
    .newton(ridge: 0.5, halfLife: .time(40 * .minute)),
]

/// What classifiers have beside their learner, each once.
private let variants: [LogisticRegressionSpecification] = {
    var variants = Array(repeating: LogisticRegressionSpecification(), count: 6)
    variants[0].l2 = 1e-3
    variants[1].l1 = 1e-3
    variants[2].negativeShare = 0.5
    variants[3].averaging = .all(afterRows: 20)
    variants[4].averaging = .decayed(halfLifeRows: 30)
    (variants[5].positiveWeight, variants[5].negativeWeight, variants[5].prior) = (3, 0.5, 0.1)
    return variants
}()

@Suite struct ModelLawTests {
    init() { BLAS.useOneThread() }

    @Test(arguments: [(1, 1), (16, 1), (16, 7), (10, 64), (1, 64)])
    func scalerKeepsTheLaws(_ refresh: Int, _ block: Int) throws {
        try checkAllLaws(RunningScaler.self, ScalerSpecification(refresh: refresh, block: block))
    }

    @Test(arguments: [1.0, 0.9, 0]) func kMeansKeepsTheLaws(_ decay: Double) throws {
        let specification = KMeansSpecification(
            clusters: 3, batchRows: 7, decay: decay, startRows: 20, dyingShare: 0.1, seed: 5)
        try checkAllLaws(StreamingKMeans.self, specification)
    }

    @Test func kMeansWithDyingClustersComesBackFromASnapshot() throws {
        let specification = KMeansSpecification(
            clusters: 4, batchRows: 5, decay: 0.5, startRows: 12, dyingShare: 0.2, seed: 5)
        checkTheSameStreamGivesTheSameBits(StreamingKMeans.self, specification)
        try checkASnapshotAnywhereChangesNothing(StreamingKMeans.self, specification, rows: 60)
    }

    @Test(arguments: learners, [1, 6])
    func logisticRegressionKeepsTheLaws(_ learner: Learner, _ miniBatch: Int) throws {
        var specification = LogisticRegressionSpecification()
        specification.learner = learner
        specification.miniBatch = miniBatch
        specification.l2 = 1e-3
        try checkAllLaws(LogisticRegression.self, specification)
        try checkAllLaws(SparseRegression.self, specification)
    }

    @Test(arguments: variants) func eachVariantKeepsTheLaws(_ variant: LogisticRegressionSpecification) throws {
        for learner in [learners[2], learners[4], learners[7]] where variant.l1 == 0 || !learner.isSecondOrder {
            var specification = variant
            specification.learner = learner
            specification.miniBatch = 6
            try specification.validate()
            try checkAllLaws(SparseRegression.self, specification, rows: 40)
        }
    }

    @Test(arguments: learners, [false, true])
    func theWholeModelKeepsTheLaws(_ learner: Learner, _ hasClusters: Bool) throws {
        var specification = ModelSpecification()
        specification.scaler = ScalerSpecification(refresh: 16, block: 5)
        specification.classifier.learner = learner
        specification.classifier.miniBatch = 7
        if hasClusters {
            specification.kMeans = KMeansSpecification(
                clusters: 3, batchRows: 8, decay: 0.9, startRows: 24, dyingShare: 0, seed: 2)
        }
        try checkAllLaws(OnlineModel.self, specification)
    }
}
