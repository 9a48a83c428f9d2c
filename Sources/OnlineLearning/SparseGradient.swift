import LinearAlgebra

/// The gradients of sparse weights over one mini-batch, each summed in the order of the rows. Only weights that were
/// active cost anything.
struct SparseGradient: ~Copyable, Sendable {
    /// Of each weight, 0 unless it was active; behind them those of the entries that are not active.
    private let sums: Vector
    /// In how many entries each weight was active; likewise.
    private let rows: IndexMatrix
    private let weightCount: Int
    /// The weights that were active, each once; then one more place.
    private let touched: IndexMatrix
    private(set) var touchedCount = 0

    /// `entries`: how many a mini-batch can have.
    init(weights: Int, entries: Int) {
        weightCount = weights
        sums = Vector(count: weights + Vector.spareCount)
        rows = IndexMatrix(rows: 1, columns: weights + Vector.spareCount)
        touched = IndexMatrix(rows: 1, columns: min(weights, entries) + 1)
        clear()
    }

    /// Adds the entries of rows times each row's error; what is not active has an index behind the last weight's.
    mutating func add(
        _ entries: RowKernel.SparseRows, entries count: Int, count rows: Int, times errors: borrowing Vector
    ) {
        touchedCount = RowKernel.addSparse(
            entries, entries: count, count: rows, times: errors.pointer, sums: sums.pointer, rows: self.rows.pointer,
            touched: touched.pointer, weightCount: weightCount)
    }

    /// A weight that was active: its index, its gradient, and in how many entries it was.
    @inline(__always) func touched(at position: Int) -> (index: Int, gradient: Double, rows: Double) {
        assert(position >= 0 && position < touchedCount)
        let index = Int(touched.pointer[position])
        return (index, sums.pointer[index], Double(rows.pointer[index]))
    }

    /// The weights that were active, and the gradients of all.
    var indices: UnsafePointer<Int32> { UnsafePointer(touched.pointer) }
    var gradients: UnsafePointer<Double> { UnsafePointer(sums.pointer) }

    mutating func clear() {
        for position in 0..<touchedCount {
            let index = Int(touched.pointer[position])
            sums.pointer[index] = 0
            rows.pointer[index] = 0
        }
        // They count as touched already.
        for spare in weightCount..<weightCount + Vector.spareCount {
            sums.pointer[spare] = 0
            rows.pointer[spare] = 1
        }
        touchedCount = 0
    }
}
