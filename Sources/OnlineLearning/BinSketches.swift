import EventModel

/// What is known of the binned features until their edges are fixed: sketches of all values, and of those with the
/// label fraud.
struct BinSketches: Sendable {
    /// A feature that is cut, and the columns of its sketches.
    private struct Columns: Sendable {
        var feature: Int
        var high: Int
        /// nil where no low tail is cut.
        var low: Int?
        /// nil where no edges go by frauds.
        var frauds: Int?
    }

    static let sectionLength = 32

    private let columns: [Columns]
    /// Sharp at the ends that the bins are cut towards; `low` of the negated values.
    private var high: QuantileSketches
    private var low: QuantileSketches
    private var frauds: QuantileSketches
    /// Transactions observed.
    private(set) var count = 0

    init(_ layout: EncodingLayout) {
        var features: [Int] = []
        for set in layout.sets where !features.contains(set.feature) { features.append(set.feature) }
        let shapes = { (feature: Int) in layout.sets.filter { $0.feature == feature }.map(\.shape) }
        let lowFeatures = features.filter { shapes($0).contains { $0.tail.isLow } }
        let fraudFeatures = features.filter { shapes($0).contains { $0.fraudCount > 1 } }
        columns = features.enumerated().map { column, feature in
            Columns(
                feature: feature, high: column, low: lowFeatures.firstIndex(of: feature),
                frauds: fraudFeatures.firstIndex(of: feature))
        }
        high = Self.sketches(features, role: 0)
        low = Self.sketches(lowFeatures, role: 1, negated: true)
        frauds = Self.sketches(fraudFeatures, role: 2)
    }

    private static func sketches(_ features: [Int], role: UInt64, negated: Bool = false) -> QuantileSketches {
        QuantileSketches(
            places: features, negated: negated, sectionLength: sectionLength,
            seeds: features.map { mixed(UInt64($0), role) })
    }

    mutating func observe(_ row: UnsafePointer<Double>) {
        count &+= 1
        high.insert(row)
        if low.columnCount > 0 { low.insert(row) }
    }

    mutating func observeFraud(_ row: UnsafePointer<Double>) {
        if frauds.columnCount > 0 { frauds.insert(row) }
    }

    /// The edges of each set of the layout.
    func edges(_ layout: EncodingLayout) -> [BinEdges] {
        var edges = Array(repeating: BinEdges(), count: layout.sets.count)
        for column in columns {
            let upper = high.ranking(column.high)
            let all = column.low.map { QuantileRanking(low: low.ranking($0).negated, high: upper) } ?? upper
            let ofFrauds = column.frauds.map { frauds.ranking($0) } ?? QuantileRanking()
            for (index, set) in layout.sets.enumerated() where set.feature == column.feature {
                edges[index] = BinEdges(set.shape, of: all, frauds: ofFrauds)
            }
        }
        return edges
    }

    // MARK: saved state

    func encode(into writer: inout ByteWriter) {
        writer.encode(count)
        for column in columns {
            high.encode(column.high, into: &writer)
            if let place = column.low { low.encode(place, into: &writer) }
            if let place = column.frauds { frauds.encode(place, into: &writer) }
        }
    }

    mutating func decode(from reader: inout ByteReader, below limit: Int) throws(StateCodingError) {
        count = try reader.decodeCounter("bins: transactions observed", below: limit)
        for column in columns {
            try high.decode(column.high, from: &reader)
            if let place = column.low { try low.decode(place, from: &reader) }
            if let place = column.frauds { try frauds.decode(place, from: &reader) }
        }
    }
}
