/// Reads bytes in order. After the first read beyond the end, or a malformed varint, `isValid` is false for good and
/// all further reads give zero; so the hot path checks once per record.
///
/// It borrows the memory: use it only while the buffer lives.
public struct ByteReader {
    @usableFromInline var position: UnsafeRawPointer
    @usableFromInline let end: UnsafeRawPointer
    /// False once a read went wrong.
    public internal(set) var isValid = true

    @inlinable public init(_ bytes: UnsafeRawBufferPointer) {
        let start = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 16)!
        position = start
        end = start + bytes.count
    }

    /// Bytes not yet read.
    @inlinable @inline(__always) public var remaining: Int { end - position }

    /// Makes the reader invalid: what was read contradicts itself.
    public mutating func invalidate() { fail() }

    @inline(never) @usableFromInline mutating func fail() {
        isValid = false
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
        guard end - position >= 4 else { return readVarintByBytes() }
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
        return readVarintByBytes()
    }

    @inlinable @inline(__always) mutating func takeVarint(_ value: UInt64, bytes: Int) -> Int64 {
        position += bytes
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    @inline(never) @usableFromInline mutating func readVarintByBytes() -> Int64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = position.load(as: UInt8.self)
            position += 1
            value |= UInt64(byte & 0x7F) &<< shift
            if byte < 0x80 { return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
            shift &+= 7
        }
        fail()
        return 0
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
