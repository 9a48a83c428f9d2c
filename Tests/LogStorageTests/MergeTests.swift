import EventModel
import Platform
import Simulation
import Testing

@testable import LogStorage

struct MergeTests {
    /// A topic of segments of one batch each.
    private func makeTopic(batches: Int) throws -> (InMemoryFileSystem, TopicWriter, [TestRecord]) {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 1)
        let records = (0..<batches).map { batch($0, 2) }
        for batch in records { try writer.append(batch) }
        try writer.sync()
        return (fileSystem, writer, Array(records.joined()))
    }

    private func merge(_ fileSystem: any FileSystem, segmentBytes: Int) throws -> RewriteReport {
        let housekeeping = try Housekeeping(topic, fileSystem, TopicOptions(segmentBytes: segmentBytes))
        defer { housekeeping.end() }
        return try housekeeping.merge()
    }

    private func bases(_ fileSystem: InMemoryFileSystem) throws -> [Int64] {
        try TopicLayout(topic, fileSystem).segments.map { $0.base.value }
    }

    @Test func neighboursBecomeOneUpToTheSegmentSize() throws {
        let (fileSystem, _, records) = try makeTopic(batches: 8)
        let bytes = try fileSystem.size(of: firstSegment)
        let report = try merge(fileSystem, segmentBytes: 3 * bytes + 1)
        #expect(try bases(fileSystem) == [0, 6, 12, 14])
        #expect(report.segmentsBefore == 8 && report.segmentsAfter == 4)
        #expect(report.bytesBefore == 8 * bytes && report.bytesAfter == 8 * bytes && report.recordsRemoved == 0)
        #expect(try fileSystem.size(of: firstSegment) == 3 * bytes)
        #expect(try readAll(fileSystem) == records)
        #expect(try merge(fileSystem, segmentBytes: 3 * bytes + 1).segmentsAfter == 4)
        #expect(try TopicWriter.open(fileSystem.crash()).recovery == RecoveryReport())
    }

    @Test func theSegmentThatIsWrittenStays() throws {
        let (fileSystem, writer, records) = try makeTopic(batches: 2)
        let before = try fileSystem.list(topic).filter { $0 != "housekeeping.lock" }
        _ = try merge(fileSystem, segmentBytes: 1 << 20)
        #expect(try fileSystem.list(topic).filter { $0 != "housekeeping.lock" } == before)
        try writer.append(batch(9, 1))
        #expect(try readAll(fileSystem) == records + batch(9, 1))
    }

    @Test func everySeekFindsTheSameAfterwards() throws {
        let (fileSystem, _, records) = try makeTopic(batches: 9)
        _ = try merge(fileSystem, segmentBytes: 400)
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        for offset in 0...records.count {
            #expect(try readAll(reader, from: Offset(Int64(offset))) == Array(records[offset...]))
        }
        for time in stride(from: Int64(-500), to: 9_500, by: 500) {
            let naive = records.firstIndex { $0.time >= time } ?? records.count
            #expect(try reader.offset(atOrAfter: EventTime(milliseconds: time)) == Offset(Int64(naive)))
        }
    }

    @Test func readersGoOnWhereverTheyStand() throws {
        for refreshes in [false, true] {
            for position in 0..<16 {
                let (fileSystem, _, records) = try makeTopic(batches: 8)
                let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
                let cursor = try reader.cursor(from: Offset(Int64(position)))
                let first = try #require(try cursor.nextBatch())
                var found = [TestRecord]()
                var iterator = first.records
                while let record = iterator.next() { found.append(TestRecord(record)) }
                _ = try merge(fileSystem, segmentBytes: 300)
                if refreshes { try reader.refresh() }
                #expect(try found + drain(cursor) == Array(records[position...]), "from \(position)")
            }
        }
    }

    /// A writer need not wait for housekeeping that goes on, whatever files that has there.
    @Test func aWriterOpensWhileSomebodyKeepsHouse() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 170)
        for number in 0..<5 { try writer.append(batch(number, 2)) }
        try writer.close()
        let housekeeping = try Housekeeping(topic, fileSystem)
        _ = try fileSystem.open(path("00000000000000000000.log.tmp"), .writing)
        let again = try TopicWriter.open(fileSystem)
        #expect(again.endOffset == Offset(10))
        #expect(try fileSystem.exists(path("00000000000000000000.log.tmp")))
        try again.close()
        housekeeping.end()
        try TopicWriter.open(fileSystem).close()
        #expect(try !fileSystem.exists(path("00000000000000000000.log.tmp")))
    }
}
