/// Reads bytes in order. After the first read beyond the end, or a malformed varint, `isValid` is false for good and
/// all further reads give zero; so the hot path checks once per record.
///
/// It borrows the memory: use it only while the buffer lives. No verb hands the reader itself to code that is not inlined,
/// so that a loop over varints keeps it in registers.
public struct ByteReader {
    @usableFromInline var position: UnsafeRawPointer
    @usableFromInline let end: UnsafeRawPointer
    /// False once a read went wrong.
    @usableFromInline var readsValid = true
    public var isValid: Bool { @inlinable @inline(__always) get { readsValid } }

    @inlinable public init(_ bytes: UnsafeRawBufferPointer) {
        let start = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 16)!
        position = start
        end = start + bytes.count
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
    /// Lengths repeat, so branches on them are foretold and the next read need not wait for this one's bytes; closing
    /// up eight bytes at once without branches took longer.
    @inlinable @inline(__always) public mutating func readVarint() -> Int64 {
        guard end - position >= 8 else { return readVarintNearEnd() }
        let b0 = UInt64(position.load(as: UInt8.self))
        if b0 < 0x80 {
            position += 1
            return Int64(bitPattern: b0 >> 1) ^ -Int64(bitPattern: b0 & 1)
        }
        let b1 = UInt64(position.load(fromByteOffset: 1, as: UInt8.self))
        if b1 < 0x80 { return takeVarint(b0 & 0x7F | b1 &<< 7, bytes: 2) }
        let b2 = UInt64(position.load(fromByteOffset: 2, as: UInt8.self))
        if b2 < 0x80 { return takeVarint(b0 & 0x7F | (b1 & 0x7F) &<< 7 | b2 &<< 14, bytes: 3) }
        let b3 = UInt64(position.load(fromByteOffset: 3, as: UInt8.self))
        if b3 < 0x80 {
            return takeVarint(b0 & 0x7F | (b1 & 0x7F) &<< 7 | (b2 & 0x7F) &<< 14 | b3 &<< 21, bytes: 4)
        }
        return readLongVarint()
    }

    /// A varint of which eight bytes can be read: up to eight bytes are closed up at once.
    @inlinable @inline(__always) mutating func readLongVarint() -> Int64 {
        var word = UInt64(littleEndian: position.loadUnaligned(as: UInt64.self))
        let ends = ~word & 0x8080_8080_8080_8080
        guard ends != 0 else { return readVarintNearEnd() }
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
        let (value, count) = Self.varint(at: position, before: end)
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
}
