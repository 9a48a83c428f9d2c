import EventModel
import Foundation
import Testing

@testable import OnlineLearning

/// The sketch against sorting the whole stream.
@Suite struct QuantileSketchTests {
    private func sketch(_ values: [Double], sectionLength: Int = 32, seed: UInt64 = 1) -> QuantileSketch {
        var sketch = QuantileSketch(sectionLength: sectionLength, seed: seed)
        for value in values { sketch.insert(value) }
        return sketch
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
                checkExact(sketch(values, sectionLength: 4).ranking, values)
            }
        }
    }

    @Test func streamsUpToTheCapacityAreExact() {
        var random = TestRandom(seed: 3)
        for length in [1, 5, 23, 100, 511] {
            let values = (0..<length).map { _ in (random.unit() * 50).rounded() }
            checkExact(sketch(values).ranking, values)
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
        var sketch = QuantileSketch(sectionLength: sectionLength, seed: 9)
        for length in 1...3000 {
            sketch.insert(random.normal())
            guard length % 7 == 0 else { continue }
            #expect(sketch.ranking.count == length)
            for level in sketch.levels { #expect(level.values.count < max(level.capacity, 16 * sectionLength)) }
        }
    }

    @Test func theHighestValuesAreAllKept() {
        var random = TestRandom(seed: 5)
        let values = (0..<60_000).map { _ in random.normal() }
        let sorted = values.sorted()
        let ranking = sketch(values).ranking
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
        let ranking = sketch(values, seed: seed).ranking
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
        let ranking = sketch(Array(repeating: -0.0, count: 5000)).ranking
        #expect(ranking.values == [0] && ranking.values[0].sign == .plus && ranking.count == 5000)
    }

    @Test func theSameStreamGivesTheSameBitsAndAnotherSeedOthers() {
        var random = TestRandom(seed: 6)
        let values = (0..<20_000).map { _ in random.normal() }
        #expect(sketch(values).digest == sketch(values).digest)
        #expect(sketch(values).digest != sketch(values, seed: 2).digest)
        #expect(sketch(values).digest != sketch(values.reversed()).digest)
    }

    @Test func aSketchSavedAnywhereGoesOnTheSame() throws {
        var random = TestRandom(seed: 7)
        let values = (0..<3000).map { _ in random.normal() }
        let whole = sketch(values, sectionLength: 4)
        for cut in stride(from: 0, through: values.count, by: 97) {
            let before = sketch(Array(values[..<cut]), sectionLength: 4)
            var writer = ByteWriter()
            before.encode(into: &writer)
            var reader = ByteReader(writer.bytes)
            var after = try QuantileSketch(decoding: &reader, sectionLength: 4)
            #expect(reader.remaining == 0 && after.digest == before.digest)
            for value in values[cut...] { after.insert(value) }
            #expect(after.digest == whole.digest, "saved after \(cut)")
        }
    }

    @Test func aCutOrChangedStateIsAnError() throws {
        var random = TestRandom(seed: 8)
        var writer = ByteWriter()
        sketch((0..<500).map { _ in random.normal() }, sectionLength: 4).encode(into: &writer)
        for length in 0..<writer.count {
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: writer.bytes[..<length]))
            #expect(throws: StateCodingError.self) { _ = try QuantileSketch(decoding: &reader, sectionLength: 4) }
        }
        // None may trap.
        var bytes = Array(writer.bytes)
        for place in bytes.indices {
            let byte = bytes[place]
            bytes[place] ^= 0x55
            bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                if var restored = try? QuantileSketch(decoding: &reader, sectionLength: 4) {
                    for value in 0..<100 { restored.insert(Double(value)) }
                    _ = restored.ranking
                }
            }
            bytes[place] = byte
        }
    }

    @Test func negatedIsSharpAtTheLowEnd() {
        var random = TestRandom(seed: 9)
        let values = (0..<60_000).map { _ in random.normal() }
        let ranking = sketch(values.map { -$0 }).ranking.negated
        #expect(Array(ranking.values.prefix(96)) == Array(values.sorted().prefix(96)))
        #expect(ranking.count == 60_000)
    }
}
