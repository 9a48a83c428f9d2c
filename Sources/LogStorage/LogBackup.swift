import EventModel
import Platform

/// A copy of a whole log in another directory, taken while its writers and pipelines go on; a backup is a log itself,
/// and copied back it is restored.
///
/// Consistent without a lock: each pipeline's checkpoints are taken first (and put aside), then its outputs, which reach
/// at least as far as the checkpoints say, then the input, which reaches at least as far as any output, then the
/// schemas, which cover all values; at last the checkpoints are put in their place. So a backup that is brought up to
/// date is usable at every moment: until the end it has its old checkpoints, and more input. What retention has removed
/// from the log goes from the backup after that. Each topic is copied up to its durable end, and readers' offsets before
/// it. Every batch's checksum is checked on the way, so damage is reported, not copied. Sealed segments that the backup
/// has already are passed over. Pipelines that the log no longer has stay in the backup.
public struct LogBackup {
    /// Made first and removed last: a directory that has it is no whole backup.
    static let unfinishedMark = "backup-unfinished"
    /// Tells a backup from a log that one works with.
    static let mark = "backup"
    private static let lockName = "backup.lock"
    private static let staging = "backup-staging"

    private let source: LogDirectory
    private let target: LogDirectory
    private let fileSystem: any FileSystem

    /// What was done.
    public struct Report: Sendable {
        public var topics = 0
        public var segmentsCopied = 0
        public var segmentsKept = 0
        public var bytesCopied = 0
        /// The end of the input in the copy.
        public var inputEnd = Offset.zero
    }

    private var report = Report()
    /// What is to go once all has been copied.
    private var trims: [(copy: TopicCopy, layout: TopicLayout)] = []
    private var totalBytes = 0
    private var doneBytes = 0
    private let progress: (Int, Int) -> Void

    /// - Parameter progress: told the bytes done and the bytes of all.
    public init(
        of source: LogDirectory, to target: LogDirectory, fileSystem: any FileSystem,
        progress: @escaping (Int, Int) -> Void = { _, _ in }
    ) {
        self.source = source
        self.target = target
        self.fileSystem = fileSystem
        self.progress = progress
    }

    /// Copies what the backup lacks.
    /// - Throws: `.refused` where the target has something else than a backup.
    public mutating func run() throws(LogError) -> Report {
        try checkTarget(mayBeBackup: true)
        let lock = try files { () throws(FileError) in
            try fileSystem.createDirectory(target.path)
            return try fileSystem.lock("\(target.path)/\(Self.lockName)")
        }
        defer { lock.unlock() }
        try copyAll(keepingMark: true)
        return report
    }

    /// Copies a backup to a directory that is empty or not there, as a log to go on with.
    public mutating func restore() throws(LogError) -> Report {
        try source.checkIsWhole(fileSystem)
        try checkTarget(mayBeBackup: false)
        try files { () throws(FileError) in try fileSystem.createDirectory(target.path) }
        try copyAll(keepingMark: false)
        return report
    }

    private func checkTarget(mayBeBackup: Bool) throws(LogError) {
        if target == source || target.path.hasPrefix(source.path + "/") || source.path.hasPrefix(target.path + "/") {
            throw .refused("\(target.path) and \(source.path) lie within each other; give a directory of its own")
        }
        let names = try files { () throws(FileError) in
            try fileSystem.exists(target.path) ? try fileSystem.list(target.path) : []
        }
        let isEmpty = names.allSatisfy { $0 == Self.lockName || $0.hasSuffix(".tmp") }
        if isEmpty || (mayBeBackup && names.contains(Self.mark)) || names.contains(Self.unfinishedMark) { return }
        throw .refused(
            mayBeBackup
                ? "\(target.path) is not empty and no backup; give a directory of its own"
                : "\(target.path) is not empty; a backup is restored into a new directory")
    }

