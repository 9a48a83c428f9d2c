import EventModel
import LinearAlgebra

/// Online logistic regression, learning in mini-batches of a fixed number of rows counted along the stream.
///
/// A row is `inputCount` dense values and `activeCount` sparse entries. An entry is the index of one of `sparseCount`
/// weights, or −1 where nothing is active, and a value (1 for one-hot, a fraction for piecewise-linear). What a row
/// costs depends on its entries and not on how many sparse weights there are.
///
/// A mini-batch's gradient is taken at the weights before it and **summed** over its rows, so that a rate means the
/// same for each size. Rows that do not yet fill a mini-batch wait, and are part of the state.
/// The intercept is not regularised.
public struct LogisticRegression: ~Copyable, Sendable {
    public let inputCount: Int
    public internal(set) var sparseCount: Int
    public let activeCount: Int
    public let specification: LogisticRegressionSpecification

    /// The weights that learn: one for each input, then the intercept.
    var weights: Vector
    @usableFromInline var sparseWeights: Vector
    var memory: WeightMemory
    var sparseMemory: WeightMemory
    var curvature: Curvature
    /// What the intercept started from.
    let firstIntercept: Double
    /// The weights that answer.
    @usableFromInline var answering: AnsweringWeights

    /// Labels that came, learned or not, those that wait among them.
    public internal(set) var seenCount = 0
    /// Labels learned; those that wait are not among them.
    public internal(set) var learnedCount = 0
    public internal(set) var learnedPositives = 0
    var learnedMiniBatches = 0
    var clock = LearningClock()

    /// Rows that wait for their mini-batch to fill.
    public internal(set) var pendingCount = 0
    var pendingPositives = 0
    /// The inputs of a row, then 1 for the intercept.
    var miniBatch: Matrix
    /// The sparse entries of the rows, a line for each entry; what is not active has an index from `sparseCount` on.
    var activeIndices: IndexMatrix
    var activeValues: Matrix
    var labels: Vector
    var rowWeights: Vector

    var errors: Vector
    var sparseLogits: Vector
    var gradient: Vector
    var curvatures: Vector
    var sparseGradient: SparseGradient
    /// For a step of sparse weights: six numbers of each weight in a run.
    let sparseScratch = Vector(count: 6 * Self.sparseRun)
    static var sparseRun: Int { 16 }

    public init(
        inputCount: Int, sparseCount: Int = 0, activeCount: Int = 0,
        specification: LogisticRegressionSpecification = LogisticRegressionSpecification()
    ) {
        precondition(specification.miniBatch >= 1, "a mini-batch has at least one row")
        precondition(specification.prior > 0 && specification.prior < 1, "a prior lies within (0, 1)")
        precondition(
            inputCount >= 0 && activeCount >= 0 && (0...Int(Int32.max)).contains(sparseCount),
            "\(inputCount) inputs, \(activeCount) active of \(sparseCount) sparse ones")
        self.inputCount = inputCount
        self.sparseCount = sparseCount
        self.activeCount = activeCount
        self.specification = specification
        let rows = specification.miniBatch
        weights = Vector(count: inputCount + 1)
        sparseWeights = Vector(count: sparseCount)
        memory = WeightMemory(count: inputCount + 1, vectors: specification.learner.memoryVectors)
        sparseMemory = WeightMemory(count: sparseCount, vectors: specification.learner.sparseMemoryVectors)
        curvature = Curvature(learner: specification.learner, size: inputCount + 1, miniBatch: rows)
        miniBatch = Matrix(rows: rows, columns: inputCount + 1)
        activeIndices = IndexMatrix(rows: activeCount, columns: rows, filledWith: Int32(sparseCount))
        activeValues = Matrix(rows: activeCount, columns: rows)
        labels = Vector(count: rows)
        rowWeights = Vector(count: rows)
        errors = Vector(count: rows)
        sparseLogits = Vector(count: rows)
        gradient = Vector(count: inputCount + 1)
        curvatures = Vector(count: rows)
        sparseGradient = SparseGradient(weights: sparseCount, entries: rows * activeCount)
        let correction = logarithm(specification.negativeShare)
        firstIntercept = OnlineLearning.logit(specification.prior) - correction
        answering = AnsweringWeights(
            inputCount: inputCount, sparseCount: sparseCount, averaging: specification.averaging,
            correction: correction)
        weights[inputCount] = firstIntercept
        for row in 0..<rows { miniBatch[row, inputCount] = 1 }
        answering.take(weights)
    }
}
