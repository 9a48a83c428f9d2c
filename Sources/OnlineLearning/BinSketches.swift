import EventModel

/// What is known of the binned features until their edges are fixed: sketches of all values, and of those with the
/// label fraud.
struct BinSketches: Sendable {
    /// One for each feature that is cut, sharp at the ends that its bins are cut towards.
    private struct FeatureSketches: Sendable {
        var feature: Int
        var high: QuantileSketch
        /// Of the negated values; nil where no low tail is cut.
        var low: QuantileSketch?
        var frauds: QuantileSketch?
    }

    static let sectionLength = 32

    private var sketches: [FeatureSketches] = []
    /// Transactions observed.
    private(set) var count = 0

    init(_ layout: EncodingLayout) {
        for set in layout.sets {
            let place = sketches.firstIndex { $0.feature == set.feature } ?? sketches.count
            if place == sketches.count {
                sketches.append(FeatureSketches(feature: set.feature, high: Self.sketch(set.feature, 0)))
            }
            if set.shape.tail.isLow { sketches[place].low = Self.sketch(set.feature, 1) }
            if set.shape.fraudCount > 1 { sketches[place].frauds = Self.sketch(set.feature, 2) }
        }
    }

    private static func sketch(_ feature: Int, _ role: UInt64) -> QuantileSketch {
        QuantileSketch(sectionLength: sectionLength, seed: mixed(UInt64(feature), role))
    }

    mutating func observe(_ row: UnsafePointer<Double>) {
        count &+= 1
        for place in sketches.indices {
            let value = row[sketches[place].feature]
            sketches[place].high.insert(value)
            sketches[place].low?.insert(-value)
        }
    }

    mutating func observeFraud(_ row: UnsafePointer<Double>) {
        for place in sketches.indices {
            let value = row[sketches[place].feature]
            sketches[place].frauds?.insert(value)
        }
    }

    /// The edges of each set of the layout.
    func edges(_ layout: EncodingLayout) -> [BinEdges] {
        layout.sets.map { set in
            guard let sketch = sketches.first(where: { $0.feature == set.feature }) else { return BinEdges() }
            let high = sketch.high.ranking
            let ranking = sketch.low.map { QuantileRanking(low: $0.ranking.negated, high: high) } ?? high
            return BinEdges(set.shape, of: ranking, frauds: sketch.frauds?.ranking ?? QuantileRanking())
        }
    }

    // MARK: saved state

    func encode(into writer: inout ByteWriter) {
        writer.encode(count)
        for sketch in sketches {
            sketch.high.encode(into: &writer)
            sketch.low?.encode(into: &writer)
            sketch.frauds?.encode(into: &writer)
        }
    }

    mutating func decode(from reader: inout ByteReader, below limit: Int) throws(StateCodingError) {
        count = try reader.decodeCounter("bins: transactions observed", below: limit)
        for place in sketches.indices {
            sketches[place].high = try Self.sketch(&reader)
            if sketches[place].low != nil { sketches[place].low = try Self.sketch(&reader) }
            if sketches[place].frauds != nil { sketches[place].frauds = try Self.sketch(&reader) }
        }
    }

    private static func sketch(_ reader: inout ByteReader) throws(StateCodingError) -> QuantileSketch {
        try QuantileSketch(decoding: &reader, sectionLength: sectionLength)
    }
}
