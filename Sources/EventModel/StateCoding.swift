// State in checkpoints: plain little-endian words, doubles by their bits, so that what is restored is what was saved,
// bit for bit. Each part of the state writes and reads itself; the container is versioned and checksummed as a whole.

extension ByteWriter {
    public mutating func encode(_ value: Int) { appendLittleEndian(Int64(value)) }
    public mutating func encode(_ value: Int64) { appendLittleEndian(value) }
    public mutating func encode(_ value: UInt64) { appendLittleEndian(value) }
    public mutating func encode(_ value: Bool) { append(value ? 1 : 0) }
    public mutating func encode(_ value: Double) { appendLittleEndian(value.bitPattern) }
    public mutating func encode(_ value: EventTime) { encode(value.milliseconds) }
    public mutating func encode(_ value: Offset) { encode(value.value) }

    public mutating func encode(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            encode(utf8.count)
            append(contentsOf: UnsafeRawBufferPointer(utf8))
        }
    }

    public mutating func encode(_ values: [Double]) {
        encode(values.count)
        values.withUnsafeBytes { append(contentsOf: $0) }
    }

    public mutating func encode(_ values: [Int64]) {
        encode(values.count)
        values.withUnsafeBytes { append(contentsOf: $0) }
    }

    /// `count` words or doubles as they lie in memory (little-endian).
    public mutating func encode(raw bytes: UnsafeRawBufferPointer) { append(contentsOf: bytes) }
}

/// A saved state that cannot be read: it ends early, or says something that cannot be.
public struct StateCodingError: Error, CustomStringConvertible {
    public var what: String

    public init(_ what: String) { self.what = what }

    public var description: String { "saved state: \(what)" }
}

extension ByteReader {
    public mutating func decodeInt() throws(StateCodingError) -> Int { Int(try decodeInt64()) }

    public mutating func decodeInt64() throws(StateCodingError) -> Int64 {
        let value = readLittleEndian(Int64.self)
        guard isValid else { throw StateCodingError("ends early") }
        return value
    }

    public mutating func decodeUInt64() throws(StateCodingError) -> UInt64 { UInt64(bitPattern: try decodeInt64()) }
    public mutating func decodeDouble() throws(StateCodingError) -> Double { Double(bitPattern: try decodeUInt64()) }
    public mutating func decodeEventTime() throws(StateCodingError) -> EventTime {
        EventTime(milliseconds: try decodeInt64())
    }
    public mutating func decodeOffset() throws(StateCodingError) -> Offset { Offset(try decodeInt64()) }

    public mutating func decodeBool() throws(StateCodingError) -> Bool {
        let byte = readByte()
        guard isValid, byte < 2 else { throw StateCodingError("a flag is neither 0 nor 1") }
        return byte == 1
    }

    public mutating func decodeString() throws(StateCodingError) -> String {
        String(decoding: readBytes(try decodeCount(size: 1)), as: UTF8.self)
    }

    public mutating func decodeDoubles() throws(StateCodingError) -> [Double] {
        let count = try decodeCount(size: 8)
        return Array(unsafeUninitializedCapacity: count) { target, initialized in
            UnsafeMutableRawBufferPointer(target).copyMemory(from: readBytes(count * 8))
            initialized = count
        }
    }

    public mutating func decodeInt64s() throws(StateCodingError) -> [Int64] {
        let count = try decodeCount(size: 8)
        return Array(unsafeUninitializedCapacity: count) { target, initialized in
            UnsafeMutableRawBufferPointer(target).copyMemory(from: readBytes(count * 8))
            initialized = count
        }
    }

    /// A number of items of `size` bytes each, which must still be there.
    public mutating func decodeCount(size: Int) throws(StateCodingError) -> Int {
        let count = try decodeInt()
        guard count >= 0, count <= remaining / max(size, 1) else {
            throw StateCodingError("\(count) items of \(size) bytes do not fit in the \(remaining) bytes left")
        }
        return count
    }
}
