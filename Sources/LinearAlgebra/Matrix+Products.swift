import COpenBLAS

// Products of mini-batches. All go to BLAS; shapes are preconditions, checked once per call.

extension Matrix {
    /// `result` = A·`vector` over the first `rowCount` rows (dgemv).
    public func multiply(_ vector: borrowing Vector, rows rowCount: Int, into result: inout Vector) {
        precondition(
            rowCount <= rows && vector.count == columns && result.count >= rowCount,
            "A·x: \(rowCount) of \(rows)×\(columns) times \(vector.count) into \(result.count)")
        guard rowCount > 0, columns > 0 else { return }
        cblas_dgemv(
            CblasRowMajor, CblasNoTrans, Int32(rowCount), Int32(columns), 1, pointer, Int32(columns),
            vector.pointer, 1, 0, result.pointer, 1)
    }

    /// `result` = Aᵀ·`vector` over the first `rowCount` rows (dgemv, transposed).
    public func multiplyTransposed(_ vector: borrowing Vector, rows rowCount: Int, into result: inout Vector) {
        precondition(
            rowCount <= rows && vector.count >= rowCount && result.count == columns,
            "Aᵀ·x: \(rowCount) of \(rows)×\(columns) times \(vector.count) into \(result.count)")
        guard columns > 0 else { return }
        guard rowCount > 0 else { return result.fill(with: 0) }
        cblas_dgemv(
            CblasRowMajor, CblasTrans, Int32(rowCount), Int32(columns), 1, pointer, Int32(columns),
            vector.pointer, 1, 0, result.pointer, 1)
    }

    /// The first rows of `result` = `factor`·A·Bᵀ over the rows `range` of A (dgemm); rows of `result` are rows of A,
    /// its first columns are rows of B, and what further columns it has stay as they are.
    public func multiplyTransposed(
        _ other: borrowing Matrix, rows range: Range<Int>, factor: Double = 1, into result: inout Matrix
    ) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= rows && range.count <= result.rows
                && other.columns == columns && result.columns >= other.rows,
            "A·Bᵀ: rows \(range) of \(rows)×\(columns), \(other.rows)×\(other.columns), into \(result.columns) columns")
        guard !range.isEmpty, columns > 0, other.rows > 0 else { return }
        cblas_dgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, Int32(range.count), Int32(other.rows), Int32(columns), factor,
            row(range.lowerBound), Int32(columns), other.pointer, Int32(columns), 0, result.pointer,
            Int32(result.columns))
    }

    /// `result` = Aᵀ·A over the first `rowCount` rows + `keeping`·`result`: a Gram matrix with forgetting (dsyrk).
    /// Only the lower triangle of `result` is read and written.
    public func addGram(rows rowCount: Int, keeping: Double, to result: inout Matrix) {
        precondition(
            rowCount <= rows && result.rows == columns && result.columns == columns,
            "AᵀA: \(rowCount) of \(rows)×\(columns) into \(result.rows)×\(result.columns)")
        guard columns > 0 else { return }
        cblas_dsyrk(
            CblasRowMajor, CblasLower, CblasTrans, Int32(columns), Int32(rowCount), 1, pointer, Int32(columns),
            keeping, result.pointer, Int32(columns))
    }
}
