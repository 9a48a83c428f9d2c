/// An `EncodingSpecification` with features by position: what is located in a row, and what follows from that.
///
///     sparse weights   │ bins of one-hot features │ knots of broken lines │ crosses │
///
/// How many bins a feature gets is known when its edges are.
struct EncodingLayout: Hashable, Sendable {
    /// A feature cut by a shape; what several inputs use is located once.
    struct BinSet: Hashable, Sendable {
        var feature: Int
        var shape: BinShape
    }

    /// What a cross takes of a row.
    enum Part: Hashable, Sendable {
        case bin(set: Int)
        /// A feature's value, rounded.
        case whole(feature: Int)
    }

    struct CrossedParts: Hashable, Sendable {
        var features: [Int]
        var parts: [Part]
        /// nil: exact.
        var buckets: Int?
    }

    var featureCount: Int
    /// The features that are dense inputs, by position; nil: all.
    var dense: [Int]?
    var sets: [BinSet] = []
    /// The sets that are inputs by themselves.
    var oneHot: [Int] = []
    var lines: [Int] = []
    var crosses: [CrossedParts] = []
    var frozenAfter: Int

    var denseCount: Int { dense?.count ?? featureCount }
    /// The sparse entries of a row.
    let activeCount: Int
    /// The sparse weights there may be at most.
    let largestSparseCount: Int

    /// - Precondition: the specification passes `validate(featureNames:)`.
    init(_ specification: EncodingSpecification, featureNames: [String]) {
        let position: (String) -> Int = { name in featureNames.firstIndex(of: name) ?? 0 }
        var sets: [BinSet] = []
        func set(_ feature: Int, _ shape: BinShape) -> Int {
            let set = BinSet(feature: feature, shape: shape)
            if let index = sets.firstIndex(of: set) { return index }
            sets.append(set)
            return sets.count - 1
        }
        var shapes: [Int: BinShape] = [:]
        for binned in specification.bins {
            for feature in binned.features?.map(position) ?? Array(featureNames.indices) {
                let index = set(feature, binned.shape)
                shapes[feature] = shapes[feature] ?? binned.shape
                switch binned.encoding {
                case .oneHot: if !oneHot.contains(index) { oneHot.append(index) }
                case .piecewiseLinear: if !lines.contains(index) { lines.append(index) }
                }
            }
        }
        for cross in specification.crosses {
            let features = cross.features.map(position)
            let parts = features.map { feature in
                (cross.shape ?? shapes[feature]).map { Part.bin(set: set(feature, $0)) } ?? .whole(feature: feature)
            }
            crosses.append(CrossedParts(features: features, parts: parts, buckets: cross.buckets))
        }
        self.sets = sets
        featureCount = featureNames.count
        switch specification.dense {
        case .all: dense = nil
        case .only(let names): dense = names.map(position)
        case .allBut(let names): dense = featureNames.indices.filter { !names.contains(featureNames[$0]) }
        }
        frozenAfter = specification.binsFrozenAfter
        let largest = sets.map { $0.shape.largestEdgeCount(ofCount: specification.binsFrozenAfter) + 1 }
        var count = (oneHot + lines).reduce(0) { $0 + largest[$1] }
        for cross in crosses { count += Self.combinations(cross, bins: largest) }
        activeCount = oneHot.count + 2 * lines.count + crosses.count
        largestSparseCount = specification.hasBins ? count : 0
    }

    /// How many weights so many bins have. The only one is always active: it would be a second intercept.
    static func weightCount(ofBins bins: Int) -> Int { bins > 1 ? bins : 0 }

    /// How many weights a cross has with so many bins in each set.
    static func combinations(_ cross: CrossedParts, bins: [Int]) -> Int {
        if let buckets = cross.buckets { return buckets }
        let product = cross.parts.reduce(1) { product, part in
            guard case .bin(let set) = part else { return product }
            return min(product * bins[set], 1 << 31)
        }
        return weightCount(ofBins: product)
    }
}
