import EventModel
import Platform
import Simulation
import Testing

@testable import LogStorage

struct CorruptionTests {
    /// Two segments of two batches each; the second batch of the second segment is above the durable end.
    private func makeLog(syncedToTheEnd: Bool) throws -> (InMemoryFileSystem, segments: [String]) {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 170)
        for number in 0..<4 {
            if number == 3 && !syncedToTheEnd { try writer.sync() }
            try writer.append(batch(number, 2))
        }
        if syncedToTheEnd { try writer.sync() }
        let segments = try TopicLayout(topic, fileSystem).segments.map { path($0.name.log) }
        return (fileSystem, segments)
    }

    private var records: [TestRecord] { (0..<4).flatMap { batch($0, 2) } }

    /// Calls `body` with the log for each byte of `file`: with a bit flipped, inverted, zeroed. `FlipTests` flips every bit.
    private func forEachFlip(
        of file: String, in fileSystem: InMemoryFileSystem, _ body: (InMemoryFileSystem, Int) throws -> Void
    ) throws {
        let good = try fileSystem.read(file)
        // Between the slots of an offset's file there is nothing.
        for position in good.indices where position % 4_096 < 300 {
            for mask in [1 << (position & 7), 255, good[position]] as Set<UInt8> where mask != 0 {
                let damaged = fileSystem.crash(leaving: .all)
                var bytes = good
                bytes[position] ^= mask
                try damaged.overwrite(file, with: bytes)
                try body(damaged, position)
            }
        }
    }

    @Test func aFullReadFindsEveryFlip() throws {
        let (fileSystem, segments) = try makeLog(syncedToTheEnd: true)
        #expect(segments.count == 2)
        #expect(try readAll(fileSystem) == records)
        for segment in segments {
            try forEachFlip(of: segment, in: fileSystem) { damaged, position in
                do {
                    _ = try readAll(damaged)
                    Issue.record("flip at \(position) of \(segment) unseen")
                } catch { #expect(isCorrupt(error), "\(error)") }
            }
        }
    }

    @Test func recoveryRefusesFlipsBelowTheDurableEndAndTouchesNothing() throws {
        let (fileSystem, segments) = try makeLog(syncedToTheEnd: true)
        try forEachFlip(of: segments[1], in: fileSystem) { damaged, position in
            let before = try damaged.read(segments[1])
            do {
                _ = try TopicWriter.open(damaged)
                Issue.record("flip at \(position) accepted")
            } catch { #expect(isCorrupt(error), "\(error)") }
            #expect(try damaged.read(segments[1]) == before)
        }
    }

    @Test func recoveryCutsFlipsAboveTheDurableEnd() throws {
        let (fileSystem, segments) = try makeLog(syncedToTheEnd: false)
        let size = try fileSystem.size(of: segments[1])
        try forEachFlip(of: segments[1], in: fileSystem) { damaged, position in
            if position < size / 2 {
                #expect(throws: LogError.self) { try TopicWriter.open(damaged) }
            } else {
                let writer = try TopicWriter.open(damaged)
                #expect(writer.endOffset == Offset(6))
                #expect(writer.recovery.bytesCut == size / 2)
                #expect(writer.recovery.cutAt == Offset(6))
                #expect(try readAll(damaged) == Array(records[..<6]))
            }
        }
    }

    @Test func aFlippedDurableEndIsNeverHigher() throws {
        let (fileSystem, _) = try makeLog(syncedToTheEnd: true)
        try forEachFlip(of: path("durable-end"), in: fileSystem) { damaged, _ in
            let reader = try TopicReader(directory: topic, fileSystem: damaged)
            #expect(reader.durableEnd <= Offset(8))
            #expect(try readAll(damaged) == records)
            let writer = try TopicWriter.open(damaged)
            #expect(writer.durableEnd == Offset(8))
        }
    }

    @Test(arguments: 0..<3)
    func aMissingSegmentIsRefused(missing: Int) throws {
        let (fileSystem, segments) = try makeLog(syncedToTheEnd: true)
        for (number, segment) in segments.enumerated() where missing == 2 || missing == number {
            try fileSystem.remove(segment)
        }
        if missing > 0 {
            do {
                _ = try TopicWriter.open(fileSystem)
                Issue.record("opened")
            } catch { #expect(isCorrupt(error)) }
        }
        #expect(throws: LogError.self) { try readAll(fileSystem) }
    }

    /// A long segment is not read again and again because of one bad byte in it.
    @Test func aFlipInALongSegmentIsFoundAtOnce() throws {
        let fileSystem = InMemoryFileSystem(keepsTrace: false)
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 1 << 23)
        let record = TestRecord(0, [UInt8](repeating: 7, count: 4_000))
        for _ in 0..<40 { try writer.append([TestRecord](repeating: record, count: 20)) }
        try writer.close()
        try fileSystem.corrupt(firstSegment, bit: 5_000 * 8)
        let before = fileSystem.callCount
        #expect(throws: LogError.self) { try readAll(fileSystem) }
        var verification = TopicVerification(directory: topic, fileSystem: fileSystem)
        #expect(try verification.run().count == 1)
        #expect(throws: LogError.self) { try TopicWriter.open(fileSystem) }
        #expect(fileSystem.callCount - before < 150)
    }

    @Test func aSealedSegmentHasItsSeal() throws {
        let (fileSystem, segments) = try makeLog(syncedToTheEnd: true)
        let bytes = try fileSystem.read(segments[0])
        let layout = try TopicLayout(topic, fileSystem)
        let seal = try #require(layout.segments[0].seal)
        #expect(seal.logBytes == bytes.count)
        #expect(seal.logChecksum == bytes.withUnsafeBytes { crc32c($0) })
        #expect(seal.records == 4)
        #expect(seal.endOffset == Offset(4))
        #expect(seal.times == EventTime(milliseconds: 0)...EventTime(milliseconds: 1_001))
        #expect(try fileSystem.list(topic).filter { $0.hasSuffix(".seal") } == ["00000000000000000000.seal"])
    }
}
