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

    /// A segment is sealed before it grows beyond this; below 4 GiB.
    public var segmentBytes: Int
    /// Bytes between two entries of the sparse index.
    public var indexIntervalBytes: Int
    public var sync: SyncPolicy

    public init(segmentBytes: Int = 256 << 20, indexIntervalBytes: Int = 64 << 10, sync: SyncPolicy = .never) {
        precondition(segmentBytes < 1 << 32, "a segment of \(segmentBytes) bytes; its index holds positions below 2³²")
        self.segmentBytes = segmentBytes
        self.indexIntervalBytes = indexIntervalBytes
        self.sync = sync
    }
}

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
    private let lock: any FileLock
    private let durableEndFile: any OpenFile
    private var durableEndWrites: Int64
    var scratch = ByteWriter(capacity: 64)

    var segment: SegmentName
    var segmentFiles: SegmentFiles
    var progress = SegmentProgress()
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
    /// - Throws: `LogError.file` with a lock error when another process writes here; `LogError.corrupt` when bytes
    ///   below
    ///   the durable end are damaged or missing.
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
        let known = try DurableEnd.read(directory, fileSystem)
        durableEnd = known?.offset ?? .zero
        durableEndWrites = known?.number ?? 0
        let segments = try SegmentName.all(in: directory, fileSystem)
        if segments.isEmpty && durableEnd > .zero {
            throw .corrupt(
                segment: directory, position: 0, offset: .zero,
                what: "there is no segment, but offsets up to \(durableEnd) had been made durable; the log is missing")
        }
        if known == nil {
            // Whoever began to make this topic may have died before its name was durable.
            try files { () throws(FileError) in try fileSystem.syncDirectory(parentDirectory(of: directory)) }
            DurableEnd(offset: .zero, number: 0).encode(into: &scratch)
            let first = MappedBytes(copying: scratch.bytes)
            try files { () throws(FileError) in try fileSystem.replace(DurableEnd.path(directory), with: first.bytes) }
        }
        let segment = segments.last ?? SegmentName(.zero)
        self.segment = segment
        (segmentFiles, durableEndFile) = try files { () throws(FileError) in
            (
                try SegmentFiles(directory, segment, fileSystem),
                try fileSystem.open(DurableEnd.path(directory), .writing)
            )
        }
        endOffset = segment.base
        recovery = RecoveryReport()
        try files { () throws(FileError) in try fileSystem.syncDirectory(directory) }
        try recover()
    }

    /// Writes a batch at the end and empties the builder. It is durable only after a sync.
    /// - Returns: the offset of its first record.
    @discardableResult public func append(
        _ batch: inout RecordBatchBuilder, producer: ProducerPosition = .none
    ) throws(LogError) -> Offset {
        let base = endOffset
        guard batch.count > 0 else { return base }
        if progress.bytes > 0 && progress.bytes + batch.byteCount > options.segmentBytes { try roll() }
        let count = batch.count
        let timestamp = batch.timestampLimit
        let bytes = batch.seal(base: base, producer: producer)
        try guarded { () throws(FileError) in try segmentFiles.log.write(bytes, at: progress.bytes) }
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
        guard durableEnd < endOffset else { return }
        try guarded { () throws(FileError) in try segmentFiles.log.sync() }
        try persistDurableEnd(endOffset)
        sinceSync = 0
    }

    /// Syncs and lets the topic go; nothing can be appended afterwards.
    public func close() throws(LogError) {
        try sync()
        segmentFiles.close()
        durableEndFile.close()
        lock.unlock()
    }

    /// Runs a file operation; once one has failed, all fail.
    func guarded<Result>(_ body: () throws(FileError) -> Result) throws(LogError) -> Result {
        if hasFailed { throw .failedBefore(directory: directory) }
        do { return try body() } catch {
            hasFailed = true
            throw .file(error)
        }
    }

    func persistDurableEnd(_ end: Offset) throws(LogError) {
        let next = DurableEnd(offset: end, number: durableEndWrites + 1)
        next.encode(into: &scratch)
        try guarded { () throws(FileError) in
            try durableEndFile.write(scratch.bytes, at: next.position)
            try durableEndFile.sync()
        }
        durableEndWrites = next.number
        durableEnd = end
    }
}
