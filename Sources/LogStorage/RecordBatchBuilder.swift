import EventModel

/// A record's header: a name and a value.
public struct RecordHeader: Hashable, Sendable {
    public var key: String
    /// nil: no value, as Kafka tells it from an empty one.
    public var value: [UInt8]?

    public init(key: String, value: [UInt8]?) {
        self.key = key
        self.value = value
    }
}

/// Records on their way into a topic: one batch, in memory.
public struct RecordBatchBuilder: ~Copyable {
    @usableFromInline var writer: ByteWriter
    @usableFromInline var recordCount = 0
    /// The last record's place in the batch; the number of records less one but in what compaction left.
    @usableFromInline var lastDelta = -1
    @usableFromInline var baseTimestamp: Int64 = 0
    @usableFromInline var maxTimestamp: Int64 = 0

    public init() {
        writer = ByteWriter(capacity: 1 << 16)
        removeAll()
    }

    /// The number of records.
    @inlinable public var count: Int { recordCount }

    /// Bytes that the batch takes in the log.
    @inlinable public var byteCount: Int { writer.count }

    public mutating func removeAll() {
        writer.removeAll()
        writer.appendZeros(BatchLayout.records)
        recordCount = 0
        lastDelta = -1
    }

    /// Adds a record.
    @inlinable @inline(__always) public mutating func append(
        timestamp: EventTime, key: UnsafeRawBufferPointer? = nil, value: UnsafeRawBufferPointer
    ) {
        appendRecord(
            timestamp, delta: lastDelta &+ 1, key: key, valueLength: Int64(value.count), headerBytes: 1
        ) { place in
            place.append(contentsOf: value)
            place.append(0)
        }
    }

    /// Adds a record of which `write` appends the value, exactly `valueLength` bytes.
    @inlinable @inline(__always) public mutating func append(
        timestamp: EventTime, valueLength: Int, write: (inout BytePlace) -> Void
    ) {
        appendRecord(
            timestamp, delta: lastDelta &+ 1, key: nil, valueLength: Int64(valueLength), headerBytes: 1
        ) { place in
            write(&place)
            place.append(0)
        }
    }

    /// So many bytes a value has at most with which any record of it has fewer than 64: beside it are the attributes, the
    /// longest time and place, no key, its length and no headers.
    @inlinable public static var shortValueBytes: Int { 63 - (1 + 10 + 5 + 1 + 1 + 1) }

    /// Adds a record of which `write` appends the value, at most `shortValueBytes`: no length has to be known before.
    @inlinable @inline(__always) public mutating func append(
        timestamp: EventTime, writeShort: (inout BytePlace) -> Void
    ) {
        let (time, delta) = (timestamp.milliseconds, lastDelta &+ 1)
        note(time)
        let timestampDelta = time &- baseTimestamp
        writer.writeReserved(64) { place in
            place.appendCounted { place in
                place.append(0)
                place.appendVarint(timestampDelta)
                place.appendVarint(Int64(delta))
                place.append(1)
                place.appendCounted(writeShort)
                place.append(0)
            }
        }
        recordCount &+= 1
        lastDelta = delta
    }

    @inlinable @inline(__always) mutating func note(_ time: Int64) {
        if recordCount == 0 {
            baseTimestamp = time
            maxTimestamp = time
        }
        maxTimestamp = max(maxTimestamp, time)
    }

    /// Adds a record that may be a tombstone (`value` nil: its key is gone) and may have headers.
    public mutating func append(
        timestamp: EventTime, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, headers: [RecordHeader]
    ) {
        var encoded = ByteWriter()
        encoded.appendVarint(Int64(headers.count))
        for header in headers {
            encoded.appendAvro(header.key)
            if let value = header.value {
                value.withUnsafeBytes { encoded.appendAvro($0) }
            } else {
                encoded.appendVarint(-1)
            }
        }
        append(timestamp: timestamp, delta: lastDelta + 1, key: key, value: value, headerSection: encoded.bytes)
    }

