import CVarints

// Avro's binary encoding (Apache Avro 1.11 specification) of the types that `ColumnType` names, and the envelope that
// schema registries put before it: a zero byte, the schema's number in four bytes (big-endian), then the Avro value.

/// Bytes of the envelope before the Avro value.
public let envelopeLength = 5

extension ByteWriter {
    @inlinable public mutating func appendEnvelope(_ schema: SchemaID) {
        append(0)
        appendBigEndian(schema.number)
    }

    @inlinable public mutating func appendAvro(_ bytes: UnsafeRawBufferPointer) {
        appendVarint(Int64(bytes.count))
        append(contentsOf: bytes)
    }

    @inlinable public mutating func appendAvro(_ text: String) {
        var text = text
        text.withUTF8 { appendAvro(UnsafeRawBufferPointer($0)) }
    }

    @inlinable public mutating func appendAvro(_ number: Double) { appendLittleEndian(number.bitPattern) }

    /// A decimal: the shortest big-endian two's complement of the unscaled integer, with its length.
    @inlinable public mutating func appendAvroDecimal(_ unscaled: Int64) {
        let signBits = (unscaled ^ (unscaled >> 63)).leadingZeroBitCount
        let length = (72 - signBits) / 8
        reserve(9)
        appendUnchecked(UInt8(truncatingIfNeeded: length << 1))
        var shift = (length - 1) * 8
        while shift >= 0 {
            appendUnchecked(UInt8(truncatingIfNeeded: unscaled >> Int64(shift)))
            shift -= 8
        }
    }

    /// - Parameter value: one that fits `type`.
    public mutating func appendAvro(_ value: ColumnValue, as type: ColumnType) {
        precondition(value.fits(type), "the value is no \(type)")
        switch value {
        case .text(let text): appendAvro(text)
        case .double(let number): appendAvro(number)
        case .integer(let number): if case .decimal = type { appendAvroDecimal(number) } else { appendVarint(number) }
        }
    }
}

extension ByteReader {
    /// The schema's number, or nil when the value does not begin with an envelope.
    @inlinable @inline(__always) public mutating func readEnvelope() -> SchemaID? {
        guard readByte() == 0 else { return nil }
        let number = readBigEndian(Int32.self)
        return isValid ? SchemaID(number) : nil
    }

    @inlinable @inline(__always) public mutating func readAvroBytes() -> UnsafeRawBufferPointer {
        readBytes(Int(truncatingIfNeeded: readVarint()))
    }

    @inlinable public mutating func readAvroString() -> String { String(decoding: readAvroBytes(), as: UTF8.self) }

    @inlinable public mutating func readAvroDouble() -> Double { Double(bitPattern: readLittleEndian(UInt64.self)) }

    @inlinable @inline(__always) public mutating func readAvroDecimal() -> Int64 {
        let count = Int(truncatingIfNeeded: readVarint())
        guard count >= 1, count <= 8, count <= remaining else {
            fail()
            return 0
        }
        defer { position += count }
        if readableEnd - position >= 8 {
            return Int64(bigEndian: position.loadUnaligned(as: Int64.self)) &>> Int64(64 &- 8 &* count)
        }
        var value = Int64(position.load(as: Int8.self))
        for index in 1..<count {
            value = value &<< 8 | Int64(position.load(fromByteOffset: index, as: UInt8.self))
        }
        return value
    }

    public mutating func readAvro(_ type: ColumnType) -> ColumnValue {
        switch type {
        case .long, .timestamp: .integer(readVarint())
        case .decimal: .integer(readAvroDecimal())
        case .double: .double(readAvroDouble())
        case .string: .text(readAvroString())
        }
    }

    /// Steps over a value of `type`.
    @inlinable @inline(__always) public mutating func skipAvro(_ type: ColumnType) {
        switch type {
        case .long, .timestamp: _ = readVarint()
        case .double: skip(8)
        case .string, .decimal: _ = readAvroBytes()
        }
    }
}

extension ColumnType {
    /// How `tidemark_read_rows` is to read a column: its number goes to `word`, and counts for the row's hash with `salt`,
    /// or not where that is nil. Of texts and doubles nothing is kept.
    public func field(word: Int, salt: UInt64?) -> tidemark_field {
        let encoding =
            switch self {
            case .long, .timestamp: TIDEMARK_LONG
            case .decimal: TIDEMARK_DECIMAL
            case .double: TIDEMARK_EIGHT_BYTES
            case .string: TIDEMARK_BYTES
            }
        return tidemark_field(
            encoding: UInt8(encoding), is_hashed: salt != nil, word: Int32(word), salt: salt ?? 0)
    }
}
