import Testing

@testable import Simulation

@Suite struct RandomStreamTests {
    /// The first outputs for the state 1, 2, 3, 4, as other implementations of xoshiro256** give them.
    @Test func outputsAreThoseOfTheReferenceImplementation() {
        var random = RandomStream(seed: 0, purpose: 0)
        (random.s0, random.s1, random.s2, random.s3) = (1, 2, 3, 4)
        let expected: [UInt64] = [
            11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360, 607_988_272_756_665_600,
        ]
        #expect((0..<6).map { _ in random.next() } == expected)
    }

    @Test func aStreamIsNamedBySeedPurposeAndIndex() {
        var seen = Set<UInt64>()
        for seed in 0..<4 as Range<UInt64> {
            for purpose in 0..<4 as Range<UInt64> {
                for index in 0..<4 as Range<UInt64> {
                    var random = RandomStream(seed: seed, purpose: purpose, index: index)
                    var again = RandomStream(seed: seed, purpose: purpose, index: index)
                    let first = random.next()
                    #expect(again.next() == first)
                    seen.insert(first)
                }
            }
        }
        #expect(seen.count == 64)
    }

    @Test(arguments: [1, 2, 3, 7, 10])
    func numbersBelowABoundAreEquallyLikely(_ bound: Int) {
        var random = RandomStream(seed: 1, purpose: 2)
        var counts = [Int](repeating: 0, count: bound)
        for _ in 0..<20_000 { counts[random.below(bound)] += 1 }
        let expected = 20_000 / Double(bound)
        for count in counts { #expect(abs(Double(count) - expected) < 5 * expected.squareRoot()) }
    }

    private func moments(_ count: Int = 40_000, _ draw: (inout RandomStream) -> Double) -> (
        mean: Double, variance: Double
    ) {
        var random = RandomStream(seed: 3, purpose: 4)
        var sum = 0.0
        var squares = 0.0
        for _ in 0..<count {
            let value = draw(&random)
            sum += value
            squares += value * value
        }
        let mean = sum / Double(count)
        return (mean, squares / Double(count) - mean * mean)
    }

    @Test func uniformAndNormalHaveTheirMoments() {
        let uniform = moments { $0.uniform(2...6) }
        #expect(abs(uniform.mean - 4) < 0.03 && abs(uniform.variance - 16.0 / 12) < 0.03)
        let normal = moments { $0.normal(mean: 3, deviation: 2) }
        #expect(abs(normal.mean - 3) < 0.05 && abs(normal.variance - 4) < 0.15)
        let logNormal = moments { $0.logNormal(mean: 0, deviation: 0.5) }
        #expect(abs(logNormal.mean - 1.1331) < 0.02 && abs(logNormal.variance - 0.3647) < 0.05)
    }

    @Test(arguments: [0, 0.3, 2, 4, 16, 100.5] as [Double])
    func poissonHasEqualMeanAndVariance(_ mean: Double) {
        let found = moments { Double($0.poisson(mean: mean)) }
        #expect(abs(found.mean - mean) < 0.001 + 5 * (mean / 40_000).squareRoot())
        #expect(abs(found.variance - mean) < 0.001 + 0.05 * mean)
    }

    @Test(arguments: [(0.5, 2), (1, 1), (1.5, 12), (40, 0.25)] as [(Double, Double)])
    func gammaHasItsMoments(_ shape: Double, _ scale: Double) {
        let found = moments { $0.gamma(shape: shape, scale: scale) }
        #expect(abs(found.mean / (shape * scale) - 1) < 0.05)
        #expect(abs(found.variance / (shape * scale * scale) - 1) < 0.1)
    }

    @Test(
        arguments: [(0, 0.5), (10, 0.3), (17, 0.5), (1_000, 0.01), (50_000, 1.0 / 30), (100, 1), (100, 0)]
            as [(Int, Double)])
    func binomialHasItsMoments(_ trials: Int, _ probability: Double) {
        let found = moments(10_000) { Double($0.binomial(trials: trials, probability: probability)) }
        let mean = Double(trials) * probability
        let variance = mean * (1 - probability)
        #expect(abs(found.mean - mean) <= 5 * (variance / 10_000).squareRoot())
        #expect(abs(found.variance - variance) <= 0.08 * variance)
    }

    @Test func aliasTableDrawsInProportionToTheWeights() {
        let weights = [1.0, 5, 0.1, 2, 2]
        let table = AliasTable(weights: weights)
        var random = RandomStream(seed: 5, purpose: 6)
        var counts = [Int](repeating: 0, count: weights.count)
        for _ in 0..<50_000 { counts[table.draw(&random)] += 1 }
        for (count, weight) in zip(counts, weights) {
            let expected = 50_000 * weight / 10.1
            #expect(abs(Double(count) - expected) < 5 * expected.squareRoot())
        }
    }

    @Test(arguments: [0, 1, 2, 1_000])
    func keysAreSortedStablyByTheirLowBits(_ count: Int) {
        var random = RandomStream(seed: 7, purpose: 8)
        var keys = (0..<count).map { UInt64($0) << 17 | UInt64(random.below(300) * 437) }
        let expected = keys.sorted { ($0 & 0x1FFFF, $0) < ($1 & 0x1FFFF, $1) }
        var sorter = KeySorter()
        sorter.sort(&keys, bit: 0, width: 17)
        #expect(keys == expected)
    }

    @Test func spellsAreDrawnWithoutReplacementAndEnd() {
        var spells = CompromiseSpells(entityCount: 10, drawsPerDay: 3, length: 1)
        var timesDrawn = [Int](repeating: 0, count: 10)
        for day in 0..<1_000 {
            var random = RandomStream(seed: 9, purpose: 1, index: UInt64(day))
            spells.draw(day: day, &random)
            let compromised = (0..<10).filter { spells.isCompromised($0, day: day) }
            #expect(compromised.count == 3)
            for entity in compromised { timesDrawn[entity] += 1 }
        }
        for times in timesDrawn { #expect(abs(times - 300) < 75) }
    }

    @Test func aSpellLastsItsLength() {
        var spells = CompromiseSpells(entityCount: 1_000, drawsPerDay: 1, length: 5)
        for day in 0..<20 {
            var random = RandomStream(seed: 9, purpose: 1, index: UInt64(day))
            spells.draw(day: day, &random)
            #expect((0..<1_000).filter { spells.isCompromised($0, day: day) }.count == min(day + 1, 5))
        }
    }
}