    /// Adds a record at a place of its own, beyond the last one's; `headerSection` is the number of headers and they.
    mutating func append(
        timestamp: EventTime, delta: Int, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        headerSection: UnsafeRawBufferPointer
    ) {
        appendRecord(
            timestamp, delta: delta, key: key, valueLength: value.map { Int64($0.count) } ?? -1,
            headerBytes: headerSection.count
        ) { place in
            if let value { place.append(contentsOf: value) }
            place.append(contentsOf: headerSection)
        }
    }

    /// Writes a record, of which `write` appends the value and the headers.
    @inlinable @inline(__always) mutating func appendRecord(
        _ timestamp: EventTime, delta: Int, key: UnsafeRawBufferPointer?, valueLength: Int64, headerBytes: Int,
        write: (inout BytePlace) -> Void
    ) {
        assert(delta > lastDelta, "records come in the order of their offsets")
        let time = timestamp.milliseconds
        note(time)
        let timestampDelta = time &- baseTimestamp
        let keyLength = key.map { Int64($0.count) } ?? -1
        let length =
            1 &+ varintLength(timestampDelta) &+ varintLength(Int64(delta)) &+ varintLength(keyLength)
            &+ max(Int(keyLength), 0) &+ varintLength(valueLength) &+ max(Int(valueLength), 0) &+ headerBytes
        let before = writer.count
        writer.writeReserved(varintLength(Int64(length)) &+ length) { place in
            place.appendVarint(Int64(length))
            place.append(0)
            place.appendVarint(timestampDelta)
            place.appendVarint(Int64(delta))
            place.appendVarint(keyLength)
            if let key { place.append(contentsOf: key) }
            place.appendVarint(valueLength)
            write(&place)
        }
        assert(writer.count == before + varintLength(Int64(length)) + length, "the record's length is what was said")
        recordCount &+= 1
        lastDelta = delta
    }

    /// The batch as it is to stand at `base`.
    mutating func seal(base: Offset, producer: ProducerPosition) -> UnsafeRawBufferPointer {
        seal(
            base: base, offsets: lastDelta + 1, producer: producer,
            baseTimestamp: EventTime(milliseconds: baseTimestamp), maxTimestamp: timestampLimit)
    }

    /// The batch as it is to stand at `base`, for that many offsets, of which it may hold fewer records.
    mutating func seal(
        base: Offset, offsets: Int, producer: ProducerPosition, baseTimestamp: EventTime, maxTimestamp: EventTime
    ) -> UnsafeRawBufferPointer {
        precondition(writer.count < Int(Int32.max), "a batch of \(writer.count) bytes; it must stay below 2 GiB")
        precondition(offsets > lastDelta && offsets <= Int(Int32.max), "a batch of \(offsets) offsets")
        writer.setBigEndian(base.value, at: BatchLayout.baseOffset)
        writer.setBigEndian(Int32(writer.count - BatchLayout.leaderEpoch), at: BatchLayout.length)
        writer.setBigEndian(Int32(0), at: BatchLayout.leaderEpoch)
        writer.setBigEndian(Int8(2), at: BatchLayout.magic)
        writer.setBigEndian(Int16(0), at: BatchLayout.attributes)
        writer.setBigEndian(Int32(offsets - 1), at: BatchLayout.lastOffsetDelta)
        writer.setBigEndian(baseTimestamp.milliseconds, at: BatchLayout.baseTimestamp)
        writer.setBigEndian(maxTimestamp.milliseconds, at: BatchLayout.maxTimestamp)
        writer.setBigEndian(producer.id, at: BatchLayout.producerID)
        writer.setBigEndian(producer.epoch, at: BatchLayout.producerEpoch)
        writer.setBigEndian(producer.sequence, at: BatchLayout.baseSequence)
        writer.setBigEndian(Int32(recordCount), at: BatchLayout.count)
        writer.setBigEndian(BatchLayout.checksum(of: writer.bytes), at: BatchLayout.checksum)
        return writer.bytes
    }

    var timestampLimit: EventTime { EventTime(milliseconds: maxTimestamp) }
}
