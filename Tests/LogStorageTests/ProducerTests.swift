import EventModel
import Platform
import Simulation
import Testing

@testable import LogStorage

struct ProducerTests {
    private let first = ProducerPosition(id: 5, epoch: 2, sequence: 0)

    @Test func aBatchSentAgainIsNotStoredAgain() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem)
        let bases = try (0..<7).map { try writer.append(batch($0, 2), producer: first.advanced(by: 2 * $0)) }
        for number in 2..<7 {
            let again = try writer.append(batch(number, 2), producer: first.advanced(by: 2 * number))
            #expect(again == bases[number])
        }
        #expect(writer.endOffset == Offset(14))
        #expect(writer.nextPosition(ofProducer: 5) == first.advanced(by: 14))
        #expect(try readAll(fileSystem) == (0..<7).flatMap { batch($0, 2) })
    }

    @Test func onlyTheLastFiveBatchesAreKnown() throws {
        let writer = try TopicWriter.open(InMemoryFileSystem())
        for number in 0..<6 { try writer.append(batch(number, 1), producer: first.advanced(by: number)) }
        #expect(throws: LogError.outOfSequence(producer: 5, expected: 6, found: 0, directory: topic)) {
            try writer.append(batch(0, 1), producer: first)
        }
        #expect(try writer.append(batch(1, 1), producer: first.advanced(by: 1)) == Offset(1))
    }

    @Test func aGapIsRefusedAndStoresNothing() throws {
        let writer = try TopicWriter.open(InMemoryFileSystem())
        try writer.append(batch(0, 3), producer: first)
        for wrong in [1, 2, 4, 100] {
            #expect(throws: LogError.outOfSequence(producer: 5, expected: 3, found: Int32(wrong), directory: topic)) {
                try writer.append(batch(1, 1), producer: first.advanced(by: wrong))
            }
        }
        // The same place with another number of records is another batch.
        #expect(throws: LogError.self) { try writer.append(batch(0, 2), producer: first) }
        #expect(writer.endOffset == Offset(3))
        try writer.append(batch(1, 1), producer: first.advanced(by: 3))
        #expect(writer.endOffset == Offset(4))
    }

    @Test func aLaterEpochBeginsAnewAndShutsOutTheEarlierOne() throws {
        let writer = try TopicWriter.open(InMemoryFileSystem())
        try writer.append(batch(0, 3), producer: first)
        let later = ProducerPosition(id: 5, epoch: 3, sequence: 0)
        #expect(try writer.append(batch(1, 1), producer: later) == Offset(3))
        #expect(throws: LogError.staleProducer(producer: 5, epoch: 2, newest: 3, directory: topic)) {
            try writer.append(batch(2, 1), producer: first.advanced(by: 3))
        }
        #expect(writer.nextPosition(ofProducer: 5) == later.advanced(by: 1))
    }

    @Test func theSequenceGoesOnAfterTheLargestNumber() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem)
        let last = ProducerPosition(id: 5, epoch: 0, sequence: .max - 1)
        try writer.append(batch(0, 3), producer: last)
        #expect(writer.nextPosition(ofProducer: 5)?.sequence == 1)
        try writer.append(batch(1, 1), producer: ProducerPosition(id: 5, epoch: 0, sequence: 1))
        #expect(try writer.append(batch(0, 3), producer: last) == .zero)
        #expect(writer.endOffset == Offset(4))
    }

    @Test func recordsWithoutAProducerAreAlwaysStored() throws {
        let writer = try TopicWriter.open(InMemoryFileSystem())
        for _ in 0..<3 { try writer.append(batch(0, 1)) }
        #expect(writer.endOffset == Offset(3))
    }

    @Test(arguments: [1, 170, 1 << 20])
    func producersAreKnownAfterOpeningCuttingAndRetention(segmentBytes: Int) throws {
        let fileSystem = InMemoryFileSystem()
        var writer = try TopicWriter.open(fileSystem, segmentBytes: segmentBytes)
        for number in 0..<8 {
            try writer.append(batch(number, 2), producer: first.advanced(by: 2 * number))
            try writer.append(batch(number, 1))
        }
        try writer.truncate(to: Offset(20))
        #expect(writer.nextPosition(ofProducer: 5) == first.advanced(by: 14))
        try writer.close()
        var crashed = fileSystem.crash()
        writer = try TopicWriter.open(crashed, segmentBytes: segmentBytes)
        #expect(writer.nextPosition(ofProducer: 5) == first.advanced(by: 14))
        for number in 0..<20 { try writer.append(batch(20 + number, 1)) }
        try writer.close()
        try removeAll(crashed, segmentBytes: segmentBytes)
        crashed = crashed.crash()
        writer = try TopicWriter.open(crashed, segmentBytes: segmentBytes)
        #expect(writer.nextPosition(ofProducer: 5) == first.advanced(by: 14))
        #expect(try writer.append(batch(6, 2), producer: first.advanced(by: 12)) == Offset(18))
        #expect(writer.endOffset == Offset(40))
    }

    /// Removes all segments but the last.
    private func removeAll(_ fileSystem: InMemoryFileSystem, segmentBytes: Int) throws {
        let housekeeping = try Housekeeping(topic, fileSystem, TopicOptions(segmentBytes: segmentBytes))
        defer { housekeeping.end() }
        try housekeeping.apply(
            try housekeeping.retentionPlan(
                RetentionPolicy(
                    maximumAge: nil, maximumBytes: 0, reference: EventTime(milliseconds: 0), floor: Offset(1_000))))
    }

    @Test func aDamagedTableIsGatheredAnew() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 1)
        for number in 0..<4 { try writer.append(batch(number, 2), producer: first.advanced(by: 2 * number)) }
        try writer.close()
        let tables = try fileSystem.list(topic).filter { $0.hasSuffix(".producers") }
        #expect(tables == ["00000000000000000006.producers"])
        for damage in 0..<3 {
            let damaged = fileSystem.crash()
            switch damage {
            case 0: try damaged.remove(path(tables[0]))
            case 1: try damaged.overwrite(path(tables[0]), with: [])
            default: try damaged.corrupt(path(tables[0]), bit: 70)
            }
            let opened = try TopicWriter.open(damaged, segmentBytes: 1)
            #expect(opened.nextPosition(ofProducer: 5) == first.advanced(by: 8))
            #expect(try opened.append(batch(0, 2), producer: first) == .zero)
        }
    }
}
