import EventModel
import Platform

/// How a topic is laid out and when it is synced.
public struct TopicOptions: Sendable {
    public enum SyncPolicy: Sendable {
        /// After each batch.
        case always
        /// After this many bytes, and at the end.
        case bytes(Int)
        /// Only where the caller asks.
        case never
    }

    /// A segment is sealed before it grows beyond this.
    public var segmentBytes: Int
    /// Bytes between two entries of the sparse index.
    public var indexIntervalBytes: Int
    public var sync: SyncPolicy

    public init(segmentBytes: Int = 256 << 20, indexIntervalBytes: Int = 64 << 10, sync: SyncPolicy = .never) {
        self.segmentBytes = segmentBytes
        self.indexIntervalBytes = indexIntervalBytes
        self.sync = sync
    }
}

/// The one writer of a topic.
///
/// `append` puts whole batches at the end; `sync` makes them durable and then says so in `durable-end`, so that the
/// durable end never runs ahead of the disk. After a failure nothing more is taken: what a failed sync covered may be
/// gone, and only a new writer, by recovery, finds out.
public final class TopicWriter {
    public let directory: String
    let fileSystem: any FileSystem
    let options: TopicOptions
    private let lock: FileLock
    private let durableEndFile: any OpenFile
    private var scratch = ByteWriter(capacity: 64)

    var segment: SegmentName
    var log: any OpenFile
    private var index: any OpenFile
    private var timeIndex: any OpenFile
    /// Bytes in the segment, in its index files, and since the last index entry.
    var position = 0
    private var indexBytes = 0
    private var timeIndexBytes = 0
    private var sinceIndexEntry = 0
    private var maxTimestamp = EventTime.distantPast
    private var sinceSync = 0
    private var hasFailed = false

    /// The offset that the next record gets.
    public internal(set) var endOffset: Offset
    /// All records below are durable.
    public private(set) var durableEnd: Offset
    /// What opening found and did.
    public internal(set) var recovery: RecoveryReport

