import Foundation
import Platform
import Testing

/// Random lives of a topic: `TIDEMARK_FAULT_SEEDS` of them (150), from `TIDEMARK_FAULT_FIRST_SEED` on (0).
struct FaultTests {
    private static func number(_ name: String, _ usual: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
    }

    private static let first = number("TIDEMARK_FAULT_FIRST_SEED", 0)
    static let count = number("TIDEMARK_FAULT_SEEDS", 150)

    @Test func whateverFailsNothingAcknowledgedIsLostAndNothingIsThereTwice() {
        var failures = 0
        for seed in Self.first..<(Self.first + Self.count) where failures < 20 {
            let simulation = FaultSimulation(seed: UInt64(seed))
            guard let violation = simulation.run() else { continue }
            Issue.record("\(failures == 0 ? simulation.report + "\n" : "")seed \(seed): \(violation)")
            failures += 1
        }
    }

    @Test func aSeedReproducesItsRun() {
        var calls = 0
        for seed in UInt64(0)..<8 {
            let runs = (0..<2).map { _ in FaultSimulation(seed: seed, keepsTrace: true) }
            for run in runs { _ = run.run() }
            #expect(runs[0].trace == runs[1].trace && runs[0].log == runs[1].log, "seed \(seed)")
            calls += runs[0].trace.count
        }
        #expect(calls > 500)
    }

    /// The seed that finds a bug.
    private func seed(finding bug: @escaping (any FileSystem) -> any FileSystem) -> Int? {
        (0..<300).first { FaultSimulation(seed: UInt64($0), bug: bug).run() != nil }
    }

    @Test func aSkippedDirectorySyncIsFound() { #expect(seed { SkippingDirectorySync($0) } != nil) }

    @Test func anAcknowledgementBeforeTheSyncIsFound() { #expect(seed { AcknowledgingBeforeSync($0) } != nil) }

    @Test func aFailedSyncThatIsSwallowedIsFound() { #expect(seed { SwallowingFailures($0) } != nil) }

    @Test func aTornBatchTakenForAWholeOneIsFound() { #expect(seed { TakingTornBatchesForWhole($0) } != nil) }
}
