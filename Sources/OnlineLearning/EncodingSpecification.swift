/// What a classifier is given of a row of features: some of them as they are (scaled), some by the bin that they fall
/// into, and crosses of bins. Features are named.
public struct EncodingSpecification: Hashable, Sendable {
    /// Which features are inputs as scaled numbers.
    public enum Dense: Hashable, Sendable {
        case all
        case only([String])
        case allBut([String])

        var names: [String] {
            switch self {
            case .all: []
            case .only(let names), .allBut(let names): names
            }
        }
    }

    public var dense = Dense.all
    /// Features that are inputs by their bins too.
    public var bins: [BinnedFeatures] = []
    /// What is an input only together.
    public var crosses: [Cross] = []
    /// The edges of all bins are fixed when so many transactions have been observed, at least 1; until then no bin is
    /// an input.
    public var binsFrozenAfter = 50_000

    public init() {}

    /// Whether there is anything whose edges are learned.
    public var hasBins: Bool { !bins.isEmpty || !crosses.isEmpty }
}

/// How one feature's range is cut into bins: edges at equal shares of the values seen, and towards a tail edges beyond
/// which only 2^(−k/steps) of them lie, k = 1, 2, ..., since fraud lives where equal shares see nothing.
public struct BinShape: Hashable, Sendable {
    public enum Tail: String, Hashable, Sendable, CaseIterable {
        case none, high, low, both

        var isHigh: Bool { self == .high || self == .both }
        var isLow: Bool { self == .low || self == .both }
    }

    /// Equal shares, from 1 (only the tails are cut) to 256.
    public var count: Int
    public var tail: Tail
    /// Edges of a tail for each halving of what lies beyond, from 1 to 16.
    public var steps: Int
    /// A tail is cut no further than that this share of the values seen lies beyond, at least 0 and below 0.5.
    public var last: Double
    /// A tail is cut no further than that so many of the values seen lie beyond, at least 1.
    public var tailRows: Int
    /// Equal shares of the values that had the label fraud before the edges were fixed, which are edges as well; 0 or
    /// 1: none.
    public var fraudCount: Int

    public init(
        count: Int = 1, tail: Tail = .high, steps: Int = 2, last: Double = 0, tailRows: Int = 20, fraudCount: Int = 0
    ) {
        self.count = count
        self.tail = tail
        self.steps = steps
        self.last = last
        self.tailRows = tailRows
        self.fraudCount = fraudCount
    }
}

/// Features that enter by their bins.
public struct BinnedFeatures: Hashable, Sendable {
    public enum Encoding: String, Hashable, Sendable, CaseIterable {
        /// A weight for each bin.
        case oneHot = "one_hot"
        /// A weight for each edge, between two edges a share of both: a broken line. Beyond the last edge it is level.
        case piecewiseLinear = "piecewise_linear"
    }

    /// nil: all.
    public var features: [String]?
    public var shape: BinShape
    public var encoding: Encoding

    public init(_ features: [String]?, shape: BinShape = BinShape(), encoding: Encoding = .oneHot) {
        self.features = features
        self.shape = shape
        self.encoding = encoding
    }
}

/// Two or more features of which each combination has a weight.
public struct Cross: Hashable, Sendable {
    public var features: [String]
    /// How all of them are cut for this cross; nil: as under `bins`, and those not there by their whole numbers.
    public var shape: BinShape?
    /// Combinations share so many weights by their hash; nil: a weight for each, which needs bins of all features.
    public var buckets: Int?

    public init(_ features: [String], shape: BinShape? = nil, buckets: Int? = nil) {
        self.features = features
        self.shape = shape
        self.buckets = buckets
    }
}

extension BinShape {
    /// The shares of the values that lie below the edges, in ascending order, when `count` values have been seen.
    func ranks(ofCount seen: Int) -> [Double] {
        let tails = tailShares(ofCount: seen)
        var ranks = (1..<max(count, 1)).map { Double($0) / Double(count) }
        if tail.isLow { ranks += tails }
        if tail.isHigh { ranks += tails.map { 1 - $0 } }
        return Set(ranks).sorted()
    }

    /// The shares 2^(−k/steps) that lie beyond the edges of a tail: those less than an equal share, or half where both
    /// tails meet.
    private func tailShares(ofCount seen: Int) -> [Double] {
        var shares: [Double] = []
        for step in 1...64 * steps {
            let share = power(2, -Double(step) / Double(steps))
            guard share >= last, share * Double(seen) >= Double(tailRows) else { break }
            let isBeyond = count > 1 ? share * Double(count) < 1 : tail != .both || share <= 0.5
            if isBeyond { shares.append(share) }
        }
        return shares
    }

    /// The most edges that there can be, however the values lie.
    func largestEdgeCount(ofCount seen: Int) -> Int {
        ranks(ofCount: seen).count + max(fraudCount - 1, 0) + 2 * BinEdges.mostAtoms
    }
}
