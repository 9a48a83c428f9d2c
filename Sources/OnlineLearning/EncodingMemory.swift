import LinearAlgebra

/// The memory that `EncodingTables` point into.
struct EncodingMemory: ~Copyable, @unchecked Sendable {
    private let edges: Vector
    private let columns: PlainSlice<RowKernel.ColumnEdges>
    private let numbers: PlainSlice<Int32>
    private let knots: PlainSlice<RowKernel.Knots>
    private let oneHot: PlainSlice<RowKernel.Lookup>
    private let lines: PlainSlice<RowKernel.Line>
    private let crosses: PlainSlice<EncodingTables.Cross>
    private let parts: PlainSlice<EncodingTables.Part>
    private let encoding: PlainSlice<RowKernel.Encoding>
    let weightCount: Int

    /// Nothing.
    init() { self.init(Contents()) }

    init(_ layout: EncodingLayout, _ edges: [BinEdges]) { self.init(Contents(layout, edges)) }

    private init(_ contents: Contents) {
        edges = Vector(contents.searched)
        columns = allocate(contents.columns(in: edges.pointer))
        numbers = allocate(contents.numbers)
        knots = allocate(contents.knots)
        oneHot = allocate(contents.oneHot)
        lines = allocate(contents.lines)
        crosses = allocate(contents.crosses)
        parts = allocate(contents.parts)
        weightCount = contents.weightCount
        encoding = allocate([
            RowKernel.Encoding(
                columns: columns.pointer, numbers: numbers.pointer, knots: knots.pointer, one_hot: oneHot.pointer,
                lines: lines.pointer, column_count: Int32(columns.count), one_hot_count: Int32(oneHot.count),
                line_count: Int32(lines.count))
        ])
    }

    deinit {
        columns.pointer?.deallocate()
        numbers.pointer?.deallocate()
        knots.pointer?.deallocate()
        oneHot.pointer?.deallocate()
        lines.pointer?.deallocate()
        crosses.pointer?.deallocate()
        parts.pointer?.deallocate()
        encoding.pointer?.deallocate()
    }

    func tables(activeCount: Int) -> EncodingTables {
        EncodingTables(
            activeCount: activeCount, encoding: UnsafePointer(encoding.pointer), numbers: numbers, crosses: crosses,
            parts: parts)
    }
}

/// What is to stand in the memory.
private struct Contents {
    var searched: [Double] = []
    var numbers: [Int32] = []
    var knots: [RowKernel.Knots] = []
    var oneHot: [RowKernel.Lookup] = []
    var lines: [RowKernel.Line] = []
    var crosses: [EncodingTables.Cross] = []
    var parts: [EncodingTables.Part] = []
    var weightCount = 0

    /// For each column its feature and the edges of all sets of it.
    private var united: [(feature: Int, edges: [Double])] = []
    /// For each column where its pivots begin among `searched`, and how many there are.
    private var pivots: [(start: Int, count: Int)] = []

    init() {}

    /// The columns, of which the edges stand in memory.
    func columns(in edges: UnsafePointer<Double>) -> [RowKernel.ColumnEdges] {
        zip(united, pivots).map { column, pivots in
            RowKernel.ColumnEdges(
                pivots: edges + pivots.start, column: Int32(column.feature), more_pivots: Int32(pivots.count / 8 - 1))
        }
    }

    init(_ layout: EncodingLayout, _ edges: [BinEdges]) {
        for (set, edges) in zip(layout.sets, edges) {
            if let column = column(of: set.feature) {
                united[column].edges = Set(united[column].edges + edges.edges).sorted()
            } else {
                united.append((set.feature, edges.edges))
            }
        }
        for column in united { appendColumn(column.edges) }
        for set in layout.oneHot {
            let base = takeWeights(EncodingLayout.weightCount(ofBins: edges[set].shares.count))
            // Without weights the only bin is looked up.
            oneHot.append(lookup(layout.sets[set].feature) { base + Int32(edges[set].bin(of: $0)) })
        }
        for set in layout.lines {
            let base = takeWeights(edges[set].edges.count)
            appendLine(layout.sets[set].feature, edges[set], base: base)
        }
        let bins = edges.map(\.shares.count)
        for cross in layout.crosses {
            let base = takeWeights(EncodingLayout.combinations(cross, bins: bins))
            crosses.append(
                EncodingTables.Cross(
                    base: base, firstPart: Int32(parts.count), partCount: Int32(cross.parts.count),
                    buckets: Int32(cross.buckets ?? 0)))
            appendParts(cross, layout, edges)
        }
        replaceInactive()
    }

