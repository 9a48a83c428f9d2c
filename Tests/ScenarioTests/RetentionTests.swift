import EventModel
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform
import TestSupport
import Testing

/// Retention takes what nobody needs, and whatever goes on afterwards goes on as if nothing had happened.
struct RetentionTests {
    private let retained: RetainedLog

    init() throws {
        retained = try RetainedLog()
        try retained.split("input-0")
    }

    /// Trains in steps, so that two checkpoints are kept, at 700 and at 900.
    private func train() throws {
        try retained.open().run(until: Offset(700))
        try retained.open().run(until: Offset(900))
    }

    @Test func theInputKeepsWhatWindowsLabelsAndIdsReach() throws {
        try train()
        let run = try retained.open()
        #expect(run.offset == Offset(900))
        // Naively: the watermark at offset 700 is the latest transaction's time before, the window reaches 7 d + 1 h.
        let records = try retained.records("input-0")
        let transactions = try inputKinds()
        let watermark = try #require(
            records.prefix(700).indices.filter { transactions[$0] }.map { records[$0].time }.max())
        let limit = watermark - (7 * .day + .hour)
        let first = try #require(records.first { $0.time >= limit })
        #expect(first.offset > .zero && first.offset < Offset(700))
        let before = try retained.segments("input-0")
        let retention = try retained.retain("input-0")
        #expect(retention.floors == [RetentionFloor(offset: first.offset, who: "pipeline small", why: "windows")])
        #expect(retention.plan.isHeldByFloor)
        let start = try #require(before.last { $0.offsets.lowerBound <= first.offset }).offsets.lowerBound
        #expect(try retained.records("input-0").first?.offset == start && start > .zero)
        #expect(retention.plan.segments == before.count { $0.offsets.upperBound <= start })
    }

    /// Which input records are transactions.
    private func inputKinds() throws -> [Bool] {
        let schemas = try SchemaRegistry(retained.log, fileSystem: retained.fileSystem)
        let reader = try TopicReader(directory: retained.log.input, fileSystem: retained.fileSystem)
        let cursor = try reader.cursor(from: .zero)
        var found: [Bool] = []
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() {
                var value = ByteReader(record.value)
                found.append(value.readEnvelope().flatMap { schemas.schema($0) }?.name == "Transaction")
            }
        }
        return found
    }

    @Test func trainingGoesOnAsIfNothingHadGone() throws {
        let other = try RetainedLog()
        let reference = try other.open()
        try reference.run()
        try train()
        try retained.retain("input-0")
        let run = try retained.open()
        try run.run()
        #expect(run.digest.description == reference.digest.description && run.tally == reference.tally)
    }

    @Test func aReplayOfTheRestAccountsForEachRecord() throws {
        try train()
        try retained.retain("input-0")
        let run = try retained.open(fresh: true)
        try run.run()
        let left = try retained.records("input-0")
        #expect(run.tally.isBalanced && run.tally.records == Int64(left.count))
        #expect(left.count < 1_000)
        let evaluation = try evaluate()
        #expect(evaluation.decisionCount == Int(run.tally.transactions))
    }

    /// What can no longer be computed is not let go without a word.
    @Test func outputsThatCannotBeGivenAgainAreKept() throws {
        try train()
        try retained.retain("input-0")
        #expect(throws: RuntimeError.self) { try retained.open(fresh: true, forgetsRemoved: false) }
        let decisions = try retained.records("pipelines/small/decisions-0").count
        let checkpoints = "\(retained.log.path)/pipelines/small/checkpoints-0"
        for name in try retained.fileSystem.list(checkpoints) where name.hasSuffix(".state") {
            try retained.fileSystem.corrupt("\(checkpoints)/\(name)", bit: 100)
        }
        #expect(throws: RuntimeError.self) { try retained.open() }
        #expect(try retained.records("pipelines/small/decisions-0").count == decisions)
    }

    /// Their windows reach back to what is gone.
    @Test func vectorsThatAreNotAsTheyWereScoredAreGivenOnlyWhenAskedFor() throws {
        try train()
        let export = FeatureExport(
            log: retained.log, specification: retained.specification, fileSystem: retained.fileSystem)
        #expect(try export.write(to: "features.csv") == 600)
        try retained.retain("input-0")
        let start = try #require(try retained.records("input-0").first?.offset)
        #expect {
            _ = try export.write(to: "features.csv")
        } throws: { error in
            guard case RuntimeError.vectorsRemoved(start) = error else { return false }
            return true
        }
        #expect((1..<600).contains(try export.write(to: "features.csv", forgetsRemoved: true)))
    }

    @Test func metricsAreOfTheDecisionsWhoseInputIsLeft() throws {
        try retained.open().run(until: Offset(900))
        let all = try evaluate()
        try retained.retain("input-0")
        let rest = try evaluate()
        #expect(rest.decisionCount > 0 && rest.decisionCount < all.decisionCount)
        try retained.split("pipelines/small/decisions-0")
        try retained.retain("pipelines/small/decisions-0")
        #expect(try evaluate().decisionCount <= rest.decisionCount)
    }

    private func evaluate() throws -> PipelineEvaluation {
        try PipelineEvaluation(
            log: retained.log, specification: retained.specification, evaluation: retained.specification.evaluation,
            fileSystem: retained.fileSystem)
    }

    /// After a replay the decisions begin behind those that retention has removed.
    @Test(arguments: [false, true]) func aRepeatedTransactionIsAnsweredByItsFirstDecision(fresh: Bool) throws {
        try retained.open().run()
        try retained.split("pipelines/small/decisions-0")
        #expect(try retained.retain("pipelines/small/decisions-0").plan.segments > 0)
        try retained.retain("input-0")
        let run = try retained.open(fresh: fresh)
        try run.run()
        let session = try ScoringSession(
            run: run, format: .ndjson, clock: ClockOf(time: RetainedLog.time(retained.rows)),
            fileSystem: retained.fileSystem)
        let decisions = try DecisionLog(retained.log, pipeline: "small", fileSystem: retained.fileSystem)
        var scores: [TransactionID: Double] = [:]
        while let decision = try decisions.next() { scores[decision.transactionID] = decision.probability }
        // Of the last 6 days, which ids are remembered for.
        for row in (retained.rows - 60)..<retained.rows {
            let fields = RetainedLog.table(row..<row + 1).split(separator: "\n")[1].split(separator: ",")
            let line =
                "{\"ID\": \(fields[0]), \"TIME\": \(fields[1]), \"CARD\": \(fields[2]), \"AMOUNT\": \(fields[3])}\n"
            var answers: [JSONValue] = []
            try Array(line.utf8).withUnsafeBytes { try session.take($0) { answers.append($0) } }
            #expect(answers.first?["status"]?.string == "duplicate")
            #expect(answers.first?["score"]?.double == scores[.number(Int64(row))])
        }
        try session.finish { _ in }
    }

    @Test func outputsKeepWhatRecoveryCutsBackTo() throws {
        for end in [500, 700, 900] { try retained.open().run(until: Offset(Int64(end))) }
        for topic in ["checkpoints-0", "models-0"] {
            try retained.split("pipelines/small/\(topic)", segmentBytes: 100)
            #expect(try retained.retain("pipelines/small/\(topic)").plan.records == 1)
        }
        // The newest state is damaged: recovery takes the one before.
        try retained.fileSystem.corrupt("log/pipelines/small/checkpoints-0/900.state", bit: 800)
        let run = try retained.open()
        #expect(run.offset == Offset(700))
        try run.run()
        let reference = try RetainedLog().open()
        try reference.run()
        #expect(run.digest.description == reference.digest.description)
        #expect(
            try SnapshotStore(log: retained.log, fileSystem: retained.fileSystem).newest(of: nil).version
                == run.offset.value)
    }

    @Test func aPipelineWithoutCheckpointNeedsEverything() throws {
        try retained.fileSystem.createDirectory(retained.log.pipeline("new"))
        let retention = try retained.retain("input-0")
        #expect(retention.plan.segments == 0 && retention.plan.isHeldByFloor)
        #expect(retention.floors.map(\.who) == ["pipeline new"])
    }

    @Test func aStoredReaderKeepsWhatItHasNotRead() throws {
        let reader = try StoredOffset(
            reader: "slow", of: retained.log.input, fileSystem: retained.fileSystem)
        try reader.store(Offset(100))
        reader.close()
        try retained.retain("input-0")
        let start = try #require(try retained.records("input-0").first).offset
        #expect(start > .zero && start <= Offset(100))
        try retained.retain("input-0", ignoringReaders: true)
        #expect(try #require(try retained.records("input-0").first).offset > Offset(100))
        let error = #expect(throws: RuntimeError.self) {
            var options = TopicExport.Options()
            options.reader = "slow"
            _ = try TopicExport(
                retained.topic("input-0"), of: retained.log, options: options, fileSystem: retained.fileSystem,
                clock: SystemClock())
        }
        #expect(error?.description.contains("--forget slow") == true)
    }

    /// The history of 2018 is as old as it was then; a few records of 2030 and 1970 change nothing.
    @Test func wrongClocksNeitherEraseNorPin() throws {
        let before = try retained.segments("input-0").count
        let plain = try retained.retention(of: "input-0", age: 10 * .day)
        plain.end()
        let wrong = try RetainedLog()
        try wrong.split("input-0") { offset, time in
            switch offset.value {
            case 3, 400, 1_000: EventTime(milliseconds: 1_900_000_000_000)
            case 900, 901: EventTime(milliseconds: 0)
            default: time
            }
        }
        let retention = try wrong.retention(of: "input-0", age: 10 * .day)
        retention.end()
        #expect(abs(retention.reference.milliseconds - plain.reference.milliseconds) < 8 * 3_600_000)
        #expect(abs(retention.plan.segments - plain.plan.segments) <= 2)
        #expect(plain.plan.segments > 0 && plain.plan.segments < before - 2)
        // Nor do they pin what a pipeline needs.
        try wrong.open().run(until: Offset(700))
        try wrong.open().run(until: Offset(900))
        try train()
        let floors = try (retained.retain("input-0").floors, wrong.retain("input-0").floors)
        #expect(floors.0.map(\.offset) == floors.1.map(\.offset))
    }

    @Test func aTableWhoseFirstRowsAreGoneIsRefused() throws {
        try retained.retain("input-0")
        let gone = try #require(try retained.records("input-0").first).offset
        let error = #expect(throws: RuntimeError.self) { try retained.importTable(RetainedLog.table(0..<610)) }
        #expect(error?.description.contains("no longer holds the first \(gone) records of this table") == true)
        // Another table is welcome; then nothing at all may be left of the first one.
        try rollInput()
        try retained.importTable(RetainedLog.table(600..<900))
        try rollInput()
        try retained.retain("input-0")
        #expect(try #require(try retained.records("input-0").first).offset > Offset(1_200))
        let before = try retained.records("input-0").count
        #expect(throws: RuntimeError.self) { try retained.importTable(RetainedLog.table(0..<610)) }
        #expect(try retained.records("input-0").count == before)
    }

    /// Adds a heartbeat in a segment of its own.
    private func rollInput() throws {
        let schemas = try SchemaRegistry(retained.log, fileSystem: retained.fileSystem)
        var value = ByteWriter()
        value.appendEnvelope(try schemas.register(.command))
        value.appendAvro("heartbeat")
        var batch = RecordBatchBuilder()
        batch.append(timestamp: RetainedLog.time(0), value: value.bytes)
        let writer = try TopicWriter(
            directory: retained.log.input, fileSystem: retained.fileSystem, options: TopicOptions(segmentBytes: 1))
        try writer.append(&batch)
        try writer.close()
    }
}
