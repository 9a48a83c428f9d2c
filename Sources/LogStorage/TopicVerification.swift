import EventModel
import Platform

/// Something that is not as it should be in a log's files.
public struct LogDamage: Hashable, Sendable, CustomStringConvertible {
    public enum Severity: String, Sendable {
        /// The next writer or write puts it right by itself; nothing acknowledged is concerned.
        case note
        /// Bytes that had been made durable are not what they were, or are missing.
        case damage
    }

    public var severity: Severity
    public var file: String
    public var position: Int
    /// The first offset concerned, where there is one.
    public var offset: Offset?
    public var what: String

    public init(severity: Severity, file: String, position: Int, offset: Offset?, what: String) {
        self.severity = severity
        self.file = file
        self.position = position
        self.offset = offset
        self.what = what
    }

    public var description: String {
        "\(severity.rawValue): \(file): \(what), at byte \(position)" + (offset.map { " (offset \($0))" } ?? "")
    }
}

/// Checks all files of a topic against their checksums and each other, while its writer goes on; housekeeping waits.
public struct TopicVerification {
    private let directory: String
    private let fileSystem: any FileSystem
    private let isWrong: (RecordView) -> String?
    public private(set) var found: [LogDamage] = []
    /// Records and bytes gone through.
    public private(set) var records = 0
    public private(set) var bytes = 0

    /// - Parameter isWrong: says what is wrong with a record's value, nil where nothing is.
    public init(
        directory: String, fileSystem: any FileSystem, isWrong: @escaping (RecordView) -> String? = { _ in nil }
    ) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.isWrong = isWrong
    }

    /// Goes through everything.
    /// - Parameter progress: told the bytes done and the bytes of all.
    /// - Returns: what was found, in the order of the files.
    /// - Throws: `.file` where the system fails; never for damage.
    public mutating func run(progress: (Int, Int) -> Void = { _, _ in }) throws(LogError) -> [LogDamage] {
        let housekeeping = try Housekeeping(directory, fileSystem)
        defer { housekeeping.end() }
        do throws(LogError) {
            try checkSlots()
            let layout = try TopicLayout(directory, fileSystem)
            try checkNames(layout)
            let all = layout.segments.reduce(0) { $0 + $1.bytes }
            var end = layout.start
            for (number, segment) in layout.segments.enumerated() {
                if segment.base != end {
                    add(
                        .damage, SegmentName(end).log, 0, end, "the file is missing; the log goes on at \(segment.base)"
                    )
                }
                let isLast = number == layout.segments.count - 1
                end = try check(segment, isLast: isLast, durableEnd: layout.durableEnd) { progress($0, all) }
            }
            if end < layout.durableEnd, let last = layout.segments.last {
                add(.damage, last.name.log, last.bytes, end, "the log ends before its durable end \(layout.durableEnd)")
            }
        } catch {
            guard case .corrupt(let file, let position, let offset, let what) = error else { throw error }
            found.append(LogDamage(severity: .damage, file: file, position: position, offset: offset, what: what))
        }
        return found
    }

    private mutating func add(
        _ severity: LogDamage.Severity, _ file: String, _ position: Int, _ offset: Offset? = nil, _ what: String
    ) {
        found.append(
            LogDamage(severity: severity, file: "\(directory)/\(file)", position: position, offset: offset, what: what))
    }

    private mutating func checkSlots() throws(LogError) {
        var names = ["durable-end", "start"]
        let readers = StoredOffset.directory(of: directory)
        try files { () throws(FileError) in
            guard try fileSystem.exists(readers) else { return }
            names += try fileSystem.list(readers).filter { $0.hasSuffix(".offset") }.map { "readers/\($0)" }
        }
        for name in names {
            if let fault = try SlotFile.fault("\(directory)/\(name)", fileSystem) {
                add(.note, name, fault.position, nil, fault.what)
            }
        }
    }

    private mutating func checkNames(_ layout: TopicLayout) throws(LogError) {
        for file in layout.files where !layout.owns(file) {
            add(.note, file, 0, nil, "left of something interrupted; the next writer clears it away")
        }
        guard let last = layout.segments.last, last.seal == nil, last.base > .zero else { return }
        let path = "\(directory)/\(last.name.producers)"
        let table = try files { () throws(FileError) in
            try fileSystem.exists(path) ? try fileSystem.read(path) : []
        }
        if table.withUnsafeBytes({ ProducerTable($0, for: last.name) }) == nil {
            add(.note, last.name.producers, 0, nil, "the table of producers is not right; it is gathered anew")
        }
    }

    /// - Returns: the offset after the segment's last whole batch.
    private mutating func check(
        _ segment: Segment, isLast: Bool, durableEnd: Offset, _ progress: (Int) -> Void
    ) throws(LogError) -> Offset {
        var source: SegmentSource
        do throws(FileError) { source = try SegmentSource(segment, in: directory, fileSystem) } catch {
            throw .file(error)
        }
        var contents = SegmentContents(from: segment.base)
        var checksum: UInt32 = 0
        var indexes = try IndexWalk(segment, directory, fileSystem)
        var isWhole = true
        walk: while true {
            let next: SegmentSource.Found
            do throws(FileError) { next = try source.next() } catch { throw .file(error) }
            switch next {
            case .batch(let batch):
                contents.add(batch)
                checksum = crc32c(batch.bytes, from: checksum)
                indexes.pass(batch)
                check(batch, of: segment)
                bytes += batch.bytes.count
                progress(bytes)
            case .end: break walk
            case .fault(let fault):
                let isTail = isLast && segment.seal == nil && source.offset >= durableEnd
                add(
                    isTail ? .note : .damage, segment.name.log, source.position, source.offset,
                    isTail ? "\(fault.text) above the durable end; the next writer cuts it off" : fault.text)
                isWhole = false
                let resumed =
                    isTail
                    ? nil
                    : try source.nextPlace(
                        after: source.position, expecting: source.offset, below: segment.seal?.endOffset)
                guard let resumed else { break walk }
                source.jump(to: resumed.position, offset: resumed.offset)
            }
        }
        if !isWhole { return segment.seal?.endOffset ?? max(source.offset, isLast ? durableEnd : source.offset) }
        if let seal = segment.seal {
            if seal.logChecksum != checksum || seal.contents != contents {
                add(.damage, segment.name.log, 0, segment.base, "the file is not the one that was sealed")
            }
        } else if !isLast {
            add(.note, segment.name.seal, 0, segment.base, "there is no valid seal; the next writer seals the segment")
        }
        try checkSealFile(segment)
        for (name, position) in indexes.faults(segment) {
            add(.note, name, position, segment.base, "the index is not right; the next writer writes it anew")
        }
        return contents.endOffset
    }

    private mutating func check(_ batch: RecordBatchView, of segment: Segment) {
        var iterator = batch.records
        while let record = iterator.next() {
            records += 1
            if let what = isWrong(record) {
                add(.damage, segment.name.log, batch.position, record.offset, what)
            }
        }
        if iterator.isMalformed {
            add(
                .damage, segment.name.log, batch.position, batch.baseOffset,
                "a record of the batch contradicts its lengths")
        }
    }

    private mutating func checkSealFile(_ segment: Segment) throws(LogError) {
        guard segment.seal != nil else { return }
        let size = try files { () throws(FileError) in try fileSystem.size(of: "\(directory)/\(segment.name.seal)") }
        if size != SegmentSeal.byteCount {
            add(.note, segment.name.seal, 0, segment.base, "the segment was being replaced; the next writer ends it")
        }
    }
}

