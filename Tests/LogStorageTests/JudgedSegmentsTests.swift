import EventModel
import Platform
import Simulation
import TestSupport
import Testing

@testable import LogStorage

/// Topics of all shapes, each with a list of what is in it by the test's own account, `expected.ndjson`: another
/// implementation of the format judges them (`Tests/Scripts/check_log_with_kafka_python.py`), where they are kept.
struct JudgedSegmentsTests {
    fileprivate struct Expected {
        var time: Int64
        var key: [UInt8]?
        var value: [UInt8]?
        var headers: [RecordHeader]
    }

    private let directory: TemporaryDirectory
    private let fileSystem = PosixFileSystem()
    private let options = TopicOptions(segmentBytes: 2_000, indexIntervalBytes: 500)

    init() throws { directory = try TemporaryDirectory() }

    private func topic(_ name: String) -> String { "\(directory.path)/\(name)-0" }

    /// Appends 40 batches of keys, tombstones, headers and times in disorder, by two producers.
    private func fill(_ name: String) throws -> [Expected] {
        var random = RandomStream(seed: 5, purpose: 9)
        var records: [Expected] = []
        let writer = try TopicWriter(directory: topic(name), fileSystem: fileSystem, options: options)
        var producers = [ProducerPosition(id: 7, epoch: 0, sequence: 0), .none, .init(id: 8, epoch: 2, sequence: 5)]
        for number in 0..<40 {
            var batch = RecordBatchBuilder()
            let count = 1 + random.below(6)
            for _ in 0..<count {
                let record = Expected(
                    time: 1_522_540_800_000 + Int64(records.count * 1_000 + random.below(5_000)),
                    key: Array("key \(random.below(9))".utf8),
                    value: random.below(5) == 0
                        ? nil : [1] + (0..<random.below(90)).map { _ in UInt8(random.below(256)) },
                    headers: (0..<max(0, random.below(5) - 2)).map {
                        RecordHeader(key: "h\($0)", value: random.below(3) == 0 ? nil : [UInt8(random.below(256))])
                    })
                batch.append(record)
                records.append(record)
            }
            let producer = number % 3
            try writer.append(&batch, producer: producers[producer])
            if producer != 1 { producers[producer] = producers[producer].advanced(by: count) }
        }
        try writer.close()
        return records
    }

    /// Writes the list, and checks that the topic is read as it says.
    private func judge(_ name: String, _ records: [(offset: Int, record: Expected)]) throws {
        let lines = records.map { offset, record in
            let headers = record.headers.map { JSONValue.array([.string($0.key), $0.value.map(hex) ?? .null]) }
            return JSONValue.object([
                JSONMember("offset", .number(Int64(offset))), JSONMember("timestamp", .number(record.time)),
                JSONMember("key", record.key.map(hex) ?? .null), JSONMember("value", record.value.map(hex) ?? .null),
                JSONMember("headers", .array(headers)),
            ]).description + "\n"
        }
        _ = try directory.write(lines.joined(), to: "\(name)-0/expected.ndjson")
        let cursor = try TopicReader(directory: topic(name), fileSystem: fileSystem).cursor(from: .zero)
        var rest = records[...]
        while let batch = try cursor.nextBatch() {
            var found = batch.records
            while let record = found.next() {
                let next = rest.popFirst()
                let (offset, expected) = try #require(next)
                #expect(record.offset == Offset(Int64(offset)))
                #expect(record.timestamp.milliseconds == expected.time)
                #expect(record.key.map { Array($0) } == expected.key)
                #expect((record.isTombstone ? nil : Array(record.value)) == expected.value)
                #expect(record.headers == expected.headers)
            }
            #expect(!found.isMalformed)
        }
        #expect(rest.isEmpty)
    }

    private func hex(_ bytes: [UInt8]) -> JSONValue {
        .string(
            bytes.map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined())
    }

    @Test func appended() throws {
        let records = try fill("appended")
        try judge("appended", Array(records.enumerated()).map { ($0.offset, $0.element) })
    }

    @Test func merged() throws {
        let records = try fill("merged")
        let housekeeping = try Housekeeping(topic("merged"), fileSystem, TopicOptions(segmentBytes: 5_000))
        let report = try housekeeping.merge()
        housekeeping.end()
        #expect(report.segmentsAfter < report.segmentsBefore)
        try judge("merged", Array(records.enumerated()).map { ($0.offset, $0.element) })
    }

    @Test func compacted() throws {
        let records = try fill("compacted")
        let layout = try TopicLayout(topic("compacted"), fileSystem)
        let sealed = Int(try #require(layout.segments.last).base.value)
        let housekeeping = try Housekeeping(topic("compacted"), fileSystem, options)
        let limit = records[records.count / 2].time
        _ = try housekeeping.compact(
            CompactionPolicy(tombstoneAge: .zero, reference: EventTime(milliseconds: limit)))
        housekeeping.end()
        var newest: [[UInt8]: Int] = [:]
        for (offset, record) in records.enumerated() { newest[record.key ?? []] = offset }
        let kept = records.enumerated().filter { offset, record in
            offset >= sealed
                || (newest[record.key ?? []] == offset && !(record.value == nil && record.time < limit))
        }
        #expect(kept.count < records.count / 2)
        try judge("compacted", kept.map { ($0.offset, $0.element) })
    }
}

extension RecordBatchBuilder {
    fileprivate mutating func append(_ record: JudgedSegmentsTests.Expected) {
        let (key, value) = (record.key ?? [], record.value ?? [])
        key.withUnsafeBytes { key in
            value.withUnsafeBytes { value in
                append(
                    timestamp: EventTime(milliseconds: record.time), key: record.key == nil ? nil : key,
                    value: record.value == nil ? nil : value, headers: record.headers)
            }
        }
    }
}
