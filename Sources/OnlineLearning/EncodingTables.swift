import EventModel
import LinearAlgebra

/// How a raw row's sparse entries are found: pointers into an `EncodingMemory`, for the hot path.
struct EncodingTables: BitwiseCopyable {
    /// A feature's edges as they are searched. In memory stand every eighth edge (`pivotFours` times four, filled up
    /// with infinity), then all of them in eights, filled up likewise.
    struct Table: BitwiseCopyable {
        var feature: Int32
        var start: Int32
        var pivotFours: Int32
        var bins: Int32
    }

    /// A group of weights, from `base` on; −1 for a group without weights, whose entries are never active.
    struct Group: BitwiseCopyable {
        /// The table, or the first of a cross's parts.
        var place: Int32
        var base: Int32
        /// Of a cross: its parts, and the buckets of their hash (0: exact).
        var partCount: Int32 = 0
        var buckets: Int32 = 0
    }

    /// A part of a cross: a table, or a feature taken as a whole number.
    struct Part: BitwiseCopyable {
        var isBin: Bool
        var place: Int32
    }

    /// The entries of a row; 0 while none are active.
    var activeCount = 0
    var edges: UnsafeMutablePointer<Double>?
    var tables: PlainSlice<Table> = PlainSlice()
    var oneHot: PlainSlice<Group> = PlainSlice()
    var lines: PlainSlice<Group> = PlainSlice()
    var crosses: PlainSlice<Group> = PlainSlice()
    var parts: PlainSlice<Part> = PlainSlice()

