import EventModel
import LinearAlgebra

extension StreamingKMeans {
    /// Chooses the first centroids among the rows that wait: the first at random, each next with a chance proportional
    /// to its squared distance from the nearest one chosen. Weights stay 0.
    mutating func start() {
        var random = SplitMix(state: specification.seed)
        var distances = [Double](repeating: .infinity, count: pendingCount)
        var chosen = Int(random.next() % UInt64(pendingCount))
        for cluster in 0..<centroids.rows {
            if cluster > 0 { chosen = choice(proportionalTo: distances, at: random.nextUnit()) }
            centroids.row(cluster).update(from: pending.row(chosen), count: columnCount)
            for row in 0..<pendingCount {
                let distance = RowKernel.squaredDistance(
                    pending.row(row), centroids.row(cluster), count: columnCount)
                distances[row] = min(distances[row], distance)
            }
        }
        isStarted = true
    }
}

/// The index at which the running sum of `weights` passes `unit` of the total; the last one when all are 0.
private func choice(proportionalTo weights: [Double], at unit: Double) -> Int {
    var rest = weights.reduce(0, +) * unit
    for (index, weight) in weights.enumerated() {
        rest -= weight
        if rest < 0 { return index }
    }
    return weights.count - 1
}

/// SplitMix64 ("Fast Splittable Pseudorandom Number Generators", 2014).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        defer { state &+= 0x9E37_79B9_7F4A_7C15 }
        return mixed(state)
    }

    /// A number within [0, 1).
    mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
