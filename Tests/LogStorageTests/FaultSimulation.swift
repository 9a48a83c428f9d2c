import EventModel
import Platform
import Simulation

@testable import LogStorage

/// A random life of a topic on a disk that fails and crashes: one seed, one run.
///
/// The topic lives several lives. Each begins with the opening of a writer, does random work, and ends with a close, a
/// failure or a crash. After each beginning everything that the log then holds is compared with `FaultModel`.
final class FaultSimulation {
    /// What happens in the lives.
    enum Step: String, CaseIterable {
        case append, retry, badRetry, sync, truncate, retain, merge, compact, openReader, read, seek, check
    }

    let seed: UInt64
    let options: TopicOptions
    let hasCompaction: Bool
    /// What the log gets of the disk: planted bugs.
    private let bug: (any FileSystem) -> any FileSystem

    var random: RandomStream
    var disk: InMemoryFileSystem
    var fileSystem: any FileSystem
    var writer: TopicWriter?
    var model = FaultModel()
    var readers: [FaultReader] = []
    var producers = (0..<3).map { FaultProducer(id: Int64($0) * 1_000_003) }
    /// What was done, a step a line.
    private(set) var log: [String] = []
    /// Every call to the disks, when it was asked for.
    private(set) var trace: [String] = []
    var clock: Int64 = 1_000_000
    var recordNumber = 0
    var readerNumber = 0
    /// Something has failed, so the life is over.
    var hasFailed = false
    /// A truncation gathers anew what producers have sent, from the records that are left.
    var mayForgetProducers = false
    private var faultsAreOn = false
    /// The call in which the process dies.
    private var lastCall = Int.max

    /// - Parameters:
    ///   - options: nil: at random.
    ///   - bug: what the log gets of the disk.
    init(
        seed: UInt64, options fixed: TopicOptions? = nil, keepsTrace: Bool = false,
        bug: @escaping (any FileSystem) -> any FileSystem = { $0 }
    ) {
        self.seed = seed
        self.bug = bug
        random = RandomStream(seed: seed, purpose: 0x6661_756c_7473)
        let segmentBytes = [200, 400, 900, 2_000][random.below(4)]
        let policies: [TopicOptions.SyncPolicy] = [
            .never, .never, .always, .interval(bytes: 300, milliseconds: 1_000_000),
        ]
        let drawn = TopicOptions(
            segmentBytes: segmentBytes, indexIntervalBytes: [0, 100, 300][random.below(3)],
            sync: policies[random.below(4)])
        options = fixed ?? drawn
        hasCompaction = random.below(2) == 0 || fixed != nil
        disk = InMemoryFileSystem(faultSeed: seed, keepsTrace: keepsTrace)
        fileSystem = bug(disk)
    }

    /// The first claim that does not hold, nil when all do.
    func run() -> FaultViolation? {
        do {
            for life in 0..<(2 + random.below(4)) { try live(life) }
            try begin(mayFail: false)
            return nil
        } catch {
            return error as? FaultViolation ?? FaultViolation("\(error)")
        }
    }

    func note(_ line: @autoclosure () -> String) { log.append(line()) }

    var report: String { "seed \(seed), \(options), compaction \(hasCompaction):\n" + log.joined(separator: "\n") }

    // MARK: lives

    private func live(_ life: Int) throws {
        note("life \(life)")
        plantFaults()
        if try begin(mayFail: true) {
            let steps = 3 + random.below(25)
            for _ in 0..<steps where !hasFailed { try perform(randomStep()) }
            if !hasFailed && random.below(2) == 0 { try close() }
        }
        try end()
    }

    private func plantFaults() {
        let now = disk.callCount
        faultsAreOn = true
        lastCall = .max
        switch random.below(6) {
        case 0: halt(atCall: now + random.below(60))
        case 1: halt(atCall: now + random.below(1_200))
        case 2: disk.failRandomly(seed: random.next(), perTenThousand: [10, 40, 200][random.below(3)])
        case 3:
            let start = now + random.below(600)
            disk.fail(calls: start..<(start + 1 + random.below(3)))
        case 4:
            let start = now + random.below(600)
            disk.fail(calls: start..<(start + 40), with: .noSpace)
        default: faultsAreOn = false
        }
    }

    func halt(atCall call: Int) {
        faultsAreOn = true
        lastCall = call
        disk.halt(atCall: call)
    }

    /// Whether the process is dead.
    var isHalted: Bool { disk.callCount > lastCall }

    func endFaults() {
        disk.stopFailing()
        faultsAreOn = false
        lastCall = .max
    }

    /// Opens the topic and compares all of it with the model.
    /// - Returns: false when a fault kept it from opening.
    @discardableResult func begin(mayFail: Bool) throws -> Bool {
        hasFailed = false
        do {
            writer = try TopicWriter(directory: topic, fileSystem: fileSystem, options: options)
        } catch {
            note("  open: \(error)")
            try judge(error)
            if !mayFail || !faultsAreOn { throw FaultViolation("cannot be opened: \(error)") }
            return false
        }
        note("  opened at \(writer!.endOffset.value)")
        try settle()
        return !hasFailed
    }

    private func close() throws {
        guard let writer else { return }
        try attempt("close") {
            try writer.close()
            model.acknowledge(model.end)
        }
    }

    /// The process ends; the machine may crash, or have crashed before.
    private func end() throws {
        writer = nil
        let remains: InMemoryFileSystem.Remains? =
            switch random.below(6) {
            case 0: .synced
            case 1, 2: .some(seed: random.next())
            case 3: .all
            default: isHalted ? .some(seed: random.next()) : nil
            }
        guard let remains else {
            note("  ends")
            return endFaults()
        }
        note("  crash leaving \(remains)")
        crash(leaving: remains)
    }

    func crash(leaving remains: InMemoryFileSystem.Remains) {
        writer = nil
        readers = []
        endFaults()
        trace += disk.trace
        disk = disk.crash(leaving: remains)
        fileSystem = bug(disk)
    }

    // MARK: failures

    /// Runs what may fail, and ends the life when the writer or the process does.
    func attempt(_ what: @autoclosure () -> String, _ body: () throws -> Void) throws {
        do {
            try body()
            note("  " + what())
        } catch {
            note("  \(what()): \(error)")
            try judge(error)
            hasFailed = true
        }
    }

    /// Rethrows what no fault explains.
    func judge(_ error: any Error) throws {
        switch error {
        case LogError.file, LogError.failedBefore: if !faultsAreOn { throw error }
        default: throw error
        }
    }
}

/// Who sends batches under an identity, and again when it does not know whether they arrived.
struct FaultProducer {
    struct Batch {
        var records: [TestRecord]
        var position: ProducerPosition
    }

    let id: Int64
    /// Sent, but not known to be durable; oldest first.
    var unconfirmed: [Batch] = []

    init(id: Int64) { self.id = id }
}
