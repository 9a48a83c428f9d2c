import EventModel
import LinearAlgebra

/// Turns a raw row into the sparse entries of a classifier: the bins that its values fall into and crosses of them.
///
/// The edges are learned from the transactions observed up to a declared number and never change after that. Until then
/// no entry is active.
struct InputEncoding: ~Copyable, @unchecked Sendable {
    let layout: EncodingLayout
    /// nil once the edges are fixed, and where there are no bins.
    private(set) var sketches: BinSketches?
    /// For each set of the layout, once they are fixed.
    private(set) var edges: [BinEdges] = []

    /// What rows are looked up in; nothing until the edges are fixed.
    private var memory = EncodingMemory()
    /// The same for the hot path. Valid while the encoding lives and until its edges are fixed.
    private(set) var tables = EncodingTables()
    /// The groups of weights in use, in the order of the entries of a row.
    private(set) var groups: [Group] = []

    init(_ layout: EncodingLayout) {
        self.layout = layout
        if !layout.sets.isEmpty { sketches = BinSketches(layout) }
        if layout.sets.isEmpty, layout.activeCount > 0 { arrange() }
    }

    /// Whether entries are active.
    @inline(__always) var isActive: Bool { tables.activeCount > 0 }

    /// After how many transactions more the edges are fixed; nil where they are.
    var rowsToEdges: Int? { sketches.map { layout.frozenAfter - $0.count } }

    // MARK: learning the edges

    /// An accepted transaction; fixes the edges when enough have been seen.
    /// - Returns: whether it did.
    @inline(__always) mutating func observe(_ row: UnsafePointer<Double>) -> Bool {
        sketches != nil && sketch(row)
    }

    @inline(never) private mutating func sketch(_ row: UnsafePointer<Double>) -> Bool {
        sketches?.observe(row)
        guard sketches?.count == layout.frozenAfter else { return false }
        fixEdges()
        return true
    }

    private mutating func fixEdges() {
        edges = sketches?.edges(layout) ?? []
        sketches = nil
        arrange()
    }

    /// A row whose label is fraud.
    @inline(__always) mutating func observeFraud(_ row: UnsafePointer<Double>) {
        if sketches != nil { sketches?.observeFraud(row) }
    }

    /// Lays out tables and weights for the edges there are.
    private mutating func arrange() {
        memory = EncodingMemory(layout, edges)
        tables = memory.tables(activeCount: layout.activeCount)
        groups = Self.groups(layout, edges)
    }

    /// The sparse weights that there are: none until the edges are fixed.
    var sparseCount: Int { memory.weightCount }

    /// The entries of a raw row of finite values: `layout.activeCount` indices, −1 where nothing is active, and values.
    func fill(
        _ row: UnsafePointer<Double>, indices: UnsafeMutablePointer<Int32>, values: UnsafeMutablePointer<Double>
    ) {
        guard isActive else {
            indices.update(repeating: -1, count: layout.activeCount)
            return values.update(repeating: 0, count: layout.activeCount)
        }
        tables.fill(row, indices: indices, values: values)
        for entry in 0..<layout.activeCount where indices[entry] >= sparseCount { indices[entry] = -1 }
    }

    // MARK: what the weights are

    /// What a group of weights is about, for those who explain or export.
    enum Meaning {
        case bins(set: Int)
        case line(set: Int)
        case cross(Int)
    }

    /// Weights that are about the same.
    struct Group {
        let meaning: Meaning
        let weights: Range<Int>
        /// The entries of a row that are the group's.
        let entryCount: Int
        /// The features that it comes from.
        let features: [Int]
        /// Of each weight its mean value when the edges were fixed; empty of a cross.
        let shares: [Double]
    }

    private static func groups(_ layout: EncodingLayout, _ edges: [BinEdges]) -> [Group] {
        var all: [Group] = []
        func append(_ meaning: Meaning, _ count: Int, entries: Int = 1, _ features: [Int], _ shares: [Double]) {
            let base = all.last?.weights.upperBound ?? 0
            all.append(
                Group(
                    meaning: meaning, weights: base..<base + count, entryCount: entries, features: features,
                    shares: shares))
        }
        for set in layout.oneHot {
            let shares = edges[set].shares
            append(
                .bins(set: set), EncodingLayout.weightCount(ofBins: shares.count), [layout.sets[set].feature], shares)
        }
        for set in layout.lines {
            let shares = edges[set].knotShares
            append(.line(set: set), shares.count, entries: 2, [layout.sets[set].feature], shares)
        }
        let bins = edges.map(\.shares.count)
        for (index, cross) in layout.crosses.enumerated() {
            append(.cross(index), EncodingLayout.combinations(cross, bins: bins), cross.features, [])
        }
        return all
    }

    // MARK: saved state

    func encode(into writer: inout ByteWriter) {
        writer.encode(layout.sets.count)
        guard !layout.sets.isEmpty else { return }
        writer.encode(sketches == nil)
        if let sketches { return sketches.encode(into: &writer) }
        for edges in edges {
            writer.encode(edges.edges)
            writer.encode(edges.shares)
            writer.encode(edges.knotShares)
        }
    }

    /// Takes up what `encode` wrote for the same layout.
    mutating func decode(from reader: inout ByteReader) throws(StateCodingError) {
        try reader.expect(layout.sets.count, "bins: number of features")
        guard !layout.sets.isEmpty else { return }
        guard try reader.decodeBool() else {
            var saved = BinSketches(layout)
            try saved.decode(from: &reader, below: layout.frozenAfter)
            sketches = saved
            return
        }
        edges = []
        for set in layout.sets {
            var saved = BinEdges()
            saved.edges = try reader.decodeDoubles()
            saved.shares = try reader.decodeDoubles()
            saved.knotShares = try reader.decodeDoubles()
            let most = set.shape.largestEdgeCount(ofCount: layout.frozenAfter)
            guard saved.edges.count <= most, saved.shares.count == saved.edges.count + 1,
                saved.knotShares.count == saved.edges.count, saved.edges.allSatisfy(\.isFinite),
                zip(saved.edges, saved.edges.dropFirst()).allSatisfy({ $0 < $1 })
            else { throw StateCodingError("bins: \(saved.edges.count) edges are not in order, or more than \(most)") }
            edges.append(saved)
        }
        sketches = nil
        arrange()
    }
}
