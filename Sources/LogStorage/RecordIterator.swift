import CVarints
import EventModel

/// Walks over a batch's records; use it only while the batch's owner lives.
public struct RecordIterator {
    @usableFromInline var position: UnsafePointer<UInt8>
    /// Where the batch ends.
    public let end: UnsafePointer<UInt8>
    /// What the records' offsets and times are counted from.
    public let baseOffset: Offset
    public let baseTime: EventTime
    /// The batch's offsets less one.
    @usableFromInline let lastDelta: Int64
    /// Records not yet read.
    @usableFromInline var left: Int
    /// The smallest place that the next record may have.
    @usableFromInline var nextDelta: Int64 = 0

    /// Whether the bytes contradicted their lengths; there are no records after the one where they did.
    public private(set) var isMalformed = false

    init(_ batch: RecordBatchView) {
        let bytes = batch.bytes[BatchLayout.records...]
        let start = UnsafeRawBufferPointer(rebasing: bytes).baseAddress ?? UnsafeRawPointer(bitPattern: 16)!
        position = start.assumingMemoryBound(to: UInt8.self)
        end = position + bytes.count
        baseOffset = batch.baseOffset
        baseTime = batch.baseTimestamp
        left = batch.count
        lastDelta = batch.endOffset.value - batch.baseOffset.value - 1
        skip(below: batch.from.value)
    }

    private mutating func skip(below offset: Int64) {
        while baseOffset.value + nextDelta < offset {
            let before = self
            guard let record = next() else { return }
            if record.offset.value >= offset {
                self = before
                return
            }
        }
    }

    @inlinable @inline(__always) public mutating func next() -> RecordView? {
        var head = RecordRun.Head()
        if readHeads(&head, most: 1) == 1 { return view(head) }
        return nextOfAnyForm()
    }

    /// Reads the records that come next and have neither key nor headers, many at once; none where the next one has, or is
    /// among the batch's last: that one is for `next`.
    @inlinable @inline(__always) public mutating func read(into run: inout RecordRun, atMost most: Int) {
        run.count = readHeads(run.memory, most: Swift.min(most, RecordRun.capacity))
    }

    /// Calls `body` with each record that is left, in order; cheaper than `next` where there are many.
    @inlinable @inline(__always) public mutating func forEach(_ body: (RecordView) throws -> Void) rethrows {
        var run = RecordRun()
        while true {
            read(into: &run, atMost: Int.max)
            for head in run.heads { try body(view(head)) }
            guard run.heads.isEmpty else { continue }
            guard let record = nextOfAnyForm() else { return }
            try body(record)
        }
    }

    /// - Returns: how many were read.
    @inlinable @inline(__always)
    mutating func readHeads(_ heads: UnsafeMutablePointer<RecordRun.Head>, most: Int) -> Int {
        let count = tidemark_read_record_heads(&position, end, &nextDelta, lastDelta, heads, Swift.min(most, left))
        left &-= count
        return count
    }

    @inlinable @inline(__always) func view(_ head: RecordRun.Head) -> RecordView {
        let value = head.value.unsafelyUnwrapped
        let valueEnd = value + Int(head.value_count)
        return RecordView(
            offset: Offset(baseOffset.value &+ head.offset_delta),
            timestamp: EventTime(milliseconds: baseTime.milliseconds &+ head.timestamp_delta), key: nil,
            value: UnsafeRawBufferPointer(start: value, count: Int(head.value_count)), isTombstone: false,
            headerSection: UnsafeRawBufferPointer(start: valueEnd, count: 1), slack: end - valueEnd)
    }

    @inline(never) @usableFromInline mutating func nextOfAnyForm() -> RecordView? {
        guard left > 0 else {
            if position < end { becomeMalformed() }
            return nil
        }
        var reader = ByteReader(UnsafeRawBufferPointer(start: position, count: end - position))
        // The next record's place is known from here on, whatever this one's fields take.
        var record = reader.readPart(Int(truncatingIfNeeded: reader.readVarint()))
        _ = record.readByte()
        let timestamp = baseTime.milliseconds &+ record.readVarint()
        let delta = record.readVarint()
        let keyLength = Int(truncatingIfNeeded: record.readVarint())
        let key = keyLength < 0 ? nil : record.readBytes(keyLength)
        let valueLength = Int(truncatingIfNeeded: record.readVarint())
        let value = record.readBytes(max(valueLength, 0))
        let headerSection = record.rest
        let headers = record.readVarint()
        if headers != 0 { record = Self.skipping(headers, in: record) }
        guard record.isValid, record.remaining == 0, delta >= nextDelta, delta <= lastDelta else {
            becomeMalformed()
            return nil
        }
        position = end - reader.remaining
        left -= 1
        nextDelta = delta &+ 1
        return RecordView(
            offset: Offset(baseOffset.value &+ delta), timestamp: EventTime(milliseconds: timestamp), key: key,
            value: value, isTombstone: valueLength < 0, headerSection: headerSection,
            slack: headerSection.count &+ record.slack)
    }

    private mutating func becomeMalformed() {
        isMalformed = true
        position = end
        left = 0
    }

    /// A reader behind a record's headers.
    private static func skipping(_ number: Int64, in reader: ByteReader) -> ByteReader {
        var reader = reader
        if number < 0 { reader.invalidate() }
        var left = number
        while left > 0, reader.isValid {
            reader.skip(Int(truncatingIfNeeded: reader.readVarint()))
            let valueLength = Int(truncatingIfNeeded: reader.readVarint())
            if valueLength >= 0 { reader.skip(valueLength) }
            left -= 1
        }
        return reader
    }
}

/// Records that a batch's iterator read at once; their bytes lie in the batch.
public struct RecordRun: ~Copyable {
    public typealias Head = tidemark_record_head

    @usableFromInline static var capacity: Int { 128 }
    @usableFromInline let memory = UnsafeMutablePointer<Head>.allocate(capacity: Self.capacity)
    @usableFromInline var count = 0

    public init() {}

    deinit { memory.deallocate() }

    /// As they are, counted from the batch's base.
    public var heads: UnsafeBufferPointer<Head> {
        @inlinable @inline(__always) get { UnsafeBufferPointer(start: memory, count: count) }
    }
}
