import EventModel
import Platform

/// The schemas of a log's values: files `1.avsc`, `2.avsc`, ... that are never changed and never removed.
public final class SchemaRegistry {
    private let directory: String
    private let fileSystem: any FileSystem
    private var schemas: [Int32: RecordSchema] = [:]

    public init(_ log: LogDirectory, fileSystem: any FileSystem) throws(LogError) {
        directory = log.schemas
        self.fileSystem = fileSystem
        if try files({ () throws(FileError) in try fileSystem.exists(log.schemas) }) { try load() }
    }

    /// The schema under a number, nil when there is none.
    public func schema(_ id: SchemaID) -> RecordSchema? { schemas[id.number] }

    /// All schemas by number.
    public var all: [(id: SchemaID, schema: RecordSchema)] {
        schemas.keys.sorted().compactMap { number in schemas[number].map { (SchemaID(number), $0) } }
    }

    /// The number of `schema`, given now if it has none.
    public func register(_ schema: RecordSchema) throws(LogError) -> SchemaID {
        if let known = number(of: schema) { return known }
        try files { () throws(FileError) in try fileSystem.createDirectory(directory) }
        let lock = try files { () throws(FileError) in try fileSystem.lock(directory + "/lock") }
        defer { withExtendedLifetime(lock) {} }
        try load()
        if let known = number(of: schema) { return known }
        let number = (schemas.keys.max() ?? 0) + 1
        let text = Array(schema.avsc.utf8)
        let bytes = text.withUnsafeBytes { MappedBytes(copying: $0) }
        try files { () throws(FileError) in
            try fileSystem.replace("\(directory)/\(number).avsc", with: bytes.bytes)
        }
        schemas[number] = schema
        return SchemaID(number)
    }

    private func number(of schema: RecordSchema) -> SchemaID? {
        schemas.first { $0.value == schema }.map { SchemaID($0.key) }
    }

    private func load() throws(LogError) {
        for name in try files({ () throws(FileError) in try fileSystem.list(directory) }) where name.hasSuffix(".avsc")
        {
            guard let number = Int32(name.dropLast(5)), schemas[number] == nil else { continue }
            let bytes = try files { () throws(FileError) in try fileSystem.map("\(directory)/\(name)") }
            do { schemas[number] = try RecordSchema(avsc: bytes.bytes) } catch {
                throw .schema(file: "\(directory)/\(name)", what: "\(error)")
            }
        }
    }
}