    private mutating func copyAll(keepingMark: Bool) throws(LogError) {
        let isNew = try files { () throws(FileError) in
            if try fileSystem.exists("\(target.path)/\(Self.unfinishedMark)") { return true }
            return try !fileSystem.exists("\(target.path)/\(Self.mark)")
        }
        if isNew { try mark(Self.unfinishedMark) } else { try checkIsOfThisLog() }
        if keepingMark { try mark(Self.mark) }
        let pipelines = try source.pipelineNames(fileSystem)
        totalBytes = try bytes(ofTopicsIn: source.path)
        for name in pipelines { totalBytes += try bytes(ofTopicsIn: source.pipeline(name)) }
        totalBytes += try bytes(ofTopicsIn: source.tables)
        for name in pipelines {
            try takeCheckpoints(of: name)
            try copyOutputs(of: name)
        }
        for topic in try topics(in: source.path) where topic != "input-0" {
            try copyTopic("\(source.path)/\(topic)", to: "\(target.path)/\(topic)")
        }
        // Before the input, of which a table's topic says how far it has followed.
        for topic in try topics(in: source.tables) {
            try copyTopic("\(source.tables)/\(topic)", to: "\(target.tables)/\(topic)")
        }
        if try topics(in: source.path).contains("input-0") {
            report.inputEnd = try copyTopic(source.input, to: target.input)
        }
        try copyFiles(source.schemas, to: target.schemas) { $0.hasSuffix(".avsc") }
        for name in pipelines { try placeCheckpoints(of: name) }
        for trim in trims { try trim.copy.trim(trim.layout) }
        try files { () throws(FileError) in
            try fileSystem.removeIfThere("\(target.path)/\(Self.unfinishedMark)")
            try fileSystem.syncDirectory(target.path)
        }
    }

    /// - Throws: `.refused` where the target is a backup of another log, or of this one with more in it.
    private func checkIsOfThisLog() throws(LogError) {
        guard try topics(in: target.path).contains("input-0"), try topics(in: source.path).contains("input-0") else {
            return
        }
        let ours = try TopicReader(directory: source.input, fileSystem: fileSystem)
        let theirs = try TopicReader(directory: target.input, fileSystem: fileSystem)
        let (start, end) = (max(ours.startOffset, theirs.startOffset), theirs.durableEnd)
        guard end <= ours.durableEnd else {
            throw .refused(
                "\(target.path) has input up to offset \(end), but \(source.path) only to \(ours.durableEnd); it is no backup of it"
            )
        }
        guard start < end else { return }
        for offset in [start, Offset(end.value - 1)] {
            guard try ours.isSameRecord(at: offset, as: theirs) else {
                throw .refused(
                    "\(target.path) has another record than \(source.path) at input offset \(offset); it is the backup of another log"
                )
            }
        }
    }

    private func mark(_ name: String) throws(LogError) {
        let empty = MappedBytes(copying: UnsafeRawBufferPointer(start: nil, count: 0))
        try files { () throws(FileError) in
            if try !fileSystem.exists("\(target.path)/\(name)") {
                try fileSystem.replace("\(target.path)/\(name)", with: empty)
            }
        }
    }

    // MARK: a pipeline

    private func staged(_ pipeline: String) -> String { "\(target.path)/\(Self.staging)/\(pipeline)" }

    /// Puts a pipeline's checkpoints with their states aside, as they are at one moment.
    private mutating func takeCheckpoints(of pipeline: String) throws(LogError) {
        let from = source.topic("checkpoints-0", of: pipeline)
        guard try topics(in: source.pipeline(pipeline)).contains("checkpoints-0") else { return }
        for _ in 0..<20 {
            let states = try self.states(in: from)
            try copyTopic(from, to: staged(pipeline), isStaged: true)
            let isWhole = try copyFiles(from, to: staged(pipeline)) { $0.hasSuffix(".state") }
            if isWhole, try states == self.states(in: from) { return }
        }
        throw .busy(directory: from)
    }

    private mutating func copyOutputs(of pipeline: String) throws(LogError) {
        let (from, to) = (source.pipeline(pipeline), target.pipeline(pipeline))
        for topic in try topics(in: from) where topic != "checkpoints-0" {
            try copyTopic("\(from)/\(topic)", to: "\(to)/\(topic)")
        }
        try copyFiles(from, to: to) { $0.hasSuffix(".yaml") }
    }

    /// Puts the checkpoints that were put aside in their place: first the states, then the records that name them, then
    /// states go that are no longer named.
    private mutating func placeCheckpoints(of pipeline: String) throws(LogError) {
        let (from, to) = (staged(pipeline), target.topic("checkpoints-0", of: pipeline))
        guard try files({ () throws(FileError) in try fileSystem.exists(from) }) else { return }
        try copyFiles(from, to: to, removing: false) { $0.hasSuffix(".state") }
        try copyTopic(from, to: to)
        try copyFiles(from, to: to) { $0.hasSuffix(".state") }
        try files { () throws(FileError) in
            for name in try fileSystem.list(from) { try fileSystem.remove("\(from)/\(name)") }
            try fileSystem.remove(from)
        }
    }

    private func states(in directory: String) throws(LogError) -> [String] {
        try files { () throws(FileError) in try fileSystem.list(directory).filter { $0.hasSuffix(".state") } }
    }

