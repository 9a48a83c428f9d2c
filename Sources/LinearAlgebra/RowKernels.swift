import RealModule

// Kernels for one row. Each is compiled once, here, and never inlined: `Relaxed` lets the compiler choose an order of
// additions, and the same inputs must give the same bits from every caller.

public enum RowKernel {
    /// Σ aᵢ·bᵢ.
    @inline(never) public static func dot(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, count: Int
    ) -> Double {
        var sum = 0.0
        for index in 0..<count { sum = Relaxed.multiplyAdd(a[index], b[index], sum) }
        return sum
    }

    /// Σ (rowᵢ − centreᵢ)·weightᵢ. Centring first keeps the digits of columns whose mean is large against their spread.
    @inline(never) public static func centredDot(
        _ row: UnsafePointer<Double>, centre: UnsafePointer<Double>, weights: UnsafePointer<Double>, count: Int
    ) -> Double {
        var sum = 0.0
        for index in 0..<count { sum = Relaxed.multiplyAdd(row[index] - centre[index], weights[index], sum) }
        return sum
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
    @inline(never) public static func squaredDistance(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, count: Int
    ) -> Double {
        var sum = 0.0
        for index in 0..<count {
            let difference = a[index] - b[index]
            sum = Relaxed.multiplyAdd(difference, difference, sum)
        }
        return sum
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
    @inline(never) public static func scale(
        _ row: UnsafePointer<Double>, centre: UnsafePointer<Double>, factors: UnsafePointer<Double>, count: Int,
        into target: UnsafeMutablePointer<Double>
    ) {
        for index in 0..<count { target[index] = (row[index] - centre[index]) * factors[index] }
    }

    /// `target`ᵢ += factor·rowᵢ.
    @inline(never) public static func add(
        _ row: UnsafePointer<Double>, times factor: Double, count: Int, to target: UnsafeMutablePointer<Double>
    ) {
        for index in 0..<count { target[index] = Relaxed.multiplyAdd(factor, row[index], target[index]) }
    }

    /// The square root of each of `count` values that are at least 0, in place.
    ///
    /// The magnitude tells the compiler that no value is negative; without it each root keeps a call for the error
    /// case, and none are taken two at a time.
    @inline(never) public static func takeRoots(_ values: UnsafeMutablePointer<Double>, count: Int) {
        for index in 0..<count { values[index] = values[index].magnitude.squareRoot() }
    }
}
