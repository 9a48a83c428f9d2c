import EventModel
import Platform

/// The open files of the segment that is written.
struct SegmentFiles {
    let log: any OpenFile
    let index: any OpenFile
    let timeIndex: any OpenFile

    /// Opens them, made where they are missing. The segment's sum goes: it is not sealed, or no longer.
    init(_ directory: String, _ name: SegmentName, _ fileSystem: any FileSystem) throws(FileError) {
        let sum = "\(directory)/\(name.sum)"
        if try fileSystem.exists(sum) { try fileSystem.remove(sum) }
        log = try fileSystem.open("\(directory)/\(name.log)", .writing)
        index = try fileSystem.open("\(directory)/\(name.index)", .writing)
        timeIndex = try fileSystem.open("\(directory)/\(name.timeIndex)", .writing)
    }

    func close() {
        log.close()
        index.close()
        timeIndex.close()
    }
}

/// How far the segment that is written has come.
struct SegmentProgress {
    var bytes = 0
    var indexBytes = 0
    var timeIndexBytes = 0
    var timeIndexChecksum: UInt32 = 0
    var sinceIndexEntry = 0
    var maxTimestamp = EventTime.distantPast
    var lastBatch = Offset.zero
}

extension TopicWriter {
    /// Accounts for a batch at the end of the segment, in the indexes too.
    func noteBatch(bytes: Int, base: Offset, maxTimestamp timestamp: EventTime) throws(LogError) {
        progress.maxTimestamp = max(progress.maxTimestamp, timestamp)
        progress.lastBatch = base
        if progress.sinceIndexEntry >= options.indexIntervalBytes || progress.bytes == 0 {
            scratch.removeAll()
            scratch.appendBigEndian(UInt32(truncatingIfNeeded: base.value - segment.base.value))
            scratch.appendBigEndian(UInt32(truncatingIfNeeded: progress.bytes))
            try guarded { () throws(FileError) in
                try segmentFiles.index.write(scratch.bytes, at: progress.indexBytes)
            }
            progress.indexBytes += scratch.count
            try writeTimeEntry()
            progress.sinceIndexEntry = 0
        }
        progress.sinceIndexEntry += bytes
        progress.bytes += bytes
    }

    private func writeTimeEntry() throws(LogError) {
        scratch.removeAll()
        progress.timeIndexChecksum = SegmentIndex.appendTimeEntry(
            progress.maxTimestamp, relative: UInt32(truncatingIfNeeded: progress.lastBatch.value - segment.base.value),
            after: progress.timeIndexChecksum, to: &scratch)
        try guarded { () throws(FileError) in
            try segmentFiles.timeIndex.write(scratch.bytes, at: progress.timeIndexBytes)
        }
        progress.timeIndexBytes += scratch.count
    }

    /// Seals the segment and starts the next one.
    func roll() throws(LogError) {
        try sync()
        try writeTimeEntry()
        let path = "\(directory)/\(segment.log)"
        let bytes = try guarded { () throws(FileError) in try fileSystem.map(path) }
        scratch.removeAll()
        scratch.appendBigEndian(checksum(of: bytes))
        scratch.appendBigEndian(Int64(bytes.bytes.count))
        try guarded { () throws(FileError) in
            let sum = try fileSystem.open("\(directory)/\(segment.sum)", .replacing)
            try sum.write(scratch.bytes, at: 0)
            try sum.sync()
            try segmentFiles.index.sync()
            try segmentFiles.timeIndex.sync()
        }
        try open(SegmentName(endOffset))
        try startSegment()
    }

    private func checksum(of file: MappedBytes) -> UInt32 {
        var readBehind = ReadBehind()
        var checksum: UInt32 = 0
        for start in stride(from: 0, to: file.bytes.count, by: 1 << 20) {
            let end = min(start + (1 << 20), file.bytes.count)
            checksum = crc32c(UnsafeRawBufferPointer(rebasing: file.bytes[start..<end]), from: checksum)
            readBehind.advance(to: end, of: file)
        }
        return checksum
    }

    /// Goes on in the segment `name`, made if it is not there; its progress is not known yet.
    func open(_ name: SegmentName) throws(LogError) {
        segmentFiles.close()
        segment = name
        segmentFiles = try guarded { () throws(FileError) in
            let files = try SegmentFiles(directory, name, fileSystem)
            try fileSystem.syncDirectory(directory)
            return files
        }
    }

    /// Empties the index files, for a segment that is new or about to be scanned.
    func startSegment() throws(LogError) {
        progress = SegmentProgress()
        progress.timeIndexChecksum = SegmentIndex.timeSeed(segment)
        try guarded { () throws(FileError) in
            try segmentFiles.index.truncate(to: 0)
            try segmentFiles.timeIndex.truncate(to: 0)
        }
    }
}
