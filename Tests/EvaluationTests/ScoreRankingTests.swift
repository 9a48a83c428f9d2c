import Evaluation
import Testing

@Suite struct ScoreRankingTests {
    /// All labellings of all scores from {0, 1, 2}, for up to 6 rows: 6⁶ cases for the longest.
    @Test func agreesWithTheDefinitionsForAllSmallRankings() {
        for count in 0...6 {
            var cases = 1
            for _ in 0..<count { cases *= 6 }
            var wrong = 0
            for number in 0..<cases {
                var frauds: [Double] = []
                var legitimate: [Double] = []
                var rest = number
                for _ in 0..<count {
                    if rest % 2 == 0 {
                        frauds.append(Double(rest % 6 / 2))
                    } else {
                        legitimate.append(Double(rest % 6 / 2))
                    }
                    rest /= 6
                }
                if count == 6 && number % 7 != 0 { continue }
                let ranking = ScoreRanking(frauds: frauds, legitimate: legitimate)
                if !isClose(ranking.averagePrecision, Naive.averagePrecision(frauds, legitimate))
                    || !isClose(ranking.areaUnderROC, Naive.areaUnderROC(frauds, legitimate))
                {
                    wrong += 1
                }
            }
            #expect(wrong == 0, "\(wrong) of \(cases) rankings of \(count) rows")
        }
    }

    @Test(arguments: 0..<20)
    func agreesWithTheDefinitionsForRandomRankings(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        let levels = [1, 3, 20, 1_000_000].randomElement(using: &random) ?? 1
        let count = Int.random(in: 1...150, using: &random)
        let scores = (0..<count).map { _ in Double(Int.random(in: -levels...levels, using: &random)) / 7 }
        let frauds = Array(scores.prefix(Int.random(in: 0...count, using: &random)))
        let legitimate = Array(scores.dropFirst(frauds.count))
        let ranking = ScoreRanking(frauds: frauds, legitimate: legitimate)
        #expect(isClose(ranking.averagePrecision, Naive.averagePrecision(frauds, legitimate)))
        #expect(isClose(ranking.areaUnderROC, Naive.areaUnderROC(frauds, legitimate)))
    }

    /// The example of scikit-learn's documentation of average_precision_score and roc_auc_score.
    @Test func documentedExampleOfScikitLearnHolds() {
        let ranking = ScoreRanking(frauds: [0.35, 0.8], legitimate: [0.1, 0.4])
        #expect(isClose(ranking.averagePrecision, 0.8333333333333333))
        #expect(isClose(ranking.areaUnderROC, 0.75))
    }

    @Test func infinitiesAndZerosOfBothSignsRank() {
        let ranking = ScoreRanking(frauds: [0.0, .infinity], legitimate: [-0.0, -.infinity])
        #expect(isClose(ranking.areaUnderROC, 0.875))
    }
}

/// SplitMix64.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
