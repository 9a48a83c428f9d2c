import EventModel
import Simulation
import Testing

@testable import LogStorage

struct RetentionTests {
    /// Segments of two records each, of a second of their own.
    private func makeTopic(times: [Int64] = [0, 1_000, 2_000, 3_000, 4_000]) throws -> InMemoryFileSystem {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 1)
        for (number, time) in times.enumerated() {
            try writer.append([TestRecord(time, [UInt8(number)]), TestRecord(time + 10, [UInt8(number)])])
        }
        try writer.close()
        return fileSystem
    }

    private func plan(
        _ fileSystem: InMemoryFileSystem, age: Int64? = nil, bytes: Int? = nil, reference: Int64 = 4_010,
        floor: Int64 = 1_000, applying: Bool = true
    ) throws -> RetentionPlan {
        let housekeeping = try Housekeeping(topic, fileSystem, TopicOptions(segmentBytes: 1))
        defer { housekeeping.end() }
        let plan = try housekeeping.retentionPlan(
            RetentionPolicy(
                maximumAge: age.map { EventDuration(milliseconds: $0) }, maximumBytes: bytes,
                reference: EventTime(milliseconds: reference), floor: Offset(floor)))
        if applying { try housekeeping.apply(plan) }
        return plan
    }

    @Test func whatIsTooOldGoesBySegments() throws {
        // A segment goes once its newest record is older than that.
        for (age, start) in [(4_001, 0), (4_000, 0), (3_999, 2), (3_001, 2), (2_000, 4), (0, 8)] as [(Int64, Int64)] {
            let fileSystem = try makeTopic()
            let plan = try plan(fileSystem, age: age)
            #expect(plan.newStart == Offset(start), "age \(age)")
            #expect(plan.records == Int(start) && plan.segments == Int(start) / 2)
            let reader = try TopicReader(directory: topic, fileSystem: fileSystem.crash())
            #expect(reader.startOffset == Offset(start))
            #expect(try readAll(reader, from: Offset(start)).count == 10 - Int(start))
            #expect(throws: LogError.outOfRange(Offset(-1), available: Offset(start)..<Offset(10), directory: topic)) {
                try reader.cursor(from: Offset(-1))
            }
            #expect(try TopicWriter.open(fileSystem.crash(), segmentBytes: 1).endOffset == Offset(10))
        }
    }

    @Test func whatIsTooMuchGoesFromTheOldest() throws {
        let whole = try TopicReader(directory: topic, fileSystem: try makeTopic()).byteCount
        for left in 1...5 {
            for slack in [0, 1] {
                let fileSystem = try makeTopic()
                let bytes = whole / 5 * left - slack
                let plan = try plan(fileSystem, bytes: bytes)
                // The segment that is written stays, whatever it takes.
                #expect(plan.segments == min(5 - left + slack, 4), "\(bytes)")
                #expect(plan.bytes == whole / 5 * plan.segments)
                #expect(try TopicReader(directory: topic, fileSystem: fileSystem).byteCount == whole - plan.bytes)
            }
        }
    }

    @Test func nothingFromTheFloorOnGoes() throws {
        for (floor, start, isHeld) in [(0, 0, true), (3, 2, true), (4, 4, true), (8, 8, false), (99, 8, false)] {
            let plan = try plan(try makeTopic(), age: 0, floor: Int64(floor))
            #expect(plan.newStart == Offset(Int64(start)), "floor \(floor)")
            #expect(plan.isHeldByFloor == isHeld, "floor \(floor)")
        }
    }

    @Test func aRecordOfABadClockDoesNotKeepItsSegment() throws {
        let fileSystem = InMemoryFileSystem()
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 1)
        try writer.append([TestRecord(0, [1]), TestRecord(1 << 50, [2]), TestRecord(10, [3])])
        try writer.append([TestRecord(1 << 50, [2]), TestRecord(3_000, [3])])
        try writer.append(batch(4, 1))
        try writer.close()
        let plan = try plan(fileSystem, age: 2_000)
        #expect(plan.newStart == Offset(3))
    }

    @Test func aPlanChangesNothing() throws {
        let fileSystem = try makeTopic()
        fileSystem.clearTrace()
        let plan = try plan(fileSystem, age: 0, applying: false)
        #expect(plan.newStart == Offset(8))
        #expect(fileSystem.trace == ["lock input-0/housekeeping.lock"])
    }

    @Test func aReaderOfWhatWentIsTold() throws {
        let fileSystem = try makeTopic()
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        let cursor = try reader.cursor(from: .zero)
        _ = try cursor.nextBatch()
        _ = try plan(fileSystem, age: 0)
        #expect(throws: LogError.outOfRange(Offset(2), available: Offset(8)..<Offset(10), directory: topic)) {
            try cursor.nextBatch()
        }
        #expect(try readAll(reader, from: reader.startOffset).count == 2)
    }

    @Test func offsetsGoOnAndTheStartCannotBeCutAway() throws {
        let fileSystem = try makeTopic()
        _ = try plan(fileSystem, age: 0)
        let writer = try TopicWriter.open(fileSystem, segmentBytes: 1)
        #expect(try writer.append(batch(7, 1)) == Offset(10))
        try writer.truncate(to: Offset(8))
        #expect(writer.endOffset == Offset(8))
        try writer.append(batch(8, 1))
        #expect(try TopicReader(directory: topic, fileSystem: fileSystem).startOffset == Offset(8))
        #expect(try readAll(fileSystem, from: Offset(8)) == batch(8, 1))
    }
}
