import EventModel
import Simulation
import Testing

@testable import LogStorage

/// The process dies in each call of an operation, one after the other, and the machine with it or not.
struct FaultEveryCallTests {
    private static let options = TopicOptions(segmentBytes: 400, indexIntervalBytes: 100)

    /// Runs `body` once for each of its calls, which is the last one, and for each of what a crash may leave; then the
    /// topic is opened, compared with the model, written, and after another crash compared again.
    private func killInEveryCall(
        seed: UInt64 = 1, of body: (FaultSimulation) throws -> Void,
        after prepare: (FaultSimulation) throws -> Void = { _ in }, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for call in 0..<1_000 {
            var isWhole = true
            var remains: [InMemoryFileSystem.Remains] = [.some(seed: UInt64(call)), .synced, .all]
            // All three where there is time.
            if FaultTests.count <= 150 { remains = [remains[call % 3]] }
            for left in remains {
                let simulation = FaultSimulation(seed: seed, options: Self.options)
                do {
                    try simulation.begin(mayFail: false)
                    for _ in 0..<4 { try simulation.append() }
                    try simulation.sync()
                    try simulation.append()
                    try prepare(simulation)
                    simulation.halt(atCall: simulation.disk.callCount + call)
                    try body(simulation)
                    if simulation.isHalted { isWhole = false }
                    simulation.crash(leaving: left)
                    try simulation.begin(mayFail: false)
                    try simulation.append()
                    try simulation.sync()
                    simulation.crash(leaving: call % 2 == 0 ? .some(seed: UInt64(call)) : .synced)
                    try simulation.begin(mayFail: false)
                } catch {
                    Issue.record(
                        "dead in call \(call), left \(left)\n\(simulation.report)\n\(error)",
                        sourceLocation: sourceLocation)
                    return
                }
            }
            if isWhole {
                #expect(call > 2, "it made \(call) calls", sourceLocation: sourceLocation)
                return
            }
        }
    }

    @Test func whateverCallOfAppendingAndRollingIsTheLast() {
        killInEveryCall(of: { for _ in 0..<3 where !$0.hasFailed { try $0.append() } })
    }

    @Test func whateverCallOfASyncIsTheLast() { killInEveryCall(of: { try $0.sync() }) }

    @Test func whateverCallOfATruncationIsTheLast() {
        for number in [1, 3] {
            killInEveryCall(of: { try $0.truncate(to: $0.model.batches[number].base) })
        }
    }

    @Test func whateverCallOfARetentionIsTheLast() {
        killInEveryCall(of: { simulation in
            let floor = Offset(Int64(simulation.model.acknowledged))
            try simulation.retain(
                RetentionPolicy(
                    maximumAge: nil, maximumBytes: 0, reference: EventTime(milliseconds: simulation.clock),
                    floor: floor))
        })
    }

    @Test func whateverCallOfAMergeIsTheLast() {
        // Compaction makes the segments small enough.
        killInEveryCall(of: { try $0.perform(.merge) }, after: { try $0.perform(.compact) })
    }

    @Test func whateverCallOfACompactionIsTheLast() { killInEveryCall(of: { try $0.perform(.compact) }) }

    @Test func whateverCallOfARecoveryIsTheLast() {
        for seed in UInt64(0)..<2 {
            killInEveryCall(
                of: { try $0.begin(mayFail: true) }, after: { $0.crash(leaving: .some(seed: seed)) })
        }
    }
}
