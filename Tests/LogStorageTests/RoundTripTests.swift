import EventModel
import LogStorage
import Simulation
import Testing

struct RoundTripTests {
    @Test(arguments: 0..<40)
    func whatIsAppendedIsReadBack(seed: Int) throws {
        var random = RandomStream(seed: UInt64(seed), purpose: 2)
        let fileSystem = InMemoryFileSystem()
        let segmentBytes = [1, 200, 1_000, 1 << 20][random.below(4)]
        let writer = try TopicWriter.open(fileSystem, segmentBytes: segmentBytes, indexIntervalBytes: random.below(500))
        var expected: [TestRecord] = []
        for _ in 0..<random.below(30) {
            let records = (0..<random.below(20)).map { _ in TestRecord.random(&random) }
            #expect(try writer.append(records) == Offset(Int64(expected.count)))
            expected += records
        }
        try writer.close()
        #expect(try readAll(fileSystem) == expected)
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        #expect(reader.durableEnd == Offset(Int64(expected.count)))
        let reopened = try TopicWriter.open(fileSystem, segmentBytes: segmentBytes)
        #expect(reopened.endOffset == reader.durableEnd)
        #expect(reopened.recovery == RecoveryReport())
    }

    @Test func aBatchOfManyRecordsNeedsLongOffsetDeltas() throws {
        let fileSystem = InMemoryFileSystem()
        let records = (0..<20_000).map { TestRecord(Int64($0 % 7) * -100_000_000, [UInt8($0 & 255)]) }
        let writer = try TopicWriter.open(fileSystem)
        try writer.append(records)
        #expect(try readAll(fileSystem) == records)
    }

    @Test func anEmptyBatchIsNoBatch() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem)
        #expect(try writer.append([]) == .zero)
        #expect(writer.endOffset == .zero)
        #expect(try readAll(fileSystem).isEmpty)
    }

    @Test func theProducersPositionIsKept() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem)
        var batch = RecordBatchBuilder()
        batch.append(TestRecord(5, [1]))
        let producer = ProducerPosition(id: 1 << 40, epoch: 3, sequence: 77)
        try writer.append(&batch, producer: producer)
        #expect(batch.count == 0)
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        let found = try #require(try reader.cursor(from: .zero).nextBatch())
        #expect(found.producer == producer)
        #expect(found.baseTimestamp.milliseconds == 5)
        #expect(found.maxTimestamp.milliseconds == 5)
    }

    @Test func aTopicThatIsNotThereCannotBeRead() {
        #expect(throws: LogError.noTopic(directory: topic)) {
            try TopicReader(directory: topic, fileSystem: InMemoryFileSystem())
        }
    }
}
