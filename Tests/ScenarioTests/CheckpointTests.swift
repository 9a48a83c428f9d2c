import EventModel
import LogStorage
import ModelExchange
import PipelineCore
import PipelineRuntime
import Platform
import Simulation
import TestSupport
import Testing

/// A pipeline on the in-memory disk: what a checkpoint does call by call, and what a crash at each call leaves.
struct CheckpointTests {
    private let log = LogDirectory("log")
    private let text: String
    private var specification: PipelineSpecification

    init() throws {
        text = String(decoding: try PosixFileSystem().read(repositoryFile("models/card-fraud.yaml")), as: UTF8.self)
        specification = try PipelineSpecification(yaml: text, file: "card-fraud.yaml")
        specification.model.kMeans = nil
        specification.model.classifier.miniBatch = 4
    }

    /// A log of a few days, all labels in it.
    private func makeLog() throws -> InMemoryFileSystem {
        let fileSystem = InMemoryFileSystem()
        let table = try fileSystem.open("table.csv", .replacing)
        try CardTable.csv(CardTable(customers: 8, days: 12).rows).withUnsafeBytes { try table.write($0, at: 0) }
        _ = try Importer(log: log, input: specification.input, fileSystem: fileSystem)
            .importTable(
                from: InputStream(path: "table.csv", fileSystem: fileSystem), name: "table.csv", flushLabels: true)
        fileSystem.clearTrace()
        return fileSystem
    }

    private func open(_ fileSystem: InMemoryFileSystem, checkpointEvery records: Int) throws -> PipelineRun {
        var options = PipelineRun.Options()
        options.blockRecords = 20
        options.recordsPerCheckpoint = records
        return try PipelineRun(
            log: log, specification: specification, text: text, options: options, fileSystem: fileSystem,
            document: ModelDocument.make)
    }

    /// The digest at the end and all decisions.
    private func result(_ run: PipelineRun, _ fileSystem: InMemoryFileSystem) throws -> (String, [RecordedDecision]) {
        let reader = try DecisionLog(log, pipeline: specification.name, fileSystem: fileSystem)
        var decisions: [RecordedDecision] = []
        while let decision = try reader.next() { decisions.append(decision) }
        return (run.digest.description, decisions)
    }

    /// Outputs are durable before the state is written, the state before the record that names it, and that before
    /// older states go.
    @Test func aCheckpointNamesOnlyWhatIsDurable() throws {
        let fileSystem = try makeLog()
        let run = try open(fileSystem, checkpointEvery: 1_000_000)
        try run.run(until: Offset(20), withCheckpoint: false)
        try run.run(until: Offset(40), withCheckpoint: false)
        fileSystem.clearTrace()
        try run.checkpoint()
        try run.run(until: Offset(60), withCheckpoint: false)
        try run.checkpoint()
        try run.run(until: Offset(80), withCheckpoint: false)
        fileSystem.clearTrace()
        try run.checkpoint()
        let found = fileSystem.trace.map { line in
            line.replacing("log/pipelines/card-fraud/", with: "").replacing("00000000000000000000", with: "0")
                .replacing(#/ [0-9]+\+[0-9]+$/#, with: "")
        }
        #expect(
            found.joined(separator: "\n") == """
                write models-0/0.log
                sync decisions-0/0.log
                write decisions-0/durable-end
                sync decisions-0/durable-end
                sync models-0/0.log
                write models-0/durable-end
                sync models-0/durable-end
                open checkpoints-0/80.state.tmp emptied
                write checkpoints-0/80.state.tmp
                sync checkpoints-0/80.state.tmp
                rename checkpoints-0/80.state.tmp checkpoints-0/80.state
                syncdir checkpoints-0
                write checkpoints-0/0.log
                sync checkpoints-0/0.log
                write checkpoints-0/durable-end
                sync checkpoints-0/durable-end
                remove checkpoints-0/40.state
                """)
    }

    /// Where all states were damaged, a new one stays although their offsets are higher.
    @Test func aCheckpointBelowDamagedOnesIsTheOneThatIsTakenUp() throws {
        let fileSystem = try makeLog()
        try open(fileSystem, checkpointEvery: 60).run()
        let directory = "log/pipelines/\(specification.name)/checkpoints-0"
        for name in try fileSystem.list(directory) where name.hasSuffix(".state") {
            try fileSystem.corrupt("\(directory)/\(name)", bit: 100)
        }
        try open(fileSystem, checkpointEvery: 1_000_000).run(until: Offset(80))
        #expect(try fileSystem.list(directory).filter { $0.hasSuffix(".state") } == ["80.state"])
        let run = try open(fileSystem, checkpointEvery: 1_000_000)
        #expect(run.offset == Offset(80) && run.recoveryNotes.isEmpty)
    }

    @Test func whateverCallIsTheLastARunGoesOnToTheSameEnd() throws {
        let logAlone = try makeLog()
        let whole = logAlone.crash(leaving: .all)
        let calls = whole.callCount
        let run = try open(whole, checkpointEvery: 40)
        try run.run()
        let expected = try result(run, whole)
        #expect(expected.1.count > 60)
        let used = whole.callCount - calls
        #expect(used > 200)
        for last in stride(from: 0, through: used, by: 5) {
            let fileSystem = logAlone.crash(leaving: .all)
            fileSystem.halt(atCall: fileSystem.callCount + last)
            _ = try? open(fileSystem, checkpointEvery: 40).run()
            let crashed = fileSystem.crash(leaving: .some(seed: UInt64(last)))
            let again = try open(crashed, checkpointEvery: 40)
            try again.run()
            let found = try result(again, crashed)
            #expect(found.0 == expected.0, "call \(last)")
            #expect(found.1 == expected.1, "call \(last)")
        }
    }
}
