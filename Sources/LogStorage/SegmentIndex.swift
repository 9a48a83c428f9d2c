import EventModel
import Platform

/// A segment's two sparse indexes. Their entries are hints: the log file alone decides, and both can be lost.
///
///     .index      relative offset 4 │ position 4                      checked by the batch that stands there
///     .timeindex  timestamp 8 │ relative offset 4 │ CRC-32C 4         the largest timestamp up to that batch's end
///
/// An entry stands for the batch that begins at the offset. The time index's checksums run on from entry to entry, the
/// first from the segment's base offset, so that its valid entries are a prefix.
enum SegmentIndex {
    static let entryBytes = 8
    static let timeEntryBytes = 16

    /// The last entry at or below `offset` that `bytes` seem to have.
    static func entry(
        before offset: Offset, in bytes: UnsafeRawBufferPointer, of segment: SegmentName
    ) -> (offset: Offset, position: Int)? {
        func entry(_ number: Int) -> (offset: Offset, position: Int) {
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[(number * entryBytes)...]))
            let relative = reader.readBigEndian(UInt32.self)
            return (Offset(segment.base.value &+ Int64(relative)), Int(reader.readBigEndian(UInt32.self)))
        }
        var low = 0
        var high = bytes.count / entryBytes
        while low < high {
            let middle = (low + high) / 2
            if entry(middle).offset <= offset { low = middle + 1 } else { high = middle }
        }
        // An offset beyond the largest has wrapped.
        guard low > 0, case let found = entry(low - 1), found.offset >= segment.base else { return nil }
        return found
    }

    /// An offset, the start of a batch, such that all records of the segment before it are earlier than `time`.
    static func start(for time: EventTime, in bytes: UnsafeRawBufferPointer, of segment: SegmentName) -> Offset {
        var found = segment.base
        var checksum = segment.checksumSeed
        for position in stride(from: 0, to: bytes.count - timeEntryBytes + 1, by: timeEntryBytes) {
            let entry = UnsafeRawBufferPointer(rebasing: bytes[position..<(position + timeEntryBytes)])
            checksum = crc32c(UnsafeRawBufferPointer(rebasing: entry[..<12]), from: checksum)
            var reader = ByteReader(entry)
            let largest = EventTime(milliseconds: reader.readBigEndian(Int64.self))
            let relative = reader.readBigEndian(UInt32.self)
            let (offset, overflow) = segment.base.value.addingReportingOverflow(Int64(relative))
            guard reader.readBigEndian(UInt32.self) == checksum, largest < time, !overflow else { break }
            found = Offset(offset)
        }
        return found
    }
}

/// A segment's indexes as they grow with its batches.
struct SegmentIndexBuilder: ~Copyable {
    private let segment: SegmentName
    private let interval: Int
    /// The whole `.index`.
    private(set) var offsets = ByteWriter(capacity: 1 << 10)
    /// The whole `.timeindex`.
    private(set) var times = ByteWriter(capacity: 1 << 10)
    private var sinceEntry = 0
    private var checksum: UInt32
    private var maxTimestamp = EventTime.distantPast
    private var lastBatch: Offset

    /// - Parameter interval: bytes of the log file between two entries.
    init(_ segment: SegmentName, interval: Int) {
        self.segment = segment
        self.interval = interval
        checksum = segment.checksumSeed
        lastBatch = segment.base
    }

    /// Accounts for a batch of `bytes` that stands at `position`.
    mutating func add(bytes: Int, at position: Int, base: Offset, maxTimestamp latest: EventTime) {
        maxTimestamp = max(maxTimestamp, latest)
        lastBatch = base
        defer { sinceEntry += bytes }
        guard sinceEntry >= interval || position == 0 else { return }
        offsets.appendBigEndian(relativeOffset)
        offsets.appendBigEndian(UInt32(truncatingIfNeeded: position))
        addTimeEntry()
        sinceEntry = 0
    }

    /// Adds the entry that closes a sealed segment's time index.
    mutating func close() { if offsets.count > 0 { addTimeEntry() } }

    private var relativeOffset: UInt32 { UInt32(truncatingIfNeeded: lastBatch.value - segment.base.value) }

    private mutating func addTimeEntry() {
        let start = times.count
        times.appendBigEndian(maxTimestamp.milliseconds)
        times.appendBigEndian(relativeOffset)
        checksum = crc32c(UnsafeRawBufferPointer(rebasing: times.bytes[start...]), from: checksum)
        times.appendBigEndian(checksum)
    }
}
