/// A growing buffer of bytes, for record batches and state. One owner, freed once; it keeps its memory when emptied.
///
/// The `unchecked` verbs write without growing: reserve first (`reserve(_:)`), once per record.
public struct ByteWriter: ~Copyable, @unchecked Sendable {
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    @usableFromInline var written: Int

    public init(capacity: Int = 256) {
        self.capacity = max(capacity, 16)
        base = .allocate(byteCount: self.capacity, alignment: 16)
        written = 0
    }

    deinit { base.deallocate() }

    /// The number of bytes written.
    public var count: Int {
        @inlinable get { written }
    }

    public var bytes: UnsafeRawBufferPointer {
        @inlinable get { UnsafeRawBufferPointer(start: base, count: count) }
    }

    /// A copy of what has been written.
    public var array: [UInt8] { Array(bytes) }

    @inlinable public mutating func removeAll() { written = 0 }

    /// Makes room for `additional` more bytes.
    /// - Complexity: O(1) amortised.
    @inlinable @inline(__always) public mutating func reserve(_ additional: Int) {
        if count &+ additional > capacity { grow(additional) }
    }

    @inline(never) @usableFromInline mutating func grow(_ additional: Int) {
        capacity = max(capacity * 2, count + additional)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = larger
    }

    // MARK: fixed width

    @inlinable public mutating func append(_ byte: UInt8) {
        reserve(1)
        appendUnchecked(byte)
    }

    @inlinable @inline(__always) public mutating func appendUnchecked(_ byte: UInt8) {
        assert(count < capacity)
        base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        written = count &+ 1
    }

    @inlinable public mutating func append(contentsOf more: UnsafeRawBufferPointer) {
        guard let start = more.baseAddress, !more.isEmpty else { return }
        reserve(more.count)
        (base + count).copyMemory(from: start, byteCount: more.count)
        written = count + more.count
    }

    public mutating func appendZeros(_ number: Int) {
        reserve(number)
        (base + written).initializeMemory(as: UInt8.self, repeating: 0, count: number)
        written += number
    }

    @inlinable public mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T) {
        reserve(MemoryLayout<T>.size)
        base.storeBytes(of: value.littleEndian, toByteOffset: count, as: T.self)
        written = count + MemoryLayout<T>.size
    }

    @inlinable @inline(__always) public mutating func appendLittleEndianUnchecked<T: FixedWidthInteger>(_ value: T) {
        assert(count + MemoryLayout<T>.size <= capacity)
        base.storeBytes(of: value.littleEndian, toByteOffset: count, as: T.self)
        written = count &+ MemoryLayout<T>.size
    }

    @inlinable public mutating func appendBigEndian<T: FixedWidthInteger>(_ value: T) {
        reserve(MemoryLayout<T>.size)
        base.storeBytes(of: value.bigEndian, toByteOffset: count, as: T.self)
        written = count + MemoryLayout<T>.size
    }

    /// Overwrites bytes written before.
    @inlinable public mutating func setBigEndian<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        precondition(offset >= 0 && offset + MemoryLayout<T>.size <= count, "overwrite beyond what was written")
        base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self)
    }

    // MARK: variable width (zigzag varints, as in Avro and in Kafka's records)

    /// At most 10 bytes.
    @inlinable public mutating func appendVarint(_ value: Int64) {
        reserve(10)
        appendVarintUnchecked(value)
    }

    @inlinable @inline(__always) public mutating func appendVarintUnchecked(_ value: Int64) {
        assert(count + 10 <= capacity)
        let zigzag = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        if zigzag < 0x80 { return appendUnchecked(UInt8(truncatingIfNeeded: zigzag)) }
        guard zigzag < 1 << 56 else { return appendLongVarint(zigzag) }
        // Its groups of seven bits, spread over eight bytes; what is beyond the last one is written over.
        var bytes = zigzag & 0x0000_0000_0FFF_FFFF | (zigzag & 0x00FF_FFFF_F000_0000) &<< 4
        bytes = bytes & 0x0000_3FFF_0000_3FFF | (bytes & 0x0FFF_C000_0FFF_C000) &<< 2
        bytes = bytes & 0x007F_007F_007F_007F | (bytes & 0x3F80_3F80_3F80_3F80) &<< 1
        let length = zigzagLength(zigzag)
        bytes |= 0x8080_8080_8080_8080 & (1 &<< UInt64(8 &* length &- 8) &- 1)
        base.storeBytes(of: bytes.littleEndian, toByteOffset: count, as: UInt64.self)
        written = count &+ length
    }

    @inline(never) @usableFromInline mutating func appendLongVarint(_ zigzag: UInt64) {
        var rest = zigzag
        while rest >= 0x80 {
            appendUnchecked(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        appendUnchecked(UInt8(truncatingIfNeeded: rest))
    }
}

/// The number of groups of seven bits that hold all that are set, or 1.
@inlinable @inline(__always) func zigzagLength(_ zigzag: UInt64) -> Int {
    ((63 &- (zigzag | 1).leadingZeroBitCount) &* 9 &+ 73) &>> 6
}

/// The number of bytes that `appendVarint` writes for `value`: 1 to 10.
@inlinable @inline(__always) public func varintLength(_ value: Int64) -> Int {
    zigzagLength(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
}
