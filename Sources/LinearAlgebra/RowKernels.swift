import CRowKernels

// Kernels for one row. The order of additions is fixed, so that the same inputs give the same bits from every caller.

public enum RowKernel {
    /// Σ aᵢ·bᵢ.
    public static func dot(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, count: Int
    ) -> Double {
        tidemark_dot(a, b, count)
    }

    /// Σ (rowᵢ − centreᵢ)·weightᵢ. Centring first keeps the digits of columns whose mean is large against their spread.
    public static func centredDot(
        _ row: UnsafePointer<Double>, centre: UnsafePointer<Double>, weights: UnsafePointer<Double>, count: Int
    ) -> Double {
        tidemark_centred_dot(row, centre, weights, count)
    }

    /// Σ valueₖ·weight[indexₖ] over the entries whose index is not negative; others may hold any finite value.
    ///
    /// Four sums are taken side by side, entry k into sum k mod 4, so that no addition waits for the one before.
    @inline(never) public static func sparseDot(
        _ indices: UnsafePointer<Int32>, _ values: UnsafePointer<Double>, count: Int, weights: UnsafePointer<Double>
    ) -> Double {
        var sums = SIMD4<Double>.zero
        var entry = 0
        while entry &+ 4 <= count {
            var products = SIMD4<Double>.zero
            for lane in 0..<4 { products[lane] = sparseProduct(indices, values, entry &+ lane, weights) }
            sums += products
            entry &+= 4
        }
        var rest = 0.0
        while entry < count {
            rest += sparseProduct(indices, values, entry, weights)
            entry &+= 1
        }
        return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + rest
    }

    /// Without a branch: what is active differs from row to row.
    @inline(__always) private static func sparseProduct(
        _ indices: UnsafePointer<Int32>, _ values: UnsafePointer<Double>, _ entry: Int,
        _ weights: UnsafePointer<Double>
    ) -> Double {
        let index = indices[entry]
        return (index < 0 ? 0 : values[entry]) * weights[Int(max(index, 0))]
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
    public static func scale(
        _ row: UnsafePointer<Double>, centre: UnsafePointer<Double>, factors: UnsafePointer<Double>, count: Int,
        into target: UnsafeMutablePointer<Double>
    ) {
        tidemark_scale(row, centre, factors, count, target)
    }

    /// `target`ᵢ += factor·rowᵢ.
    public static func add(
        _ row: UnsafePointer<Double>, times factor: Double, count: Int, to target: UnsafeMutablePointer<Double>
    ) {
        tidemark_add(row, factor, count, target)
    }

    /// `sums`ᵢ += rowᵢ − originᵢ, and `squares`ᵢ += (rowᵢ − originᵢ)².
    public static func addDifferences(
        of row: UnsafePointer<Double>, from origin: UnsafePointer<Double>, count: Int,
        to sums: UnsafeMutablePointer<Double>, squares: UnsafeMutablePointer<Double>
    ) {
        tidemark_add_differences(row, origin, count, sums, squares)
    }

    /// The square root of each of `count` values that are at least 0, in place.
    ///
    /// The magnitude tells the compiler that no value is negative; without it each root keeps a call for the error
    /// case, and none are taken two at a time.
    @inline(never) public static func takeRoots(_ values: UnsafeMutablePointer<Double>, count: Int) {
        for index in 0..<count { values[index] = values[index].magnitude.squareRoot() }
    }
}
