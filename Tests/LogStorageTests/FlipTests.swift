import EventModel
import Platform
import Simulation
import Testing

@testable import LogStorage

/// A bit of some file of a topic is not what was written: found by verification; no other records are ever read; a
/// writer refuses, or puts it right unless it is in a sealed segment.
struct FlipTests {
    private static let options = TopicOptions(segmentBytes: 90, indexIntervalBytes: 0)
    private static let producer = ProducerPosition(id: 7, epoch: 1, sequence: 40)

    /// The segments 1, 2 (sealed) and 3, all acknowledged; offset 0 has been removed by retention.
    private func makeTopic() throws -> (InMemoryFileSystem, [TestRecord]) {
        let fileSystem = InMemoryFileSystem(keepsTrace: false)
        let writer = try TopicWriter(directory: topic, fileSystem: fileSystem, options: Self.options)
        let records = (0..<4).map { TestRecord(Int64($0) * 1_000, key: [UInt8($0)], [9, UInt8($0)]) }
        for (number, record) in records.enumerated() {
            try writer.append([record], producer: Self.producer.advanced(by: number))
        }
        try writer.sync()
        let housekeeping = try Housekeeping(topic, fileSystem, Self.options)
        defer { housekeeping.end() }
        try housekeeping.apply(
            try housekeeping.retentionPlan(
                RetentionPolicy(
                    maximumAge: EventDuration(milliseconds: 2_500), maximumBytes: nil,
                    reference: EventTime(milliseconds: 3_000), floor: Offset(4))))
        return (fileSystem, Array(records[1...]))
    }

    private func verify(_ fileSystem: InMemoryFileSystem) throws -> [LogDamage] {
        var verification = TopicVerification(directory: topic, fileSystem: fileSystem)
        return try verification.run()
    }

    /// What a reader that begins at the start gets.
    private func read(_ fileSystem: InMemoryFileSystem) throws -> [TestRecord] {
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        return try readAll(reader, from: reader.startOffset)
    }

    /// The bits to be flipped: all of them where there is time, otherwise one of each byte.
    private func bits(of name: String, in fileSystem: InMemoryFileSystem) throws -> [Int] {
        let all = 0..<(try fileSystem.size(of: path(name)) * 8)
        let isSlotFile = name == "durable-end" || name == "start"
        return all.filter { bit in
            // The zeros between the slots are all looked at alike.
            if isSlotFile && bit / 8 % 4_096 >= 20 { return bit % 997 == 0 }
            return FaultTests.count > 150 || bit % 8 == bit / 8 % 8
        }
    }

    @Test func everyFlippedBitIsFoundAndNoOtherRecordsAreRead() throws {
        let (fileSystem, records) = try makeTopic()
        #expect(try verify(fileSystem).isEmpty)
        #expect(try read(fileSystem) == records)
        let names = try fileSystem.list(topic).filter { !$0.hasSuffix("lock") }
        #expect(names.count == 14, "\(names)")
        for name in names {
            for bit in try bits(of: name, in: fileSystem) {
                try fileSystem.corrupt(path(name), bit: bit)
                try check(fileSystem, records, "bit \(bit) of \(name)", isLog: name.hasSuffix(".log"))
                try fileSystem.corrupt(path(name), bit: bit)
            }
        }
    }

    private func check(
        _ fileSystem: InMemoryFileSystem, _ records: [TestRecord], _ what: String, isLog: Bool
    ) throws {
        let found = try verify(fileSystem)
        #expect(found.contains { $0.severity == .damage || !isLog }, "\(what) is not found: \(found)")
        try expectRight(fileSystem, records, what)
        let copy = fileSystem.crash(leaving: .all)
        do {
            let writer = try TopicWriter(directory: topic, fileSystem: copy, options: Self.options)
            #expect(!what.hasSuffix("3.log"), "\(what) is taken for a torn tail")
            #expect(writer.endOffset == Offset(4), "\(what)")
            #expect(writer.nextPosition(ofProducer: 7) == Self.producer.advanced(by: 4), "\(what)")
        } catch { return #expect(isCorrupt(error), "\(what): \(error)") }
        // A writer does not go through what is sealed; all else it has put right.
        let left = try verify(copy).filter {
            $0.severity == .damage || SegmentName.owner(of: lastName(of: $0.file)) != nil
        }
        #expect(left.isEmpty != isLog, "\(what), after opening: \(left)")
        try expectRight(copy, records, what)
    }

    /// Damage is told, or it does no harm.
    private func expectRight(_ fileSystem: InMemoryFileSystem, _ records: [TestRecord], _ what: String) throws {
        do { #expect(try read(fileSystem) == records, "\(what): other records") } catch {
            #expect(isCorrupt(error), "\(what): \(error)")
        }
    }
}
