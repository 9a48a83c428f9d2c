import LinearAlgebra

/// The second-order learner's memory: the precision of the weights (inverse covariance), as a Bayesian would have it.
///
/// It starts as `ridge` on the diagonal. Each mini-batch: P ← λP + (1 − λ)·ridge + XᵀCX, with C the rows' curvatures,
/// and w ← w − P⁻¹(g + (1 − λ)·ridge·w). With λ = 1 these are sequential normal approximations under a normal prior of
/// precision `ridge`; with forgetting, what is forgotten of the prior is put back.
/// For the intercept `ridge` only damps the steps: nothing draws it to zero.
struct Curvature: ~Copyable, Sendable {
    let ridge: Double
    /// λ for a whole mini-batch.
    let keeping: Double
    /// The lower triangle; empty unless the learner is `newton`.
    var precision: Matrix
    var unsolved = 0

    private var design: Matrix
    private var factor: Matrix

    init(learner: Learner, size: Int, miniBatch: Int) {
        var size = size
        var miniBatch = miniBatch
        if case .newton(let ridge, let halfLifeRows) = learner {
            precondition(ridge > 0, "the second-order learner needs a ridge above 0")
            self.ridge = ridge
            keeping = halfLifeRows.map { power(2, -Double(miniBatch) / $0) } ?? 1
        } else {
            (ridge, keeping, size, miniBatch) = (0, 1, 0, 0)
        }
        precision = Matrix(rows: size, columns: size)
        design = Matrix(rows: miniBatch, columns: size)
        factor = Matrix(rows: size, columns: size)
        for index in 0..<size { precision[index, index] = ridge }
    }

    /// Takes in a full mini-batch. Curvatures below 1e-6 count as 1e-6, so that certainty cannot make steps endless.
    mutating func add(_ rows: borrowing Matrix, curvatures: borrowing Vector, l2: Double) {
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
    mutating func step(_ weights: inout Vector, gradient: inout Vector) {
        let size = precision.columns
        for index in 0..<size - 1 { gradient[index] += (1 - keeping) * ridge * weights[index] }
        factor.pointer.update(from: precision.pointer, count: size * size)
        guard case .solved = factor.solveCholesky(&gradient) else {
            unsolved += 1
            return
        }
        for index in 0..<size { weights[index] -= gradient[index] }
    }

    var lowerTriangle: [Double] {
        (0..<precision.rows).flatMap { row in (0...row).map { precision[row, $0] } }
    }
}
