/// What a `StreamingKMeans` learns with.
public struct KMeansSpecification: Hashable, Sendable {
    public var clusters = 16
    /// Rows learned together, at least 1.
    public var batchRows = 256
    /// What a weight keeps at each batch, within [0, 1]; 1 never forgets. Without meaning beside a half-life.
    public var decay = 0.99
    /// What a weight keeps follows from the rows of a batch, or from the event time that passed since the one before.
    public var halfLife: HalfLife?
    /// Rows among which the first centroids are chosen, at least 1.
    public var startRows = 1024
    /// A cluster lighter than this share of the heaviest one dies; 0: none ever does.
    public var dyingShare = 1e-4
    /// For experiments: after so many rows the second heaviest cluster dies, as if it had lost its weight; nil: never.
    public var resplitAt: Int?
    public var seed: UInt64 = 1

    public init(
        clusters: Int = 16, batchRows: Int = 256, decay: Double = 0.99, halfLife: HalfLife? = nil,
        startRows: Int = 1024, dyingShare: Double = 1e-4, seed: UInt64 = 1
    ) {
        self.clusters = clusters
        self.batchRows = batchRows
        self.decay = decay
        self.halfLife = halfLife
        self.startRows = startRows
        self.dyingShare = dyingShare
        self.seed = seed
    }

    /// No clusters at all.
    static let none = KMeansSpecification(clusters: 0)

    /// Throws for the first value that is out of its range; `name` is what errors call the specification.
    public func validate(as name: String = "kMeans") throws(ModelSpecificationError) {
        let check = RangeCheck(name: name)
        try check.require((1...4096).contains(clusters), "clusters", clusters, "from 1 to 4096")
        try check.require((1...1 << 20).contains(batchRows), "batchRows", batchRows, "from 1 to 1048576")
        try check.require((1...1 << 20).contains(startRows), "startRows", startRows, "from 1 to 1048576")
        try check.require((0...1).contains(decay), "decay", decay, "from 0 to 1")
        try check.require(halfLife)
        try check.require(dyingShare >= 0 && dyingShare < 1, "dyingShare", dyingShare, "at least 0 and below 1")
        if let resplitAt { try check.require(resplitAt >= 1, "resplitAt", resplitAt, "at least 1") }
    }
}
