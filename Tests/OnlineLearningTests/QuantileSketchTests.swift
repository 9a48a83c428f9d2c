import EventModel
import Foundation
import Testing

@testable import OnlineLearning

/// The sketch against sorting the whole stream.
@Suite struct QuantileSketchTests {
    private func sketch(_ values: [Double], sectionLength: Int = 32, seed: UInt64 = 1) -> QuantileSketches {
        var sketch = QuantileSketches(places: [0], sectionLength: sectionLength, seeds: [seed])
        for value in values { sketch.insert([value]) }
        return sketch
    }

    private func digest(_ sketch: QuantileSketches, _ column: Int = 0) -> StateDigest {
        var writer = ByteWriter()
        sketch.encode(column, into: &writer)
        return StateDigest(sum: stableHash(writer.bytes))
    }

    /// All streams of up to six values out of three.
    @Test func everyRankAndQuantileOfAShortStreamIsExact() {
        for length in 1...6 {
            for number in 0..<Int(pow(3.0, Double(length))) {
                var rest = number
                let values = (0..<length).map { _ in
                    defer { rest /= 3 }
                    return Double(rest % 3 - 1)
                }
                checkExact(sketch(values, sectionLength: 4).ranking(0), values)
            }
        }
    }

    @Test func streamsUpToTheCapacityAreExact() {
        var random = TestRandom(seed: 3)
        for length in [1, 5, 23, 100, 511] {
            let values = (0..<length).map { _ in (random.unit() * 50).rounded() }
            checkExact(sketch(values).ranking(0), values)
        }
    }

    private func checkExact(_ ranking: QuantileRanking, _ values: [Double]) {
        let sorted = values.sorted()
        #expect(ranking.count == values.count)
        for value in Set(values + [-2, 0.5, 100]) {
            #expect(ranking.weight(upTo: value) == values.count { $0 <= value })
        }
        for place in sorted.indices {
            #expect(ranking.quantile((Double(place) + 0.5) / Double(sorted.count)) == sorted[place])
        }
    }

