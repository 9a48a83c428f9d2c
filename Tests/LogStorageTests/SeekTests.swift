import EventModel
import LogStorage
import Simulation
import Testing

struct SeekTests {
    /// A log of several segments, with times in disorder.
    private func makeLog(seed: Int, indexIntervalBytes: Int) throws -> (InMemoryFileSystem, [TestRecord]) {
        var random = RandomStream(seed: UInt64(seed), purpose: 3)
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 700, indexIntervalBytes: indexIntervalBytes)
        var records: [TestRecord] = []
        for number in 0..<25 {
            let batch = (0..<(1 + random.below(5))).map {
                TestRecord(Int64(number * 10 + random.below(40) - 20), [UInt8(number), UInt8($0)])
            }
            try writer.append(batch)
            records += batch
        }
        try writer.close()
        return (fileSystem, records)
    }

    private func checkAllSeeks(_ fileSystem: InMemoryFileSystem, _ records: [TestRecord]) throws {
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        for offset in 0...records.count {
            #expect(try readAll(reader, from: Offset(Int64(offset))) == Array(records[offset...]))
        }
        for time in -30...300 {
            let naive = records.firstIndex { $0.time >= time } ?? records.count
            let found = try reader.offset(atOrAfter: EventTime(milliseconds: Int64(time)))
            #expect(found == Offset(Int64(naive)), "time \(time)")
        }
    }

    @Test(arguments: [0, 100, 1 << 20])
    func everyOffsetAndTimeIsFound(indexIntervalBytes: Int) throws {
        for seed in 0..<5 {
            let (fileSystem, records) = try makeLog(seed: seed, indexIntervalBytes: indexIntervalBytes)
            try checkAllSeeks(fileSystem, records)
        }
    }

    @Test func anIndexOfGarbageIsOnlySlow() throws {
        let (fileSystem, records) = try makeLog(seed: 9, indexIntervalBytes: 0)
        let indexes = try fileSystem.list(topic).filter { $0.hasSuffix("index") }
        #expect(indexes.count > 6)
        var random = RandomStream(seed: 9, purpose: 4)
        for round in 0..<12 {
            let damaged = fileSystem.crash(leaving: .all)
            for name in indexes {
                var bytes = try damaged.read(path(name))
                switch round % 4 {
                case 0: bytes = bytes.map { _ in UInt8(random.below(256)) }
                case 1: bytes = bytes.map { _ in 0 }
                case 2: bytes.removeLast(random.below(bytes.count + 1))
                default: for _ in 0..<3 { bytes[random.below(bytes.count)] ^= UInt8(1 << random.below(8)) }
                }
                try damaged.overwrite(path(name), with: bytes)
            }
            try checkAllSeeks(damaged, records)
        }
    }

    @Test func aMissingIndexIsOnlySlow() throws {
        let (fileSystem, records) = try makeLog(seed: 10, indexIntervalBytes: 0)
        for name in try fileSystem.list(topic) where name.hasSuffix("index") { try fileSystem.remove(path(name)) }
        try checkAllSeeks(fileSystem, records)
    }

    @Test func aTimeSeekReadsLittle() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 2_000, indexIntervalBytes: 0)
        for number in 0..<200 { try writer.append(batch(number, 3)) }
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        #expect(try reader.offset(atOrAfter: EventTime(milliseconds: 198_500)) == Offset(597))
        let damaged = fileSystem.crash(leaving: .all)
        // Damage in the middle of a segment shows only to those who read there.
        var bytes = try damaged.read(firstSegment)
        bytes[500] ^= 1
        try damaged.overwrite(firstSegment, with: bytes)
        let other = try TopicReader(directory: topic, fileSystem: damaged)
        #expect(try other.offset(atOrAfter: EventTime(milliseconds: 198_500)) == Offset(597))
    }

    @Test func beforeTheFirstOffsetIsOutOfRange() throws {
        let (fileSystem, records) = try makeLog(seed: 1, indexIntervalBytes: 0)
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        let end = Offset(Int64(records.count))
        #expect(throws: LogError.outOfRange(Offset(-1), available: .zero..<end, directory: topic)) {
            try reader.cursor(from: Offset(-1))
        }
    }
}
