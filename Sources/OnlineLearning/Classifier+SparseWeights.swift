/// The weights of one group of sparse inputs, for those who export or explain.
public struct SparseWeights: Sendable {
    public enum Kind: Sendable {
        case oneHot, piecewiseLinear, cross
    }

    /// A feature that the group looks at.
    public struct Part: Sendable {
        public var feature: Int
        /// The edges between its bins; nil: it is taken as a whole number.
        public var edges: [Double]?
    }

    public var kind: Kind
    public var parts: [Part]
    /// Of each bin, or of each edge of a broken line, its mean when the edges were fixed; empty of a cross.
    public var shares: [Double] = []
    /// Of a cross: the buckets of its hash; nil: exact.
    public var buckets: Int?
    /// One for each bin, edge, combination or bucket.
    public var weights: [Double]
}

extension Classifier {
    /// The features that are dense inputs, in the order of the regression's inputs; behind them stand the clusters, if
    /// they are inputs.
    public var denseFeatures: [Int] { encoding.layout.dense ?? Array(0..<encoding.layout.featureCount) }

    /// The weights of clusters, empty unless they are inputs.
    public var clusterWeights: [Double] { Array(regression.inputWeights.dropFirst(denseCount)) }

    /// The sparse inputs; none until their edges are fixed.
    public var sparseWeights: [SparseWeights] {
        encoding.groups.map { group in
            let weights = group.weights.map { regression.sparseWeight($0) }
            switch group.meaning {
            case .bins(let set):
                return SparseWeights(
                    kind: .oneHot, parts: [part(set)], shares: encoding.edges[set].shares, weights: weights)
            case .line(let set):
                return SparseWeights(
                    kind: .piecewiseLinear, parts: [part(set)], shares: encoding.edges[set].knotShares,
                    weights: weights)
            case .cross(let cross):
                let crossed = encoding.layout.crosses[cross]
                let parts = zip(crossed.features, crossed.parts).map { feature, taken in
                    if case .bin(let set) = taken { return part(set) }
                    return SparseWeights.Part(feature: feature, edges: nil)
                }
                return SparseWeights(kind: .cross, parts: parts, buckets: crossed.buckets, weights: weights)
            }
        }
    }

    private func part(_ set: Int) -> SparseWeights.Part {
        SparseWeights.Part(feature: encoding.layout.sets[set].feature, edges: encoding.edges[set].edges)
    }
}
