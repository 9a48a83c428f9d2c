/// The edges between a feature's bins, in ascending order: bin i holds the values from edge i − 1 on and below edge i.
/// n edges part n + 1 bins.
struct BinEdges: Hashable, Sendable {
    var edges: [Double] = []
    /// For each bin the share of the values seen that lay in it.
    var shares: [Double] = [1]
    /// For each edge its mean share of a value, were the feature encoded as a broken line.
    var knotShares: [Double] = []

    /// Values that hold this share of all have a bin of their own, so there are at most `mostAtoms` of them.
    static let atomShare = 1.0 / 32
    static let mostAtoms = 32

    init() {}

    /// Edges where `shape` wants them among the values that `ranking` knows, and at equal shares of those of `frauds`.
    ///
    /// Where several edges fall on one value, or it holds much of all (a zero, a count), it has a bin of its own.
    init(_ shape: BinShape, of ranking: QuantileRanking, frauds: QuantileRanking) {
        guard let least = ranking.values.first else { return }
        var hits: [Double: Int] = [:]
        for rank in shape.ranks(ofCount: ranking.count) {
            if let value = ranking.quantile(rank) { hits[value, default: 0] += 1 }
        }
        for value in ranking.atoms(share: Self.atomShare) { hits[value] = 2 }
        for part in 1..<max(shape.fraudCount, 1) {
            if let value = frauds.quantile(Double(part) / Double(shape.fraudCount)) { hits[value, default: 0] += 0 }
        }
        var found: [Double] = []
        let values = hits.keys.sorted()
        for (place, value) in values.enumerated() {
            found.append(value)
            // The next edge serves as well where nothing lies between.
            let isAtom = hits[value, default: 0] >= 2
            let next = place + 1 < values.count ? values[place + 1] : .infinity
            if isAtom, ranking.hasValues(above: value, below: next) { found.append(value.nextUp) }
        }
        // Below the least value nothing lies.
        edges = found.filter { $0 > least }
        measure(ranking)
    }

    /// Takes the shares of bins and knots among the values of `ranking`.
    private mutating func measure(_ ranking: QuantileRanking) {
        shares = Array(repeating: 0, count: edges.count + 1)
        knotShares = Array(repeating: 0, count: edges.count)
        var below = 0
        for (value, upTo) in zip(ranking.values, ranking.weights) {
            let share = Double(upTo - below) / Double(ranking.count)
            below = upTo
            shares[bin(of: value)] += share
            guard let (knot, fraction) = knot(of: value) else { continue }
            knotShares[knot] += share * (1 - fraction)
            if fraction > 0 { knotShares[knot + 1] += share * fraction }
        }
    }

    /// The number of edges that are not above `value`.
    func bin(of value: Double) -> Int {
        var (low, high) = (0, edges.count)
        while low < high {
            let middle = (low + high) / 2
            if edges[middle] <= value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The edge before `value` (the first one for values below it), and how far it is from there to the next, within
    /// [0, 1); nil without edges.
    func knot(of value: Double) -> (edge: Int, fraction: Double)? {
        guard !edges.isEmpty else { return nil }
        let bin = bin(of: value)
        if bin == 0 { return (0, 0) }
        if bin == edges.count { return (bin - 1, 0) }
        return (bin - 1, (value - edges[bin - 1]) / (edges[bin] - edges[bin - 1]))
    }
}

extension QuantileRanking {
    /// The values that hold at least this share of all, in ascending order.
    func atoms(share: Double) -> [Double] {
        values.indices.filter { place in
            Double(weights[place] - (place == 0 ? 0 : weights[place - 1])) >= share * Double(count)
        }.map { values[$0] }
    }

    /// Whether a value seen lies between two others, both left out.
    func hasValues(above low: Double, below high: Double) -> Bool {
        let upToLow = weight(upTo: low)
        guard let place = place(ofRank: (Double(upToLow) + 0.5) / Double(count)), upToLow < count else { return false }
        return values[place] < high
    }

    /// What one ranking that is sharp at the low end and one that is sharp at the high end know together.
    init(low: QuantileRanking, high: QuantileRanking) {
        guard let middle = high.quantile(0.5) else {
            self.init()
            return
        }
        self.init()
        let upToMiddle = high.weight(upTo: middle)
        for (value, weight) in zip(low.values, low.weights) where value <= middle && weight <= upToMiddle {
            append(value, weight: weight)
        }
        for (value, weight) in zip(high.values, high.weights) where value >= middle {
            append(value, weight: weight)
        }
    }
}
