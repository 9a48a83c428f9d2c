import EventModel
import Platform
import Simulation
import TestSupport
import Testing

@testable import LogStorage

struct WriterTests {
    @Test func aSecondWriterIsRefusedWhileTheFirstLives() throws {
        let temporary = try TemporaryDirectory()
        let directory = temporary.path
        let fileSystem = PosixFileSystem()
        var first: TopicWriter? = try TopicWriter(directory: directory + "/input-0", fileSystem: fileSystem)
        try first?.append(batch(0, 2))
        let refused = LogError.file(
            FileError(operation: "lock", path: directory + "/input-0/lock", code: .wouldBlock))
        #expect(throws: refused) { try TopicWriter(directory: directory + "/input-0", fileSystem: fileSystem) }
        try first?.close()
        let second = try TopicWriter(directory: directory + "/input-0", fileSystem: fileSystem)
        #expect(second.endOffset == Offset(2))
        #expect(throws: LogError.self) { try first?.append(batch(1, 1)) }
        first = nil
        #expect(throws: refused) { try TopicWriter(directory: directory + "/input-0", fileSystem: fileSystem) }
    }

    @Test func realFilesAreWrittenRolledCutAndRead() throws {
        let temporary = try TemporaryDirectory()
        let directory = temporary.path + "/input-0"
        let fileSystem = PosixFileSystem()
        let options = TopicOptions(segmentBytes: 300, indexIntervalBytes: 0, sync: .always)
        let writer = try TopicWriter(directory: directory, fileSystem: fileSystem, options: options)
        for number in 0..<20 { try writer.append(batch(number, 2)) }
        let reader = try TopicReader(directory: directory, fileSystem: fileSystem)
        #expect(try readAll(reader) == (0..<20).flatMap { batch($0, 2) })
        try writer.truncate(to: Offset(10))
        try reader.refresh()
        #expect(try readAll(reader) == (0..<5).flatMap { batch($0, 2) })
        #expect(try reader.offset(atOrAfter: EventTime(milliseconds: 3_000)) == Offset(6))
    }

    @Test(arguments: [1, 200, 1 << 20])
    func aTopicIsCutAtAnyBatchAndNowhereElse(segmentBytes: Int) throws {
        let records = (0..<6).flatMap { batch($0, 3) }
        for end in 0...records.count {
            let fileSystem = InMemoryFileSystem()
            let writer = try TopicWriter.open(fileSystem, segmentBytes: segmentBytes)
            for number in 0..<6 {
                try writer.append(batch(number, 3))
                if number == 3 { try writer.sync() }
            }
            let durable = writer.durableEnd
            if end % 3 == 0 {
                try writer.truncate(to: Offset(Int64(end)))
                #expect(writer.endOffset == Offset(Int64(end)))
                #expect(writer.durableEnd == min(durable, Offset(Int64(end))))
                #expect(try readAll(fileSystem) == Array(records[..<end]))
                try writer.append(batch(9, 2))
                try writer.close()
                #expect(try readAll(fileSystem) == Array(records[..<end]) + batch(9, 2))
            } else {
                fileSystem.clearTrace()
                #expect(throws: LogError.cutInsideBatch(Offset(Int64(end)), directory: topic)) {
                    try writer.truncate(to: Offset(Int64(end)))
                }
                #expect(fileSystem.trace.allSatisfy { $0.hasPrefix("lock ") })
                try writer.append(batch(9, 2))
                #expect(try readAll(fileSystem) == records + batch(9, 2))
            }
            #expect(try TopicWriter.open(fileSystem.crash(leaving: .all)).recovery == RecoveryReport())
        }
    }

    @Test func aCutBeforeTheFirstRecordIsOutOfRange() throws {
        let writer = try TopicWriter.open(InMemoryFileSystem())
        try writer.append(batch(0, 1))
        #expect(throws: LogError.outOfRange(Offset(-1), available: .zero..<Offset(1), directory: topic)) {
            try writer.truncate(to: Offset(-1))
        }
        #expect(writer.endOffset == Offset(1))
    }

    @Test(arguments: [1, 250, 1 << 20])
    func aReaderTailsAWriter(segmentBytes: Int) throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: segmentBytes)
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        let cursor = try reader.cursor(from: .zero)
        let inTheMiddle = try reader.cursor(from: Offset(7))
        var seen: [TestRecord] = []
        var expected: [TestRecord] = []
        for number in 0..<40 {
            try writer.append(batch(number, 1 + number % 4))
            expected += batch(number, 1 + number % 4)
            if number % 3 == 0 { try writer.sync() }
            if number % 5 == 0 {
                try reader.refresh()
                seen += try drain(cursor)
                #expect(seen == expected)
                #expect(reader.durableEnd == writer.durableEnd)
            }
        }
        try reader.refresh()
        #expect(try drain(inTheMiddle) == Array(expected[7...]))
    }

    @Test func syncPoliciesSync() throws {
        let fileSystem = InMemoryFileSystem()
        let always = try TopicWriter.open(fileSystem, sync: .always)
        try always.append(batch(0, 1))
        #expect(always.durableEnd == Offset(1))
        try always.close()
        let bytes = try TopicWriter.open(fileSystem, sync: .interval(bytes: 150, milliseconds: 1_000_000))
        try bytes.append(batch(1, 1))
        #expect(bytes.durableEnd == Offset(1))
        try bytes.append(batch(2, 1))
        try bytes.append(batch(3, 1))
        #expect(bytes.durableEnd == Offset(4))
    }
}
