import LinearAlgebra

extension LogisticRegression {
    /// Gives the model its sparse weights, which start at 0; it must have none yet.
    mutating func makeSparseWeights(_ count: Int) {
        precondition(sparseCount == 0, "\(sparseCount) sparse weights have learned already")
        sparseCount = count
        sparseWeights = Vector(count: count)
        sparseMemory = WeightMemory(count: count, vectors: specification.learner.sparseMemoryVectors)
        sparseGradient = SparseGradient(weights: count, entries: specification.miniBatch * activeCount)
        answering.makeSparseWeights(count)
        clearPendingEntries()
    }
}

extension AnsweringWeights {
    fileprivate mutating func makeSparseWeights(_ count: Int) {
        if averaging != nil { lag = Vector(count: count) }
    }
}
