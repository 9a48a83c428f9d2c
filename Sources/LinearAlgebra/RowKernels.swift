import CRowKernels

// Kernels for one row. The order of additions is fixed, so that the same inputs give the same bits from every caller.

public enum RowKernel {
    /// Σ aᵢ·bᵢ.
    @inlinable public static func dot(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, count: Int
    ) -> Double {
        tidemark_dot(a, b, count)
    }

    /// Σ (rowᵢ − centreᵢ)·weightᵢ. Centring first keeps the digits of columns whose mean is large against their spread.
    @inlinable public static func centredDot(
        _ row: UnsafePointer<Double>, centre: UnsafePointer<Double>, weights: UnsafePointer<Double>, count: Int
    ) -> Double {
        tidemark_centred_dot(row, centre, weights, count)
    }

    /// Σ valueₖ·weight[indexₖ] over the entries whose index is not negative; others may hold any finite value.
    ///
    /// Four sums are taken side by side, entry k into sum k mod 4, so that no addition waits for the one before.
    @inlinable public static func sparseDot(
        _ indices: UnsafePointer<Int32>, _ values: UnsafePointer<Double>, count: Int, weights: UnsafePointer<Double>
    ) -> Double {
        tidemark_sparse_dot(indices, values, count, weights)
    }

    /// The same of two vectors of weights, which costs less than one after the other.
    @inlinable public static func sparseDots(
        _ indices: UnsafePointer<Int32>, _ values: UnsafePointer<Double>, count: Int, weights: UnsafePointer<Double>,
        others: UnsafePointer<Double>
    ) -> (Double, Double) {
        var (first, second) = (0.0, 0.0)
        tidemark_sparse_dots(indices, values, count, weights, others, &first, &second)
        return (first, second)
    }

    // What the sparse entries of a row are found by; see row_kernels.h.
    public typealias Encoding = tidemark_encoding
    public typealias ColumnEdges = tidemark_edges
    public typealias Lookup = tidemark_lookup
    public typealias Line = tidemark_line
    public typealias Knots = tidemark_knots

    /// For each column of the encoding how many of its ascending edges are not above the row's value, which is finite; then
    /// the entries of one-hot features, one for each, and of broken lines, two for each.
    /// - Complexity: O(edges/64 + 2) comparisons of eight edges for a column, without a branch that depends on the row.
    @inlinable public static func encode(
        _ row: UnsafePointer<Double>, _ encoding: UnsafePointer<Encoding>, places: UnsafeMutablePointer<Int32>,
        indices: UnsafeMutablePointer<Int32>, values: UnsafeMutablePointer<Double>
    ) {
        tidemark_encode(row, encoding, places, indices, values)
    }

    /// The entries of rows side by side: entry k of row r stands at k·stride + r.
    public struct SparseRows: BitwiseCopyable {
        public let indices: UnsafeMutablePointer<Int32>
        public let values: UnsafeMutablePointer<Double>
        public let stride: Int

        @inlinable public init(
            indices: UnsafeMutablePointer<Int32>, values: UnsafeMutablePointer<Double>, stride: Int
        ) {
            (self.indices, self.values, self.stride) = (indices, values, stride)
        }
    }

    /// What `encode` gives for each of `count` rows. `raw` and `places` take `count` numbers for each column.
    @inlinable public static func encode(
        _ rows: UnsafePointer<UnsafePointer<Double>?>, count: Int, _ encoding: UnsafePointer<Encoding>,
        raw: UnsafeMutablePointer<Double>, places: UnsafeMutablePointer<Int32>,
        into entries: SparseRows
    ) {
        tidemark_encode_rows(
            rows, count, encoding, raw, places, entries.stride, entries.indices, entries.values)
    }

    /// What `sparseDot` gives for each row, bit for bit. No index is negative.
    @inlinable public static func sparseDots(
        _ rows: SparseRows, entries: Int, count: Int, weights: UnsafePointer<Double>,
        into results: UnsafeMutablePointer<Double>
    ) {
        tidemark_sparse_rows(rows.indices, rows.values, entries, rows.stride, count, weights, results)
    }

    /// The same of two vectors of weights, which costs less than one after the other.
    @inlinable public static func sparseDots(
        _ rows: SparseRows, entries: Int, count: Int, weights: UnsafePointer<Double>, others: UnsafePointer<Double>,
        into results: UnsafeMutablePointer<Double>, _ otherResults: UnsafeMutablePointer<Double>
    ) {
        tidemark_sparse_rows_of_both(
            rows.indices, rows.values, entries, rows.stride, count, weights, others, results, otherResults)
    }

