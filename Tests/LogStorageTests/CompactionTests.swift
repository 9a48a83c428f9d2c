import EventModel
import Simulation
import Testing

@testable import LogStorage

struct CompactionTests {
    /// Appends batches, each a segment of its own, and one more, which stays unsealed.
    private func makeTopic(_ batches: [[TestRecord]]) throws -> InMemoryFileSystem {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 1)
        for batch in batches { try writer.append(batch) }
        try writer.append([TestRecord(9_000, key: [99], [9])])
        try writer.close()
        return fileSystem
    }

    private func compact(
        _ fileSystem: InMemoryFileSystem, reference: Int64 = 0, tombstoneAge: Int64 = 0
    ) throws -> RewriteReport {
        let housekeeping = try Housekeeping(topic, fileSystem, TopicOptions(segmentBytes: 1))
        defer { housekeeping.end() }
        return try housekeeping.compact(
            CompactionPolicy(
                tombstoneAge: EventDuration(milliseconds: tombstoneAge), reference: EventTime(milliseconds: reference)))
    }

    /// The records with their offsets.
    private func contents(_ fileSystem: InMemoryFileSystem) throws -> [Int: TestRecord] {
        let cursor = try TopicReader(directory: topic, fileSystem: fileSystem).cursor(from: .zero)
        var found: [Int: TestRecord] = [:]
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() { found[Int(record.offset.value)] = TestRecord(record) }
        }
        return found
    }

    private func record(_ key: UInt8, _ value: UInt8, at time: Int64 = 0) -> TestRecord {
        TestRecord(time, key: [key], [value])
    }

    @Test func theNewestOfEachKeyStaysAtItsOffset() throws {
        let batches = [
            [record(1, 1), record(2, 2), record(1, 3)], [record(1, 4)], [record(3, 5), record(2, 6)], [record(4, 7)],
        ]
        let fileSystem = try makeTopic(batches)
        let report = try compact(fileSystem)
        #expect(report.recordsRemoved == 3)
        let all = Array(batches.joined()) + [TestRecord(9_000, key: [99], [9])]
        let left = [3: all[3], 4: all[4], 5: all[5], 6: all[6], 7: all[7]]
        #expect(try contents(fileSystem) == left)
        #expect(try contents(fileSystem.crash()) == left)
        #expect(try TopicWriter.open(fileSystem.crash(), segmentBytes: 1).endOffset == Offset(8))
        #expect(try compact(fileSystem).recordsRemoved == 0)
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        #expect(try reader.cursor(from: Offset(1)).nextBatch()?.endOffset != nil)
        #expect(try reader.contents().records == 5)
    }

    @Test func aRecordAboveTheDurableEndDisplacesNone() throws {
        let fileSystem = try makeTopic([[record(1, 1)]])
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 1 << 20)
        try writer.append([record(1, 2)])
        #expect(try compact(fileSystem).recordsRemoved == 0)
        try writer.sync()
        #expect(try compact(fileSystem).recordsRemoved == 1)
    }

    @Test func aTombstoneGoesOnlyWhenItIsOld() throws {
        for (age, isLeft) in [(499, false), (500, true), (501, true)] as [(Int64, Bool)] {
            let fileSystem = try makeTopic([[record(1, 1, at: 100), record(2, 1)], [.tombstone(500, key: [1])]])
            _ = try compact(fileSystem, reference: 1_000, tombstoneAge: age)
            let found = try contents(fileSystem)
            #expect(found[0] == nil)
            #expect(found[1] == record(2, 1))
            #expect((found[2] == .tombstone(500, key: [1])) == isLeft, "age \(age)")
        }
    }

    @Test func noValueComesBackWhoseTombstoneHasGone() throws {
        let batches = [[record(1, 1), record(2, 2)], [record(3, 3)], [.tombstone(0, key: [1]), record(2, 4)]]
        let whole = try makeTopic(batches)
        let calls = whole.crash(leaving: .all)
        _ = try compact(calls, reference: 1_000)
        #expect(try contents(calls).values.filter { $0.key == [1] }.isEmpty)
        for last in 0..<calls.callCount {
            for remains: InMemoryFileSystem.Remains in [.synced, .all, .some(seed: UInt64(last))] {
                let fileSystem = whole.crash(leaving: .all)
                fileSystem.halt(atCall: last)
                _ = try? compact(fileSystem, reference: 1_000)
                let crashed = fileSystem.crash(leaving: remains)
                _ = try TopicWriter.open(crashed, segmentBytes: 1)
                let found = try contents(crashed)
                #expect(found[0] == nil || found[3] != nil, "dead in call \(last), left \(remains)")
                #expect(
                    newest(found.sorted { $0.key < $1.key }.map(\.value))
                        == newest(batches.joined() + [TestRecord(9_000, key: [99], [9])]))
            }
        }
    }

    @Test func aRecordWithoutKeyIsRefusedBeforeAnythingIsChanged() throws {
        let fileSystem = try makeTopic([[record(1, 1)], [record(1, 2)], [TestRecord(0, [3])]])
        fileSystem.clearTrace()
        #expect(throws: LogError.noKey(offset: Offset(2), directory: topic)) { try compact(fileSystem) }
        #expect(fileSystem.trace == ["lock input-0/housekeeping.lock"])
    }

    @Test func anEmptyKeyIsAKey() throws {
        let fileSystem = try makeTopic([[TestRecord(0, key: [], [1])], [TestRecord(0, key: [], [2])]])
        #expect(try compact(fileSystem).recordsRemoved == 1)
        #expect(try contents(fileSystem)[1] == TestRecord(0, key: [], [2]))
    }

    @Test func headersAndTimesStay() throws {
        var kept = record(2, 7, at: 1 << 41)
        kept.headers = [
            RecordHeader(key: "a", value: nil), RecordHeader(key: "", value: []), RecordHeader(key: "é", value: [1]),
        ]
        let fileSystem = try makeTopic([[record(1, 1, at: -5), kept, record(1, 2, at: 3)], [record(1, 3)]])
        _ = try compact(fileSystem)
        #expect(try contents(fileSystem)[1] == kept)
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        #expect(try reader.offset(atOrAfter: EventTime(milliseconds: 1 << 40)) == Offset(1))
        #expect(try reader.offset(atOrAfter: EventTime(milliseconds: -100)) == Offset(1))
    }

    @Test func aReaderOfTheOldFileReadsItToItsEnd() throws {
        let batches = [[record(1, 1), record(2, 2)], [record(1, 3), record(2, 4)], [record(1, 5)]]
        let fileSystem = try makeTopic(batches)
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        let cursor = try reader.cursor(from: Offset(1))
        var offsets: [Int64] = []
        func read() throws {
            guard let batch = try cursor.nextBatch() else { return }
            var records = batch.records
            while let record = records.next() { offsets.append(record.offset.value) }
        }
        try read()
        #expect(try compact(fileSystem).recordsRemoved == 3)
        for _ in 0..<4 { try read() }
        #expect(offsets == [1, 3, 4, 5])
    }
}