    private func topics(in directory: String) throws(LogError) -> [String] {
        try files { () throws(FileError) in
            try fileSystem.exists(directory) ? try fileSystem.list(directory).filter { $0.hasSuffix("-0") } : []
        }
    }

    private func bytes(ofTopicsIn directory: String) throws(LogError) -> Int {
        var bytes = 0
        for topic in try topics(in: directory) {
            bytes += try TopicReader(directory: "\(directory)/\(topic)", fileSystem: fileSystem).byteCount
        }
        return bytes
    }

    /// Copies small files as they are, and removes those that the source no longer has.
    /// - Returns: false when one went meanwhile.
    @discardableResult private func copyFiles(
        _ from: String, to: String, removing: Bool = true, where isWanted: (String) -> Bool
    ) throws(LogError) -> Bool {
        try files { () throws(FileError) in
            guard try fileSystem.exists(from) else { return true }
            try fileSystem.createDirectory(to)
            let wanted = try fileSystem.list(from).filter(isWanted)
            for name in wanted {
                do throws(FileError) {
                    let bytes = try fileSystem.map("\(from)/\(name)")
                    try fileSystem.replace("\(to)/\(name)", with: bytes)
                } catch {
                    if error.code == .noSuchFile { return false }
                    throw error
                }
            }
            for name in try fileSystem.list(to).filter(isWanted) where removing && !wanted.contains(name) {
                try fileSystem.remove("\(to)/\(name)")
            }
            return true
        }
    }

    // MARK: a topic

    /// Copies a topic up to its durable end.
    /// - Returns: that end.
    @discardableResult private mutating func copyTopic(
        _ from: String, to: String, isStaged: Bool = false
    ) throws(LogError) -> Offset {
        if !isStaged { report.topics += 1 }
        try files { () throws(FileError) in try fileSystem.createDirectory(to) }
        let copy = try TopicCopy(to, fileSystem)
        for _ in 0..<20 {
            do throws(LogError) {
                // Before the end is read, so that no reader stands beyond it.
                try copyFiles(StoredOffset.directory(of: from), to: StoredOffset.directory(of: to)) {
                    $0.hasSuffix(".offset")
                }
                let layout = try TopicLayout(from, fileSystem)
                for segment in layout.segments where segment.base < layout.durableEnd {
                    if copy.has(segment) {
                        report.segmentsKept += isStaged ? 0 : 1
                        doneBytes += segment.bytes
                        continue
                    }
                    try copySegment(segment, layout, copy)
                    report.segmentsCopied += isStaged ? 0 : 1
                }
                try copyProducers(layout, to: to)
                try copy.publish(layout)
                if isStaged { try copy.trim(layout) } else { trims.append((copy, layout)) }
                return layout.durableEnd
            } catch {
                // Housekeeping has replaced or removed a segment meanwhile: look again.
                guard case .file(let failure) = error, failure.code == .noSuchFile else { throw error }
            }
        }
        throw .busy(directory: from)
    }

    /// Copies what each producer has sent as of the beginning of the newest segment.
    private func copyProducers(_ layout: TopicLayout, to directory: String) throws(LogError) {
        let copied = layout.segments.last { $0.base < layout.durableEnd }
        let name = copied.map { $0.seal.map { SegmentName($0.endOffset) } ?? $0.name } ?? SegmentName(layout.start)
        let from = "\(layout.directory)/\(name.producers)"
        try files { () throws(FileError) in
            if try fileSystem.exists(from) {
                try fileSystem.replace("\(directory)/\(name.producers)", with: try fileSystem.map(from))
            }
        }
    }

    private mutating func copySegment(
        _ segment: Segment, _ layout: TopicLayout, _ copy: TopicCopy
    ) throws(LogError) {
        var source = try files { () throws(FileError) in
            try SegmentSource(segment, in: layout.directory, fileSystem)
        }
        guard source.isAsListed else {
            throw .file(FileError(operation: "map", path: segment.name.log, code: .noSuchFile))
        }
        var replacement = try copy.begin(segment)
        while source.offset < layout.durableEnd, let batch = try source.nextWhole() {
            try replacement.append(batch)
            report.bytesCopied += batch.bytes.count
            doneBytes += batch.bytes.count
            progress(doneBytes, max(totalBytes, doneBytes))
        }
        try copy.end(&replacement, of: segment)
    }
}

/// A topic's copy in the making.
private struct TopicCopy {
    private let directory: String
    private let fileSystem: any FileSystem
    private let housekeeping: Housekeeping
    private let known: [SegmentName: Segment]

