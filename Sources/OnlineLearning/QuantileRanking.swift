/// What a sketch knows, sorted.
public struct QuantileRanking: Sendable {
    /// In ascending order, each once.
    public private(set) var values: [Double] = []
    /// For each value how many of the stream it and those below it stand for; the last is `count`.
    public private(set) var weights: [Int] = []

    public var count: Int { weights.last ?? 0 }

    init() {}

    /// Of values in any order, each with how many of the stream it stands for.
    init(_ items: [(value: Double, weight: Int)]) {
        var total = 0
        for item in items.sorted(by: { $0.value < $1.value }) {
            total += item.weight
            append(item.value, weight: total)
        }
    }

    /// Appends a value not below the last one, with the weight of all up to it.
    mutating func append(_ value: Double, weight: Int) {
        if values.last == value {
            weights[weights.count - 1] = weight
        } else {
            values.append(value)
            weights.append(weight)
        }
    }

    /// The smallest value such that it and those below are at least the share `rank` of the stream; nil of an empty one.
    public func quantile(_ rank: Double) -> Double? { place(ofRank: rank).map { values[$0] } }

    /// How many values of the stream are at most `value`.
    public func weight(upTo value: Double) -> Int {
        let place = firstPlace { values[$0] > value }
        return place == 0 ? 0 : weights[place - 1]
    }

    /// The place of `quantile(rank)` among the values.
    func place(ofRank rank: Double) -> Int? {
        guard count > 0 else { return nil }
        let target = rank * Double(count)
        return min(firstPlace { Double(weights[$0]) >= target }, values.count - 1)
    }

    /// The first place for which `isBehind` holds, which then holds for all later ones; `values.count` when for none.
    private func firstPlace(_ isBehind: (Int) -> Bool) -> Int {
        var (low, high) = (0, values.count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The same of the negated values.
    var negated: QuantileRanking {
        var items: [(value: Double, weight: Int)] = []
        var below = 0
        for (value, weight) in zip(values, weights) {
            items.append((0 - value, weight - below))
            below = weight
        }
        return QuantileRanking(items)
    }
}
