import LinearAlgebra

/// The gradients of sparse weights over one mini-batch, each summed in the order of the rows. Only weights that were
/// active cost anything.
struct SparseGradient: ~Copyable, Sendable {
    /// Of each weight, 0 unless it was active; behind them that of the entries that are not active.
    private let sums: Vector
    /// In how many entries each weight was active; likewise.
    private let rows: IndexMatrix
    private let weightCount: Int
    /// The weights that were active, each once, in the order in which they first were; then one more place.
    private let touched: IndexMatrix
    private(set) var touchedCount = 0

    /// `entries`: how many a mini-batch can have.
    init(weights: Int, entries: Int) {
        weightCount = weights
        sums = Vector(count: weights + 1)
        rows = IndexMatrix(rows: 1, columns: weights + 1)
        touched = IndexMatrix(rows: 1, columns: min(weights, entries) + 1)
        clear()
    }

    /// Adds a row's entries times its error; negative indices are inactive. Without a branch that depends on the row.
    mutating func add(
        _ indices: UnsafePointer<Int32>, _ values: UnsafePointer<Double>, count: Int, times error: Double
    ) {
        let (sums, rows, touched) = (sums.pointer, rows.pointer, touched.pointer)
        let inactive = Int32(truncatingIfNeeded: weightCount)
        var touchedCount = touchedCount
        for entry in 0..<count {
            let index = indices[entry] < 0 ? inactive : indices[entry]
            let place = Int(index)
            assert(place <= weightCount)
            touched[touchedCount] = index
            touchedCount &+= rows[place] == 0 ? 1 : 0
            rows[place] &+= 1
            sums[place] += error * values[entry]
        }
        self.touchedCount = touchedCount
    }

    /// A weight that was active: its index, its gradient, and in how many entries it was.
    @inline(__always) func touched(at position: Int) -> (index: Int, gradient: Double, rows: Double) {
        assert(position >= 0 && position < touchedCount)
        let index = Int(touched.pointer[position])
        return (index, sums.pointer[index], Double(rows.pointer[index]))
    }

    mutating func clear() {
        for position in 0..<touchedCount {
            let index = Int(touched.pointer[position])
            sums.pointer[index] = 0
            rows.pointer[index] = 0
        }
        // It counts as touched already.
        sums.pointer[weightCount] = 0
        rows.pointer[weightCount] = 1
        touchedCount = 0
    }
}
