import Foundation
import Testing

/// Batches acknowledged with the policy `always` by a real process, killed at random moments while several producers
/// append. The page cache outlives a process: what a loss of power leaves is tested with the in-memory file system.
@Suite(
    .serialized,
    .enabled(if: KilledProducers.path != nil, "log-producers is not built beside the tests; run 'swift build' first")
)
struct KillTests {
    /// `TIDEMARK_KILLS` and `TIDEMARK_SEED` set others.
    private static let environment = ProcessInfo.processInfo.environment
    private let kills = environment["TIDEMARK_KILLS"].flatMap { Int($0) } ?? 25
    private let seed = environment["TIDEMARK_SEED"].flatMap { UInt64($0) } ?? 1

    /// Each batch acknowledged is found at its offset, each producer's records run on, and there are only whole batches.
    @Test func whatKilledProducersWereToldIsInTheLogOnce() throws {
        let start = Date()
        var producers = try KilledProducers(seed: seed, ["--producers", "4"])
        for round in 1...max(kills, 1) {
            try producers.round()
            try #require(producers.checker.findings == [], "round \(round) of seed \(seed)")
        }
        try producers.recover()
        producers.checkAll()
        #expect(producers.checker.findings == [], "after all rounds of seed \(seed)")
        let tally = producers.tally
        print("seed \(seed): \(tally), \(Int(Date().timeIntervalSince(start))) s")
        #expect(tally.acknowledged > kills && tally.answeredAgain > 0, "too little was tested")
    }

    // MARK: the check can fail

    @Test func batchesAcknowledgedBeforeTheyAreWrittenAreFound() throws {
        var producers = try KilledProducers(seed: seed, ["--producers", "1", "--acknowledge-early"])
        for _ in 0..<20 where producers.checker.findings.isEmpty { try producers.round() }
        #expect(producers.checker.findings.contains { if case .lost = $0 { true } else { false } })
    }

    @Test func batchesStoredTwiceAreFound() throws {
        var producers = try KilledProducers(seed: seed, ["--producers", "2", "--forget-positions"])
        for _ in 0..<20 where producers.checker.findings.isEmpty { try producers.round() }
        #expect(producers.checker.findings.contains { if case .repeated = $0 { true } else { false } })
    }
}