/// Goes along a segment's indexes while its batches go by: each entry has to speak of one of them.
private struct IndexWalk {
    private let segment: SegmentName
    private let index: [UInt8]
    private let timeIndex: [UInt8]
    private var indexPosition = 0
    private var timeIndexPosition = 0
    private var checksum: UInt32
    private var latest = EventTime.distantPast

    init(_ segment: Segment, _ directory: String, _ fileSystem: any FileSystem) throws(LogError) {
        self.segment = segment.name
        checksum = segment.name.checksumSeed
        (index, timeIndex) = try files { () throws(FileError) in
            let (index, timeIndex) = ("\(directory)/\(segment.name.index)", "\(directory)/\(segment.name.timeIndex)")
            return (
                try fileSystem.exists(index) ? try fileSystem.read(index) : [],
                try fileSystem.exists(timeIndex) ? try fileSystem.read(timeIndex) : []
            )
        }
    }

    mutating func pass(_ batch: RecordBatchView) {
        latest = max(latest, batch.maxTimestamp)
        let relative = UInt32(truncatingIfNeeded: batch.baseOffset.value - segment.base.value)
        index.withUnsafeBytes { bytes in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[indexPosition...]))
            if reader.readBigEndian(UInt32.self) == relative, reader.readBigEndian(UInt32.self) == batch.position {
                indexPosition += reader.isValid ? SegmentIndex.entryBytes : 0
            }
        }
        // The last batch may have two entries: its own and the closing one.
        while passTimeEntry(relative) {}
    }

    private mutating func passTimeEntry(_ relative: UInt32) -> Bool {
        timeIndex.withUnsafeBytes { bytes in
            let rest = UnsafeRawBufferPointer(rebasing: bytes[timeIndexPosition...])
            guard rest.count >= SegmentIndex.timeEntryBytes else { return false }
            var reader = ByteReader(rest)
            guard reader.readBigEndian(Int64.self) == latest.milliseconds,
                reader.readBigEndian(UInt32.self) == relative
            else { return false }
            let next = crc32c(UnsafeRawBufferPointer(rebasing: rest[..<12]), from: checksum)
            guard reader.readBigEndian(UInt32.self) == next else { return false }
            checksum = next
            timeIndexPosition += SegmentIndex.timeEntryBytes
            return true
        }
    }

    /// Once all batches have gone by: where an index is wrong.
    func faults(_ segment: Segment) -> [(name: String, position: Int)] {
        var faults: [(name: String, position: Int)] = []
        let isMissing = segment.bytes > 0 && segment.seal != nil
        if indexPosition != index.count || (index.isEmpty && isMissing)
            || segment.seal.map({ seal in index.withUnsafeBytes { crc32c($0) } != seal.indexChecksum }) ?? false
        {
            faults.append((segment.name.index, indexPosition))
        }
        if timeIndexPosition != timeIndex.count || (timeIndex.isEmpty && isMissing)
            || segment.seal.map({ seal in timeIndex.withUnsafeBytes { crc32c($0) } != seal.timeIndexChecksum }) ?? false
        {
            faults.append((segment.name.timeIndex, timeIndexPosition))
        }
        return faults
    }
}
