import EventModel
import Platform
import Simulation

@testable import LogStorage

let topic = "input-0"

/// A record with its bytes copied.
struct TestRecord: Hashable {
    var time: Int64
    var key: [UInt8]?
    var value: [UInt8]
    var isTombstone = false
    var headers: [RecordHeader] = []

    init(_ time: Int64, key: [UInt8]? = nil, _ value: [UInt8]) {
        self.time = time
        self.key = key
        self.value = value
    }

    init(_ record: RecordView) {
        self.init(record.timestamp.milliseconds, key: record.key.map { Array($0) }, Array(record.value))
        isTombstone = record.isTombstone
        headers = record.headers
    }

    /// Says that a key is gone.
    static func tombstone(_ time: Int64, key: [UInt8]) -> TestRecord {
        var record = TestRecord(time, key: key, [])
        record.isTombstone = true
        return record
    }

    /// Any of the shapes that a record can have.
    static func random(_ random: inout RandomStream) -> TestRecord {
        let times: [Int64] = [0, -1, 63, -64, 64, 1_700_000_000_000, -62_135_596_800_000, Int64(random.below(1 << 40))]
        let key: [UInt8]? = random.below(3) == 0 ? nil : bytes(random.below(9), &random)
        let sizes = [0, 1, 40, 63, 64, 65, 300]
        let time = times[random.below(times.count)]
        var record = TestRecord(time, key: key, bytes(sizes[random.below(sizes.count)], &random))
        if let key, random.below(8) == 0 { record = .tombstone(time, key: key) }
        for _ in 0..<(random.below(4) == 0 ? 1 + random.below(3) : 0) {
            let value = random.below(3) == 0 ? nil : bytes(random.below(70), &random)
            record.headers.append(RecordHeader(key: ["", "id", "größe"][random.below(3)], value: value))
        }
        return record
    }

    private static func bytes(_ count: Int, _ random: inout RandomStream) -> [UInt8] {
        (0..<count).map { _ in UInt8(random.below(256)) }
    }
}

extension RecordBatchBuilder {
    mutating func append(_ record: TestRecord) {
        record.value.withUnsafeBytes { value in
            let time = EventTime(milliseconds: record.time)
            (record.key ?? []).withUnsafeBytes { bytes in
                let key = record.key == nil ? nil : bytes
                if record.isTombstone || !record.headers.isEmpty {
                    append(
                        timestamp: time, key: key, value: record.isTombstone ? nil : value, headers: record.headers)
                } else {
                    append(timestamp: time, key: key, value: value)
                }
            }
        }
    }
}

extension TopicWriter {
    /// Opens `input-0`.
    static func open(
        _ fileSystem: any FileSystem, segmentBytes: Int = 1 << 20, indexIntervalBytes: Int = 1 << 16,
        sync: TopicOptions.SyncPolicy = .never
    ) throws(LogError) -> TopicWriter {
        try TopicWriter(
            directory: topic, fileSystem: fileSystem,
            options: TopicOptions(segmentBytes: segmentBytes, indexIntervalBytes: indexIntervalBytes, sync: sync))
    }

    /// Appends one batch.
    @discardableResult func append(
        _ records: [TestRecord], producer: ProducerPosition = .none
    ) throws(LogError) -> Offset {
        var batch = RecordBatchBuilder()
        for record in records { batch.append(record) }
        return try append(&batch, producer: producer)
    }
}

/// All records from `offset` on, with a check that their offsets run on.
func readAll(_ reader: TopicReader, from offset: Offset = .zero) throws -> [TestRecord] {
    try drain(reader.cursor(from: offset))
}

func readAll(_ fileSystem: any FileSystem, from offset: Offset = .zero) throws -> [TestRecord] {
    try readAll(TopicReader(directory: topic, fileSystem: fileSystem), from: offset)
}

/// What the cursor gives until its end.
func drain(_ cursor: TopicCursor) throws -> [TestRecord] {
    var found: [TestRecord] = []
    var expected = cursor.offset
    while let batch = try cursor.nextBatch() {
        var records = batch.records
        while let record = records.next() {
            guard record.offset == expected else { throw UnexpectedRecord(offset: record.offset, expected: expected) }
            expected = expected.advanced(by: 1)
            found.append(TestRecord(record))
        }
        if records.isMalformed { throw UnexpectedRecord(offset: expected, expected: expected) }
    }
    return found
}

struct UnexpectedRecord: Error {
    var offset: Offset
    var expected: Offset
}

/// `count` records of one batch that tell where they belong: value (batch, number).
func batch(_ number: Int, _ count: Int) -> [TestRecord] {
    (0..<count).map { TestRecord(Int64(number * 1_000 + $0), [UInt8(truncatingIfNeeded: number), UInt8($0)]) }
}

/// Whether `error` says that the log is damaged.
func isCorrupt(_ error: any Error) -> Bool {
    if case .corrupt? = error as? LogError { true } else { false }
}

func path(_ file: String) -> String { "\(topic)/\(file)" }

let firstSegment = path("00000000000000000000.log")
