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

    /// A column's edges as `findPlaces` searches them: `start` is where they stand among all, and there stand every
    /// eighth (`pivot_eights` times eight, from the ninth on), then all of them in eights, at least one; both are filled
    /// up with infinity.
    public typealias ColumnEdges = tidemark_edges

    /// For each of `count` columns of a row of finite values how many of its ascending edges are not above its value.
    /// - Complexity: O(edges/64 + 2) comparisons of eight edges for a column, without a branch that depends on the row.
    @inlinable public static func findPlaces(
        of row: UnsafePointer<Double>, in columns: UnsafePointer<ColumnEdges>, count: Int, edges: UnsafePointer<Double>,
        into places: UnsafeMutablePointer<Int32>
    ) {
        tidemark_locate(row, columns, count, edges, places)
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

    /// Sorts each of the four columns of `count` rows, which lie without gaps, in ascending order; the columns of the rows
    /// behind the first `fresh` are so already. No value is not a number. Which zero comes first is open.
    /// - Complexity: O(fresh · log²(fresh) + count · log(count)), whatever the values.
    public static func sortFourColumns(_ rows: UnsafeMutablePointer<Double>, fresh: Int, count: Int) {
        tidemark_sort_into(rows, fresh, count)
    }

    /// The square root of each of `count` values that are at least 0, in place.
    ///
    /// The magnitude tells the compiler that no value is negative; without it each root keeps a call for the error
    /// case, and none are taken two at a time.
    @inline(never) public static func takeRoots(_ values: UnsafeMutablePointer<Double>, count: Int) {
        for index in 0..<count { values[index] = values[index].magnitude.squareRoot() }
    }
}
