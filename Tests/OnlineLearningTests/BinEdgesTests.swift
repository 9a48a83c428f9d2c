import EventModel
import Foundation
import Testing

@testable import OnlineLearning

@Suite struct BinEdgesTests {
    private func ranking(_ values: [Double]) -> QuantileRanking {
        var sketch = QuantileSketches(places: [0], sectionLength: 128, seeds: [1])
        for value in values { sketch.insert([value]) }
        return sketch.ranking(0)
    }

    private func edges(_ shape: BinShape, _ values: [Double], frauds: [Double] = []) -> BinEdges {
        BinEdges(shape, of: ranking(values), frauds: ranking(frauds))
    }

    private func shape(
        count: Int = 1, tail: BinShape.Tail = .none, steps: Int = 1, last: Double = 0, tailRows: Int = 1,
        fraudCount: Int = 0
    ) -> BinShape {
        BinShape(count: count, tail: tail, steps: steps, last: last, tailRows: tailRows, fraudCount: fraudCount)
    }

    private let zero = 0.0
    private let hundred = (1...100).map(Double.init)

    @Test func equalSharesAreCutAtTheirQuantiles() {
        #expect(edges(shape(count: 4), hundred).edges == [25, 50, 75])
        #expect(edges(shape(count: 1), hundred).edges == [])
        #expect(edges(shape(count: 4), hundred).shares.map { ($0 * 100).rounded() } == [24, 25, 25, 26])
    }

    @Test func aTailIsHalvedUntilFewAreLeft() {
        #expect(edges(shape(tail: .high, tailRows: 6), hundred).edges == [50, 75, 88, 94])
        #expect(edges(shape(tail: .high, last: 0.1), hundred).edges == [50, 75, 88])
        #expect(edges(shape(tail: .low, tailRows: 6), hundred).edges == [7, 13, 25, 50])
        #expect(edges(shape(tail: .both, tailRows: 12), hundred).edges == [13, 25, 50, 75, 88])
        #expect(edges(shape(tail: .high, steps: 2, tailRows: 20), hundred).edges == [30, 50, 65, 75])
        // Behind equal shares a tail begins where they end.
        #expect(edges(shape(count: 4, tail: .high, tailRows: 6), hundred).edges == [25, 50, 75, 88, 94])
    }

    @Test func aValueThatManyHaveGetsABinOfItsOwn() {
        let values = Array(repeating: 0.0, count: 60) + (1...40).map { Double($0) / 8 }
        let bins = edges(shape(count: 4), values)
        #expect(bins.edges == [zero.nextUp, 1.875])
        #expect(bins.shares.map { ($0 * 100).rounded() } == [60, 14, 26])
        let both = Array(repeating: -1.5, count: 20) + values
        #expect(edges(shape(count: 4), both).edges == [0, zero.nextUp, 1.25])
    }

    /// No bin stands empty between neighbouring counts.
    @Test func countsAreABinEach() {
        let counts = (0..<1000).map { Double([0, 0, 0, 1, 1, 2, 3][$0 % 7]) }
        let bins = edges(shape(count: 20, tail: .high, tailRows: 5), counts)
        #expect(bins.edges == [1, 2, 3])
        #expect(bins.shares.allSatisfy { $0 > 0.1 })
    }

    @Test func aConstantHasOneBin() {
        #expect(edges(shape(count: 20, tail: .both), Array(repeating: 7, count: 500)).edges == [])
        #expect(edges(shape(count: 20, tail: .both), []).edges == [])
    }

    @Test func fraudsPutEdgesWhereTheyLie() {
        let frauds = (0..<30).map { 90 + Double($0) / 10 }
        #expect(edges(shape(count: 2, fraudCount: 3), hundred, frauds: frauds).edges == [50, 90.9, 91.9])
        #expect(edges(shape(count: 2, fraudCount: 3), hundred).edges == [50])
    }

    @Test(arguments: 0..<40 as Range<UInt64>) func edgesAreInOrderAndSharesAddUp(_ seed: UInt64) {
        var random = TestRandom(seed: 300 + seed)
        let values = (0..<Int(random.unit() * 900)).map { _ in
            random.unit() < 0.3 ? (random.normal() * 2).rounded() : random.normal()
        }
        let shape = shape(
            count: 1 + Int(random.unit() * 30), tail: BinShape.Tail.allCases[Int(random.unit() * 4)],
            steps: 1 + Int(random.unit() * 4), tailRows: 1 + Int(random.unit() * 20), fraudCount: Int(random.unit() * 8)
        )
        let bins = edges(shape, values, frauds: values.filter { $0 > 1 })
        #expect(zip(bins.edges, bins.edges.dropFirst()).allSatisfy { $0 < $1 })
        #expect(bins.edges.count <= shape.largestEdgeCount(ofCount: values.count))
        guard !values.isEmpty else { return }
        #expect(abs(bins.shares.reduce(0, +) - 1) < 1e-9)
        #expect(bins.edges.isEmpty || abs(bins.knotShares.reduce(0, +) - 1) < 1e-9)
        for value in values.prefix(50) {
            #expect(bins.bin(of: value) == bins.edges.count { $0 <= value })
        }
    }
}
