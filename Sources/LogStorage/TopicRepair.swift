import EventModel
import Platform

/// What repairing a topic would do, and what would be lost. Nothing is changed before `apply`.
public struct RepairPlan: Sendable {
    /// Bytes that are no whole batch, and the offsets that they should have held.
    public struct Gap: Sendable {
        /// The segment's file; missing where `bytes` is empty and `isFileMissing`.
        public var file: String
        public var bytes: Range<Int>
        public var offsets: Range<Offset>
        public var isFileMissing: Bool
        public var what: String
    }

    public var gaps: [Gap] = []
    /// Bytes at the end that are no whole batch, of a topic whose durable end is not known: whether records that they
    /// held had been acknowledged cannot be told.
    public var cutTails: [(file: String, bytes: Range<Int>, offset: Offset)] = []
    /// Other things that are put right and cost no record.
    public var mended: [String] = []

    /// Offsets whose records are lost.
    public var lostOffsets: Int64 { gaps.reduce(0) { $0 + $1.offsets.upperBound.value - $1.offsets.lowerBound.value } }
    public var isEmpty: Bool { gaps.isEmpty && mended.isEmpty && cutTails.isEmpty }
}

/// Puts a damaged topic in order. No process may write to it meanwhile.
///
/// Batches that are whole stay as they are. Where bytes are damaged or missing, a batch without records takes the place
/// of the offsets that are lost, so that all other records keep theirs; the damaged bytes are kept in `damaged/`.
public struct TopicRepair {
    private let directory: String
    private let fileSystem: any FileSystem
    private let options: TopicOptions
    private let knownEnd: Offset
    private let lock: any FileLock

    /// Takes the writer's lock.
    /// - Parameter knownEnd: an offset up to which others know that records had been durable; it counts where the
    ///   durable end itself is not readable.
    public init(
        directory: String, fileSystem: any FileSystem, knownEnd: Offset = .zero,
        options: TopicOptions = TopicOptions()
    ) throws(LogError) {
        self.directory = directory
        self.knownEnd = knownEnd
        self.fileSystem = fileSystem
        self.options = options
        guard try files({ () throws(FileError) in try fileSystem.exists(directory) }) else {
            throw .noTopic(directory: directory)
        }
        lock = try files { () throws(FileError) in try fileSystem.lock(directory + "/lock") }
    }

    public func close() { lock.unlock() }

    /// Finds out what there is to do.
    public func plan() throws(LogError) -> RepairPlan {
        var plan = try Survey(directory, fileSystem, knownEnd).plan
        var verification = TopicVerification(directory: directory, fileSystem: fileSystem)
        plan.mended += try verification.run().filter { $0.severity == .note }.map { "\($0.file): \($0.what)" }
        return plan
    }

    /// Does it, and lets the topic go.
    public func apply() throws(LogError) {
        try rewriteSegments()
        lock.unlock()
        // Opening puts right what costs nothing.
        try TopicWriter(directory: directory, fileSystem: fileSystem, options: options).close()
    }

    private func rewriteSegments() throws(LogError) {
        let housekeeping = try Housekeeping(directory, fileSystem, options)
        defer { housekeeping.end() }
        let survey = try Survey(directory, fileSystem, knownEnd)
        try keepDamagedBytes(survey.plan)
        for segment in survey.segments where segment.needsRewriting { try rewrite(segment, housekeeping) }
        try mendSlots(survey)
    }

    private func keepDamagedBytes(_ plan: RepairPlan) throws(LogError) {
        let kept = directory + "/damaged"
        let damaged = plan.gaps.map { ($0.file, $0.bytes) } + plan.cutTails.map { ($0.file, $0.bytes) }
        try files { () throws(FileError) in
            for (file, range) in damaged where !range.isEmpty {
                try fileSystem.createDirectory(kept)
                let bytes = try fileSystem.open(file, .reading).bytes(from: range.lowerBound, count: range.count)
                let name = file.split(separator: "/").last.map(String.init) ?? file
                try fileSystem.replace("\(kept)/\(name)-\(range.lowerBound)", with: bytes)
            }
        }
    }

