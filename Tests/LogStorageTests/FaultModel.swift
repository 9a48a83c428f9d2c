import EventModel

@testable import LogStorage

/// What a claim about the log was, and what was found instead.
struct FaultViolation: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A topic as plain arrays: the naive oracle of the fault simulation.
///
/// It knows every record ever appended and not taken back, how many of them were acknowledged, and which of them
/// housekeeping may have removed.
struct FaultModel {
    struct Batch {
        var base: Int
        var end: Int
        var producer: ProducerPosition
    }

    /// By their offsets; those that retention or compaction removed too.
    private(set) var records: [TestRecord] = []
    private(set) var batches: [Batch] = []
    /// All below stays, whatever happens.
    private(set) var acknowledged = 0
    /// Where the log may begin; more than one offset while nobody knows whether a retention came through.
    private(set) var starts: Set<Int> = [0]
    /// Offsets that compaction may have taken out.
    private(set) var removable: Set<Int> = []
    /// What was compacted may rest on newer records: those are not taken back.
    private(set) var truncationFloor = 0
    private var compaction: (tombstonesBefore: Int64, end: Int)?

    var end: Int { batches.last?.end ?? 0 }
    var earliestStart: Int { starts.min() ?? 0 }
    var latestStart: Int { starts.max() ?? 0 }
    func isRemovable(_ offset: Int) -> Bool { removable.contains(offset) }
    var hasKeylessRecord: Bool { records.contains { $0.key == nil } }

    mutating func append(_ new: [TestRecord], producer: ProducerPosition) {
        batches.append(Batch(base: end, end: end + new.count, producer: producer))
        records += new
    }

    mutating func acknowledge(_ end: Int) {
        acknowledged = max(acknowledged, end)
        extendRemovable()
    }

    /// A truncation is about to begin: it may take back all from `end` on.
    mutating func beginTruncation(to end: Int) { acknowledged = min(acknowledged, end) }

    /// The log ends here for certain.
    mutating func cut(to end: Int) throws {
        guard end == 0 || batches.contains(where: { $0.end == end }) else {
            throw FaultViolation("the log ends at \(end), inside a batch or beyond the last one (\(self.end))")
        }
        guard end >= acknowledged else {
            throw FaultViolation("the log ends at \(end), but \(acknowledged) were acknowledged")
        }
        batches.removeAll { $0.end > end }
        records.removeLast(records.count - end)
    }

    mutating func mayStart(at offset: Int) { starts.insert(offset) }

    mutating func starts(at offset: Int) throws {
        guard starts.contains(offset) else {
            throw FaultViolation("the log begins at \(offset), expected one of \(starts.sorted())")
        }
        starts = [offset]
    }

    /// A compaction is about to begin; until its end more records may become removable as more are made durable.
    mutating func beginCompaction(_ policy: CompactionPolicy) {
        compaction = ((policy.reference - policy.tombstoneAge).milliseconds, 0)
        extendRemovable()
    }

    mutating func endCompaction() { compaction = nil }

    private mutating func extendRemovable() {
        guard let compaction, compaction.end < acknowledged else { return }
        self.compaction?.end = acknowledged
        truncationFloor = acknowledged
        var newest: [[UInt8]: Int] = [:]
        for offset in 0..<acknowledged { newest[records[offset].key ?? []] = offset }
        for (offset, record) in records[..<acknowledged].enumerated() {
            let isOld = record.isTombstone && record.time < compaction.tombstonesBefore
            if isOld || newest[record.key ?? []] != offset { removable.insert(offset) }
        }
    }

    // MARK: producers

    /// A producer's batches of its last epoch that a log remembers: the last five.
    func remembered(of id: Int64) -> [Batch] {
        let all = batches.filter { $0.producer.id == id }
        return all.filter { $0.producer.epoch == all.last?.producer.epoch }.suffix(5)
    }

    func nextPosition(of id: Int64) -> ProducerPosition? {
        remembered(of: id).last.map { $0.producer.advanced(by: $0.end - $0.base) }
    }

    /// Where a batch of a producer stands, if it is one of those that are remembered.
    func place(of producer: ProducerPosition, count: Int) -> Int? {
        remembered(of: producer.id).last { $0.producer == producer && $0.end - $0.base == count }?.base
    }

    /// Whether none of a batch's records need be there any more.
    func mayBeForgotten(_ batch: Batch) -> Bool {
        batch.base < latestStart || (batch.base..<batch.end).allSatisfy(removable.contains)
    }

    mutating func forgetProducer(ofBatchAt base: Int) {
        for number in batches.indices where batches[number].base == base { batches[number].producer = .none }
    }

    // MARK: naive answers

    /// Checks that a reader that has come to `position` may go on with a record at `offset`.
    func check(_ record: TestRecord, at offset: Int, after position: Int) throws {
        guard offset >= position else { throw FaultViolation("offset \(offset) twice or out of order") }
        try check(noneAt: position..<offset)
        guard offset < records.count else {
            throw FaultViolation("a record at \(offset), but the log ends at \(records.count)")
        }
        guard records[offset] == record else {
            throw FaultViolation("at \(offset): \(record), expected \(records[offset])")
        }
    }

    /// Checks that a reader may pass over these offsets.
    func check(noneAt offsets: Range<Int>) throws {
        for offset in offsets where offset >= records.count || !removable.contains(offset) {
            throw FaultViolation("the record at \(offset) is missing")
        }
    }

    /// The newest value of each key from the start on; without those whose newest record is a tombstone.
    func newestValues(from start: Int) -> [[UInt8]: TestRecord] { newest(records.dropFirst(start)) }
}

/// The newest record of each key, without tombstones.
func newest(_ records: some Sequence<TestRecord>) -> [[UInt8]: TestRecord] {
    var newest: [[UInt8]: TestRecord] = [:]
    for record in records { if let key = record.key { newest[key] = record.isTombstone ? nil : record } }
    return newest
}
