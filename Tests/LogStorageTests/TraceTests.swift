import EventModel
import Simulation
import Testing

@testable import LogStorage

/// What is written, synced and renamed, call by call: a missing sync shows as a difference.
struct TraceTests {
    private func expectTrace(
        _ fileSystem: InMemoryFileSystem, _ expected: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = fileSystem.trace.map {
            $0.replacing("input-0/", with: "").replacing("0000000000000000000", with: "")
        }
        #expect(found.joined(separator: "\n") == expected, sourceLocation: sourceLocation)
        fileSystem.clearTrace()
    }

    /// A topic of segments of two records each; all but the last are sealed, all are durable.
    private func makeTopic(segments: Int = 4) throws -> (InMemoryFileSystem, TopicWriter) {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 90)
        for number in 0..<segments { try writer.append(keyed(number)) }
        try writer.sync()
        fileSystem.clearTrace()
        return (fileSystem, writer)
    }

    /// Two records, of a key that each batch has and of one that only this batch has.
    private func keyed(_ number: Int) -> [TestRecord] {
        [
            TestRecord(Int64(number) * 1_000, key: [0], [1]),
            TestRecord(Int64(number) * 1_000, key: [UInt8(number + 1)], [2]),
        ]
    }

    private func housekeep(_ fileSystem: InMemoryFileSystem, segmentBytes: Int) throws -> Housekeeping {
        try Housekeeping(topic, fileSystem, TopicOptions(segmentBytes: segmentBytes, indexIntervalBytes: 1 << 16))
    }

    /// The topic, opened again after the process died in the call of `body` that has this line.
    private func reopen(
        _ fileSystem: InMemoryFileSystem, diedIn line: String, _ body: (InMemoryFileSystem) throws -> Void
    ) throws -> InMemoryFileSystem {
        for call in 0..<200 {
            let dying = fileSystem.crash(leaving: .all)
            dying.halt(atCall: call)
            try? body(dying)
            let last = dying.trace.first { $0.hasSuffix(" fails") }
            guard last?.replacing("0000000000000000000", with: "") == line + " fails" else { continue }
            let crashed = dying.crash(leaving: .all)
            _ = try TopicWriter.open(crashed, segmentBytes: 90)
            return crashed
        }
        Issue.record("no call \(line)")
        return fileSystem
    }

    @Test func aTopicIsMadeThenWrittenThenSealed() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 170)
        expectTrace(
            fileSystem,
            """
            mkdir input-0
            syncdir .
            lock lock
            open durable-end.tmp emptied
            write durable-end.tmp 0+20
            sync durable-end.tmp
            rename durable-end.tmp durable-end
            syncdir input-0
            open durable-end
            write durable-end 0+20
            sync durable-end
            syncdir input-0
            open 0.log
            open 0.index emptied
            open 0.timeindex emptied
            syncdir input-0
            sync 0.log
            write durable-end 4096+20
            sync durable-end
            """)
        try writer.append(batch(0, 2))
        expectTrace(
            fileSystem,
            """
            write 0.log 0+79
            write 0.index 0+8
            write 0.timeindex 0+16
            """)
        try writer.sync()
        expectTrace(
            fileSystem,
            """
            sync 0.log
            write durable-end 0+20
            sync durable-end
            """)
        try writer.sync()
        #expect(fileSystem.trace.isEmpty)
        try writer.append(batch(1, 2))
        expectTrace(
            fileSystem,
            """
            write 0.log 79+79
            """)
        try writer.append(batch(2, 2))
        expectTrace(
            fileSystem,
            """
            sync 0.log
            write durable-end 4096+20
            sync durable-end
            open 4.producers.tmp emptied
            write 4.producers.tmp 0+8
            sync 4.producers.tmp
            rename 4.producers.tmp 4.producers
            syncdir input-0
            write 0.timeindex 16+16
            sync 0.index
            sync 0.timeindex
            open 0.seal.tmp emptied
            write 0.seal.tmp 0+64
            sync 0.seal.tmp
            rename 0.seal.tmp 0.seal
            syncdir input-0
            open 4.log
            open 4.index emptied
            open 4.timeindex emptied
            syncdir input-0
            remove 0.producers
            write 4.log 0+79
            write 4.index 0+8
            write 4.timeindex 0+16
            """)
        try writer.close()
        expectTrace(
            fileSystem,
            """
            sync 4.log
            write durable-end 0+20
            sync durable-end
            """)
    }

    @Test func recoveryCutsWritesAnewSyncsAndSaysSo() throws {
        let fileSystem = InMemoryFileSystem()
        let first = try TopicWriter.open(fileSystem)
        try first.append(batch(0, 2))
        try first.sync()
        try first.append(batch(1, 2))
        let crashed = fileSystem.crash(leaving: .all)
        let bytes = try crashed.read(firstSegment)
        try crashed.overwrite(firstSegment, with: bytes + [1, 2, 3])
        let writer = try TopicWriter.open(crashed)
        expectTrace(
            crashed,
            """
            syncdir .
            lock lock
            open durable-end
            write durable-end 0+20
            sync durable-end
            syncdir input-0
            open 0.log
            open 0.index emptied
            open 0.timeindex emptied
            syncdir input-0
            truncate 0.log 158
            write 0.index 0+8
            write 0.timeindex 0+16
            write 0.log 79+79
            sync 0.log
            write durable-end 4096+20
            sync durable-end
            """)
        #expect(writer.recovery.bytesCut == 3)
    }

    @Test func aCutOfTheActiveSegmentIsSynced() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem)
        try writer.append(batch(0, 2))
        try writer.append(batch(1, 2))
        try writer.sync()
        fileSystem.clearTrace()
        try writer.truncate(to: Offset(2))
        expectTrace(
            fileSystem,
            """
            lock housekeeping.lock
            write durable-end 4096+20
            sync durable-end
            open 0.log
            open 0.index emptied
            open 0.timeindex emptied
            syncdir input-0
            truncate 0.log 79
            write 0.index 0+8
            write 0.timeindex 0+16
            sync 0.log
            """)
    }

    @Test func aCutOfSealedSegmentsLowersTheDurableEndFirst() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 170)
        for number in 0..<5 { try writer.append(batch(number, 2)) }
        fileSystem.clearTrace()
        try writer.truncate(to: Offset(2))
        expectTrace(
            fileSystem,
            """
            lock housekeeping.lock
            write durable-end 0+20
            sync durable-end
            remove 8.log
            remove 8.index
            remove 8.timeindex
            remove 8.seal
            remove 8.producers
            syncdir input-0
            remove 4.log
            remove 4.index
            remove 4.timeindex
            remove 4.seal
            remove 4.producers
            syncdir input-0
            open 0.log.tmp emptied
            write 0.log.tmp 0+79
            sync 0.log.tmp
            remove 0.seal
            syncdir input-0
            rename 0.log.tmp 0.log
            syncdir input-0
            open 0.log
            open 0.index emptied
            open 0.timeindex emptied
            syncdir input-0
            write 0.index 0+8
            write 0.timeindex 0+16
            sync 0.log
            """)
    }

    @Test func aMergedSegmentIsDurableBeforeThoseThatItCoversGo() throws {
        let (fileSystem, _) = try makeTopic()
        _ = try housekeep(fileSystem, segmentBytes: 200).merge()
        expectTrace(
            fileSystem,
            """
            lock housekeeping.lock
            open 0.log.tmp emptied
            write 0.log.tmp 0+158
            sync 0.log.tmp
            open 0.seal.tmp emptied
            write 0.seal.tmp 0+128
            sync 0.seal.tmp
            rename 0.seal.tmp 0.seal
            syncdir input-0
            rename 0.log.tmp 0.log
            syncdir input-0
            open 0.index.tmp emptied
            write 0.index.tmp 0+8
            sync 0.index.tmp
            rename 0.index.tmp 0.index
            syncdir input-0
            open 0.timeindex.tmp emptied
            write 0.timeindex.tmp 0+32
            sync 0.timeindex.tmp
            rename 0.timeindex.tmp 0.timeindex
            syncdir input-0
            open 0.seal.tmp emptied
            write 0.seal.tmp 0+64
            sync 0.seal.tmp
            rename 0.seal.tmp 0.seal
            syncdir input-0
            remove 2.log
            remove 2.index
            remove 2.timeindex
            remove 2.seal
            syncdir input-0
            """)
    }

    @Test func recoveryFinishesAMerge() throws {
        let (fileSystem, _) = try makeTopic()
        let reopened = try reopen(fileSystem, diedIn: "remove input-0/2.log") {
            _ = try housekeep($0, segmentBytes: 200).merge()
        }
        expectTrace(
            reopened,
            """
            syncdir .
            lock lock
            open durable-end
            write durable-end 4096+20
            sync durable-end
            syncdir input-0
            lock housekeeping.lock
            remove 2.index
            remove 2.log
            remove 2.seal
            remove 2.timeindex
            syncdir input-0
            open 6.log
            open 6.index emptied
            open 6.timeindex emptied
            syncdir input-0
            write 6.index 0+8
            write 6.timeindex 0+16
            sync 6.log
            write durable-end 0+20
            sync durable-end
            """)
    }

    @Test func aCompactedSegmentChangesWithItsSealInOneStep() throws {
        let (fileSystem, _) = try makeTopic(segments: 2)
        let policy = CompactionPolicy(reference: EventTime(milliseconds: 0))
        _ = try housekeep(fileSystem, segmentBytes: 90).compact(policy)
        expectTrace(
            fileSystem,
            """
            lock housekeeping.lock
            open 0.log.tmp emptied
            write 0.log.tmp 0+70
            sync 0.log.tmp
            open 0.seal.tmp emptied
            write 0.seal.tmp 0+128
            sync 0.seal.tmp
            rename 0.seal.tmp 0.seal
            syncdir input-0
            rename 0.log.tmp 0.log
            syncdir input-0
            open 0.index.tmp emptied
            write 0.index.tmp 0+8
            sync 0.index.tmp
            rename 0.index.tmp 0.index
            syncdir input-0
            open 0.timeindex.tmp emptied
            write 0.timeindex.tmp 0+32
            sync 0.timeindex.tmp
            rename 0.timeindex.tmp 0.timeindex
            syncdir input-0
            open 0.seal.tmp emptied
            write 0.seal.tmp 0+64
            sync 0.seal.tmp
            rename 0.seal.tmp 0.seal
            syncdir input-0
            """)
    }

    @Test func recoveryFinishesACompaction() throws {
        let (fileSystem, _) = try makeTopic(segments: 2)
        let policy = CompactionPolicy(reference: EventTime(milliseconds: 0))
        let reopened = try reopen(fileSystem, diedIn: "open input-0/0.index.tmp emptied") {
            _ = try housekeep($0, segmentBytes: 90).compact(policy)
        }
        expectTrace(
            reopened,
            """
            syncdir .
            lock lock
            open durable-end
            write durable-end 4096+20
            sync durable-end
            syncdir input-0
            lock housekeeping.lock
            open 0.log
            sync 0.log
            open 0.index.tmp emptied
            write 0.index.tmp 0+8
            sync 0.index.tmp
            rename 0.index.tmp 0.index
            syncdir input-0
            open 0.timeindex.tmp emptied
            write 0.timeindex.tmp 0+32
            sync 0.timeindex.tmp
            rename 0.timeindex.tmp 0.timeindex
            syncdir input-0
            open 0.seal.tmp emptied
            write 0.seal.tmp 0+64
            sync 0.seal.tmp
            rename 0.seal.tmp 0.seal
            syncdir input-0
            open 2.log
            open 2.index emptied
            open 2.timeindex emptied
            syncdir input-0
            write 2.index 0+8
            write 2.timeindex 0+16
            sync 2.log
            write durable-end 0+20
            sync durable-end
            """)
    }

    private func retain(_ fileSystem: InMemoryFileSystem) throws {
        let housekeeping = try housekeep(fileSystem, segmentBytes: 90)
        try housekeeping.apply(
            try housekeeping.retentionPlan(
                RetentionPolicy(
                    maximumAge: nil, maximumBytes: 200, reference: EventTime(milliseconds: 0), floor: Offset(8))))
    }

    @Test func retentionMakesTheStartDurableBeforeSegmentsGo() throws {
        let (fileSystem, _) = try makeTopic()
        try retain(fileSystem)
        expectTrace(
            fileSystem,
            """
            lock housekeeping.lock
            open start.tmp emptied
            write start.tmp 0+20
            sync start.tmp
            rename start.tmp start
            syncdir input-0
            open start
            write start 0+20
            sync start
            write start 4096+20
            sync start
            open start
            write start 4096+20
            sync start
            remove 0.index
            remove 0.log
            remove 0.seal
            remove 0.timeindex
            remove 2.index
            remove 2.log
            remove 2.seal
            remove 2.timeindex
            syncdir input-0
            """)
    }

    @Test func recoveryMakesTheStartDurableBeforeItFinishesARetention() throws {
        let (fileSystem, _) = try makeTopic()
        let reopened = try reopen(fileSystem, diedIn: "remove input-0/0.index", retain)
        expectTrace(
            reopened,
            """
            syncdir .
            lock lock
            open durable-end
            write durable-end 4096+20
            sync durable-end
            syncdir input-0
            lock housekeeping.lock
            open start
            write start 4096+20
            sync start
            remove 0.index
            remove 0.log
            remove 0.seal
            remove 0.timeindex
            remove 2.index
            remove 2.log
            remove 2.seal
            remove 2.timeindex
            syncdir input-0
            open 6.log
            open 6.index emptied
            open 6.timeindex emptied
            syncdir input-0
            write 6.index 0+8
            write 6.timeindex 0+16
            sync 6.log
            write durable-end 0+20
            sync durable-end
            """)
    }
}
