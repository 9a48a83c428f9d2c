import EventModel
import Platform

/// Work on the sealed segments of a topic: clearing up, retention, merging, compaction, repair. It goes on beside the
/// writer and readers, and holds a lock of its own, so that there is one at a time.
///
/// Segments are immutable: one is removed, or replaced as a whole by another with the same base offset. The steps of a
/// replacement, each durable before the next: the new files under other names; a seal that knows the old file and the
/// new; **the renaming, which changes the log file and its valid seal in one step**; the indexes and the seal of the new
/// one alone; removal of segments that the new one covers. Whatever the step at which it is interrupted, readers find
/// each offset once, and the next writer or housekeeping clears up.
public struct Housekeeping {
    let directory: String
    let fileSystem: any FileSystem
    let options: TopicOptions
    private let lock: any FileLock

    /// Takes the lock, waiting for it if need be.
    public init(
        _ directory: String, _ fileSystem: any FileSystem, _ options: TopicOptions = TopicOptions()
    ) throws(LogError) {
        try self.init(directory, fileSystem, options, waiting: true)
    }

    private init(
        _ directory: String, _ fileSystem: any FileSystem, _ options: TopicOptions, waiting: Bool
    ) throws(LogError) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.options = options
        lock = try files { () throws(FileError) in
            try fileSystem.lock(directory + "/housekeeping.lock", waiting: waiting)
        }
    }

    /// Lets the lock go.
    public func end() { lock.unlock() }

    /// Clears up in a topic that is about to be written, if there is anything to clear.
    static func clear(
        _ directory: String, _ fileSystem: any FileSystem, _ options: TopicOptions, _ layout: inout TopicLayout
    ) throws(LogError) {
        try layout.checkContinuity()
        if try !needsClearing(layout, fileSystem) { return }
        do throws(LogError) {
            let isSealMissing = layout.segments.dropLast().contains { $0.seal == nil }
            let housekeeping = try Housekeeping(directory, fileSystem, options, waiting: isSealMissing)
            defer { housekeeping.end() }
            layout = try housekeeping.clear(forWriter: true)
        } catch {
            // Somebody else keeps house, and clears up when it is done.
            guard case .file(let failure) = error, failure.code == .wouldBlock else { throw error }
        }
    }

    private static func needsClearing(
        _ layout: TopicLayout, _ fileSystem: any FileSystem
    ) throws(LogError) -> Bool {
        if layout.files.contains(where: { !layout.owns($0) }) { return true }
        for segment in layout.segments.dropLast() where segment.seal == nil { return true }
        for segment in layout.segments {
            if try !isInOrder(segment, in: layout.directory, fileSystem) { return true }
        }
        return false
    }

    /// Whether a segment has one seal and the indexes that were sealed, or is still written.
    private static func isInOrder(
        _ segment: Segment, in directory: String, _ fileSystem: any FileSystem
    ) throws(LogError) -> Bool {
        guard let seal = segment.seal else { return true }
        return try files { () throws(FileError) in
            guard try fileSystem.size(of: "\(directory)/\(segment.name.seal)") == SegmentSeal.byteCount else {
                return false
            }
            for (name, bytes, checksum) in [
                (segment.name.index, seal.indexBytes, seal.indexChecksum),
                (segment.name.timeIndex, seal.timeIndexBytes, seal.timeIndexChecksum),
            ] {
                let path = "\(directory)/\(name)"
                guard try fileSystem.exists(path), try fileSystem.size(of: path) == bytes,
                    try fileSystem.read(path).withUnsafeBytes({ crc32c($0) }) == checksum
                else { return false }
            }
            return true
        }
    }

    /// Removes what does not belong to the topic, seals what has lost its seal, and writes lost indexes anew.
    /// - Parameter isWriter: whether the caller is the topic's writer; otherwise files that one may be writing stay.
    /// - Returns: the layout then.
    func clear(forWriter isWriter: Bool = false) throws(LogError) -> TopicLayout {
        let layout = try TopicLayout(directory, fileSystem)
        try layout.checkContinuity()
        for segment in layout.segments.dropLast() where segment.seal == nil {
            try seal(segment, endingAt: layout.segments.first { $0.name > segment.name }?.base)
        }
        for segment in layout.segments where segment.seal != nil {
            if try !Self.isInOrder(segment, in: directory, fileSystem) {
                try seal(segment, endingAt: segment.seal?.endOffset)
            }
        }
        try removeStrangers(try TopicLayout(directory, fileSystem), forWriter: isWriter)
        return try TopicLayout(directory, fileSystem)
    }

    /// Removes files that do not belong to the topic.
    func removeStrangers(_ layout: TopicLayout, forWriter isWriter: Bool = false) throws(LogError) {
        let strangers = layout.files.filter { file in
            if layout.owns(file) { return false }
            guard let owner = SegmentName.owner(of: file), let last = layout.segments.last else { return isWriter }
            return isWriter || owner < last.name
        }
        if strangers.isEmpty { return }
        if layout.start > .zero {
            // It is why segments go, so it has to be durable.
            try SlotFile(TopicLayout.startPath(directory), first: layout.start, fileSystem).close()
        }
        try files { () throws(FileError) in
            for file in strangers { try fileSystem.removeIfThere("\(directory)/\(file)") }
            try fileSystem.syncDirectory(directory)
        }
    }

    /// Goes through a segment that is whole, writes its indexes anew and seals it.
    private func seal(_ segment: Segment, endingAt end: Offset?) throws(LogError) {
        var copy = segment
        copy.seal = nil
        var source = try files { () throws(FileError) in try SegmentSource(copy, in: directory, fileSystem) }
        var summary = SegmentSummary(segment.name, indexInterval: options.indexIntervalBytes)
        while let batch = try source.nextWhole() { summary.add(batch) }
        let path = "\(directory)/\(segment.name.log)"
        if let end, end != source.offset {
            throw .corrupt(
                file: path, position: source.position, offset: source.offset,
                what: "the segment ends here, but the next one begins at offset \(end)")
        }
        if let known = segment.seal, known.logChecksum != summary.checksum {
            throw .corrupt(
                file: path, position: 0, offset: segment.base, what: "the file is not the one that was sealed")
        }
        try files { () throws(FileError) in
            let log = try fileSystem.open(path, .writing)
            try log.sync()
            log.close()
            try summary.store(in: directory, fileSystem)
        }
    }
}
