import EventModel
import Platform

/// The schemas of a log's values: files `1.avsc`, `2.avsc`, ... that are never changed and never removed.
///
/// The newest schema of a record name reads the records of all earlier ones (`SchemaResolution`). Each file protects
/// itself by a checksum:
///
///     {
///       "checksum": "crc32c:1f3a5b7c",     CRC-32C of the file with eight zeros in place of these digits
///       "type": "record",
///       ...
public final class SchemaRegistry {
    private let directory: String
    private let fileSystem: any FileSystem
    private var schemas: [Int32: RecordSchema] = [:]

    /// - Throws: `.refused` where the log is a backup that was not finished; `.schema` where a file is damaged.
    public init(_ log: LogDirectory, fileSystem: any FileSystem) throws(LogError) {
        directory = log.schemas
        self.fileSystem = fileSystem
        try log.checkIsWhole(fileSystem)
        if try files({ () throws(FileError) in try fileSystem.exists(log.schemas) }) { try load() }
    }

    /// The schema under a number, nil when there is none.
    ///
    /// Another process may register schemas at any time, so one that is not known is looked for again.
    public func schema(_ id: SchemaID) -> RecordSchema? {
        if let known = schemas[id.number] { return known }
        try? load()
        return schemas[id.number]
    }

    /// All schemas by number.
    public var all: [(id: SchemaID, schema: RecordSchema)] {
        schemas.keys.sorted().compactMap { number in schemas[number].map { (SchemaID(number), $0) } }
    }

    /// The number of `schema`, given now if it has none.
    /// - Throws: `LogError.schema` when the log has an earlier schema of the same record name that `schema` cannot
    ///   read, or when names in it are none that Avro allows.
    public func register(_ schema: RecordSchema) throws(LogError) -> SchemaID {
        if let known = number(of: schema) { return known }
        try files { () throws(FileError) in try fileSystem.createDirectory(directory) }
        // Held only for this long, so it is worth waiting for.
        let lock = try files { () throws(FileError) in try fileSystem.lock(directory + "/lock", waiting: true) }
        defer { withExtendedLifetime(lock) {} }
        try load()
        if let known = number(of: schema) { return known }
        try requireReadable(by: schema)
        let number = (schemas.keys.max() ?? 0) + 1
        let text = SchemaFile.text(of: schema)
        let bytes = text.withUnsafeBytes { MappedBytes(copying: $0) }
        // A file that does not read back would lock everybody out of the log.
        guard (try? RecordSchema(avsc: bytes.bytes)) == schema else {
            throw .schema(file: schema.name, what: "its names are not all different and allowed by Avro; change them")
        }
        try files { () throws(FileError) in
            try fileSystem.replace("\(directory)/\(number).avsc", with: bytes)
        }
        schemas[number] = schema
        return SchemaID(number)
    }

    /// Throws unless `reader` can read the records of every schema of its name.
    public func requireReadable(by reader: RecordSchema) throws(LogError) {
        for (id, schema) in all where schema.name == reader.name {
            do { _ = try SchemaResolution(writer: schema, reader: reader) } catch {
                throw .schema(file: reader.name, what: error.text(writer: "\(directory)/\(id).avsc"))
            }
        }
    }

    private func number(of schema: RecordSchema) -> SchemaID? { all.first { $0.schema == schema }?.id }

    private func load() throws(LogError) {
        for name in try files({ () throws(FileError) in try fileSystem.list(directory) }) where name.hasSuffix(".avsc")
        {
            guard let number = Int32(name.dropLast(5)), schemas[number] == nil else { continue }
            let bytes = try files { () throws(FileError) in try fileSystem.map("\(directory)/\(name)") }
            defer { withExtendedLifetime(bytes) {} }
            do {
                try SchemaFile.requireWhole(bytes.bytes)
                schemas[number] = try RecordSchema(avsc: bytes.bytes)
            } catch { throw .schema(file: "\(directory)/\(name)", what: "\(error)") }
        }
    }
}

/// The text of a schema's file, with its checksum.
private enum SchemaFile {
    /// Always the same bytes before the digits, so that no damage can hide them.
    private static let head = Array("{\n  \"checksum\": \"crc32c:".utf8)
    private static let digits = head.count..<head.count + 8
    private static let zeros = Array("00000000".utf8)

    enum Damage: Error, CustomStringConvertible {
        case noChecksum
        case checksum(stored: String, found: String)

        var description: String {
            switch self {
            case .noChecksum: "it does not begin with its checksum; restore the file from a backup"
            case .checksum(let stored, let found):
                "checksum mismatch (it says \(stored), its text gives \(found)); restore the file from a backup"
            }
        }
    }

    static func text(of schema: RecordSchema) -> [UInt8] {
        var text = Array(schema.avsc(metadata: [JSONMember("checksum", "crc32c:00000000")]).utf8)
        let found = text.withUnsafeBytes { checksum(of: $0) }
        text.replaceSubrange(digits, with: found.utf8)
        return text
    }

    static func requireWhole(_ text: UnsafeRawBufferPointer) throws(Damage) {
        guard text.count > digits.upperBound, text.starts(with: head) else { throw .noChecksum }
        let found = checksum(of: text)
        // Compared as bytes: an upper-case digit is damage too.
        guard text[digits].elementsEqual(found.utf8) else {
            throw .checksum(stored: String(decoding: text[digits], as: UTF8.self), found: found)
        }
    }

    /// Eight lower-case hexadecimal digits.
    private static func checksum(of text: UnsafeRawBufferPointer) -> String {
        var value = crc32c(UnsafeRawBufferPointer(rebasing: text[..<digits.lowerBound]))
        value = zeros.withUnsafeBytes { crc32c($0, from: value) }
        value = crc32c(UnsafeRawBufferPointer(rebasing: text[digits.upperBound...]), from: value)
        let hexadecimal = String(value, radix: 16)
        return String(repeating: "0", count: 8 - hexadecimal.count) + hexadecimal
    }
}
