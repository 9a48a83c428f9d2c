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
    @inlinable @inline(__always) public mutating func readVarint() -> Int64 {
        guard position < end else {
            fail()
            return 0
        }
        let first = position.load(as: UInt8.self)
        if first < 0x80 {
            position += 1
            return Int64(first >> 1) ^ -Int64(first & 1)
        }
        return readLongVarint()
    }

    @inlinable mutating func readLongVarint() -> Int64 {
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
