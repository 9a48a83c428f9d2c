import EventModel
import LinearAlgebra
import Testing

@testable import OnlineLearning

/// What stands for a row, against looking at each edge.
@Suite struct InputEncodingTests {
    private let names = ["a", "b", "c", "d"]

    private var everything: EncodingSpecification {
        var specification = EncodingSpecification()
        specification.bins = [
            BinnedFeatures(["a", "b"], shape: BinShape(count: 10, tail: .both, steps: 1, tailRows: 5)),
            BinnedFeatures(["c"], shape: BinShape(count: 6), encoding: .piecewiseLinear),
            BinnedFeatures(["a"], shape: BinShape(count: 5), encoding: .piecewiseLinear),
        ]
        specification.crosses = [
            Cross(["a", "b"], shape: BinShape(count: 3)), Cross(["b", "a"]), Cross(["a", "d"], buckets: 50),
            Cross(["d", "c"], buckets: 7),
        ]
        specification.binsFrozenAfter = 150
        return specification
    }

    private func rows(_ count: Int, seed: UInt64) -> [[Double]] {
        var random = TestRandom(seed: seed)
        return (0..<count).map { _ in
            [
                random.normal(), random.unit() < 0.5 ? 0 : random.normal(), random.normal(),
                (random.unit() * 24).rounded(.down),
            ]
        }
    }

    private func entries(_ encoding: borrowing InputEncoding, _ row: [Double]) -> [(index: Int, value: Double)] {
        var indices = Array(repeating: Int32(-9), count: encoding.layout.activeCount)
        var values = Array(repeating: -9.0, count: encoding.layout.activeCount)
        encoding.fill(row, indices: &indices, values: &values)
        return zip(indices, values).map { (Int($0), $1) }
    }

    @Test func nothingIsActiveUntilTheEdgesAreFixed() {
        var encoding = InputEncoding(EncodingLayout(everything, featureNames: names))
        for row in rows(149, seed: 1) { _ = encoding.observe(row) }
        let isActive = encoding.isActive
        #expect(!isActive && entries(encoding, rows(1, seed: 2)[0]).allSatisfy { $0.index == -1 })
        let isLast = encoding.observe(rows(1, seed: 3)[0])
        #expect(isLast)
        let isActiveNow = encoding.isActive
        #expect(isActiveNow)
    }

    @Test func theEdgesNeverChangeOnceTheyAreFixed() {
        var encoding = InputEncoding(EncodingLayout(everything, featureNames: names))
        for row in rows(150, seed: 1) { _ = encoding.observe(row) }
        let edges = encoding.edges
        for row in rows(500, seed: 9) { _ = encoding.observe(row.map { $0 * 3 }) }
        let edgesNow = encoding.edges
        #expect(edgesNow == edges)
    }

    @Test(arguments: [1, 3, 4, 64, 71]) func rowsFilledTogetherHaveTheEntriesOfEach(_ count: Int) {
        var encoding = InputEncoding(EncodingLayout(everything, featureNames: names))
        for row in rows(150, seed: 1) { _ = encoding.observe(row) }
        let rows = rows(count, seed: 6)
        let (active, inactive) = (encoding.layout.activeCount, encoding.sparseCount)
        var indices = Array(repeating: Int32(-9), count: active * count)
        var values = Array(repeating: -9.0, count: active * count)
        let flat = rows.flatMap(\.self)
        flat.withUnsafeBufferPointer { flat in
            let pointers = rows.indices.map { row in flat.baseAddress.map { $0 + names.count * row } }
            pointers.withUnsafeBufferPointer { pointers in
                indices.withUnsafeMutableBufferPointer { indices in
                    values.withUnsafeMutableBufferPointer { values in
                        guard let indices = indices.baseAddress, let values = values.baseAddress else { return }
                        encoding.tables.fill(
                            pointers, into: RowKernel.SparseRows(indices: indices, values: values, stride: count))
                    }
                }
            }
        }
        for (row, all) in rows.enumerated() {
            for (entry, expected) in entries(encoding, all).enumerated() {
                let index = indices[entry * count + row]
                #expect((index >= inactive ? -1 : Int(index), values[entry * count + row]) == expected)
            }
        }
    }

