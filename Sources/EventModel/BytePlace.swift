/// A place in reserved memory where bytes are written one behind the other. The caller knows that there is room; a place
/// of one's own stays in a register where a writer would have to note each step (`ByteWriter.writeReserved`).
///
/// It borrows the memory: use it only while nobody else moves or frees that.
public struct BytePlace {
    @usableFromInline var position: UnsafeMutableRawPointer

    @inlinable @inline(__always) init(_ position: UnsafeMutableRawPointer) { self.position = position }

    @inlinable @inline(__always) public mutating func append(_ byte: UInt8) {
        position.storeBytes(of: byte, as: UInt8.self)
        position += 1
    }

    @inlinable @inline(__always) public mutating func append(contentsOf bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        position.copyMemory(from: start, byteCount: bytes.count)
        position += bytes.count
    }

    @inlinable @inline(__always) public mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T) {
        position.storeBytes(of: value.littleEndian, as: T.self)
        position += MemoryLayout<T>.size
    }

    /// A zigzag varint. Ten bytes have to be there, though it may take fewer.
    @inlinable @inline(__always) public mutating func appendVarint(_ value: Int64) {
        appendZigzag(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    @inlinable @inline(__always) mutating func appendZigzag(_ zigzag: UInt64) {
        if zigzag < 0x80 { return append(UInt8(truncatingIfNeeded: zigzag)) }
        guard zigzag < 1 << 28 else { return self = Self.appendingLong(zigzag, at: self) }
        // Its groups of seven bits, spread over four bytes; what is beyond the last one is written over.
        var bytes = UInt32(truncatingIfNeeded: zigzag)
        bytes = bytes & 0x0000_3FFF | (bytes & 0x0FFF_C000) &<< 2
        bytes = bytes & 0x007F_007F | (bytes & 0x3F80_3F80) &<< 1
        let length = zigzagLength(zigzag)
        bytes |= 0x0080_8080 &>> UInt32(truncatingIfNeeded: 32 &- 8 &* length)
        position.storeBytes(of: bytes.littleEndian, as: UInt32.self)
        position += length
    }

    @inline(never) @usableFromInline static func appendingLong(_ zigzag: UInt64, at place: BytePlace) -> BytePlace {
        var place = place
        if zigzag < 1 << 56 {
            var bytes = zigzag & 0x0000_0000_0FFF_FFFF | (zigzag & 0x00FF_FFFF_F000_0000) &<< 4
            bytes = bytes & 0x0000_3FFF_0000_3FFF | (bytes & 0x0FFF_C000_0FFF_C000) &<< 2
            bytes = bytes & 0x007F_007F_007F_007F | (bytes & 0x3F80_3F80_3F80_3F80) &<< 1
            let length = zigzagLength(zigzag)
            bytes |= 0x0080_8080_8080_8080 &>> UInt64(truncatingIfNeeded: 64 &- 8 &* length)
            place.position.storeBytes(of: bytes.littleEndian, as: UInt64.self)
            place.position += length
            return place
        }
        var rest = zigzag
        while rest >= 0x80 {
            place.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        place.append(UInt8(truncatingIfNeeded: rest))
        return place
    }

    /// Appends what `write` does, fewer than 64 bytes, behind their number as a zigzag varint, which takes a byte then.
    @inlinable @inline(__always) public mutating func appendCounted(_ write: (inout BytePlace) -> Void) {
        let start = position
        position += 1
        write(&self)
        let count = position - start - 1
        precondition(count < 64, "a length of one byte is below 64")
        start.storeBytes(of: UInt8(truncatingIfNeeded: count &<< 1), as: UInt8.self)
    }

    @inlinable @inline(__always) public mutating func appendEnvelope(_ schema: SchemaID) {
        append(0)
        appendLittleEndian(schema.number.byteSwapped)
    }

    @inlinable @inline(__always) public mutating func appendAvro(_ number: Double) {
        appendLittleEndian(number.bitPattern)
    }
}

extension ByteWriter {
    /// Appends what `write` writes, at most so many bytes, and room for a varint beyond them.
    @inlinable @inline(__always) public mutating func writeReserved(
        _ mostBytes: Int, _ write: (inout BytePlace) -> Void
    ) {
        reserve(mostBytes &+ 10)
        var place = BytePlace(base + written)
        write(&place)
        written = place.position - base
        assert(written + 10 <= capacity)
    }
}

/// The number of groups of seven bits that hold all that are set, or 1.
///
/// Small numbers are compared: not every processor counts leading zeros fast.
@inlinable @inline(__always) func zigzagLength(_ zigzag: UInt64) -> Int {
    guard zigzag < 1 << 28 else { return (70 &- zigzag.leadingZeroBitCount) / 7 }
    return 1 &+ (zigzag < 1 << 7 ? 0 : 1) &+ (zigzag < 1 << 14 ? 0 : 1) &+ (zigzag < 1 << 21 ? 0 : 1)
}
