import EventModel
import Foundation
import LogStorage
import ModelExchange
import PipelineCore
import PipelineRuntime
import Platform
import TestSupport
import Testing

/// Replays of one log under all circumstances: the same result, and one decision for each transaction.
struct TrainingTests {
    private let scenario: Scenario
    private let reference: Scenario.Result

    init() throws {
        scenario = try Scenario()
        var rows = try CardTable().rows
        // Some out of order, some too late, one from a bad clock, one twice.
        var random = SeededRandom(seed: 3)
        for _ in 0..<40 {
            let place = random.int(500..<rows.count)
            rows.insert(rows.remove(at: place), at: min(place + random.int(1...20), rows.count - 1))
        }
        rows[900].time = rows[900].time + EventDuration(milliseconds: 400 * 86_400_000)
        rows.insert(rows[1000], at: 1050)
        try scenario.importTable(CardTable.csv(rows))
        reference = try scenario.fresh()
    }

    @Test func theReferenceHasOneDecisionForEachTransaction() throws {
        let again = reference.tally.side(.sameTransactionAgain)
        #expect(reference.tally.isBalanced)
        #expect(again == 1)
        #expect(reference.tally.decisions(.quarantined) == 1)
        #expect(reference.tally.decisions(.late) > 0 && reference.tally.labels > 0)
        #expect(!(reference.others["alerts-0"] ?? []).isEmpty)
        let offsets = try scenario.transactionOffsets()
        let decided = reference.decisions.map(\.inputOffset)
        #expect(decided == decided.sorted())
        #expect(Set(decided).isSubset(of: offsets))
        #expect(decided.count == offsets.count - Int(again))
        #expect(reference.decisions.indices.allSatisfy { reference.decisions[$0].offset == Offset(Int64($0)) })
    }

    @Test(arguments: [1, 97, 4096], [1, 2, 5])
    func blocksAndThreadsShowInNoResult(block: Int, threads: Int) throws {
        let run = try scenario.open(block: block, threads: threads, checkpointEvery: 700, fresh: true)
        try run.run()
        #expect(try scenario.result(run) == reference)
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func stoppingAndGoingOnShowsInNoResult(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        try scenario.open(fresh: true).run(until: Offset(Int64(random.int(1...900))))
        var offset = Offset.zero
        while true {
            let run = try scenario.open(
                block: random.pick([1, 97, 4096]), threads: random.int(1...4),
                checkpointEvery: random.int(200...2000))
            #expect(run.offset > offset)
            offset = run.offset
            try run.run(until: offset.advanced(by: random.int(1...2500)))
            if run.offset == run.durableEnd {
                #expect(try scenario.result(run) == reference)
                break
            }
        }
        try expectSnapshotVersionsToGrow()
    }

    /// What a killed process leaves: no last checkpoint, and output tails that are cut short, garbled or grown.
    @Test(arguments: 0..<6 as Range<UInt64>)
    func aKilledRunIsMadeUpFor(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        try scenario.open(block: 64, checkpointEvery: 500, fresh: true).run(until: Offset(600))
        for _ in 0..<3 {
            let run = try scenario.open(
                block: random.pick([1, 64, 500]), threads: random.int(1...4), checkpointEvery: 1_000_000)
            let durable = try segmentSizes()
            try run.run(until: run.offset.advanced(by: random.int(1...1500)), withCheckpoint: false)
            // The lock is this process's: a killed one would have let it go.
            withExtendedLifetime(run) {}
            try damageTails(beyond: durable, &random)
        }
        let run = try scenario.open(threads: 2, checkpointEvery: 700)
        try run.run()
        #expect(try scenario.result(run) == reference)
    }

    @Test(arguments: [1, 2])
    func aKillBetweenCheckpointsTakesUpTheNewest(threads: Int) throws {
        var run: PipelineRun? = try scenario.open(block: 50, threads: threads, checkpointEvery: 400, fresh: true)
        try run?.run(until: Offset(1790), withCheckpoint: false)
        run = nil
        let next = try scenario.open(block: 1)
        #expect(next.offset == Offset(1600))
        try next.run()
        #expect(try scenario.result(next) == reference)
    }

    @Test func aDamagedStateFileCostsOnlyTheWayFromTheCheckpointBefore() throws {
        try scenario.open(fresh: true).run(until: Offset(1000))
        try scenario.open().run(until: Offset(2000))
        let path = "\(scenario.log.topic("checkpoints-0", of: "card-fraud"))/2000.state"
        var state = try Data(contentsOf: URL(fileURLWithPath: path))
        state[state.count / 2] ^= 1
        try state.write(to: URL(fileURLWithPath: path))
        let run = try scenario.open()
        #expect(run.offset == Offset(1000))
        try run.run()
        #expect(try scenario.result(run) == reference)
    }

    @Test func aSecondRunFindsNothingToDo() throws {
        try scenario.open(checkpointEvery: 500).run()
        let run = try scenario.open()
        #expect(try run.run() == 0)
        #expect(try scenario.result(run) == reference)
    }

    @Test func twoRunsAtOnceAreRefused() throws {
        let run = try scenario.open()
        #expect(throws: RuntimeError.self) { try scenario.open() }
        withExtendedLifetime(run) {}
    }

    @Test func anotherSpecificationUnderTheSameNameIsRefused() throws {
        scenario.specification.model.classifier.learner = .adaGrad(rate: 0.5)
        let error = #expect(throws: RuntimeError.self) { try scenario.open() }
        #expect(error?.description.contains("--fresh") == true)
    }

    @Test func snapshotVersionsGrowThoughARunEndsAtACheckpoint() throws {
        try scenario.open(block: 100, checkpointEvery: 500, fresh: true).run(until: Offset(1000))
        try expectSnapshotVersionsToGrow()
    }

    // MARK: steps

    private func expectSnapshotVersionsToGrow() throws {
        let keys = try scenario.records(scenario.log.topic("models-0", of: "card-fraud")).map(\.keyText)
        let versions = keys.compactMap { $0.split(separator: "/").last.flatMap { Int64($0) } }
        #expect(versions.count == keys.count && !keys.isEmpty)
        #expect(zip(versions, versions.dropFirst()).allSatisfy { $0 < $1 }, "\(versions)")
    }

    private var outputs: [String] {
        ["decisions-0", "alerts-0", "late-0", "quarantine-0", "duplicates-0", "models-0"].map {
            scenario.log.topic($0, of: "card-fraud")
        }
    }

    private func segments() throws -> [String] {
        try outputs.flatMap { topic in
            try scenario.fileSystem.list(topic).filter { $0.hasSuffix(".log") }.map { "\(topic)/\($0)" }
        }
    }

    private func segmentSizes() throws -> [String: Int] {
        var sizes: [String: Int] = [:]
        for path in try segments() { sizes[path] = try scenario.fileSystem.size(of: path) }
        return sizes
    }

    private func damageTails(beyond durable: [String: Int], _ random: inout SeededRandom) throws {
        for path in try segments() {
            let least = durable[path] ?? 0
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            switch random.int(0..<4) {
            case 0: bytes = bytes.prefix(random.int(least...bytes.count))
            case 1: bytes += (0..<random.int(1...300)).map { _ in UInt8(random.int(0...255)) }
            case 2 where bytes.count > least: bytes[random.int(least..<bytes.count)] ^= 0x10
            default: continue
            }
            try bytes.write(to: URL(fileURLWithPath: path))
        }
    }
}
