extension EncodingSpecification {
    public static let countRange = 1...256
    public static let stepRange = 1...16
    public static func isLast(_ share: Double) -> Bool { share >= 0 && share < 0.5 }
    public static let fraudCountRange = 0...64
    public static let bucketRange = 2...1 << 22
    public static let crossSizes = 2...4
    public static let frozenAfterRange = 1...1 << 40
    /// Weights of all bins and crosses.
    static let mostWeights = 1 << 22

    func validate(as name: String) throws(ModelSpecificationError) {
        let check = RangeCheck(name: name + ".inputs")
        let frozen = binsFrozenAfter
        try check.require(Self.frozenAfterRange.contains(frozen), "binsFrozenAfter", frozen, "from 1 to 2^40")
        for binned in bins { try validate(binned.shape, check) }
        for cross in crosses {
            if let shape = cross.shape { try validate(shape, check) }
            let count = cross.features.count
            try check.require(Self.crossSizes.contains(count), "crosses.of", count, "from 2 to 4 features")
            if let buckets = cross.buckets {
                try check.require(Self.bucketRange.contains(buckets), "crosses.buckets", buckets, "from 2 to 2^22")
            }
        }
    }

    private func validate(_ shape: BinShape, _ check: RangeCheck) throws(ModelSpecificationError) {
        try check.require(Self.countRange.contains(shape.count), "bins.count", shape.count, "from 1 to 256")
        try check.require(Self.stepRange.contains(shape.steps), "bins.steps", shape.steps, "from 1 to 16")
        try check.require(Self.isLast(shape.last), "bins.last", shape.last, "at least 0 and below 0.5")
        try check.require(shape.tailRows >= 1, "bins.tailRows", shape.tailRows, "at least 1")
        try check.require(
            Self.fraudCountRange.contains(shape.fraudCount), "bins.fraudCount", shape.fraudCount, "from 0 to 64")
    }

    /// Throws where features are named that there are not, where a cross without buckets has a feature without bins, and
    /// where there would be too many weights.
    public func validate(featureNames: [String], as name: String) throws(ModelSpecificationError) {
        let check = RangeCheck(name: name + ".inputs")
        let named = [dense.names] + bins.map { $0.features ?? [] } + crosses.map(\.features)
        for feature in named.joined() {
            try check.require(featureNames.contains(feature), "features", feature, "one of \(featureNames)")
        }
        for features in named {
            try check.require(Set(features).count == features.count, "features", features, "different ones")
        }
        let layout = EncodingLayout(self, featureNames: featureNames)
        for (cross, parts) in zip(crosses, layout.crosses) where cross.buckets == nil {
            let isWhole = parts.parts.contains { if case .whole = $0 { true } else { false } }
            try check.require(!isWhole, "crosses.buckets", "absent", "given, or all of its features under 'bins'")
        }
        try check.require(
            layout.largestSparseCount <= Self.mostWeights, "crosses", "\(layout.largestSparseCount) weights",
            "at most \(Self.mostWeights)")
    }
}
