import EventModel
import Platform
import Simulation
import Testing

@testable import LogStorage

struct BackupTests {
    private let source = LogDirectory("log")
    private let target = LogDirectory("copy")

    /// A log with an input of several segments and one pipeline with a checkpoint and an output.
    private func makeLog(_ batches: Int) throws -> InMemoryFileSystem {
        let fileSystem = InMemoryFileSystem()
        try grow(fileSystem, batches, from: 0)
        return fileSystem
    }

    private func grow(_ fileSystem: InMemoryFileSystem, _ batches: Int, from first: Int) throws {
        for directory in [source.input, source.topic("decisions-0", of: "p"), source.topic("checkpoints-0", of: "p")] {
            let writer = try open(directory, fileSystem)
            for number in first..<(first + batches) { try writer.append(batch(number, 2)) }
            try writer.close()
        }
        for (name, text) in [("pipelines/p/checkpoints-0/\(first).state", "state"), ("pipelines/p/pipeline.yaml", "p")]
        {
            try Array(text.utf8).withUnsafeBytes { try fileSystem.replace("\(source.path)/\(name)", with: $0) }
        }
        _ = try SchemaRegistry(source, fileSystem: fileSystem).register(
            RecordSchema(name: "R\(first)", columns: [Column("a", .long)]))
    }

    private func open(_ directory: String, _ fileSystem: any FileSystem) throws -> TopicWriter {
        try TopicWriter(
            directory: directory, fileSystem: fileSystem,
            options: TopicOptions(segmentBytes: 170, indexIntervalBytes: 0))
    }

    private func records(_ topic: String, _ fileSystem: any FileSystem) throws -> [TestRecord] {
        try readAll(TopicReader(directory: topic, fileSystem: fileSystem))
    }

    private func checkCopy(_ fileSystem: InMemoryFileSystem, _ what: String = "") throws {
        for topic in ["input-0", "pipelines/p/decisions-0", "pipelines/p/checkpoints-0"] {
            let expected = try records("\(source.path)/\(topic)", fileSystem)
            #expect(try records("\(target.path)/\(topic)", fileSystem) == expected, "\(what) \(topic)")
            var verification = TopicVerification(directory: "\(target.path)/\(topic)", fileSystem: fileSystem)
            let found = try verification.run().filter { $0.severity == .damage }
            #expect(found.isEmpty, "\(what) \(topic)")
        }
        for directory in ["schemas", "pipelines/p", "pipelines/p/checkpoints-0"] {
            let names = try fileSystem.list("\(source.path)/\(directory)").filter {
                $0.hasSuffix(".avsc") || $0.hasSuffix(".yaml") || $0.hasSuffix(".state")
            }
            #expect(!names.isEmpty)
            for name in names {
                let path = "\(directory)/\(name)"
                #expect(try fileSystem.read("\(target.path)/\(path)") == fileSystem.read("\(source.path)/\(path)"))
            }
        }
    }

    private func backUp(_ fileSystem: InMemoryFileSystem) throws -> LogBackup.Report {
        var backup = LogBackup(of: source, to: target, fileSystem: fileSystem)
        return try backup.run()
    }

    @Test func theCopyIsTheLog() throws {
        let fileSystem = try makeLog(7)
        let report = try backUp(fileSystem)
        #expect(report.inputEnd == Offset(14))
        #expect(report.topics == 3)
        try checkCopy(fileSystem)
        try checkCopy(fileSystem.crash(), "after a crash")
    }

