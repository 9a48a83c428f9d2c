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

    /// A set as it is searched: a number of steps, and edges filled up with infinity to one less than a power of two.
    struct Table: BitwiseCopyable {
        var feature: Int32
        var start: Int32
        /// Half of that power of two; 0 without edges.
        var half: Int32
        var bins: Int32
    }

    /// A group of weights, from `base` on.
    struct Group: BitwiseCopyable {
        /// The set, or the first of a cross's parts.
        var place: Int32
        var base: Int32
        /// Of a cross: its parts, and the buckets of their hash (0: exact).
        var partCount: Int32 = 0
        var buckets: Int32 = 0
    }

    /// A part of a cross: a set, or a feature taken as a whole number.
    struct PartPlace: BitwiseCopyable {
        var isBin: Bool
        var place: Int32
    }

    private var tables: [Table] = []
    private var oneHot: [Group] = []
    private var lines: [Group] = []
    private var crosses: [Group] = []
    private var parts: [PartPlace] = []
    private var searched = Vector(count: 0)

    init(_ layout: EncodingLayout) {
        self.layout = layout
        if !layout.sets.isEmpty { sketches = BinSketches(layout) }
        if layout.sets.isEmpty, layout.activeCount > 0 { arrange() }
    }

    /// Whether entries are active.
    var isActive: Bool { layout.activeCount > 0 && sketches == nil }

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
        var start = 0
        tables = zip(layout.sets, edges).map { set, edges in
            let half = edges.edges.isEmpty ? 0 : 1 << (Int.bitWidth - 1 - edges.edges.count.leadingZeroBitCount)
            defer { start += 2 * half }
            return Table(
                feature: Int32(set.feature), start: Int32(start), half: Int32(half), bins: Int32(edges.shares.count))
        }
        searched = Vector(count: start)
        searched.fill(with: .infinity)
        for (table, edges) in zip(tables, edges) {
            (searched.pointer + Int(table.start)).update(from: edges.edges, count: edges.edges.count)
        }
        var base = 0
        func group(_ place: Int, _ count: Int) -> Group {
            defer { base += count }
            return Group(place: Int32(place), base: Int32(base))
        }
        oneHot = layout.oneHot.map { group($0, edges[$0].shares.count) }
        lines = layout.lines.map { group($0, edges[$0].edges.count) }
        parts = []
        crosses = layout.crosses.map { cross in
            var crossed = group(
                parts.count, EncodingLayout.combinations(cross, bins: edges.map(\.shares.count)))
            crossed.partCount = Int32(cross.parts.count)
            crossed.buckets = Int32(cross.buckets ?? 0)
            for part in cross.parts {
                switch part {
                case .bin(let set): parts.append(PartPlace(isBin: true, place: Int32(set)))
                case .whole(let feature): parts.append(PartPlace(isBin: false, place: Int32(feature)))
                }
            }
            return crossed
        }
        sparseCount = base
    }

    /// The sparse weights that there are: none until the edges are fixed.
    private(set) var sparseCount = 0

    // MARK: rows

    /// The entries of a raw row of finite values: `layout.activeCount` indices and values.
    ///
    /// One-hot bins come first, then two for each broken line, then crosses.
    /// - Complexity: O(sets · log(edges)); without a branch that depends on the row.
    @inline(never) func fill(
        _ row: UnsafePointer<Double>, indices: UnsafeMutablePointer<Int32>, values: UnsafeMutablePointer<Double>
    ) {
        let activeCount = layout.activeCount
        guard isActive else {
            indices.update(repeating: -1, count: activeCount)
            values.update(repeating: 0, count: activeCount)
            return
        }
        values.update(repeating: 1, count: activeCount)
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: tables.count) { scratch in
            guard let bins = scratch.baseAddress else { return }
            locate(row, into: bins)
            var next = 0
            for group in oneHot {
                indices[next] = group.base &+ bins[Int(group.place)]
                next &+= 1
            }
            for group in lines {
                let (low, high, fraction) = ends(group, row, bin: bins[Int(group.place)])
                indices[next] = low
                values[next] = 1 - fraction
                indices[next &+ 1] = high
                values[next &+ 1] = fraction
                next &+= 2
            }
            for group in crosses {
                indices[next] = group.base &+ (group.buckets == 0 ? exact(group, bins) : hashed(group, row, bins))
                next &+= 1
            }
        }
    }

    /// The bin of each set.
    @inline(__always) private func locate(_ row: UnsafePointer<Double>, into bins: UnsafeMutablePointer<Int32>) {
        let searched = searched.pointer
        tables.withUnsafeBufferPointer { tables in
            for place in tables.indices {
                let table = tables[place]
                let value = row[Int(table.feature)]
                let edges = searched + Int(table.start)
                var (bin, half) = (0, Int(table.half))
                while half > 0 {
                    bin &+= half & (0 &- (edges[bin &+ half &- 1] <= value ? 1 : 0))
                    half >>= 1
                }
                bins[place] = Int32(truncatingIfNeeded: bin)
            }
        }
    }

    /// The knots that a value lies between, and how far it is from the first to the second.
    @inline(__always) private func ends(
        _ group: Group, _ row: UnsafePointer<Double>, bin: Int32
    ) -> (low: Int32, high: Int32, fraction: Double) {
        let table = tables[Int(group.place)]
        let last = table.bins &- 2
        guard last >= 0 else { return (-1, -1, 0) }
        let edges = searched.pointer + Int(table.start)
        guard bin > 0 else { return (group.base, -1, 0) }
        guard bin <= last else { return (group.base &+ last, -1, 0) }
        let (low, high) = (edges[Int(bin) &- 1], edges[Int(bin)])
        let value = row[Int(table.feature)]
        return (group.base &+ bin &- 1, group.base &+ bin, (value - low) / (high - low))
    }

    @inline(__always) private func exact(_ group: Group, _ bins: UnsafePointer<Int32>) -> Int32 {
        var place: Int32 = 0
        for part in 0..<Int(group.partCount) {
            let set = Int(parts[Int(group.place) &+ part].place)
            place = place &* tables[set].bins &+ bins[set]
        }
        return place
    }

    @inline(__always) private func hashed(
        _ group: Group, _ row: UnsafePointer<Double>, _ bins: UnsafePointer<Int32>
    ) -> Int32 {
        var hash: UInt64 = 0
        for part in 0..<Int(group.partCount) {
            let part = parts[Int(group.place) &+ part]
            let word =
                part.isBin
                ? UInt64(UInt32(bitPattern: bins[Int(part.place)]))
                : (row[Int(part.place)].rounded() + 0).bitPattern
            hash = mixed(hash ^ word)
        }
        return Int32(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(group.buckets)).high)
    }

    // MARK: what the weights are

    /// What a group of weights is about, for those who explain or export.
    enum Meaning {
        case bins(set: Int)
        case line(set: Int)
        case cross(Int)
    }

    /// The groups of weights in use, in the order of the entries of a row.
    var groups: [(meaning: Meaning, weights: Range<Int>)] {
        guard isActive else { return [] }
        var all: [(Meaning, Range<Int>)] = []
        for group in oneHot {
            let base = Int(group.base)
            all.append((.bins(set: Int(group.place)), base..<base + edges[Int(group.place)].shares.count))
        }
        for group in lines {
            let base = Int(group.base)
            all.append((.line(set: Int(group.place)), base..<base + edges[Int(group.place)].edges.count))
        }
        let bins = edges.map(\.shares.count)
        for (index, group) in crosses.enumerated() {
            let base = Int(group.base)
            let count = EncodingLayout.combinations(layout.crosses[index], bins: bins)
            all.append((.cross(index), base..<base + count))
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
