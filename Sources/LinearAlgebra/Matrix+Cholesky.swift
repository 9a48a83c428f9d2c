import CLAPACKE

/// How a Cholesky factorisation ended.
public enum CholeskyOutcome: Hashable, Sendable {
    case solved
    /// The leading minor of this order (from 1) is not positive; the right-hand side is unchanged.
    case notPositiveDefinite(order: Int)
}

extension Matrix {
    /// Solves A·x = b for a symmetric positive definite A of which the lower triangle is given: A becomes its Cholesky
    /// factor, b becomes x (dpotrf, dpotrs).
    ///
    /// A matrix that is not positive definite is an outcome. So is one with a value that is not a number.
    /// - Complexity: O(n³/3).
    public mutating func solveCholesky(_ right: inout Vector) -> CholeskyOutcome {
        precondition(
            rows == columns && right.count == rows,
            "Cholesky of \(rows)×\(columns) with \(right.count) right-hand values")
        guard rows > 0 else { return .solved }
        let order = Int32(rows)
        // The lower triangle by rows is the upper one by columns, LAPACK's own order, so nothing is transposed.
        let upper = CChar(UInt8(ascii: "U"))
        let failed = LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, upper, order, pointer, order)
        guard failed == 0, diagonalIsFinite else { return .notPositiveDefinite(order: max(Int(failed), 1)) }
        _ = LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, upper, order, 1, pointer, order, right.pointer, order)
        return .solved
    }

    private var diagonalIsFinite: Bool {
        for index in 0..<rows where !self[index, index].isFinite { return false }
        return true
    }
}