    /// A copy's bytes are durable before its durable end says so, and all of it before the mark goes.
    @Test func aBackupIsDurableStepByStep() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try open(source.input, fileSystem)
        for number in 0..<3 { try writer.append(batch(number, 2)) }
        try writer.close()
        fileSystem.clearTrace()
        _ = try backUp(fileSystem)
        let found = fileSystem.trace.map {
            $0.replacing("copy/input-0/", with: "").replacing("0000000000000000000", with: "")
        }
        #expect(
            found.joined(separator: "\n") == """
                mkdir copy
                syncdir .
                lock copy/backup.lock
                open copy/backup-unfinished.tmp emptied
                write copy/backup-unfinished.tmp 0+0
                sync copy/backup-unfinished.tmp
                rename copy/backup-unfinished.tmp copy/backup-unfinished
                syncdir copy
                open copy/backup.tmp emptied
                write copy/backup.tmp 0+0
                sync copy/backup.tmp
                rename copy/backup.tmp copy/backup
                syncdir copy
                syncdir .
                mkdir copy/input-0
                syncdir copy
                lock housekeeping.lock
                open 0.log.tmp emptied
                write 0.log.tmp 0+158
                sync 0.log.tmp
                open 0.seal.tmp emptied
                write 0.seal.tmp 0+64
                sync 0.seal.tmp
                rename 0.seal.tmp 0.seal
                syncdir copy/input-0
                rename 0.log.tmp 0.log
                syncdir copy/input-0
                open 0.index.tmp emptied
                write 0.index.tmp 0+8
                sync 0.index.tmp
                rename 0.index.tmp 0.index
                syncdir copy/input-0
                open 0.timeindex.tmp emptied
                write 0.timeindex.tmp 0+32
                sync 0.timeindex.tmp
                rename 0.timeindex.tmp 0.timeindex
                syncdir copy/input-0
                open 0.seal.tmp emptied
                write 0.seal.tmp 0+64
                sync 0.seal.tmp
                rename 0.seal.tmp 0.seal
                syncdir copy/input-0
                open 4.log.tmp emptied
                write 4.log.tmp 0+79
                sync 4.log.tmp
                rename 4.log.tmp 4.log
                open 4.index.tmp emptied
                write 4.index.tmp 0+8
                sync 4.index.tmp
                rename 4.index.tmp 4.index
                syncdir copy/input-0
                open 4.timeindex.tmp emptied
                write 4.timeindex.tmp 0+16
                sync 4.timeindex.tmp
                rename 4.timeindex.tmp 4.timeindex
                syncdir copy/input-0
                syncdir copy/input-0
                open 4.producers.tmp emptied
                write 4.producers.tmp 0+8
                sync 4.producers.tmp
                rename 4.producers.tmp 4.producers
                syncdir copy/input-0
                open durable-end.tmp emptied
                write durable-end.tmp 0+20
                sync durable-end.tmp
                rename durable-end.tmp durable-end
                syncdir copy/input-0
                open durable-end
                write durable-end 0+20
                sync durable-end
                syncdir copy/input-0
                syncdir copy
                lock lock
                open durable-end
                write durable-end 0+20
                sync durable-end
                syncdir copy/input-0
                open 4.log
                open 4.index emptied
                open 4.timeindex emptied
                syncdir copy/input-0
                write 4.index 0+8
                write 4.timeindex 0+16
                sync 4.log
                write durable-end 4096+20
                sync durable-end
                lock housekeeping.lock
                remove copy/backup-unfinished
                syncdir copy
                """)
    }

    @Test func anotherBackupCopiesWhatIsNew() throws {
        let fileSystem = try makeLog(7)
        let first = try backUp(fileSystem)
        try grow(fileSystem, 4, from: 7)
        let second = try backUp(fileSystem)
        #expect(second.segmentsKept == first.segmentsCopied - 3)
        try checkCopy(fileSystem)
        let housekeeping = try Housekeeping(source.input, fileSystem, TopicOptions(segmentBytes: 500))
        _ = try housekeeping.merge()
        _ = try housekeeping.apply(
            housekeeping.retentionPlan(
                RetentionPolicy(
                    maximumAge: nil, maximumBytes: 600, reference: EventTime(milliseconds: 0), floor: Offset(100))))
        housekeeping.end()
        #expect(try TopicLayout(source.input, fileSystem).start > .zero)
        _ = try backUp(fileSystem)
        let reader = try TopicReader(directory: target.input, fileSystem: fileSystem)
        #expect(reader.startOffset == (try TopicLayout(source.input, fileSystem).start))
        #expect(
            try readAll(reader, from: reader.startOffset)
                == Array((0..<11).flatMap { batch($0, 2) }[Int(reader.startOffset.value)...]))
    }

    @Test func aRestoredLogGoesOn() throws {
        let fileSystem = try makeLog(5)
        _ = try backUp(fileSystem)
        let restored = LogDirectory("restored")
        var restore = LogBackup(of: target, to: restored, fileSystem: fileSystem)
        _ = try restore.restore()
        let writer = try open(restored.input, fileSystem)
        #expect(writer.endOffset == Offset(10))
        try writer.append(batch(5, 2))
        try writer.close()
        #expect(try records(restored.input, fileSystem) == (0..<6).flatMap { batch($0, 2) })
        #expect(try !fileSystem.list(restored.path).contains(LogBackup.mark))
        var again = LogBackup(of: target, to: restored, fileSystem: fileSystem)
        #expect(throws: LogError.self) { try again.restore() }
        var into = LogBackup(of: source, to: restored, fileSystem: fileSystem)
        #expect(throws: LogError.self) { try into.run() }
    }

    /// A backup that dies while it is brought up to date has its old checkpoints still, and at least its old input.
    @Test func aBackupIsUsableWhileItIsBroughtUpToDate() throws {
        let log = try makeLog(5)
        _ = try backUp(log)
        try grow(log, 4, from: 5)
        let whole = log.crash(leaving: .all)
        let start = whole.callCount
        _ = try backUp(whole)
        let calls = whole.callCount - start
        #expect(calls > 100)
        for last in stride(from: 0, through: calls, by: 7) {
            let fileSystem = log.crash(leaving: .all)
            fileSystem.halt(atCall: fileSystem.callCount + last)
            _ = try? backUp(fileSystem)
            let crashed = fileSystem.crash(leaving: .some(seed: UInt64(last)))
            try target.checkIsWhole(crashed)
            let input = try records(target.input, crashed)
            #expect(Array(input.prefix(10)) == (0..<5).flatMap { batch($0, 2) }, "call \(last)")
            for topic in ["decisions-0", "checkpoints-0"] {
                let found = try records(target.topic(topic, of: "p"), crashed)
                #expect(Array(found.prefix(10)) == (0..<5).flatMap { batch($0, 2) }, "call \(last) \(topic)")
            }
            let states = try crashed.list(target.topic("checkpoints-0", of: "p")).filter { $0.hasSuffix(".state") }
            #expect(states.contains("0.state"), "call \(last)")
            _ = try backUp(crashed)
            try checkCopy(crashed, "ended after call \(last)")
        }
    }

    @Test func theBackupOfAnotherLogIsLeftAlone() throws {
        let fileSystem = try makeLog(5)
        _ = try backUp(fileSystem)
        let other = LogDirectory("other")
        let writer = try open(other.input, fileSystem)
        for number in 10..<30 { try writer.append(batch(number, 2)) }
        try writer.close()
        var backup = LogBackup(of: other, to: target, fileSystem: fileSystem)
        #expect(throws: LogError.self) { try backup.run() }
        try checkCopy(fileSystem)
    }

    @Test func onlyWhatIsDurableIsCopied() throws {
        let fileSystem = try makeLog(3)
        let writer = try open(source.input, fileSystem)
        try writer.append(batch(3, 2))
        #expect(try backUp(fileSystem).inputEnd == Offset(6))
        #expect(try records(target.input, fileSystem) == (0..<3).flatMap { batch($0, 2) })
        try writer.close()
    }

    @Test func damageIsReportedAndNotCopied() throws {
        let fileSystem = try makeLog(5)
        let name = "\(source.input)/00000000000000000000.log"
        var bytes = try fileSystem.read(name)
        bytes[100] ^= 1
        try fileSystem.overwrite(name, with: bytes)
        #expect(throws: LogError.self) { try backUp(fileSystem) }
        #expect(throws: LogError.self) { try target.checkIsWhole(fileSystem) }
    }

    @Test func anInterruptedBackupIsToldAndCanBeEnded() throws {
        let log = try makeLog(3)
        let whole = log.crash(leaving: .all)
        _ = try backUp(whole)
        for last in stride(from: 0, to: whole.callCount, by: 3) {
            let fileSystem = log.crash(leaving: .all)
            fileSystem.halt(atCall: last)
            _ = try? backUp(fileSystem)
            let crashed = fileSystem.crash(leaving: .some(seed: UInt64(last)))
            let isWhole = (try? target.checkIsWhole(crashed)) != nil
            if isWhole, try crashed.exists(target.input) { try checkCopy(crashed, "said to be whole at \(last)") }
            _ = try backUp(crashed)
            try checkCopy(crashed, "ended after call \(last)")
        }
    }
}
