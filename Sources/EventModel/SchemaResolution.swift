// How records evolve: Apache Avro 1.11 specification, "Schema Resolution", for the types that `ColumnType` names.

/// How a reader with a schema of its own reads what another schema wrote.
///
///     writer   arrival_time  id  amount  note
///                   │        │     │      └ skip
///     reader   arrival_time  id  amount  channel ─ default
///
/// - Fields are told by name; a reader's field without one of its name takes the one that an alias of its names.
/// - A field of the same type is read as it is. So are decimals of the same scale, and a long where the reader has a
///   timestamp or the other way round, since both are Avro's long. A long can be read as a double.
/// - What only the writer has is skipped; what only the reader has takes its default.
public struct SchemaResolution: Hashable, Sendable {
    /// What becomes of one of the writer's fields; the index is the reader's field.
    public enum Use: Hashable, Sendable, BitwiseCopyable {
        case skip
        /// The bytes are those of the reader's type.
        case same(Int)
        /// A long becomes the nearest double.
        case promoted(Int)
    }

    public struct Step: Hashable, Sendable {
        /// As it was written.
        public var type: ColumnType
        public var use: Use
    }

    public struct Default: Hashable, Sendable {
        /// The reader's field.
        public var field: Int
        public var value: ColumnValue
    }

    /// One for each of the writer's fields, in their order.
    public let steps: [Step]
    /// The reader's fields that the writer lacks, in the reader's order.
    public let defaults: [Default]

    /// - Throws: the first of the reader's fields that cannot be read.
    /// - Complexity: O(writer's fields × reader's fields).
    public init(writer: RecordSchema, reader: RecordSchema) throws(SchemaResolutionError) {
        guard writer.name == reader.name else { throw .recordName(writer: writer.name, reader: reader.name) }
        var uses = writer.columns.map { _ in Use.skip }
        var defaults: [Default] = []
        for (index, column) in reader.columns.enumerated() {
            if let source = Self.source(of: column, in: writer, for: reader, uses) {
                uses[source] = try Self.use(of: writer.columns[source], as: column, index)
            } else if let value = column.default {
                defaults.append(Default(field: index, value: value))
            } else {
                throw .missing(field: column.name, type: column.type)
            }
        }
        steps = zip(writer.columns, uses).map { Step(type: $0.type, use: $1) }
        self.defaults = defaults
    }

    private static func source(
        of column: Column, in writer: RecordSchema, for reader: RecordSchema, _ uses: [Use]
    ) -> Int? {
        if let index = writer.index(of: column.name) { return index }
        for alias in column.aliases where reader.index(of: alias) == nil {
            if let index = writer.index(of: alias), uses[index] == .skip { return index }
        }
        return nil
    }

    private static func use(
        of written: Column, as column: Column, _ index: Int
    ) throws(SchemaResolutionError) -> Use {
        switch (written.type, column.type) {
        case (let from, let to) where from == to: return .same(index)
        case (.long, .timestamp), (.timestamp, .long): return .same(index)
        case (.long, .double): return .promoted(index)
        default: throw .type(field: column.name, writer: written.type, reader: column.type)
        }
    }

    /// Whether the reader's fields are the writer's, one for one.
    public var isIdentity: Bool {
        defaults.isEmpty && steps.enumerated().allSatisfy { $0.element.use == .same($0.offset) }
    }

    /// The reader's fields of the value that `bytes` begins with. For tools; where time counts go by `steps`.
    /// - Returns: nil when the bytes are no value of the writer's schema.
    public func values(reading bytes: inout ByteReader) -> [ColumnValue]? {
        var values = [ColumnValue](repeating: .integer(0), count: steps.count { $0.use != .skip } + defaults.count)
        for step in steps {
            switch step.use {
            case .skip: bytes.skipAvro(step.type)
            case .same(let index): values[index] = bytes.readAvro(step.type)
            case .promoted(let index): values[index] = .double(Double(bytes.readVarint()))
            }
        }
        for value in defaults { values[value.field] = value.value }
        return bytes.isValid ? values : nil
    }
}

/// Why a reader's schema cannot read what a writer's schema wrote.
public enum SchemaResolutionError: Error, Hashable, Sendable, CustomStringConvertible {
    case recordName(writer: String, reader: String)
    /// The field, under the reader's name, has types of which the one does not become the other.
    case type(field: String, writer: ColumnType, reader: ColumnType)
    /// The writer does not have the field, and the reader no default.
    case missing(field: String, type: ColumnType)

    public var description: String { text(writer: "the writer's schema") }

    /// - Parameter writer: what the text calls the writer's schema, such as a file's name.
    public func text(writer place: String) -> String {
        switch self {
        case .recordName(let writer, let reader):
            "\(place) is of \(writer) records; read them by a schema of that name, not by one of \(reader)"
        case .type(let field, let writer, let reader):
            """
            field \(field) is \(writer) in \(place) and would become \(reader); declare it as \(writer), or give the \
            \(reader) a name of its own and a default
            """
        case .missing(let field, let type):
            """
            field \(field) (\(type)) is not in \(place) and has no default; declare one, as in \
            '\(field): { type: \(type), default: ... }', or, if it had another name there, its 'aliases'
            """
        }
    }
}
