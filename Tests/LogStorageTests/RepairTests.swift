import EventModel
import Platform
import Simulation
import Testing

@testable import LogStorage

struct RepairTests {
    /// Two sealed segments of two batches each and one that is written, all durable.
    private func makeLog() throws -> InMemoryFileSystem {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 170)
        for number in 0..<5 { try writer.append(batch(number, 2)) }
        try writer.close()
        return fileSystem
    }

    private var records: [Offset: TestRecord] {
        Dictionary(
            uniqueKeysWithValues: (0..<5).flatMap { batch($0, 2) }.enumerated().map { (Offset(Int64($0)), $1) })
    }

    /// All records by offset.
    private func read(_ fileSystem: InMemoryFileSystem) throws -> [Offset: TestRecord] {
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        let cursor = try reader.cursor(from: reader.startOffset)
        var found: [Offset: TestRecord] = [:]
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() { found[record.offset] = TestRecord(record) }
            #expect(!records.isMalformed)
        }
        return found
    }

    private func verify(_ fileSystem: InMemoryFileSystem) throws -> [LogDamage] {
        var verification = TopicVerification(directory: topic, fileSystem: fileSystem)
        return try verification.run()
    }

    /// Repairs, and checks what every repair has to keep to.
    /// - Returns: the offsets that the plan gave up.
    private func repair(_ fileSystem: InMemoryFileSystem, _ what: String) throws -> [Offset] {
        let before = try fileSystem.list(topic).filter { $0.hasSuffix(".log") }.map { try fileSystem.read(path($0)) }
        let repair = try TopicRepair(directory: topic, fileSystem: fileSystem)
        let plan = try repair.plan()
        let after = try fileSystem.list(topic).filter { $0.hasSuffix(".log") }.map { try fileSystem.read(path($0)) }
        #expect(before == after, "\(what): planning changed something")
        try repair.apply()
        repair.close()
        let damage = try verify(fileSystem)
        #expect(damage.isEmpty, "\(what): \(damage) after the repair")
        let lost = plan.gaps.flatMap { $0.offsets.lowerBound.value..<$0.offsets.upperBound.value }.map(Offset.init)
        #expect(try read(fileSystem) == records.filter { !lost.contains($0.key) }, "\(what)")
        let writer = try TopicWriter.open(fileSystem)
        #expect(writer.endOffset == Offset(10), "\(what): offsets are used again")
        try writer.append(batch(9, 1))
        try writer.close()
        #expect(try read(fileSystem)[Offset(10)] == batch(9, 1)[0], "\(what)")
        return lost
    }

    @Test func aLogInOrderNeedsNone() throws {
        let fileSystem = try makeLog()
        #expect(try verify(fileSystem).isEmpty)
        let repair = try TopicRepair(directory: topic, fileSystem: fileSystem)
        #expect(try repair.plan().isEmpty)
    }

    @Test func everyFlipIsFoundAndCostsOneBatchAtMost() throws {
        let fileSystem = try makeLog()
        for name in try fileSystem.list(topic) {
            let good = try fileSystem.read(path(name))
            for bit in 0..<(good.count * 8) where name != "durable-end" || bit < 40 * 8 || bit >= 4_096 * 8 {
                let damaged = fileSystem.crash(leaving: .all)
                var bytes = good
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                try damaged.overwrite(path(name), with: bytes)
                let found = try verify(damaged)
                try #require(!found.isEmpty, "bit \(bit) of \(name) unseen")
                guard bit % 5 == 0 || !name.hasSuffix(".log") else { continue }
                let lost = try repair(damaged, "bit \(bit) of \(name)")
                #expect(lost.count == (name.hasSuffix(".log") ? 2 : 0), "bit \(bit) of \(name) cost \(lost)")
                #expect(lost.isEmpty || found.contains { $0.severity == .damage })
            }
        }
    }

    @Test(arguments: 0..<3)
    func aMissingSegmentCostsItsOwnRecords(number: Int) throws {
        let fileSystem = try makeLog()
        let name = try TopicLayout(topic, fileSystem).segments.map(\.name)[number]
        try fileSystem.remove(path(name.log))
        #expect(try verify(fileSystem).contains { $0.severity == .damage })
        #expect(throws: LogError.self) { try TopicWriter.open(fileSystem.crash(leaving: .all)) }
        let lost = try repair(fileSystem, "segment \(number) missing")
        #expect(lost == (number == 2 ? 8..<10 : number * 4..<number * 4 + 4).map { Offset(Int64($0)) })
    }

    @Test func aSegmentCutAnywhereCostsWhatIsNoLongerWhole() throws {
        let fileSystem = try makeLog()
        for name in try TopicLayout(topic, fileSystem).segments.map(\.name) {
            let good = try fileSystem.read(path(name.log))
            for length in 0..<good.count {
                let damaged = fileSystem.crash(leaving: .all)
                try damaged.overwrite(path(name.log), with: Array(good[..<length]))
                let lost = try repair(damaged, "\(name.log) cut at \(length)")
                #expect(lost.count == (good.count - length + 78) / 79 * 2)
            }
        }
    }

    @Test func damagedBytesAreKept() throws {
        let fileSystem = try makeLog()
        var bytes = try fileSystem.read(firstSegment)
        for position in 90..<130 { bytes[position] = 0xEE }
        try fileSystem.overwrite(firstSegment, with: bytes)
        _ = try repair(fileSystem, "a batch overwritten")
        #expect(try fileSystem.list(path("damaged")) == ["00000000000000000000.log-79"])
        #expect(try fileSystem.read(path("damaged/00000000000000000000.log-79")) == Array(bytes[79...]))
    }

    /// Without a durable end nobody knows what a torn tail held: that is said, the bytes are kept, and what others know
    /// to have been durable is not used again.
    @Test func aTailOfUnknownWorthIsKeptAndTold() throws {
        let fileSystem = try makeLog()
        try fileSystem.overwrite(path("durable-end"), with: [UInt8](repeating: 0xAA, count: 4_116))
        let last = path("00000000000000000008.log")
        let bytes = try fileSystem.read(last)
        try fileSystem.overwrite(last, with: Array(bytes.dropLast(20)))
        let unknowing = fileSystem.crash(leaving: .all)
        let repair = try TopicRepair(directory: topic, fileSystem: unknowing)
        let plan = try repair.plan()
        #expect(plan.cutTails.map(\.offset) == [Offset(8)])
        try repair.apply()
        #expect(try unknowing.read(path("damaged/00000000000000000008.log-0")) == Array(bytes.dropLast(20)))
        #expect(try read(unknowing).count == 8)
        let knowing = try TopicRepair(directory: topic, fileSystem: fileSystem, knownEnd: Offset(10))
        #expect(try knowing.plan().lostOffsets == 2)
        try knowing.apply()
        #expect(try TopicWriter.open(fileSystem).endOffset == Offset(10))
    }

    @Test func itIsRefusedWhileSomebodyWrites() throws {
        let fileSystem = try makeLog()
        let writer = try TopicWriter.open(fileSystem)
        #expect(throws: LogError.self) { try TopicRepair(directory: topic, fileSystem: fileSystem) }
        try writer.close()
        try TopicRepair(directory: topic, fileSystem: fileSystem).close()
    }

    @Test func wheneverItIsInterruptedItCanBeEnded() throws {
        let damagedLog = try makeLog()
        var bytes = try damagedLog.read(firstSegment)
        bytes[100] ^= 4
        try damagedLog.overwrite(firstSegment, with: bytes)
        let whole = damagedLog.crash(leaving: .all)
        try TopicRepair(directory: topic, fileSystem: whole).apply()
        for last in 0...whole.callCount {
            for seed in 0..<4 {
                let fileSystem = damagedLog.crash(leaving: .all)
                fileSystem.halt(atCall: last)
                try? TopicRepair(directory: topic, fileSystem: fileSystem).apply()
                let crashed = fileSystem.crash(leaving: .some(seed: UInt64(seed)))
                let repair = try TopicRepair(directory: topic, fileSystem: crashed)
                try repair.apply()
                repair.close()
                #expect(try verify(crashed).filter { $0.severity == .damage }.isEmpty, "call \(last), seed \(seed)")
                #expect(try read(crashed) == records.filter { ![2, 3].contains($0.key.value) }, "call \(last)")
            }
        }
    }
}