    /// Opens a topic, makes it if it is not there, and recovers it: a torn tail is cut off, its index files are written
    /// anew.
    /// - Throws: `LogError.file` with a lock error when another process writes here; `LogError.corrupt` when bytes below
    ///   the durable end are damaged.
    public init(
        directory: String, fileSystem: any FileSystem, options: TopicOptions = TopicOptions()
    ) throws(LogError) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.options = options
        lock = try files { () throws(FileError) in
            try fileSystem.createDirectory(directory)
            return try fileSystem.lock(directory + "/lock")
        }
        let segments = try SegmentName.all(in: directory, fileSystem)
        let segment = segments.last ?? SegmentName(.zero)
        self.segment = segment
        durableEnd = try DurableEnd.read(directory, fileSystem)
        (log, index, timeIndex, durableEndFile) = try files { () throws(FileError) in
            (
                try fileSystem.open("\(directory)/\(segment.log)", create: true),
                try fileSystem.open("\(directory)/\(segment.index)", create: true),
                try fileSystem.open("\(directory)/\(segment.timeIndex)", create: true),
                try fileSystem.open(DurableEnd.path(directory), create: true)
            )
        }
        endOffset = segment.base
        recovery = RecoveryReport()
        if segments.isEmpty {
            try files { () throws(FileError) in try fileSystem.syncDirectory(directory) }
            try persistDurableEnd(.zero)
        }
        try recover()
    }

    /// Writes a batch at the end and empties the builder. It is durable only after a sync.
    /// - Returns: the offset of its first record.
    @discardableResult public func append(
        _ batch: inout RecordBatchBuilder, producer: ProducerPosition = .none
    ) throws(LogError) -> Offset {
        let base = endOffset
        guard batch.count > 0 else { return base }
        if position > 0 && position + batch.byteCount > options.segmentBytes { try roll() }
        let count = batch.count
        let timestamp = batch.timestampLimit
        let bytes = batch.seal(base: base, producer: producer)
        try guarded { () throws(FileError) in try log.write(bytes, at: position) }
        try noteBatch(bytes: bytes.count, base: base, maxTimestamp: timestamp)
        endOffset = base.advanced(by: count)
        sinceSync += bytes.count
        batch.removeAll()
        switch options.sync {
        case .always: try sync()
        case .bytes(let limit): if sinceSync >= limit { try sync() }
        case .never: break
        }
        return base
    }

    /// Makes all that was appended durable.
    public func sync() throws(LogError) {
        guard durableEnd < endOffset || sinceSync > 0 else { return }
        try guarded { () throws(FileError) in try log.sync() }
        try persistDurableEnd(endOffset)
        sinceSync = 0
    }

    /// Takes back all records from `end` on. It has to be the end of a batch.
    public func truncate(to end: Offset) throws(LogError) {
        guard end < endOffset else { return }
        if end < durableEnd { try persistDurableEnd(end) }
        let segments = try SegmentName.all(in: directory, fileSystem)
        guard let keep = segments.last(where: { $0.base <= end }) else {
            throw .outOfRange(
                end, available: (segments.first?.base ?? .zero)..<endOffset, directory: directory)
        }
        for later in segments.reversed() where later > keep {
            try guarded { () throws(FileError) in
                for file in [later.log, later.index, later.timeIndex, later.sum]
                where fileSystem.exists("\(directory)/\(file)") {
                    try fileSystem.remove("\(directory)/\(file)")
                }
            }
        }
        if keep != segment {
            try open(keep)
            try guarded { () throws(FileError) in
                if fileSystem.exists("\(directory)/\(keep.sum)") { try fileSystem.remove("\(directory)/\(keep.sum)") }
            }
        }
        try guarded { () throws(FileError) in try fileSystem.syncDirectory(directory) }
        try scan(cuttingAt: end)
        try guarded { () throws(FileError) in try log.sync() }
    }

    /// Syncs and lets the topic go.
    public func close() throws(LogError) {
        try sync()
        log.close()
        index.close()
        timeIndex.close()
    }

    // MARK: steps

    /// Runs a file operation; once one has failed, all fail.
    func guarded<Result>(_ body: () throws(FileError) -> Result) throws(LogError) -> Result {
        if hasFailed { throw .failedBefore(directory: directory) }
        do { return try body() } catch {
            hasFailed = true
            throw .file(error)
        }
    }

    private func persistDurableEnd(_ end: Offset) throws(LogError) {
        DurableEnd.encode(end, into: &scratch)
        try guarded { () throws(FileError) in try durableEndFile.write(scratch.bytes, at: 0) }
        durableEnd = end
    }

    /// Accounts for a batch at the end of the segment, in the indexes too.
    func noteBatch(bytes: Int, base: Offset, maxTimestamp timestamp: EventTime) throws(LogError) {
        if sinceIndexEntry >= options.indexIntervalBytes || position == 0 {
            let relative = UInt32(truncatingIfNeeded: base.value - segment.base.value)
            scratch.removeAll()
            scratch.appendBigEndian(relative)
            scratch.appendBigEndian(UInt32(truncatingIfNeeded: position))
            try guarded { () throws(FileError) in try index.write(scratch.bytes, at: indexBytes) }
            indexBytes += scratch.count
            scratch.removeAll()
            scratch.appendBigEndian(max(maxTimestamp, timestamp).milliseconds)
            scratch.appendBigEndian(relative)
            try guarded { () throws(FileError) in try timeIndex.write(scratch.bytes, at: timeIndexBytes) }
            timeIndexBytes += scratch.count
            sinceIndexEntry = 0
        }
        maxTimestamp = max(maxTimestamp, timestamp)
        sinceIndexEntry += bytes
        position += bytes
    }

    /// Seals the segment and starts the next one.
    private func roll() throws(LogError) {
        try sync()
        let bytes = try guarded { () throws(FileError) in try fileSystem.map("\(directory)/\(segment.log)") }
        scratch.removeAll()
        scratch.appendBigEndian(crc32c(bytes.bytes))
        scratch.appendBigEndian(Int64(bytes.bytes.count))
        try guarded { () throws(FileError) in
            let sum = try fileSystem.open("\(directory)/\(segment.sum)", create: true)
            try sum.write(scratch.bytes, at: 0)
            try sum.sync()
            try index.sync()
            try timeIndex.sync()
        }
        try open(SegmentName(endOffset))
        try guarded { () throws(FileError) in try fileSystem.syncDirectory(directory) }
    }

    private func open(_ name: SegmentName) throws(LogError) {
        log.close()
        index.close()
        timeIndex.close()
        segment = name
        try guarded { () throws(FileError) in
            log = try fileSystem.open("\(directory)/\(name.log)", create: true)
            index = try fileSystem.open("\(directory)/\(name.index)", create: true)
            timeIndex = try fileSystem.open("\(directory)/\(name.timeIndex)", create: true)
        }
        try startSegment()
    }

    /// Empties the index files, for a segment that is new or about to be scanned.
    func startSegment() throws(LogError) {
        position = 0
        indexBytes = 0
        timeIndexBytes = 0
        sinceIndexEntry = 0
        maxTimestamp = .distantPast
        try guarded { () throws(FileError) in
            try index.truncate(to: 0)
            try timeIndex.truncate(to: 0)
        }
    }
}
