import EventModel
import Platform

/// A segment as it lies in a topic's directory.
struct Segment {
    var name: SegmentName
    /// Bytes of the log file.
    var bytes: Int
    /// nil: it is still written, or its seal has been lost.
    var seal: SegmentSeal?

    var base: Offset { name.base }
}

/// Which files make up a topic, by its directory alone.
///
/// Segments that an earlier one covers (the rest of a merge) or that lie before the start (the rest of a retention) no
/// longer belong to it.
struct TopicLayout {
    let directory: String
    /// The offset of the oldest record.
    private(set) var start = Offset.zero
    /// All records below are durable.
    private(set) var durableEnd = Offset.zero
    /// Oldest first.
    private(set) var segments: [Segment] = []
    /// All files in the directory.
    private(set) var files: [String] = []

    /// - Parameter previous: an earlier look, whose seals are taken to be the same where the files still have the length.
    /// - Throws: `.noTopic`; `.corrupt` where files are missing.
    init(
        _ directory: String, _ fileSystem: any FileSystem, after previous: TopicLayout? = nil
    ) throws(LogError) {
        self.directory = directory
        var known: [SegmentName: Segment] = [:]
        for segment in previous?.segments ?? [] where segment.seal != nil { known[segment.name] = segment }
        // A segment may go or be replaced while one looks at it: then look again.
        for _ in 0..<100 {
            // The ends before the segments, so that what is listed reaches them.
            let end = try SlotFile.read(Self.durableEndPath(directory), fileSystem)
            let start = try Self.readStart(directory, fileSystem)
            (self.start, durableEnd) = (start, end?.offset ?? .zero)
            guard try list(fileSystem, known), try Self.readStart(directory, fileSystem) == start else { continue }
            // What was known may be of files that have been replaced by others of the same length.
            if !known.isEmpty && !isContiguous {
                known = [:]
                continue
            }
            try check(hasDurableEnd: end != nil)
            return
        }
        throw .busy(directory: directory)
    }

    /// - Throws: `.corrupt` where a segment between two others is missing.
    func checkContinuity() throws(LogError) {
        for (segment, next) in zip(segments, segments.dropFirst()) {
            guard let seal = segment.seal, seal.endOffset != next.base else { continue }
            throw .corrupt(
                file: "\(directory)/\(SegmentName(seal.endOffset).log)", position: 0, offset: seal.endOffset,
                what: "the file is missing; the log goes on at offset \(next.base)")
        }
    }

    private var isContiguous: Bool {
        zip(segments, segments.dropFirst()).allSatisfy { $0.seal.map(\.endOffset) ?? $1.base == $1.base }
    }

    private static func readStart(_ directory: String, _ fileSystem: any FileSystem) throws(LogError) -> Offset {
        try SlotFile.read(startPath(directory), fileSystem)?.offset ?? .zero
    }

    private func check(hasDurableEnd: Bool) throws(LogError) {
        guard let first = segments.first else {
            guard max(start, durableEnd) > .zero else { return }
            throw .corrupt(
                file: directory, position: 0, offset: start,
                what: "there is no segment, but offsets up to \(durableEnd) had been made durable")
        }
        if !hasDurableEnd {
            throw .corrupt(
                file: Self.durableEndPath(directory), position: 0, offset: first.base, what: "the file is missing")
        }
        if first.base != start {
            throw .corrupt(
                file: "\(directory)/\(SegmentName(start).log)", position: 0, offset: start,
                what: "the file is missing; the log goes on at offset \(first.base)")
        }
    }

    static func durableEndPath(_ directory: String) -> String { directory + "/durable-end" }
    static func startPath(_ directory: String) -> String { directory + "/start" }

    /// Whether a file belongs to the topic; others are left from something interrupted.
    func owns(_ file: String) -> Bool {
        guard let owner = SegmentName.owner(of: file) else { return !file.hasSuffix(".tmp") }
        // The segment that is about to begin may have its table of producers only.
        if file == owner.producers, let seal = segments.last?.seal { return seal.endOffset == owner.base }
        guard let segment = segments.first(where: { $0.name == owner }) else { return false }
        return [owner.log, owner.index, owner.timeIndex, owner.seal].contains(file)
            || (file == owner.producers && segment.name == segments.last?.name)
    }

    /// Whether records that `before` knew of were taken back since, as far as lengths and seals tell.
    func isCutBack(from before: TopicLayout) -> Bool {
        if durableEnd < before.durableEnd { return true }
        guard let last = before.segments.last, let now = segments.first(where: { $0.name == last.name }) else {
            return before.segments.last.map { $0.base >= start && segment(holding: $0.base)?.seal == nil } ?? false
        }
        return now.bytes < last.bytes && now.seal == nil
    }

    /// The segment that holds `offset`, or would if it reached so far.
    func segment(holding offset: Offset) -> Segment? { segments.last { $0.base <= offset } }

    /// - Returns: false when a file went while it was looked at.
    private mutating func list(_ fileSystem: any FileSystem, _ known: [SegmentName: Segment]) throws(LogError)
        -> Bool
    {
        guard try LogStorage.files({ () throws(FileError) in try fileSystem.exists(directory) }) else {
            throw .noTopic(directory: directory)
        }
        files = try LogStorage.files { () throws(FileError) in try fileSystem.list(directory) }
        segments = []
        var covered = start
        for name in files.compactMap(SegmentName.init(file:)).sorted() {
            if let last = segments.last, last.seal != nil, name.base < covered { continue }
            do throws(FileError) {
                let segment = try Segment(name, in: directory, fileSystem, known: known[name])
                if name.base < start && segment.seal.map({ $0.endOffset <= start }) ?? true { continue }
                segments.append(segment)
                covered = segment.seal?.endOffset ?? name.base
            } catch {
                if error.code == .noSuchFile { return false }
                throw .file(error)
            }
        }
        return true
    }
}

extension Segment {
    init(
        _ name: SegmentName, in directory: String, _ fileSystem: any FileSystem, known: Segment? = nil
    ) throws(FileError) {
        self.name = name
        if let known, try fileSystem.size(of: "\(directory)/\(name.log)") == known.bytes {
            self = known
            return
        }
        // The seals before the file: should it be replaced meanwhile, they know both.
        let path = "\(directory)/\(name.seal)"
        let seals = try fileSystem.exists(path) ? try fileSystem.read(path) : []
        bytes = try fileSystem.size(of: "\(directory)/\(name.log)")
        let candidates = seals.withUnsafeBytes { SegmentSeal.decode($0, of: name) }.filter { $0.logBytes == bytes }
        if candidates.count > 1 {
            let log = try fileSystem.map("\(directory)/\(name.log)")
            let checksum = withExtendedLifetime(log) { crc32c(log.bytes) }
            seal = candidates.first { $0.logChecksum == checksum }
        } else {
            seal = candidates.first
        }
    }
}
