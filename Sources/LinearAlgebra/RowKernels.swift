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

    /// Σ (aᵢ − bᵢ)².
    @inline(never) public static func squaredDistance(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, count: Int
    ) -> Double {
        inlinedSquaredDistance(a, b, count)
    }

    /// The squared distances of a row to each of `pointCount` points, which lie one after the other.
    @inline(never) public static func squaredDistances(
        of row: UnsafePointer<Double>, to points: UnsafePointer<Double>, pointCount: Int, count: Int,
        into distances: UnsafeMutablePointer<Double>
    ) {
        for point in 0..<pointCount {
            distances[point] = inlinedSquaredDistance(row, points + point &* count, count)
        }
    }

    @inline(__always) private static func inlinedSquaredDistance(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int
    ) -> Double {
        var sum = 0.0
        for index in 0..<count {
            let difference = a[index] - b[index]
            sum = Relaxed.multiplyAdd(difference, difference, sum)
        }
        return sum
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
}