    /// Adds each row's values times its error to the sums of their weights, row by row; `rows` counts in how many entries
    /// each of the `weightCount` weights is, and those that are in some become the `touched`, which has room for one more.
    /// - Returns: how many are touched.
    @inlinable public static func addSparse(
        _ entries: SparseRows, entries count: Int, count rowCount: Int, times errors: UnsafePointer<Double>,
        sums: UnsafeMutablePointer<Double>, rows: UnsafeMutablePointer<Int32>, touched: UnsafeMutablePointer<Int32>,
        weightCount: Int
    ) -> Int {
        tidemark_sparse_gradient(
            entries.indices, entries.values, count, entries.stride, rowCount, errors, sums, rows, touched, weightCount)
    }

    public typealias FollowTheLeader = tidemark_ftrl_rule

    /// Steps the `touched` weights, each once among them, by FTRL-Proximal. What a weight moved by, over the scale, is
    /// added to its lag.
    @inlinable public static func step(
        _ rule: FollowTheLeader, touched: UnsafePointer<Int32>, count: Int, gradient: UnsafePointer<Double>,
        weights: UnsafeMutablePointer<Double>, z: UnsafeMutablePointer<Double>, squares: UnsafeMutablePointer<Double>,
        scale: Double, lag: UnsafeMutablePointer<Double>?
    ) {
        withUnsafePointer(to: rule) { tidemark_ftrl($0, touched, count, gradient, weights, z, squares, scale, lag) }
    }

    /// Σ (aᵢ − bᵢ)².
    public static func squaredDistance(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, count: Int
    ) -> Double {
        tidemark_squared_distance(a, b, count)
    }

    /// The first index at which aᵢ + bᵢ is least; a becomes the sums. `count` is a multiple of 4 and above 0, and no sum
    /// is not a number.
    ///
    /// Without branches, which would be guessed wrong as often as a row is nearest to another cluster than the last.
    @inline(never) public static func indexOfLeastSum(
        _ a: UnsafeMutablePointer<Double>, _ b: UnsafePointer<Double>, count: Int
    ) -> Int {
        var least = SIMD4<Double>(repeating: .infinity)
        var start = 0
        while start < count {
            let sums = a.four(at: start) + b.four(at: start)
            a.setFour(sums, at: start)
            least.replace(with: sums, where: sums .< least)
            start &+= 4
        }
        let (low, high) = (least[0] < least[1] ? least[0] : least[1], least[2] < least[3] ? least[2] : least[3])
        let value = low < high ? low : high
        var place = count
        while start > 0 {
            start &-= 1
            place = a[start] == value ? start : place
        }
        return place
    }

    /// `target`ᵢ = (rowᵢ − centreᵢ)·factorᵢ. `target` may be `row` itself.
    @inlinable public static func scale(
        _ row: UnsafePointer<Double>, centre: UnsafePointer<Double>, factors: UnsafePointer<Double>, count: Int,
        into target: UnsafeMutablePointer<Double>
    ) {
        tidemark_scale(row, centre, factors, count, target)
    }

    /// `target`ᵢ += factor·rowᵢ.
    @inlinable public static func add(
        _ row: UnsafePointer<Double>, times factor: Double, count: Int, to target: UnsafeMutablePointer<Double>
    ) {
        tidemark_add(row, factor, count, target)
    }

    /// `sums`ᵢ += rowᵢ − originᵢ, and `squares`ᵢ += (rowᵢ − originᵢ)².
    @inlinable public static func addDifferences(
        of row: UnsafePointer<Double>, from origin: UnsafePointer<Double>, count: Int,
        to sums: UnsafeMutablePointer<Double>, squares: UnsafeMutablePointer<Double>
    ) {
        tidemark_add_differences(row, origin, count, sums, squares)
    }

    /// Sorts each of the four columns of `count` rows, which lie without gaps, in ascending order. No value is not a number.
    /// Which zero comes first is open.
    /// - Complexity: O(count · log²(count)), whatever the values.
    public static func sortFourColumns(_ rows: UnsafeMutablePointer<Double>, count: Int) { tidemark_sort(rows, count) }

    /// Merges two runs of rows, of which each of the four columns is in ascending order: the `first` rows and those behind
    /// them up to `count`.
    /// - Complexity: O(count · log(count)), whatever the values.
    public static func mergeFourColumns(_ rows: UnsafeMutablePointer<Double>, first: Int, count: Int) {
        tidemark_merge(rows, first, count)
    }

    /// The square root of each of `count` values that are at least 0, in place.
    ///
    /// The magnitude tells the compiler that no value is negative; without it each root keeps a call for the error
    /// case, and none are taken two at a time.
    @inline(never) public static func takeRoots(_ values: UnsafeMutablePointer<Double>, count: Int) {
        for index in 0..<count { values[index] = values[index].magnitude.squareRoot() }
    }
}
