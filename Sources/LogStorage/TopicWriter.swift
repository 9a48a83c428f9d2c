import EventModel
import Platform

/// The one writer of a topic.
///
/// `append` puts whole batches at the end; `sync` makes them durable and then says so, durably, in `durable-end`: the
/// durable end never runs ahead of the disk, and after a crash damage below it is told from a torn tail. After a
/// failure nothing more is taken: what a failed sync covered may be gone, and only a new writer, by recovery, finds
/// out.
public final class TopicWriter {
    public let directory: String
    let fileSystem: any FileSystem
    let options: TopicOptions
    private let clock: any Clock
    private let lock: any FileLock
    let durable: SlotFile

    var active: ActiveSegment
    var producers: ProducerTable
    private var sinceSync = 0
    private var lastSync: Int64
    private var hasFailed = false
    private var isClosed = false

    /// What opening found and did.
    public internal(set) var recovery = RecoveryReport()

    /// Opens a topic, makes it if it is not there, and recovers it: a torn tail is cut off, indexes that are missing or
    /// wrong are written anew, and what was left of an interrupted housekeeping is cleared away.
    /// - Throws: `LogError.file` with a lock error when another process writes here; `LogError.corrupt` when bytes
    ///   below the durable end are damaged or missing.
    public init(
        directory: String, fileSystem: any FileSystem, options: TopicOptions = TopicOptions(),
        clock: any Clock = SystemClock()
    ) throws(LogError) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.options = options
        self.clock = clock
        lock = try files { () throws(FileError) in
            try fileSystem.createDirectory(directory)
            return try fileSystem.lock(directory + "/lock")
        }
        var layout = try TopicLayout(directory, fileSystem)
        durable = try SlotFile(TopicLayout.durableEndPath(directory), first: .zero, fileSystem)
        // What was seen may be a crashed machine's, not yet durable.
        try files { () throws(FileError) in try fileSystem.syncDirectory(directory) }
        try Housekeeping.clear(directory, fileSystem, options, &layout)
        let name =
            if let last = layout.segments.last { last.seal.map { SegmentName($0.endOffset) } ?? last.name } else {
                SegmentName(layout.start)
            }
        producers = try ProducerTable(asOf: name, in: layout, fileSystem)
        active = try files { () throws(FileError) in
            try ActiveSegment.open(name, in: directory, fileSystem, indexInterval: options.indexIntervalBytes)
        }
        lastSync = 0
        if producers.isGathered { try guarded { () throws(FileError) in try storeProducers(for: name) } }
        try recover()
        lastSync = clock.monotonicNanoseconds
    }

    /// The offset that the next record gets.
    public var endOffset: Offset { active.endOffset }

    /// All records below are durable.
    public var durableEnd: Offset { durable.offset }

    /// The position that the next batch of a producer must have, nil when it never sent any.
    public func nextPosition(ofProducer id: Int64) -> ProducerPosition? { producers.next(of: id) }

    /// Writes a batch at the end and empties the builder. It is durable only after a sync.
    ///
    /// A batch that its producer has sent before, one of its last five, is not stored again.
    /// - Returns: the offset of its first record, where it is stored now or was before.
    /// - Throws: `.outOfSequence`, `.staleProducer` for a producer that has lost count; `.file`, after which nothing
    ///   more is taken.
    @discardableResult public func append(
        _ batch: inout RecordBatchBuilder, producer: ProducerPosition = .none
    ) throws(LogError) -> Offset {
        if isClosed { throw .refused("\(directory) has been closed; nothing can be appended") }
        let base = endOffset
        guard batch.count > 0 else { return base }
        if let known = try stored(producer, count: batch.count) {
            batch.removeAll()
            if options.sync == .always { try sync() }
            return known
        }
        if needsNewSegment(forBytes: batch.byteCount) { try roll() }
        let count = batch.count
        let (first, last) = (EventTime(milliseconds: batch.baseTimestamp), batch.timestampLimit)
        let bytes = batch.seal(base: base, producer: producer)
        try guarded { () throws(FileError) in
            try active.append(bytes, count: count, endOffset: base.advanced(by: count), from: first, to: last)
        }
        producers.note(producer, count: count, base: base)
        sinceSync += bytes.count
        batch.removeAll()
        if isSyncDue { try sync() }
        return base
    }

    /// Where a batch is stored already, nil where it is the producer's next one.
    private func stored(_ producer: ProducerPosition, count: Int) throws(LogError) -> Offset? {
        switch producers.verdict(on: producer, count: count) {
        case .isNext: return nil
        case .isStored(let base): return base
        case .isStale(let newest):
            throw .staleProducer(producer: producer.id, epoch: producer.epoch, newest: newest, directory: directory)
        case .isOutOfSequence(let expected):
            throw .outOfSequence(
                producer: producer.id, expected: expected, found: producer.sequence, directory: directory)
        }
    }

    /// Whether a batch of so many bytes begins a new segment.
    func needsNewSegment(forBytes bytes: Int) -> Bool {
        active.bytes > 0
            && (active.bytes + bytes > options.segmentBytes
                || endOffset.value - active.name.base.value > Int64(Int32.max))
    }

    private var isSyncDue: Bool {
        switch options.sync {
        case .always: true
        case .interval(let bytes, let milliseconds):
            sinceSync >= bytes || clock.monotonicNanoseconds - lastSync >= Int64(milliseconds) * 1_000_000
        case .never: false
        }
    }

    /// Makes all that was appended durable.
    public func sync() throws(LogError) {
        guard let sync = try beginSync() else { return }
        try finish(sync, sync.run())
    }

    /// Syncs and lets the topic go; nothing can be appended afterwards.
    public func close() throws(LogError) {
        if isClosed { return }
        try sync()
        isClosed = true
        active.close()
        durable.close()
        lock.unlock()
    }

    /// A sync to be run, by another thread too, while batches are appended; nil when all is durable. One at a time.
    func beginSync() throws(LogError) -> TopicSync? {
        if hasFailed { throw .failedBefore(directory: directory) }
        sinceSync = 0
        return durableEnd < endOffset
            ? TopicSync(log: active.log, durable: durable, slot: durable.next(endOffset)) : nil
    }

    func finish(_ sync: TopicSync, _ failure: FileError?) throws(LogError) {
        if let failure {
            hasFailed = true
            throw .file(failure)
        }
        durable.adopt(sync.slot)
        if case .interval = options.sync { lastSync = clock.monotonicNanoseconds }
    }

    /// From now on nothing is taken.
    func fail() { hasFailed = true }

    /// Runs a file operation; once one has failed, all fail.
    func guarded<Result: ~Copyable>(_ body: () throws(FileError) -> Result) throws(LogError) -> Result {
        if hasFailed { throw .failedBefore(directory: directory) }
        do { return try body() } catch {
            hasFailed = true
            throw .file(error)
        }
    }

    /// Seals the segment and starts the next one.
    func roll() throws(LogError) {
        try sync()
        let next = SegmentName(endOffset)
        try guarded { () throws(FileError) in
            try storeProducers(for: next)
            let seal = try active.finish()
            try SegmentSeal.store([seal], of: active.name, in: directory, fileSystem)
            let old = active.name
            active.close()
            active = try ActiveSegment.open(next, in: directory, fileSystem, indexInterval: options.indexIntervalBytes)
            // The next segment's table has taken its place; the name may come back in a crash and is cleared then.
            try fileSystem.removeIfThere("\(directory)/\(old.producers)")
        }
    }

    /// Writes what each producer has sent beside the next segment.
    func storeProducers(for next: SegmentName) throws(FileError) {
        let table = producers.encoded(for: next)
        try fileSystem.replace("\(directory)/\(next.producers)", with: table)
    }
}

/// A sync of a topic on its way.
struct TopicSync: Sendable {
    let log: any OpenFile
    let durable: SlotFile
    /// Says up to where all records will be durable.
    let slot: SlotFile.Slot

    /// Syncs, then says so. It leaves the writer alone.
    /// - Returns: what went wrong.
    func run() -> FileError? {
        do throws(FileError) {
            try log.sync()
            try durable.write(slot)
            return nil
        } catch { return error }
    }
}