    /// Each value stands for a power of two of the stream, and together they stand for all of it.
    @Test(arguments: [4, 6, 32]) func theWeightsAddUpToTheStream(_ sectionLength: Int) {
        var random = TestRandom(seed: 4)
        var sketch = QuantileSketches(places: [0], sectionLength: sectionLength, seeds: [9])
        for length in 1...3000 {
            sketch.insert([random.normal()])
            guard length % 7 == 0 else { continue }
            #expect(sketch.ranking(0).count == length)
            for level in sketch.levels { #expect(level.count < max(level.capacity, 16 * sectionLength)) }
        }
    }

    @Test func theHighestValuesAreAllKept() {
        var random = TestRandom(seed: 5)
        let values = (0..<60_000).map { _ in random.normal() }
        let sorted = values.sorted()
        let ranking = sketch(values).ranking(0)
        #expect(Array(ranking.values.suffix(96)) == Array(sorted.suffix(96)))
        #expect(ranking.values.count < 4500)
    }

    /// At ranks 1 − 2⁻ᵏ, for several shapes and orders of the stream; the bound is about four deviations.
    @Test(arguments: 0..<3, ["normal", "ascending", "descending", "heavy"])
    func theErrorIsAShareOfTheDistanceFromTheHighEnd(_ seed: UInt64, _ shape: String) {
        var random = TestRandom(seed: 60 + seed)
        let count = 30_000
        let values = (0..<count).map { index in
            switch shape {
            case "ascending": Double(index)
            case "descending": Double(-index)
            case "heavy": random.unit() < 0.4 ? 0 : 1 / (random.unit() + 1e-9)
            default: random.normal()
            }
        }
        let ranking = sketch(values, seed: seed).ranking(0)
        let sorted = values.sorted()
        for octave in 0..<15 {
            let beyond = count >> octave
            let value = sorted[count - beyond]
            let exact = sorted[(count - beyond)...].count { $0 > value }
            let error = abs(ranking.count - ranking.weight(upTo: value) - exact)
            #expect(Double(error) <= 0.03 * Double(exact) + 0.5, "\(shape) \(seed): \(error) of \(exact)")
        }
    }

    @Test func aStreamOfTheSameValueHasOnlyThat() {
        let ranking = sketch(Array(repeating: -0.0, count: 5000)).ranking(0)
        #expect(ranking.values == [0] && ranking.values[0].sign == .plus && ranking.count == 5000)
    }

    @Test func theSameStreamGivesTheSameBitsAndAnotherSeedOthers() {
        var random = TestRandom(seed: 6)
        let values = (0..<20_000).map { _ in random.normal() }
        let found = digest(sketch(values))
        #expect(found == digest(sketch(values)))
        #expect(found != digest(sketch(values, seed: 2)))
        #expect(found != digest(sketch(values.reversed())))
    }

    @Test(arguments: [1, 4, 5, 11]) func aColumnIsSketchedAsIfItStoodAlone(_ columns: Int) {
        var random = TestRandom(seed: 10)
        let places = (0..<columns).map { ($0 * 7 + 3) % 12 }
        let seeds = (0..<UInt64(columns)).map { $0 / 2 }
        var together = QuantileSketches(places: places, negated: true, sectionLength: 4, seeds: seeds)
        let rows = (0..<2000).map { _ in (0..<12).map { _ in random.unit() < 0.2 ? 0 : random.normal() } }
        for row in rows { together.insert(row) }
        for column in 0..<columns {
            let alone = sketch(rows.map { -$0[places[column]] }, sectionLength: 4, seed: seeds[column])
            #expect(digest(together, column) == digest(alone))
        }
    }

    @Test func aSketchSavedAnywhereGoesOnTheSame() throws {
        var random = TestRandom(seed: 7)
        let values = (0..<3000).map { _ in random.normal() }
        let whole = sketch(values, sectionLength: 4)
        for cut in stride(from: 0, through: values.count, by: 97) {
            let before = sketch(Array(values[..<cut]), sectionLength: 4)
            var writer = ByteWriter()
            before.encode(0, into: &writer)
            var reader = ByteReader(writer.bytes)
            var after = sketch([], sectionLength: 4, seed: 0)
            try after.decode(0, from: &reader)
            #expect(reader.remaining == 0 && digest(after) == digest(before))
            for value in values[cut...] { after.insert([value]) }
            #expect(digest(after) == digest(whole), "saved after \(cut)")
        }
    }

    @Test func columnsOfDifferentStreamsAreNotTakenUp() throws {
        var writer = ByteWriter()
        sketch([1, 2, 3]).encode(0, into: &writer)
        sketch([1, 2]).encode(0, into: &writer)
        var reader = ByteReader(writer.bytes)
        var both = QuantileSketches(places: [0, 1], seeds: [1, 1])
        try both.decode(0, from: &reader)
        #expect(throws: StateCodingError.self) { try both.decode(1, from: &reader) }
    }

    @Test func aCutOrChangedStateIsAnError() throws {
        var random = TestRandom(seed: 8)
        var writer = ByteWriter()
        sketch((0..<500).map { _ in random.normal() }, sectionLength: 4).encode(0, into: &writer)
        for length in 0..<writer.count {
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: writer.bytes[..<length]))
            var restored = sketch([], sectionLength: 4)
            #expect(throws: StateCodingError.self) { try restored.decode(0, from: &reader) }
        }
        // None may trap.
        var bytes = Array(writer.bytes)
        for place in bytes.indices {
            let byte = bytes[place]
            bytes[place] ^= 0x55
            bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                var restored = sketch([], sectionLength: 4)
                if (try? restored.decode(0, from: &reader)) != nil {
                    for value in 0..<100 { restored.insert([Double(value)]) }
                    _ = restored.ranking(0)
                }
            }
            bytes[place] = byte
        }
    }

    @Test func negatedIsSharpAtTheLowEnd() {
        var random = TestRandom(seed: 9)
        let values = (0..<60_000).map { _ in random.normal() }
        let ranking = sketch(values.map { -$0 }).ranking(0).negated
        #expect(Array(ranking.values.prefix(96)) == Array(values.sorted().prefix(96)))
        #expect(ranking.count == 60_000)
    }
}