    init(_ directory: String, _ fileSystem: any FileSystem) throws(LogError) {
        self.directory = directory
        self.fileSystem = fileSystem
        housekeeping = try Housekeeping(directory, fileSystem, TopicOptions())
        var known: [SegmentName: Segment] = [:]
        let names = try files { () throws(FileError) in try fileSystem.list(directory) }
        for name in names.compactMap(SegmentName.init(file:)) {
            do throws(FileError) { known[name] = try Segment(name, in: directory, fileSystem) } catch {
                throw .file(error)
            }
        }
        self.known = known
    }

    /// Whether the copy has that very segment, sealed.
    func has(_ segment: Segment) -> Bool { segment.seal != nil && known[segment.name]?.seal?.log == segment.seal?.log }

    func begin(_ segment: Segment) throws(LogError) -> SegmentReplacement {
        try .begin([known[segment.name] ?? Segment(name: segment.name, bytes: 0, seal: nil)], in: housekeeping)
    }

    func end(_ replacement: inout SegmentReplacement, of segment: Segment) throws(LogError) {
        if let seal = segment.seal {
            guard replacement.checksum == seal.logChecksum, replacement.bytes == seal.logBytes else {
                throw .corrupt(
                    file: segment.name.log, position: 0, offset: segment.base,
                    what: "the file is not the one that was sealed")
            }
            try replacement.commit()
        } else {
            try replacement.commitUnsealed()
        }
    }

    /// Makes what was copied part of the copy.
    func publish(_ layout: TopicLayout) throws(LogError) {
        try removeWhatWasTakenBack(layout)
        try Self.store(layout.durableEnd, in: TopicLayout.durableEndPath(directory), fileSystem)
        let first = try SlotFile.read(TopicLayout.startPath(directory), fileSystem)?.offset
        // A copy begins where the log does; one that had more keeps it until `trim`.
        if first == nil && known.isEmpty && layout.start > .zero {
            try Self.store(layout.start, in: TopicLayout.startPath(directory), fileSystem)
        }
        try files { () throws(FileError) in try fileSystem.syncDirectory(directory) }
        housekeeping.end()
        // As a writer finds and leaves it.
        try TopicWriter(directory: directory, fileSystem: fileSystem).close()
    }

    /// Removes segments behind those of a log that has been cut back.
    private func removeWhatWasTakenBack(_ layout: TopicLayout) throws(LogError) {
        guard let last = layout.segments.last(where: { $0.base < layout.durableEnd }) else { return }
        try files { () throws(FileError) in
            for name in try fileSystem.list(directory) {
                guard let owner = SegmentName.owner(of: name), owner > last.name, owner.producers != name else {
                    continue
                }
                try fileSystem.remove("\(directory)/\(name)")
            }
        }
    }

    /// Lets go what the log no longer has.
    func trim(_ layout: TopicLayout) throws(LogError) {
        let housekeeping = try Housekeeping(directory, fileSystem, TopicOptions())
        defer { housekeeping.end() }
        let start = try SlotFile.read(TopicLayout.startPath(directory), fileSystem)?.offset ?? .zero
        if layout.start > start {
            try Self.store(layout.start, in: TopicLayout.startPath(directory), fileSystem)
        }
        _ = try housekeeping.clear(forWriter: true)
    }

    private static func store(_ offset: Offset, in path: String, _ fileSystem: any FileSystem) throws(LogError) {
        let slot = try SlotFile(path, first: offset, fileSystem)
        defer { slot.close() }
        if slot.offset != offset { try files { () throws(FileError) in try slot.store(offset) } }
    }
}

extension TopicReader {
    /// Whether both topics have the same record at an offset, or none.
    fileprivate func isSameRecord(at offset: Offset, as other: TopicReader) throws(LogError) -> Bool {
        let (mine, theirs) = (try cursor(from: offset), try other.cursor(from: offset))
        guard let batch = try mine.nextBatch(), let otherBatch = try theirs.nextBatch() else { return true }
        defer { withExtendedLifetime((batch.owner, otherBatch.owner)) {} }
        var (records, otherRecords) = (batch.records, otherBatch.records)
        guard let record = records.next(), let otherRecord = otherRecords.next() else { return true }
        return record.offset == otherRecord.offset && record.timestamp == otherRecord.timestamp
            && record.value.elementsEqual(otherRecord.value)
    }
}

extension LogDirectory {
    /// - Throws: `.refused` where the directory is a backup that was not finished.
    public func checkIsWhole(_ fileSystem: any FileSystem) throws(LogError) {
        if try files({ () throws(FileError) in try fileSystem.exists("\(path)/\(LogBackup.unfinishedMark)") }) {
            throw .refused("\(path) is a backup or restore that was not finished; run it again")
        }
    }
}