    private func rewrite(_ segment: Survey.Segment, _ housekeeping: Housekeeping) throws(LogError) {
        var replacement = try SegmentReplacement.begin([segment.segment], in: housekeeping)
        var source =
            segment.isMissing
            ? nil : try files { () throws(FileError) in try SegmentSource(segment.segment, in: directory, fileSystem) }
        for piece in segment.pieces {
            switch piece {
            case .whole(let from, let position, let end):
                source?.jump(to: position, offset: from)
                while replacement.endOffset < end, let batch = try source?.nextWhole() {
                    try replacement.append(batch)
                }
            case .gap(let offsets):
                while replacement.endOffset < offsets.upperBound {
                    let next = replacement.endOffset.advanced(by: Int(Int32.max))
                    try replacement.appendEmpty(upTo: min(next, offsets.upperBound))
                }
            }
        }
        try replacement.commit()
    }

    private func mendSlots(_ survey: Survey) throws(LogError) {
        for (path, isReadable, offset) in [
            (TopicLayout.durableEndPath(directory), survey.isDurableEndReadable, survey.end),
            (TopicLayout.startPath(directory), survey.isStartReadable, survey.start),
        ] {
            let isFaulty = try SlotFile.fault(path, fileSystem) != nil
            if !isReadable || isFaulty { try SlotFile.reset(path, to: offset, fileSystem) }
        }
    }
}

/// What a topic's log files hold, whatever else says.
private struct Survey {
    /// A stretch of a segment.
    enum Piece {
        /// Batches from an offset and position up to an offset.
        case whole(Offset, position: Int, end: Offset)
        case gap(Range<Offset>)
    }

    struct Segment {
        var segment: LogStorage.Segment
        var pieces: [Piece] = []
        var isMissing = false
        /// Bytes that are skipped though no offset is missing.
        var hasJunk = false

        var needsRewriting: Bool {
            hasJunk || isMissing || pieces.contains { if case .gap = $0 { true } else { false } }
        }
    }

    private let directory: String
    private let fileSystem: any FileSystem
    private(set) var plan = RepairPlan()
    private(set) var segments: [Segment] = []
    private(set) var isStartReadable = true
    private(set) var isDurableEndReadable = true
    private(set) var start = Offset.zero
    private(set) var end = Offset.zero

    init(_ directory: String, _ fileSystem: any FileSystem, _ knownEnd: Offset) throws(LogError) {
        self.directory = directory
        self.fileSystem = fileSystem
        let names = try files { () throws(FileError) in try fileSystem.list(directory) }
            .compactMap(SegmentName.init(file:)).sorted()
        let (storedStart, isStartReadable) = try slot(TopicLayout.startPath(directory), isMissingFine: true)
        let (storedEnd, isDurableEndReadable) = try slot(
            TopicLayout.durableEndPath(directory), isMissingFine: names.isEmpty)
        let readers = isDurableEndReadable ? [] : try StoredOffset.all(of: directory, fileSystem: fileSystem)
        let durableEnd = storedEnd ?? readers.map(\.offset).reduce(knownEnd, max)
        self.isStartReadable = isStartReadable
        self.isDurableEndReadable = isDurableEndReadable
        start = storedStart ?? (isStartReadable ? .zero : names.first?.base ?? .zero)
        end = start
        for (number, name) in names.enumerated() {
            if name.base < end && name != names.first { continue }
            let found: LogStorage.Segment
            do throws(FileError) { found = try LogStorage.Segment(name, in: directory, fileSystem) } catch {
                throw .file(error)
            }
            if found.seal.map({ $0.endOffset <= start }) ?? (name.base < start) { continue }
            if name.base > end { addMissing(upTo: name.base) }
            let next = names[(number + 1)...].first { $0.base > name.base }?.base
            try add(found, next: next, durableEnd: durableEnd)
        }
        if end < durableEnd { addMissing(upTo: durableEnd) }
        if isDurableEndReadable { end = durableEnd }
    }

    private mutating func slot(
        _ path: String, isMissingFine: Bool
    ) throws(LogError) -> (offset: Offset?, isReadable: Bool) {
        do throws(LogError) {
            let slot = try SlotFile.read(path, fileSystem)
            let isReadable = slot != nil || isMissingFine
            if !isReadable { plan.mended.append("\(path): the file is missing and is written anew") }
            return (slot?.offset, isReadable)
        } catch {
            guard case .corrupt = error else { throw error }
            plan.mended.append("\(path): neither slot is readable; it is written anew")
            return (nil, false)
        }
    }

