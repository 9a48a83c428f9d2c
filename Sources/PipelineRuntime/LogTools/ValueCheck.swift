import EventModel
import LogStorage

/// Tells whether values are what their schemas say, to the last byte.
struct ValueCheck {
    private let schemas: SchemaRegistry

    init(_ schemas: SchemaRegistry) { self.schemas = schemas }

    /// What a value's envelope says.
    enum Envelope {
        /// There is none: the value is text or something else that has no schema.
        case none
        case unknown(SchemaID)
        case known(SchemaID, RecordSchema)
    }

    /// - Parameter reader: stands behind the envelope then, if there is one.
    func envelope(_ reader: inout ByteReader) -> Envelope {
        guard reader.remaining >= envelopeLength, let id = reader.readEnvelope() else { return .none }
        return schemas.schema(id).map { .known(id, $0) } ?? .unknown(id)
    }

    /// What is wrong with a record's value; nil where nothing is.
    func problem(_ record: RecordView) -> String? {
        if record.isTombstone { return nil }
        var reader = ByteReader(record.value)
        switch envelope(&reader) {
        case .none: return nil
        case .unknown(let id): return "the value has schema \(id), which is not in schemas/"
        case .known(let id, let schema):
            return Self.fits(&reader, schema) ? nil : "the value is not what schema \(id) (\(schema.name)) says"
        }
    }

    /// Whether the bytes are a value of the schema and nothing more.
    static func fits(_ reader: inout ByteReader, _ schema: RecordSchema) -> Bool {
        for column in schema.columns {
            switch column.type {
            case .long, .timestamp: _ = reader.readVarint()
            case .double: reader.skip(8)
            case .decimal: _ = reader.readAvroDecimal()
            case .string: if !isValidUTF8(reader.readAvroBytes()) { return false }
            }
        }
        return reader.isValid && reader.remaining == 0
    }
}
