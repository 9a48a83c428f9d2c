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

    @Test func aTopicIsMadeThenWrittenThenSealed() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 170)
        expectTrace(
            fileSystem,
            """
            mkdir input-0
            syncdir .
            lock lock
            syncdir .
            open durable-end.tmp emptied
            write durable-end.tmp 0+20
            sync durable-end.tmp
            rename durable-end.tmp durable-end
            syncdir input-0
            open 0.log
            open 0.index
            open 0.timeindex
            open durable-end
            syncdir input-0
            truncate 0.index 0
            truncate 0.timeindex 0
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
            write durable-end 32+20
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
            write durable-end 0+20
            sync durable-end
            write 0.timeindex 16+16
            open 0.sum emptied
            write 0.sum 0+12
            sync 0.sum
            sync 0.index
            sync 0.timeindex
            open 4.log
            open 4.index
            open 4.timeindex
            syncdir input-0
            truncate 4.index 0
            truncate 4.timeindex 0
            write 4.log 0+79
            write 4.index 0+8
            write 4.timeindex 0+16
            """)
        try writer.close()
        expectTrace(
            fileSystem,
            """
            sync 4.log
            write durable-end 32+20
            sync durable-end
            """)
    }

    @Test func recoveryCutsSyncsAndSaysSo() throws {
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
            lock lock
            open 0.log
            open 0.index
            open 0.timeindex
            open durable-end
            syncdir input-0
            truncate 0.index 0
            truncate 0.timeindex 0
            write 0.index 0+8
            write 0.timeindex 0+16
            truncate 0.log 158
            sync 0.log
            sync 0.log
            write durable-end 0+20
            sync durable-end
            """)
        #expect(writer.recovery.bytesCut == 3)
    }

    @Test func truncationLowersTheDurableEndFirst() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 170)
        for number in 0..<5 { try writer.append(batch(number, 2)) }
        fileSystem.clearTrace()
        try writer.truncate(to: Offset(2))
        expectTrace(
            fileSystem,
            """
            write durable-end 32+20
            sync durable-end
            remove 8.log
            remove 8.index
            remove 8.timeindex
            syncdir input-0
            remove 4.log
            remove 4.index
            remove 4.timeindex
            remove 4.sum
            syncdir input-0
            remove 0.sum
            open 0.log
            open 0.index
            open 0.timeindex
            syncdir input-0
            truncate 0.index 0
            truncate 0.timeindex 0
            write 0.index 0+8
            write 0.timeindex 0+16
            truncate 0.log 79
            sync 0.log
            """)
    }
}
