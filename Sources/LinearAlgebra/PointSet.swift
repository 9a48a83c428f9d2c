/// Points arranged for the distances of one row to all of them: coordinate by coordinate, eight points at a time.
///
/// Each distance is added up in the order of the coordinates.
public struct PointSet: ~Copyable, Sendable {
    public let count: Int
    public let dimension: Int
    /// For each group of eight points and each coordinate its eight values; what fills up the last group is 0.
    private var groups: Vector

    /// `count` points at the origin.
    public init(count: Int, dimension: Int) {
        self.count = count
        self.dimension = dimension
        groups = Vector(count: (count + 7) / 8 * 8 * dimension)
    }

    /// Takes the rows of a matrix as points.
    public mutating func set(_ points: borrowing Matrix) {
        precondition(
            points.rows == count && points.columns == dimension,
            "\(points.rows)×\(points.columns) for \(count) points of \(dimension) coordinates")
        for point in 0..<count {
            let group = groups.pointer + (point & ~7) * dimension + point & 7
            for coordinate in 0..<dimension { group[coordinate * 8] = points[point, coordinate] }
        }
    }

    /// The squared distances of a row of `dimension` values to each point.
    /// - Complexity: O(count · dimension)
    @inline(never) public func squaredDistances(
        of row: UnsafePointer<Double>, into distances: UnsafeMutablePointer<Double>
    ) {
        var group = UnsafePointer(groups.pointer)
        var first = 0
        while first &+ 8 <= count {
            let sums = distancesToGroup(group, row)
            distances.setFour(sums.lowHalf, at: first)
            distances.setFour(sums.highHalf, at: first &+ 4)
            group += 8 &* dimension
            first &+= 8
        }
        guard first < count else { return }
        let sums = distancesToGroup(group, row)
        for point in first..<count { distances[point] = sums[point &- first] }
    }

    @inline(__always) private func distancesToGroup(
        _ group: UnsafePointer<Double>, _ row: UnsafePointer<Double>
    ) -> SIMD8<Double> {
        var (low, high) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
        for coordinate in 0..<dimension {
            let value = SIMD4(repeating: row[coordinate])
            let (a, b) = (value - group.four(at: coordinate &* 8), value - group.four(at: coordinate &* 8 &+ 4))
            low += a * a
            high += b * b
        }
        return SIMD8(lowHalf: low, highHalf: high)
    }
}
