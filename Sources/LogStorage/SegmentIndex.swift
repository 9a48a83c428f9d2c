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
            return (segment.base.advanced(by: Int(relative)), Int(reader.readBigEndian(UInt32.self)))
        }
        var low = 0
        var high = bytes.count / entryBytes
        while low < high {
            let middle = (low + high) / 2
            if entry(middle).offset <= offset { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : entry(low - 1)
    }

    /// The checksum that the first entry of a time index goes on from.
    static func timeSeed(_ segment: SegmentName) -> UInt32 {
        withUnsafeBytes(of: segment.base.value.bigEndian) { crc32c($0) }
    }

    /// Appends an entry and gives the checksum that the next one goes on from.
    static func appendTimeEntry(
        _ time: EventTime, relative: UInt32, after checksum: UInt32, to writer: inout ByteWriter
    ) -> UInt32 {
        let start = writer.count
        writer.appendBigEndian(time.milliseconds)
        writer.appendBigEndian(relative)
        let next = crc32c(UnsafeRawBufferPointer(rebasing: writer.bytes[start...]), from: checksum)
        writer.appendBigEndian(next)
        return next
    }

    /// An offset, the start of a batch, such that all records of the segment before it are earlier than `time`.
    static func start(for time: EventTime, in bytes: UnsafeRawBufferPointer, of segment: SegmentName) -> Offset {
        var found = segment.base
        var checksum = timeSeed(segment)
        for position in stride(from: 0, to: bytes.count - timeEntryBytes + 1, by: timeEntryBytes) {
            let entry = UnsafeRawBufferPointer(rebasing: bytes[position..<(position + timeEntryBytes)])
            checksum = crc32c(UnsafeRawBufferPointer(rebasing: entry[..<12]), from: checksum)
            var reader = ByteReader(entry)
            let largest = EventTime(milliseconds: reader.readBigEndian(Int64.self))
            let relative = reader.readBigEndian(UInt32.self)
            guard reader.readBigEndian(UInt32.self) == checksum, largest < time else { break }
            found = segment.base.advanced(by: Int(relative))
        }
        return found
    }
}