    /// One-hot bins come first, then two for each broken line, then crosses.
    /// - Complexity: O(tables · edges/8); without a branch that depends on the row but for hashed crosses and lines.
    @inline(never) func fill(
        _ row: UnsafePointer<Double>, indices: UnsafeMutablePointer<Int32>, values: UnsafeMutablePointer<Double>
    ) {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: tables.count &+ 1) { scratch in
            guard let bins = scratch.baseAddress else { return }
            for place in 0..<tables.count {
                bins[place] = bin(row[Int(tables[place].feature)], tables[place])
            }
            for place in 0..<oneHot.count {
                let group = oneHot[place]
                indices[place] = group.base &+ bins[Int(group.place)]
                values[place] = 1
            }
            var next = oneHot.count
            for place in 0..<lines.count {
                let group = lines[place]
                let (low, high, fraction) = ends(group, row, bin: bins[Int(group.place)])
                (indices[next], values[next]) = (low, 1 - fraction)
                (indices[next &+ 1], values[next &+ 1]) = (high, fraction)
                next &+= 2
            }
            for place in 0..<crosses.count {
                let group = crosses[place]
                indices[next] = group.base &+ (group.buckets == 0 ? exact(group, bins) : hashed(group, row, bins))
                values[next] = 1
                next &+= 1
            }
        }
    }

    /// Calls `body` with the entries of a raw row.
    @inline(__always) func withEntries<Result>(
        of row: UnsafePointer<Double>, _ body: (UnsafePointer<Int32>, UnsafePointer<Double>) -> Result
    ) -> Result {
        // One allocation: the values, then the indices.
        withUnsafeTemporaryAllocation(of: Double.self, capacity: activeCount &+ (activeCount &+ 2) / 2) { scratch in
            let values = scratch.baseAddress.unsafelyUnwrapped
            let indices = UnsafeMutableRawPointer(values + activeCount)
                .bindMemory(to: Int32.self, capacity: activeCount)
            fill(row, indices: indices, values: values)
            return body(indices, values)
        }
    }

    /// How many of a table's edges are not above `value`.
    @inline(__always) private func bin(_ value: Double, _ table: Table) -> Int32 {
        let value = SIMD4(repeating: value)
        var start = UnsafePointer(edges.unsafelyUnwrapped) + Int(table.start)
        var eights = SIMD4<Int64>.zero
        for _ in 0..<table.pivotFours {
            eights &+= notAbove(start, value)
            start += 4
        }
        let eight = 0 &- eights.wrappedSum()
        start += Int(eight &* 8)
        let rest = notAbove(start, value) &+ notAbove(start + 4, value)
        return Int32(truncatingIfNeeded: eight &* 8 &- rest.wrappedSum())
    }

    /// −1 for each of four edges that is not above the value, else 0.
    @inline(__always) private func notAbove(
        _ edges: UnsafePointer<Double>, _ value: SIMD4<Double>
    ) -> SIMD4<Int64> {
        unsafeBitCast(edges.four(at: 0) .<= value, to: SIMD4<Int64>.self)
    }

    /// The knots that a value lies between, and how far it is from the first to the second.
    @inline(__always) private func ends(
        _ group: Group, _ row: UnsafePointer<Double>, bin: Int32
    ) -> (low: Int32, high: Int32, fraction: Double) {
        let table = tables[Int(group.place)]
        let last = table.bins &- 2
        guard last >= 0 else { return (-1, -1, 0) }
        guard bin > 0 else { return (group.base, -1, 0) }
        guard bin <= last else { return (group.base &+ last, -1, 0) }
        let edges = edges.unsafelyUnwrapped + (Int(table.start) &+ 4 &* Int(table.pivotFours) &+ Int(bin))
        let value = row[Int(table.feature)]
        return (group.base &+ bin &- 1, group.base &+ bin, (value - edges[-1]) / (edges[0] - edges[-1]))
    }

    @inline(__always) private func exact(_ group: Group, _ bins: UnsafePointer<Int32>) -> Int32 {
        var place: Int32 = 0
        for part in 0..<Int(group.partCount) {
            let table = Int(parts[Int(group.place) &+ part].place)
            place = place &* tables[table].bins &+ bins[table]
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
}

/// Elements in memory that another owns.
struct PlainSlice<Element: BitwiseCopyable>: BitwiseCopyable {
    let pointer: UnsafeMutablePointer<Element>?
    let count: Int

    init(_ pointer: UnsafeMutablePointer<Element>? = nil, count: Int = 0) {
        self.pointer = pointer
        self.count = count
    }

    @inline(__always) subscript(index: Int) -> Element {
        assert(index >= 0 && index < count)
        return pointer.unsafelyUnwrapped[index]
    }
}

/// The memory that `EncodingTables` point into.
struct EncodingMemory: ~Copyable, @unchecked Sendable {
    private let edges: Vector
    private let tables: PlainSlice<EncodingTables.Table>
    private let oneHot: PlainSlice<EncodingTables.Group>
    private let lines: PlainSlice<EncodingTables.Group>
    private let crosses: PlainSlice<EncodingTables.Group>
    private let parts: PlainSlice<EncodingTables.Part>
    let weightCount: Int

    /// Nothing.
    init() { self.init(nil, []) }

    init(_ layout: EncodingLayout, _ edges: [BinEdges]) { self.init(.some(layout), edges) }

    private init(_ layout: EncodingLayout?, _ edges: [BinEdges]) {
        var searched: [Double] = []
        tables = allocate(
            zip(layout?.sets ?? [], edges).map { set, edges in
                let start = searched.count
                let pivots = stride(from: 8, to: edges.edges.count, by: 8).map { edges.edges[$0] }
                searched += pivots.padded(to: 4) + edges.edges.padded(to: 8, atLeast: 8)
                return EncodingTables.Table(
                    feature: Int32(set.feature), start: Int32(start), pivotFours: Int32((pivots.count + 3) / 4),
                    bins: Int32(edges.shares.count))
            })
        self.edges = Vector(searched)
        var base = 0
        func group(_ place: Int, _ count: Int) -> EncodingTables.Group {
            defer { base += count }
            return EncodingTables.Group(place: Int32(place), base: count == 0 ? -1 : Int32(base))
        }
        oneHot = allocate(
            (layout?.oneHot ?? []).map { group($0, EncodingLayout.weightCount(ofBins: edges[$0].shares.count)) })
        lines = allocate((layout?.lines ?? []).map { group($0, edges[$0].edges.count) })
        var parts: [EncodingTables.Part] = []
        let bins = edges.map(\.shares.count)
        crosses = allocate(
            (layout?.crosses ?? []).map { cross in
                var crossed = group(parts.count, EncodingLayout.combinations(cross, bins: bins))
                crossed.partCount = Int32(cross.parts.count)
                crossed.buckets = Int32(cross.buckets ?? 0)
                parts += cross.parts.map { part in
                    switch part {
                    case .bin(let set): EncodingTables.Part(isBin: true, place: Int32(set))
                    case .whole(let feature): EncodingTables.Part(isBin: false, place: Int32(feature))
                    }
                }
                return crossed
            })
        self.parts = allocate(parts)
        weightCount = base
    }

    deinit {
        tables.pointer?.deallocate()
        oneHot.pointer?.deallocate()
        lines.pointer?.deallocate()
        crosses.pointer?.deallocate()
        parts.pointer?.deallocate()
    }

    func tables(activeCount: Int) -> EncodingTables {
        EncodingTables(
            activeCount: activeCount, edges: edges.pointer, tables: tables, oneHot: oneHot, lines: lines,
            crosses: crosses, parts: parts)
    }
}

private func allocate<Element: BitwiseCopyable>(_ elements: [Element]) -> PlainSlice<Element> {
    guard !elements.isEmpty else { return PlainSlice() }
    let pointer = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
    pointer.initialize(from: elements, count: elements.count)
    return PlainSlice(pointer, count: elements.count)
}

extension [Double] {
    /// Filled up with infinity to a multiple of `size`.
    fileprivate func padded(to size: Int, atLeast least: Int = 0) -> [Double] {
        let length = Swift.max((count + size - 1) / size * size, least)
        return self + Array(repeating: .infinity, count: length - count)
    }
}