    /// What has no weight gets one of those behind the last, which are 0: broken lines one after the other.
    private mutating func replaceInactive() {
        let first = Int32(weightCount)
        for place in numbers.indices where numbers[place] < 0 { numbers[place] = first }
        for place in crosses.indices where crosses[place].base < 0 { crosses[place].base = first }
        for (line, next) in zip(lines.indices, lines.dropFirst().map { Int($0.start) } + [knots.count]) {
            let spare = first + Int32(line % Vector.spareCount)
            for place in Int(lines[line].start)..<next {
                if knots[place].low < 0 { knots[place].low = spare }
                if knots[place].high < 0 { knots[place].high = spare }
            }
        }
    }

    private func column(of feature: Int) -> Int? { united.firstIndex { $0.feature == feature } }

    private mutating func appendColumn(_ edges: [Double]) {
        let every = stride(from: 8, to: edges.count, by: 8).map { edges[$0] }.filledToEights()
        pivots.append((searched.count, every.count))
        searched += every + edges.filledToEights()
    }

    /// - Returns: the first of so many weights; −1 for none.
    private mutating func takeWeights(_ count: Int) -> Int32 {
        defer { weightCount += count }
        return count == 0 ? -1 : Int32(weightCount)
    }

    /// The values that stand for the places of a feature's column: less than all its edges, then each edge.
    private func places(of feature: Int) -> (column: Int32, values: [Double]) {
        guard let column = column(of: feature) else { return (0, [0]) }
        return (Int32(column), [-.infinity] + united[column].edges)
    }

    private mutating func lookup(_ feature: Int, _ number: (Double) -> Int32) -> RowKernel.Lookup {
        let places = places(of: feature)
        defer { numbers += places.values.map(number) }
        return RowKernel.Lookup(column: places.column, start: Int32(numbers.count))
    }

    private mutating func appendLine(_ feature: Int, _ edges: BinEdges, base: Int32) {
        let places = places(of: feature)
        lines.append(
            RowKernel.Line(column: places.column, feature: Int32(feature), start: Int32(knots.count)))
        let last = edges.edges.count - 1
        func unshared(_ low: Int32, _ high: Int32) -> RowKernel.Knots {
            RowKernel.Knots(low: low, high: high, edge: 0, width: .infinity)
        }
        knots += places.values.map { value in
            let bin = edges.bin(of: value)
            guard last >= 0 else { return unshared(-1, -1) }
            guard bin > 0 else { return unshared(base, -1) }
            guard bin <= last else { return unshared(base + Int32(last), -1) }
            let (low, high) = (edges.edges[bin - 1], edges.edges[bin])
            return RowKernel.Knots(
                low: base + Int32(bin - 1), high: base + Int32(bin), edge: low, width: high - low)
        }
    }

    private mutating func appendParts(
        _ cross: EncodingLayout.CrossedParts, _ layout: EncodingLayout, _ edges: [BinEdges]
    ) {
        for (place, part) in cross.parts.enumerated() {
            switch part {
            case .whole(let feature):
                parts.append(
                    EncodingTables.Part(bin: RowKernel.Lookup(column: 0, start: 0), feature: Int32(feature)))
            case .bin(let set):
                var combinations: Int32 = 1
                if cross.buckets == nil {
                    for case .bin(let behind) in cross.parts[(place + 1)...] {
                        combinations &*= Int32(edges[behind].shares.count)
                    }
                }
                let bin = lookup(layout.sets[set].feature) { combinations &* Int32(edges[set].bin(of: $0)) }
                parts.append(EncodingTables.Part(bin: bin, feature: -1))
            }
        }
    }
}

private func allocate<Element: BitwiseCopyable>(_ elements: [Element]) -> PlainSlice<Element> {
    guard !elements.isEmpty else { return PlainSlice() }
    let pointer = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
    pointer.initialize(from: elements, count: elements.count)
    return PlainSlice(pointer, count: elements.count)
}

extension [Double] {
    /// Filled up with infinity to a multiple of eight, at least eight.
    fileprivate func filledToEights() -> [Double] {
        self + Array(repeating: .infinity, count: isEmpty ? 8 : -count & 7)
    }
}
