/// Reads bytes in order. After the first read beyond the end, or a malformed varint, `isValid` is false for good and
/// all further reads give zero; so the hot path checks once per record.
///
/// It borrows the memory: use it only while the buffer lives. No verb hands the reader itself to code that is not inlined,
/// so that a loop over varints keeps it in registers.
public struct ByteReader {
    @usableFromInline var position: UnsafeRawPointer
    @usableFromInline let end: UnsafeRawPointer
    /// Bytes up to here may be looked at.
    @usableFromInline let readableEnd: UnsafeRawPointer
    /// False once a read went wrong.
    @usableFromInline var readsValid = true
    public var isValid: Bool { @inlinable @inline(__always) get { readsValid } }

    /// - Parameter slack: bytes behind `bytes` that may be looked at, so that a varint near the end need not be read byte
    ///   by byte. Where a varint runs on into them, `remaining` falls below 0; ask for it at the end.
    @inlinable @inline(__always) public init(_ bytes: UnsafeRawBufferPointer, slack: Int = 0) {
        let start = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 16)!
        position = start
        end = start + bytes.count
        readableEnd = bytes.baseAddress == nil ? end : end + slack
    }

    @inlinable @inline(__always)
    init(from position: UnsafeRawPointer, to end: UnsafeRawPointer, readableTo readableEnd: UnsafeRawPointer) {
        self.position = position
        self.end = end
        self.readableEnd = readableEnd
    }

    /// Bytes not yet read.
    @inlinable @inline(__always) public var remaining: Int { end - position }

    /// Makes the reader invalid: what was read contradicts itself.
    @inlinable @inline(__always) public mutating func invalidate() { fail() }

    @inlinable @inline(__always) mutating func fail() {
        readsValid = false
        position = end
    }

    @inlinable @inline(__always) public mutating func readByte() -> UInt8 {
        guard position < end else {
            fail()
            return 0
        }
        let byte = position.load(as: UInt8.self)
        position += 1
        return byte
    }

    @inlinable public mutating func readLittleEndian<T: FixedWidthInteger>(_ type: T.Type = T.self) -> T {
        guard remaining >= MemoryLayout<T>.size else {
            fail()
            return 0
        }
        let value = position.loadUnaligned(as: T.self)
        position += MemoryLayout<T>.size
        return T(littleEndian: value)
    }

    @inlinable public mutating func readBigEndian<T: FixedWidthInteger>(_ type: T.Type = T.self) -> T {
        readLittleEndian(T.self).byteSwapped
    }

    /// A zigzag varint of at most 64 bits.
    ///
    /// One byte and two are told by branches, which are foretold where lengths repeat, so that the next read need not wait
    /// for this one's bytes; up to four and up to eight are closed up at once.
    @inlinable @inline(__always) public mutating func readVarint() -> Int64 {
        guard readableEnd - position >= 8, let value = readShortVarint() else { return readVarintNearEnd() }
        return value
    }

    /// The same for a varint of at most eight bytes, where eight can be looked at, as the caller knows. Nothing is read of
    /// a longer one.
    @inlinable @inline(__always) mutating func readShortVarint() -> Int64? {
        assert(readableEnd - position >= 8)
        let b0 = UInt64(position.load(as: UInt8.self))
        if b0 < 0x80 { return takeVarint(b0, bytes: 1) }
        let b1 = UInt64(position.load(fromByteOffset: 1, as: UInt8.self))
        if b1 < 0x80 { return takeVarint(b0 & 0x7F | b1 &<< 7, bytes: 2) }
        var word = UInt32(littleEndian: position.loadUnaligned(as: UInt32.self))
        let ends = ~word & 0x8080_8080
        guard ends != 0 else { return readLongVarint() }
        word &= (ends ^ (ends &- 1)) & 0x7F7F_7F7F
        word = (word & 0x7F00_7F00) &>> 1 | word & 0x007F_007F
        word = (word & 0x3FFF_0000) &>> 2 | word & 0x0000_3FFF
        return takeVarint(UInt64(word), bytes: (ends.trailingZeroBitCount &+ 1) &>> 3)
    }

    @inlinable @inline(__always) mutating func readLongVarint() -> Int64? {
        var word = UInt64(littleEndian: position.loadUnaligned(as: UInt64.self))
        let ends = ~word & 0x8080_8080_8080_8080
        guard ends != 0 else { return nil }
        word &= (ends ^ (ends &- 1)) & 0x7F7F_7F7F_7F7F_7F7F
        word = (word & 0x7F00_7F00_7F00_7F00) &>> 1 | word & 0x007F_007F_007F_007F
        word = (word & 0x3FFF_0000_3FFF_0000) &>> 2 | word & 0x0000_3FFF_0000_3FFF
        word = (word & 0x0FFF_FFFF_0000_0000) &>> 4 | word & 0x0000_0000_0FFF_FFFF
        return takeVarint(word, bytes: (ends.trailingZeroBitCount &+ 1) &>> 3)
    }

    @inlinable @inline(__always) mutating func takeVarint(_ value: UInt64, bytes: Int) -> Int64 {
        position += bytes
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    @inlinable @inline(__always) mutating func readVarintNearEnd() -> Int64 {
        let (value, count) = Self.varint(at: position, before: readableEnd)
        guard count > 0 else {
            fail()
            return 0
        }
        position += count
        return value
    }

    /// A varint read byte by byte, and its length; 0: it does not end before `end`, or is longer than any.
    @inline(never) @usableFromInline
    static func varint(at start: UnsafeRawPointer, before end: UnsafeRawPointer) -> (value: Int64, count: Int) {
        var value: UInt64 = 0
        for count in 0..<Swift.min(end - start, 10) {
            let byte = start.load(fromByteOffset: count, as: UInt8.self)
            value |= UInt64(byte & 0x7F) &<< UInt64(7 &* count)
            if byte < 0x80 { return (Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1), count &+ 1) }
        }
        return (0, 0)
    }

    /// The next `count` bytes, in place; empty when there are not that many.
    @inlinable @inline(__always) public mutating func readBytes(_ count: Int) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else {
            fail()
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        let bytes = UnsafeRawBufferPointer(start: position, count: count)
        position += count
        return bytes
    }

    @inlinable @inline(__always) public mutating func skip(_ count: Int) { _ = readBytes(count) }

    /// A reader of the next `count` bytes, which may look at those behind; this one goes on behind them. Where there are
    /// not that many, both are invalid.
    @inlinable @inline(__always) public mutating func readPart(_ count: Int) -> ByteReader {
        var part = self
        if count >= 0, count <= remaining {
            part = ByteReader(from: position, to: position + count, readableTo: readableEnd)
            position += count
        } else {
            fail()
            part.fail()
        }
        return part
    }

    /// The bytes not yet read, in place.
    @inlinable @inline(__always) public var rest: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: position, count: max(remaining, 0))
    }

    /// How many bytes behind the end may be looked at.
    @inlinable @inline(__always) public var slack: Int { readableEnd - end }
}
