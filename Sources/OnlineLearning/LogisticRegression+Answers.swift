import LinearAlgebra

// What is asked for each row is inlined into its callers: a call would first copy the whole struct to pass it.

extension LogisticRegression {
    /// The intercept plus the sum over inputs of weight times value; no sparse entry is active.
    @inlinable @inline(__always) public func logit(of row: UnsafePointer<Double>) -> Double {
        RowKernel.dot(row, answering.dense.pointer, count: inputCount) + intercept
    }

    /// The same with `activeCount` sparse entries. Terms are added in one fixed order.
    @inlinable @inline(__always) public func logit(
        of row: UnsafePointer<Double>, indices: UnsafePointer<Int32>, values: UnsafePointer<Double>
    ) -> Double {
        logit(of: row) + sparseLogit(indices, values)
    }

    /// What sparse entries add to the logit, in one fixed order of additions.
    @inlinable @inline(__always) public func sparseLogit(
        _ indices: UnsafePointer<Int32>, _ values: UnsafePointer<Double>
    ) -> Double {
        guard answering.lag.count > 0 else {
            return RowKernel.sparseDot(indices, values, count: activeCount, weights: sparseWeights.pointer)
        }
        let (sum, lag) = RowKernel.sparseDots(
            indices, values, count: activeCount, weights: sparseWeights.pointer, others: answering.lag.pointer)
        return sum - answering.scale * lag
    }

    /// The probability that a row without active sparse entries is positive, within [0, 1].
    @inlinable @inline(__always) public func probability(of row: UnsafePointer<Double>) -> Double {
        sigmoid(logit(of: row))
    }

    /// The same with `activeCount` sparse entries.
    @inlinable @inline(__always) public func probability(
        of row: UnsafePointer<Double>, indices: UnsafePointer<Int32>, values: UnsafePointer<Double>
    ) -> Double {
        sigmoid(logit(of: row, indices: indices, values: values))
    }

    /// The intercept that answers.
    @inlinable public var intercept: Double { answering.dense[inputCount] }

    /// The weights that answer, one for each input, then the intercept. Valid while the model lives; they change with
    /// `learnMiniBatch` and `resetInput`.
    @inlinable public var answeringWeights: UnsafePointer<Double> { UnsafePointer(answering.dense.pointer) }

    /// The weights that answer, one for each input.
    public var inputWeights: [Double] { Array(answering.dense.array.dropLast()) }

    /// The weight of a sparse entry that answers.
    public func sparseWeight(_ index: Int) -> Double {
        precondition(index >= 0 && index < sparseCount, "sparse weight \(index) of \(sparseCount)")
        return sparseAnswers[index]
    }

    /// The weights of sparse entries that answer. Valid while the model lives, until it learns.
    var sparseAnswers: SparseAnswers {
        SparseAnswers(
            weights: sparseWeights.pointer, lag: answering.lag.count > 0 ? answering.lag.pointer : nil,
            scale: answering.scale)
    }

    /// The learner's own memory of inputs and intercept: for AdaGrad the sums of squared gradients; for FTRL-Proximal z,
    /// then the sums of squares; for Adam both means; for the second-order learner the lower triangle of the precision
    /// matrix, row by row, intercept last; else nothing.
    public var optimiserState: [Double] { memory.first.array + memory.second.array + curvature.lowerTriangle }

    /// Mini-batches of the second-order learner of which the system could not be solved, so that no step was taken.
    public var unsolvedMiniBatches: Int { curvature.unsolved }
}

/// The sparse weights that answer.
struct SparseAnswers: BitwiseCopyable {
    let weights: UnsafePointer<Double>
    let lag: UnsafePointer<Double>?
    let scale: Double

    subscript(index: Int) -> Double {
        guard let lag else { return weights[index] }
        return weights[index] - scale * lag[index]
    }
}