    @Test func everyEntryIsWhereTheValueLies() {
        var encoding = InputEncoding(EncodingLayout(everything, featureNames: names))
        for row in rows(150, seed: 1) { _ = encoding.observe(row) }
        let groups = encoding.groups
        #expect(groups.map(\.weights.lowerBound) == [0] + groups.dropLast().map(\.weights.upperBound))
        let sparseCount = encoding.sparseCount
        let largest = encoding.layout.largestSparseCount
        #expect(sparseCount == groups.last?.weights.upperBound && sparseCount <= largest)
        let layout = encoding.layout
        let allEdges = encoding.edges
        var seen = Set<Int>()
        for row in rows(400, seed: 4) + [[-1e100, 1e100, -1e100, 1e100]] {
            let entries = entries(encoding, row)
            #expect(entries.allSatisfy { (-1..<sparseCount).contains($0.index) })
            let value = { (set: Int) in row[layout.sets[set].feature] }
            var next = 0
            for group in groups {
                let base = group.weights.lowerBound
                switch group.meaning {
                case .bins(let set):
                    #expect(entries[next] == (base + allEdges[set].edges.count { $0 <= value(set) }, 1))
                case .line(let set):
                    // Where the line of the weights' own edges is what the value is.
                    let edges = allEdges[set].edges
                    let both = entries[next...next + 1].filter { $0.index >= 0 }
                    let found = both.reduce(0) { $0 + edges[$1.index - base] * $1.value }
                    let clamped = min(max(value(set), edges[0]), edges[edges.count - 1])
                    #expect(abs(found - clamped) <= 1e-12 * max(1, abs(clamped)))
                    #expect(abs(both.reduce(0) { $0 + $1.value } - 1) < 1e-12)
                    next += 1
                case .cross(let cross):
                    let (index, one) = entries[next]
                    #expect(group.weights.contains(index) && one == 1)
                    let parts = layout.crosses[cross]
                    if parts.buckets == nil {
                        var place = 0
                        for case .bin(let set) in parts.parts {
                            place = place * allEdges[set].shares.count + allEdges[set].bin(of: value(set))
                        }
                        #expect(index == base + place)
                    }
                }
                next += 1
            }
            #expect(next == entries.count)
            for entry in entries where entry.index >= 0 { seen.insert(entry.index) }
        }
        #expect(seen.count > sparseCount / 3)
    }

    @Test func equalCombinationsShareABucketAndOthersSpread() {
        var specification = EncodingSpecification()
        specification.crosses = [Cross(["a", "b"], buckets: 1 << 16)]
        let encoding = InputEncoding(EncodingLayout(specification, featureNames: names))
        let isActive = encoding.isActive
        #expect(isActive)
        var buckets: [Int: [Double]] = [:]
        for first in 0..<40 {
            for second in 0..<40 {
                let row = [Double(first), Double(second), 0, 0]
                let index = entries(encoding, row)[0].index
                #expect(index == entries(encoding, [Double(first) + 0.3, Double(second) - 0.3, 5, 5])[0].index)
                buckets[index, default: []].append(row[0])
            }
        }
        #expect(buckets.count > 1550)
        #expect(entries(encoding, [-0.0, 0, 0, 0])[0].index == entries(encoding, [0, -0.2, 0, 0])[0].index)
    }

    @Test func sketchesAndEdgesComeBackFromASnapshot() throws {
        let layout = EncodingLayout(everything, featureNames: names)
        let all = rows(200, seed: 6)
        var whole = InputEncoding(layout)
        for row in all {
            _ = whole.observe(row)
            if row[0] > 1 { whole.observeFraud(row) }
        }
        for cut in [0, 1, 100, 149, 150, 151, 200] {
            var before = InputEncoding(layout)
            for row in all[..<cut] { _ = before.observe(row) }
            var writer = ByteWriter()
            before.encode(into: &writer)
            for length in stride(from: 0, to: writer.count, by: 7) {
                var reader = ByteReader(UnsafeRawBufferPointer(rebasing: writer.bytes[..<length]))
                var other = InputEncoding(layout)
                #expect(throws: StateCodingError.self) { try other.decode(from: &reader) }
            }
            var after = InputEncoding(layout)
            var reader = ByteReader(writer.bytes)
            try after.decode(from: &reader)
            #expect(reader.remaining == 0)
            for row in all[cut...] { _ = after.observe(row) }
            let (found, expected) = (after.edges, whole.edges)
            #expect(found == expected)
            #expect(entries(after, all[7]).map(\.index) == entries(whole, all[7]).map(\.index))
        }
    }

    /// Its only bin would be a second intercept.
    @Test func aConstantFeatureHasNoEntry() {
        var specification = EncodingSpecification()
        specification.bins = [
            BinnedFeatures(["a", "b"], shape: BinShape(count: 4)),
            BinnedFeatures(["b"], shape: BinShape(count: 5), encoding: .piecewiseLinear),
        ]
        specification.crosses = [Cross(["b", "c"], shape: BinShape(count: 1, tail: .none))]
        specification.binsFrozenAfter = 40
        var encoding = InputEncoding(EncodingLayout(specification, featureNames: names))
        for index in 0..<40 { _ = encoding.observe([Double(index), 3, 3, 3]) }
        let (found, sparseCount) = (entries(encoding, [11, 3, 7, 3]), encoding.sparseCount)
        #expect(found.map(\.index) == [1, -1, -1, -1, -1] && sparseCount == 4)
        #expect(entries(encoding, [-5, 99, 7, 3]).map(\.index) == [0, -1, -1, -1, -1])
    }
}