    private mutating func addMissing(upTo next: Offset) {
        let name = SegmentName(end)
        segments.append(
            Segment(
                segment: LogStorage.Segment(name: name, bytes: 0, seal: nil), pieces: [.gap(end..<next)],
                isMissing: true
            ))
        plan.gaps.append(
            RepairPlan.Gap(
                file: "\(directory)/\(name.log)", bytes: 0..<0, offsets: end..<next, isFileMissing: true,
                what: "the file is missing"))
        end = next
    }

    /// Goes through a segment, which has to end where the next one begins.
    private mutating func add(
        _ found: LogStorage.Segment, next: Offset?, durableEnd: Offset
    ) throws(LogError) {
        var segment = Segment(segment: found)
        var source: SegmentSource
        do throws(FileError) { source = try SegmentSource(found, in: directory, fileSystem) } catch {
            throw .file(error)
        }
        let limit = found.seal?.endOffset ?? next
        var wholeFrom = (offset: found.base, position: 0)
        walk: while true {
            let position = source.position
            let offset = source.offset
            let step: SegmentSource.Found
            do throws(FileError) { step = try source.next() } catch { throw .file(error) }
            if case .batch(let batch) = step, limit.map({ batch.endOffset <= $0 }) ?? true { continue }
            if offset > wholeFrom.offset {
                segment.pieces.append(.whole(wholeFrom.offset, position: wholeFrom.position, end: offset))
            }
            let resumed: (offset: Offset, position: Int)?
            var what = "it ends here"
            switch step {
            case .end: resumed = nil
            case .batch:
                what = "a batch reaches into the next segment"
                resumed = nil
            case .fault(let fault):
                what = fault.text
                resumed = try source.nextPlace(after: position, expecting: offset, below: limit)
            }
            let isTail = limit == nil && resumed == nil
            let gapEnd = resumed?.offset ?? limit ?? max(durableEnd, offset)
            let bytes = position..<(resumed?.position ?? found.bytes)
            if gapEnd > offset {
                segment.pieces.append(.gap(offset..<gapEnd))
                plan.gaps.append(
                    RepairPlan.Gap(
                        file: "\(directory)/\(found.name.log)", bytes: bytes, offsets: offset..<gapEnd,
                        isFileMissing: false, what: what))
            } else if !bytes.isEmpty && isTail && !isDurableEndReadable {
                plan.cutTails.append(("\(directory)/\(found.name.log)", bytes, offset))
            } else if !bytes.isEmpty {
                if !isTail { segment.hasJunk = true }
                plan.mended.append(
                    "\(directory)/\(found.name.log): \(bytes.count) bytes at byte \(position) belong to no batch")
            }
            end = gapEnd
            guard let resumed else { break walk }
            wholeFrom = resumed
            source.jump(to: resumed.position, offset: resumed.offset)
        }
        segments.append(segment)
    }
}

extension SegmentSource {
    /// Looks byte by byte for a whole batch behind a damaged place.
    /// - Parameters:
    ///   - offset: the first offset that is missing.
    ///   - limit: the offset that the segment ends at, where it is known.
    func nextPlace(
        after position: Int, expecting offset: Offset, below limit: Offset?
    ) throws(LogError) -> (offset: Offset, position: Int)? {
        let bytes = try wholeFile()
        let last = bytes.bytes.count - BatchLayout.records
        var place = position + 1
        while place <= last {
            defer { place += 1 }
            guard bytes.bytes[place + BatchLayout.magic] == 2 else { continue }
            let base = Offset(
                Int64(bigEndian: bytes.bytes.loadUnaligned(fromByteOffset: place, as: Int64.self)))
            guard base >= offset, limit.map({ base < $0 }) ?? true else { continue }
            let rest = UnsafeRawBufferPointer(rebasing: bytes.bytes[place...])
            if case .success = RecordBatchView.at(
                start: rest, of: bytes, position: place, segment: segment.name.log, expecting: base)
            {
                return (base, place)
            }
        }
        return nil
    }
}
