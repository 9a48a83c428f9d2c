import EventModel
import Foundation
import Platform
import Simulation
import Testing

@testable import LogStorage

/// Many threads that append to one topic.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct GroupCommitTests {
    /// 64 threads that send records one by one are to share syncs: on a disk whose sync takes 2 ms there is at most one
    /// for 20 records, those of the durable end counted too. A busy machine gets three attempts.
    @Test func producersShareSyncs() throws {
        let (producers, each) = (64, 40)
        let records = producers * each
        var fewest = records
        for _ in 1...3 where fewest * 20 > records {
            let fileSystem = SlowSyncFileSystem(
                base: InMemoryFileSystem(keepsTrace: false), syncNanoseconds: 2_000_000)
            let log = try open(fileSystem)
            let before = fileSystem.syncCount
            let failures = inParallel(producers) { producer throws(LogError) in
                for number in 0..<each { try send(log, producer, number, 1) }
            }
            #expect(failures == [])
            #expect(log.durableEnd == Offset(Int64(records)))
            fewest = min(fewest, fileSystem.syncCount - before)
            try log.close()
            try checkRecords(fileSystem, producers: 0..<producers, each: each, batch: 1)
        }
        print("\(records) records of \(producers) producers: \(fewest) syncs of 2 ms")
        #expect(fewest * 20 <= records)
    }

    /// A producer alone pays for its own two syncs and for no waiting for others.
    @Test func oneProducerIsNotSlowed() throws {
        let fileSystem = SlowSyncFileSystem(base: InMemoryFileSystem(keepsTrace: false), syncNanoseconds: 8_000_000)
        let log = try open(fileSystem)
        let before = fileSystem.syncCount
        var taken: [Int64] = []
        for number in 0..<20 {
            let start = SystemClock().monotonicNanoseconds
            try send(log, 0, number, 1)
            taken.append(SystemClock().monotonicNanoseconds - start)
        }
        #expect(fileSystem.syncCount - before == 40)
        // The quartile, since other tests run meanwhile.
        let time = taken.sorted()[5]
        print("one producer: \(Double(time) / 1e6) ms for a batch and two syncs of 8 ms")
        #expect((16_000_000..<17_500_000).contains(time), "\(time) ns")
        try log.close()
    }

    @Test func aFailedSyncIsToldToAllWhoWait() throws {
        let disk = InMemoryFileSystem(keepsTrace: false)
        let log = try open(SlowSyncFileSystem(base: disk, syncNanoseconds: 1_000_000))
        disk.fail(.sync, pathSuffix: ".log", after: 10)
        let acknowledged = Monitor([Offset]())
        let failures = inParallel(16) { producer throws(LogError) in
            for number in 0..<100 {
                let base = try send(log, producer, number, 1)
                acknowledged.withLock { $0.append(base) }
            }
        }
        #expect(failures.count == 16, "every producer was told")
        let durableEnd = log.durableEnd
        let lines = acknowledged.withLock { $0 }
        #expect(lines.allSatisfy { $0 < durableEnd })
        // What was acknowledged is all that was durable; behind it there was more.
        #expect(Set(lines).count == Int(durableEnd.value))
        #expect(log.endOffset > durableEnd)
        let end = log.endOffset
        #expect(throws: LogError.self) { try send(log, 99, 0, 1) }
        #expect(throws: LogError.self) { try log.sync() }
        #expect(throws: LogError.self) { try log.close() }
        #expect(log.endOffset == end)
        #expect(log.durableEnd == durableEnd)
    }

    @Test func aFailedWriteIsToldToAllWhoWait() throws {
        let disk = InMemoryFileSystem(keepsTrace: false)
        let log = try open(SlowSyncFileSystem(base: disk, syncNanoseconds: 1_000_000))
        disk.fail(.write, pathSuffix: ".log", after: 50, with: .noSpace)
        let acknowledged = Monitor([Offset]())
        let failures = inParallel(16) { producer throws(LogError) in
            for number in 0..<100 {
                let base = try send(log, producer, number, 1)
                acknowledged.withLock { $0.append(base) }
            }
        }
        #expect(failures.count == 16)
        #expect(log.endOffset == Offset(50))
        let durableEnd = log.durableEnd
        #expect(acknowledged.withLock { $0 }.allSatisfy { $0 < durableEnd })
    }

    @Test func withIntervalTheDurableEndFollowsByItself() throws {
        let log = try open(InMemoryFileSystem(), sync: .interval(bytes: 1 << 20, milliseconds: 30))
        for round in 1...3 {
            let start = SystemClock().monotonicNanoseconds
            try send(log, 0, round - 1, 1)
            try waitFor { log.durableEnd == Offset(Int64(round)) }
            let milliseconds = (SystemClock().monotonicNanoseconds - start) / 1_000_000
            #expect(milliseconds < 1_000, "\(milliseconds) ms for an interval of 30")
        }
        #expect(log.syncCount == 3, "syncs without anything to sync")
        try log.close()
    }

    @Test func withIntervalManyBytesAreSyncedAtOnce() throws {
        let log = try open(InMemoryFileSystem(), sync: .interval(bytes: 500, milliseconds: 1_000_000))
        try send(log, 0, 0, 1)
        usleep(20_000)
        #expect(log.durableEnd == .zero)
        for number in 1..<20 { try send(log, 0, number, 1) }
        try waitFor { log.durableEnd > Offset(10) }
        try log.close()
        #expect(log.durableEnd == Offset(20))
    }

    @Test func withIntervalAFailedSyncIsToldToTheNextProducer() throws {
        let disk = InMemoryFileSystem()
        let log = try open(disk, sync: .interval(bytes: 1, milliseconds: 10))
        disk.fail(.sync, pathSuffix: ".log")
        try send(log, 0, 0, 1)
        try waitFor { log.syncCount == 1 }
        #expect(throws: LogError.self) { try send(log, 0, 1, 1) }
        #expect(log.durableEnd == .zero)
        #expect(throws: LogError.self) { try log.close() }
    }

    @Test func withNeverOnlyClosingSyncs() throws {
        let disk = InMemoryFileSystem()
        let log = try open(disk, sync: .never)
        disk.clearTrace()
        for number in 0..<20 { try send(log, 0, number, 1) }
        usleep(20_000)
        #expect(log.durableEnd == .zero)
        #expect(!disk.trace.contains { $0.hasPrefix("sync") })
        try log.close()
        #expect(log.durableEnd == Offset(20))
        #expect(try readAll(disk).count == 20)
    }

    /// Whoever appends while the topic is closed is either acknowledged, and then the records are there, or told that
    /// they are not.
    @Test(arguments: [TopicOptions.SyncPolicy.always, .interval(bytes: 200, milliseconds: 1), .never])
    func closingWhileOthersAppendLosesNothingAcknowledged(policy: TopicOptions.SyncPolicy) throws {
        for attempt in 0..<10 {
            let disk = InMemoryFileSystem(keepsTrace: false)
            let log = try open(
                SlowSyncFileSystem(base: disk, syncNanoseconds: 200_000), segmentBytes: 1_000, sync: policy)
            let acknowledged = Monitor(0)
            let closing = inBackground { () throws(LogError) in
                usleep(UInt32(attempt * 1_000 + 500))
                try log.close()
            }
            let failures = inParallel(8) { producer throws(LogError) in
                // Ends by the error that a closed topic gives.
                for number in 0..<1_000_000 {
                    try send(log, producer, number, 1 + number % 3)
                    acknowledged.withLock { $0 += 1 + number % 3 }
                }
            }
            #expect(closing.failure == nil)
            #expect(failures.count == 8)
            let found = try readAll(disk).count
            let told = acknowledged.withLock { $0 }
            #expect(found == told, "\(told) records were acknowledged, \(found) are there")
            // Nothing was written after the topic had been let go.
            let again = try TopicWriter.open(disk, segmentBytes: 1_000)
            #expect(again.recovery == RecoveryReport())
            #expect(again.endOffset == Offset(Int64(found)))
        }
    }

    /// The lock is free then, and the next writer may have begun.
    @Test(arguments: [1 << 20, 200])
    func aClosedTopicIsLeftAlone(segmentBytes: Int) throws {
        let disk = InMemoryFileSystem()
        let log = try open(disk, segmentBytes: segmentBytes)
        for number in 0..<2 { try send(log, 0, number, 1) }
        try log.close()
        disk.clearTrace()
        #expect(throws: LogError.self) { try send(log, 0, 2, 1) }
        #expect(disk.trace == [])
        try log.close()
        #expect(disk.trace == [])
    }

    @Test(arguments: [TopicOptions.SyncPolicy.always, .interval(bytes: 300, milliseconds: 1), .never])
    func producersGoOnWhileSegmentsFill(policy: TopicOptions.SyncPolicy) throws {
        let fileSystem = SlowSyncFileSystem(base: InMemoryFileSystem(keepsTrace: false), syncNanoseconds: 100_000)
        let (producers, each) = (16, 20)
        let log = try open(fileSystem, segmentBytes: 700, sync: policy)
        let failures = inParallel(producers) { producer throws(LogError) in
            for number in 0..<each { try send(log, producer, number * 3, 3) }
        }
        #expect(failures == [])
        try log.close()
        try checkRecords(fileSystem, producers: 0..<producers, each: each * 3, batch: 3)
        #expect(try TopicReader(directory: topic, fileSystem: fileSystem).contents().segments > 20)
    }

    @Test func housekeepingGoesOnWhileSegmentsFill() throws {
        let disk = SlowSyncFileSystem(base: InMemoryFileSystem(keepsTrace: false), syncNanoseconds: 100_000)
        let log = try open(disk, segmentBytes: 300)
        let isDone = Monitor(false)
        let merged = Monitor(0)
        let merging = inBackground { () throws(LogError) in
            while !isDone.withLock({ $0 }) {
                let housekeeping = try Housekeeping(topic, disk, TopicOptions(segmentBytes: 3_000))
                defer { housekeeping.end() }
                let report = try housekeeping.merge()
                merged.withLock { $0 += report.segmentsBefore - report.segmentsAfter }
            }
        }
        let failures = inParallel(4) { producer throws(LogError) in
            for number in 0..<150 { try send(log, producer, number, 1) }
        }
        isDone.withLock { $0 = true }
        #expect(failures == [])
        #expect(merging.failure == nil)
        #expect(merged.withLock { $0 } > 20)
        if failures.isEmpty { try log.close() }
        try checkRecords(disk, producers: 0..<4, each: 150, batch: 1)
    }

    /// Sealing syncs and closes the file that another thread's sync is about.
    @Test func aSegmentIsNotSealedWhileItIsSynced() throws {
        let disk = InMemoryFileSystem()
        let log = try open(SlowSyncFileSystem(base: disk, syncNanoseconds: 20_000_000), segmentBytes: 100)
        disk.clearTrace()
        let first = inBackground { () throws(LogError) in try send(log, 0, 0, 1) }
        try waitFor { disk.trace.contains("sync \(firstSegment)") }
        try send(log, 1, 0, 1)
        #expect(first.failure == nil)
        let syncs = disk.trace.filter { $0.hasPrefix("sync ") || $0.hasPrefix("open ") }
        #expect(syncs.prefix(2) == ["sync \(firstSegment)", "sync \(path("durable-end"))"])
        #expect(syncs.filter { $0 == "sync \(firstSegment)" }.count == 1)
        try log.close()
    }

    /// A producer that gives up waiting and sends again while its first attempt is still under way.
    @Test func theSameBatchSentByManyAtOnceIsStoredOnce() throws {
        let fileSystem = SlowSyncFileSystem(base: InMemoryFileSystem(keepsTrace: false), syncNanoseconds: 500_000)
        let log = try open(fileSystem, segmentBytes: 1_000)
        for number in 0..<20 {
            let answers = Monitor([Offset]())
            let failures = inParallel(8) { (_) throws(LogError) in
                let base = try send(log, 7, number * 2, 2)
                let isDurable = log.durableEnd >= base.advanced(by: 2)
                answers.withLock { $0.append(isDurable ? base : Offset(-1)) }
            }
            try #require(failures == [])
            try #require(answers.withLock { $0 } == Array(repeating: Offset(Int64(number * 2)), count: 8))
        }
        try log.close()
        try checkRecords(fileSystem, producers: 7..<8, each: 40, batch: 2)
    }

    @Test func acknowledgedIsDurableInACrashAtAnyMoment() throws {
        let disk = InMemoryFileSystem(keepsTrace: false)
        let log = try open(SlowSyncFileSystem(base: disk, syncNanoseconds: 100_000), segmentBytes: 2_000)
        let acknowledged = Monitor(Set<Offset>())
        let isDone = Monitor(false)
        let crashes = Monitor((count: 0, lost: [Offset]()))
        let crashing = inBackground { () throws(LogError) in
            while !isDone.withLock({ $0 }) {
                let told = acknowledged.withLock { $0 }
                let after = disk.crash(leaving: .synced)
                let durableEnd = try TopicReader(directory: topic, fileSystem: after).durableEnd
                let recovered = try TopicWriter.open(after, segmentBytes: 2_000)
                crashes.withLock {
                    $0.count += 1
                    $0.lost += told.filter { $0 >= durableEnd || $0 >= recovered.endOffset }
                }
                usleep(1_000)
            }
        }
        let failures = inParallel(16) { producer throws(LogError) in
            for number in 0..<40 {
                let base = try send(log, producer, number, 1)
                acknowledged.withLock { _ = $0.insert(base) }
            }
        }
        isDone.withLock { $0 = true }
        #expect(failures == [])
        #expect(crashing.failure == nil)
        #expect(crashes.withLock { $0.count } > 5)
        #expect(crashes.withLock { $0.lost } == [])
        #expect(acknowledged.withLock { $0 }.count == 16 * 40)
        try log.close()
    }

    // MARK: help

    private func open(
        _ fileSystem: any FileSystem, segmentBytes: Int = 1 << 20, sync: TopicOptions.SyncPolicy = .always
    ) throws(LogError) -> GroupCommit {
        try GroupCommit(
            directory: topic, fileSystem: fileSystem,
            options: TopicOptions(segmentBytes: segmentBytes, indexIntervalBytes: 100, sync: sync))
    }

    /// Sends a batch of a producer whose records are numbered; a record's value is (producer, number).
    @discardableResult private func send(
        _ log: GroupCommit, _ producer: Int, _ first: Int, _ count: Int
    ) throws(LogError) -> Offset {
        var batch = RecordBatchBuilder()
        for number in first..<first + count {
            batch.append(TestRecord(Int64(number), [UInt8(producer), UInt8(truncatingIfNeeded: number)]))
        }
        let position = ProducerPosition(id: Int64(producer), epoch: 0, sequence: Int32(first))
        return try log.append(&batch, producer: position)
    }

    /// Each producer's records are there once and in order, and no batch is cut by another.
    private func checkRecords(_ fileSystem: any FileSystem, producers: Range<Int>, each: Int, batch: Int) throws {
        var next: [Int: Int] = [:]
        for (place, record) in try readAll(fileSystem).enumerated() {
            let producer = Int(record.value[0])
            let expected = next[producer, default: 0]
            try #require(record.time == Int64(expected), "the record at \(place), of producer \(producer)")
            try #require(expected % batch == place % batch, "the record at \(place) stands in another's batch")
            next[producer] = expected + 1
        }
        #expect(next == Dictionary(uniqueKeysWithValues: producers.map { ($0, each) }))
    }

    /// Runs `body` on so many threads at once and gives the errors that ended them.
    private func inParallel(_ count: Int, _ body: @escaping (Int) throws(LogError) -> Void) -> [LogError] {
        (0..<count).map { number in inBackground { () throws(LogError) in try body(number) } }
            .compactMap { $0.failure }
    }

    private func inBackground(_ body: @escaping () throws(LogError) -> Void) -> BackgroundWork {
        BackgroundWork(body)
    }

    private func waitFor(_ condition: () -> Bool) throws {
        for _ in 0..<5_000 where !condition() { usleep(1_000) }
        try #require(condition(), "not within 5 s")
    }
}

/// Work on a thread of its own.
private final class BackgroundWork {
    private let result = Monitor(LogError?.none)
    private let thread: WorkerThread

    init(_ body: @escaping () throws(LogError) -> Void) {
        thread = WorkerThread { [result] in
            do throws(LogError) { try body() } catch { result.withLock { $0 = error } }
        }
    }

    /// Waits for its end; what ended it, if not its work.
    var failure: LogError? {
        thread.join()
        return result.withLock { $0 }
    }
}
