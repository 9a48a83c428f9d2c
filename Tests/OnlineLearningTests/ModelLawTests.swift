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
    func answers(_ row: [Double]) -> [Double] { [probability(of: row)] }
    func probabilities(_ row: [Double]) -> [Double] { answers(row) }
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
}

private let learners: [Learner] = [
    .sgd(.constant(0.01)), .sgd(.inverseScaling(rate: 0.1, power: 0.5)), .adaGrad(rate: 0.05),
    .newton(ridge: 1, halfLife: nil), .newton(ridge: 0.5, halfLife: .rows(40)),
]

@Suite struct ModelLawTests {
    init() { BLAS.useOneThread() }

    @Test(arguments: [(1, 1), (16, 1), (16, 7), (10, 64), (1, 64)])
    func scalerKeepsTheLaws(_ refresh: Int, _ block: Int) throws {
        try checkAllLaws(RunningScaler.self, ScalerSpecification(refresh: refresh, block: block))
    }

    @Test(arguments: [1.0, 0.9, 0]) func kMeansKeepsTheLaws(_ decay: Double) throws {
        // Where a new cluster is put depends on the order of columns, so none dies here.
        let specification = KMeansSpecification(
            clusters: 3, batchRows: 7, decay: decay, startRows: 20, dyingShare: 0, seed: 5)
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
