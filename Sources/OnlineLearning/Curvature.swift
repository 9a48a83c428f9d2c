import LinearAlgebra

/// The second-order learner's memory: the precision of the weights (inverse covariance), as a Bayesian would have it.
///
/// It starts as `ridge` on the diagonal. Each mini-batch: P ← λP + (1 − λ)·ridge + XᵀCX, with C the rows' curvatures,
/// and w ← w − P⁻¹(g + (1 − λ)·ridge·w). With λ = 1 these are sequential normal approximations under a normal prior of
/// precision `ridge`; with forgetting, what is forgotten of the prior is put back. λ follows from the learner's half-life
/// and may differ from mini-batch to mini-batch, since event time does not pass evenly.
/// For the intercept `ridge` only damps the steps: nothing draws it to zero.
struct Curvature: ~Copyable, Sendable {
    let ridge: Double
    /// The lower triangle; empty unless the learner is `newton`.
    var precision: Matrix
    var unsolved = 0

    private var design: Matrix
    private var factor: Matrix

    init(learner: Learner, size: Int, miniBatch: Int) {
        var size = size
        var miniBatch = miniBatch
        if case .newton(let ridge, _, _) = learner {
            precondition(ridge > 0, "the second-order learner needs a ridge above 0")
            self.ridge = ridge
        } else {
            (ridge, size, miniBatch) = (0, 0, 0)
        }
        precision = Matrix(rows: size, columns: size)
        design = Matrix(rows: miniBatch, columns: size)
        factor = Matrix(rows: size, columns: size)
        for index in 0..<size { precision[index, index] = ridge }
    }

    /// Takes in a full mini-batch. Curvatures below 1e-6 count as 1e-6, so that certainty cannot make steps endless.
    /// `keeping`: λ, within [0, 1].
    mutating func add(_ rows: borrowing Matrix, curvatures: borrowing Vector, l2: Double, keeping: Double) {
        let size = precision.columns
        for row in 0..<rows.rows {
            let root = max(curvatures[row], 1e-6).squareRoot()
            for column in 0..<size { design[row, column] = rows[row, column] * root }
        }
        design.addGram(rows: rows.rows, keeping: keeping, to: &precision)
        let restored = (1 - keeping) * ridge
        for index in 0..<size { precision[index, index] += restored }
        for index in 0..<size - 1 { precision[index, index] += l2 * Double(rows.rows) }
    }

    /// Moves the weights; leaves them when the system cannot be solved, and counts that.
    mutating func step(
        _ weights: inout Vector, gradient: inout Vector, l2: Double, rows: Int, keeping: Double
    ) {
        let size = precision.columns
        let pull = (1 - keeping) * ridge + l2 * Double(rows)
        for index in 0..<size - 1 { gradient[index] += pull * weights[index] }
        factor.pointer.update(from: precision.pointer, count: size * size)
        guard case .solved = factor.solveCholesky(&gradient) else {
            unsolved += 1
            return
        }
        for index in 0..<size { weights[index] -= gradient[index] }
    }

    /// Takes an input out: its weight becomes 0, the others move to where they are best under that condition, and the
    /// prior is all that is known of it. The others stay where they are when the system cannot be solved.
    mutating func remove(_ input: Int, from weights: inout Vector) {
        let size = precision.columns
        var change = Vector(count: size)
        for index in 0..<size {
            let (row, column) = (max(index, input), min(index, input))
            if index != input { change[index] = precision[row, column] * weights[input] }
            precision[row, column] = index == input ? ridge : 0
        }
        weights[input] = 0
        factor.pointer.update(from: precision.pointer, count: size * size)
        guard case .solved = factor.solveCholesky(&change) else {
            unsolved += 1
            return
        }
        for index in 0..<size { weights[index] += change[index] }
    }

    var lowerTriangle: [Double] {
        (0..<precision.rows).flatMap { row in (0...row).map { precision[row, $0] } }
    }
}
