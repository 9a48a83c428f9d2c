import LinearAlgebra

/// The gradients of sparse weights over one mini-batch, each summed in the order of the rows. Only weights that were
/// active cost anything.
struct SparseGradient: ~Copyable, Sendable {
    /// Of each weight; 0 unless it was active.
    var sums: Vector
    /// In how many entries each weight was active.
    var rows: IndexMatrix
    /// The weights that were active, each once, in the order in which they first were.
    var touched: IndexMatrix
    private(set) var touchedCount = 0

    /// `entries`: how many a mini-batch can have.
    init(weights: Int, entries: Int) {
        sums = Vector(count: weights)
        rows = IndexMatrix(rows: 1, columns: weights)
        touched = IndexMatrix(rows: 1, columns: min(weights, entries))
    }

    /// Adds a row's entries times its error; negative indices are inactive.
    mutating func add(
        _ indices: UnsafePointer<Int32>, _ values: UnsafePointer<Double>, count: Int, times error: Double
    ) {
        let (sums, rows, touched) = (sums.pointer, rows.pointer, touched.pointer)
        for entry in 0..<count where indices[entry] >= 0 {
            let index = Int(indices[entry])
            assert(index < self.sums.count)
            if rows[index] == 0 {
                touched[touchedCount] = indices[entry]
                touchedCount &+= 1
            }
            rows[index] &+= 1
            sums[index] += error * values[entry]
        }
    }

    mutating func clear() {
        for position in 0..<touchedCount {
            let index = Int(touched.pointer[position])
            sums.pointer[index] = 0
            rows.pointer[index] = 0
        }
        touchedCount = 0
    }
}
