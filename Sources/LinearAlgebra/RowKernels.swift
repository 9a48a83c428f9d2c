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

    /// Σ (aᵢ − bᵢ)².
    public static func squaredDistance(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, count: Int
    ) -> Double {
        tidemark_squared_distance(a, b, count)
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
