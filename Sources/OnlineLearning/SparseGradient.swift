import LinearAlgebra

/// The gradients of sparse weights over one mini-batch, each summed in the order of the rows. Only weights that were
/// active cost anything.
struct SparseGradient: ~Copyable, @unchecked Sendable {
    /// What a weight was given.
    struct Sum: BitwiseCopyable {
        var gradient = 0.0
        /// In how many entries it was active.
        var rows = 0
    }

    /// Of each weight, zeros unless it was active; behind them that of the entries that are not active.
    let sums: UnsafeMutablePointer<Sum>
    private let weightCount: Int
    /// The weights that were active, each once, in the order in which they first were; then one more place.
    var touched: IndexMatrix
    private(set) var touchedCount = 0

    /// `entries`: how many a mini-batch can have.
    init(weights: Int, entries: Int) {
        weightCount = weights
        sums = .allocate(capacity: weights + 1)
        sums.initialize(repeating: Sum(), count: weights + 1)
        touched = IndexMatrix(rows: 1, columns: min(weights, entries) + 1)
        clear()
    }

    deinit { sums.deallocate() }

    /// Adds a row's entries times its error; negative indices are inactive. Without a branch that depends on the row.
    mutating func add(
        _ indices: UnsafePointer<Int32>, _ values: UnsafePointer<Double>, count: Int, times error: Double
    ) {
        let (sums, touched, inactive) = (sums, touched.pointer, Int32(truncatingIfNeeded: weightCount))
        var touchedCount = touchedCount
        for entry in 0..<count {
            let place = indices[entry] < 0 ? inactive : indices[entry]
            let sum = sums + Int(place)
            assert(Int(place) <= weightCount)
            touched[touchedCount] = place
            let rows = sum.pointee.rows
            touchedCount &+= rows == 0 ? 1 : 0
            sum.pointee.rows = rows &+ 1
            sum.pointee.gradient += error * values[entry]
        }
        self.touchedCount = touchedCount
    }

    mutating func clear() {
        for position in 0..<touchedCount { sums[Int(touched.pointer[position])] = Sum() }
        // It counts as touched already.
        sums[weightCount] = Sum(rows: 1)
        touchedCount = 0
    }
}
