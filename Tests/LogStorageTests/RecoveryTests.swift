import EventModel
import Platform
import Simulation
import Testing

@testable import LogStorage

struct RecoveryTests {
    @Test func aTailTornAtAnyByteIsCutAndWhatWasAcknowledgedStays() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem)
        try writer.append(batch(0, 3))
        try writer.sync()
        let durable = try fileSystem.size(of: firstSegment)
        try writer.append(batch(1, 4))
        let whole = try fileSystem.read(firstSegment)
        for length in durable...whole.count {
            let torn = fileSystem.crash(leaving: .all)
            try torn.overwrite(firstSegment, with: Array(whole[..<length]))
            #expect(try readAll(torn) == batch(0, 3) + (length == whole.count ? batch(1, 4) : []))
            let recovered = try TopicWriter.open(torn)
            let kept = length == whole.count ? 7 : 3
            #expect(recovered.endOffset == Offset(Int64(kept)))
            #expect(recovered.durableEnd == recovered.endOffset)
            #expect(recovered.recovery.bytesCut == (kept == 7 ? 0 : length - durable))
            try recovered.append(batch(2, 2))
            #expect(try readAll(torn) == Array((batch(0, 3) + batch(1, 4))[..<kept]) + batch(2, 2))
        }
        for length in 0..<durable {
            let torn = fileSystem.crash(leaving: .all)
            try torn.overwrite(firstSegment, with: Array(whole[..<length]))
            #expect(throws: LogError.self) { try readAll(torn) }
            #expect(throws: LogError.self) { try TopicWriter.open(torn) }
            #expect(try torn.read(firstSegment).count == length)
        }
    }

    @Test func zerosAfterTheEndAreCut() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem)
        try writer.append(batch(0, 3))
        try writer.close()
        try fileSystem.overwrite(firstSegment, with: fileSystem.read(firstSegment) + [UInt8](repeating: 0, count: 300))
        #expect(try readAll(fileSystem) == batch(0, 3))
        let recovered = try TopicWriter.open(fileSystem)
        #expect(recovered.recovery.bytesCut == 300)
        #expect(try readAll(fileSystem) == batch(0, 3))
    }

    @Test func afterAFailureNothingMoreIsTaken() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem)
        try writer.append(batch(0, 1))
        fileSystem.fail(calls: fileSystem.callCount..<(fileSystem.callCount + 1))
        #expect(throws: LogError.file(FileError(operation: "sync", path: firstSegment, code: .inputOutput))) {
            try writer.sync()
        }
        #expect(throws: LogError.failedBefore(directory: topic)) { try writer.sync() }
        #expect(throws: LogError.failedBefore(directory: topic)) { try writer.append(batch(1, 1)) }
        #expect(throws: LogError.failedBefore(directory: topic)) { try writer.truncate(to: .zero) }
        #expect(writer.durableEnd == .zero)
    }

    @Test func aWriterWhoseOpeningFailedLetsTheTopicGo() throws {
        let calls = InMemoryFileSystem()
        _ = try TopicWriter.open(calls)
        for number in 0..<calls.callCount {
            let fileSystem = InMemoryFileSystem()
            fileSystem.fail(calls: number..<(number + 1))
            #expect(throws: LogError.self, "call \(number)") { try TopicWriter.open(fileSystem) }
            #expect(try TopicWriter.open(fileSystem).endOffset == .zero)
        }
    }
}
