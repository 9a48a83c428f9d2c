/// A growing buffer of bytes, for record batches and state. One owner, freed once; it keeps its memory when emptied.
///
/// One that spills gives its bytes away when it is full in place of growing; `bytes` and `count` are of those left.
///
/// The `unchecked` verbs write without growing: reserve first (`reserve(_:)`), once per record.
public struct ByteWriter: ~Copyable, @unchecked Sendable {
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    @usableFromInline var written: Int

    private let spill: ((UnsafeRawBufferPointer) -> Void)?

    /// - Parameter spill: takes the bytes, in order, whenever there is no room for more.
    public init(capacity: Int = 256, spill: ((UnsafeRawBufferPointer) -> Void)? = nil) {
        self.spill = spill
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
        if let spill, written > 0 {
            spill(bytes)
            written = 0
            if additional <= capacity { return }
        }
        capacity = max(capacity * 2, count + additional)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = larger
    }

    @usableFromInline var spills: Bool { spill != nil }

    /// Gives `more` away behind what is held, without taking it in.
    @inline(never) @usableFromInline mutating func spillAlso(_ more: UnsafeRawBufferPointer) {
        if written > 0 { spill?(bytes) }
        written = 0
        spill?(more)
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
        if count &+ more.count > capacity {
            if spills { return spillAlso(more) }
            grow(more.count)
        }
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
        var place = BytePlace(base + count)
        place.appendVarint(value)
        written = place.position - base
    }
}

/// The number of bytes that `appendVarint` writes for `value`: 1 to 10.
@inlinable @inline(__always) public func varintLength(_ value: Int64) -> Int {
    zigzagLength(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
}
