import EventModel
import Platform

/// A new segment in the making, that is to take the place of adjacent sealed ones.
struct SegmentReplacement: ~Copyable {
    private static let bufferBytes = 1 << 20

    private let replaced: [Segment]
    private let directory: String
    private let fileSystem: any FileSystem
    private let path: String
    private let file: any OpenFile
    private var summary: SegmentSummary
    private var buffer = ByteWriter(capacity: 1 << 16)
    private var writtenBytes = 0

    /// - Parameter segments: adjacent and sealed, oldest first.
    static func begin(_ segments: [Segment], in housekeeping: Housekeeping) throws(LogError) -> SegmentReplacement {
        let path = "\(housekeeping.directory)/\(segments[0].name.log).tmp"
        let file = try files { () throws(FileError) in try housekeeping.fileSystem.open(path, .replacing) }
        return SegmentReplacement(segments, housekeeping, path, file)
    }

    private init(_ segments: [Segment], _ housekeeping: Housekeeping, _ path: String, _ file: any OpenFile) {
        replaced = segments
        directory = housekeeping.directory
        fileSystem = housekeeping.fileSystem
        self.path = path
        self.file = file
        summary = SegmentSummary(segments[0].name, indexInterval: housekeeping.options.indexIntervalBytes)
    }

    /// The offset that the next batch has to begin at.
    var endOffset: Offset { summary.contents.endOffset }
    var bytes: Int { summary.bytes }
    var checksum: UInt32 { summary.checksum }

    /// Takes a batch over as it is.
    mutating func append(_ batch: RecordBatchView) throws(LogError) {
        summary.add(batch)
        try write(batch.bytes)
    }

    /// Adds a batch for the offsets from the end up to `end`, with the records that the builder has.
    mutating func append(
        _ builder: inout RecordBatchBuilder, upTo end: Offset, producer: ProducerPosition
    ) throws(LogError) {
        let count = builder.count
        let first = EventTime(milliseconds: count == 0 ? -1 : builder.baseTimestamp)
        let last = count == 0 ? first : builder.timestampLimit
        let bytes = builder.seal(
            base: endOffset, offsets: Int(end.value - endOffset.value), producer: producer, baseTimestamp: first,
            maxTimestamp: last)
        summary.add(bytes, count: count, endOffset: end, from: first, to: count == 0 ? .distantPast : last)
        try write(bytes)
        builder.removeAll()
    }

    private mutating func write(_ bytes: UnsafeRawBufferPointer) throws(LogError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    private mutating func flush() throws(LogError) {
        try files { () throws(FileError) in try file.write(buffer.bytes, at: writtenBytes) }
        writtenBytes += buffer.count
        buffer.removeAll()
    }

    /// Puts the new segment in the place of the old ones; see `Housekeeping` for the steps.
    mutating func commit() throws(LogError) {
        try finishFile()
        summary.close()
        let name = summary.name
        let seal = summary.seal
        try files { () throws(FileError) in
            try SegmentSeal.store([replaced[0].seal, seal].compactMap { $0 }, of: name, in: directory, fileSystem)
            try fileSystem.rename(path, to: "\(directory)/\(name.log)")
            try fileSystem.syncDirectory(directory)
            try summary.storeIndexes(in: directory, fileSystem)
            try SegmentSeal.store([seal], of: name, in: directory, fileSystem)
            for covered in replaced.dropFirst() { try remove(covered.name) }
            if replaced.count > 1 { try fileSystem.syncDirectory(directory) }
        }
    }

    /// Puts the new segment in the place of one that is still written, in a topic without a writer.
    mutating func commitUnsealed() throws(LogError) {
        try finishFile()
        let name = summary.name
        try files { () throws(FileError) in
            try fileSystem.rename(path, to: "\(directory)/\(name.log)")
            try summary.storeIndexes(in: directory, fileSystem)
            try fileSystem.syncDirectory(directory)
        }
    }

    private mutating func finishFile() throws(LogError) {
        try flush()
        try files { () throws(FileError) in try file.sync() }
        file.close()
    }

    private func remove(_ name: SegmentName) throws(FileError) {
        for file in [name.log, name.index, name.timeIndex, name.seal] {
            try fileSystem.removeIfThere("\(directory)/\(file)")
        }
    }
}
