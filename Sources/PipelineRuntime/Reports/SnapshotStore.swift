import EventModel
import LogStorage
import Platform

/// Reads model snapshots out of a log.
public struct SnapshotStore {
    private let log: LogDirectory
    private let fileSystem: any FileSystem

    public init(log: LogDirectory, fileSystem: any FileSystem) {
        self.log = log
        self.fileSystem = fileSystem
    }

    /// A snapshot as it is exported: the document with name, version and offset in front.
    public struct Exported {
        public var name: String
        public var version: Int64
        public var document: JSONValue
    }

    /// The newest snapshot of a pipeline; of the only one there is when `name` is nil.
    public func newest(of name: String?) throws(RuntimeError) -> Exported {
        let known = try storage { () throws(LogError) in try log.pipelineNames(fileSystem) }
        guard let name = name ?? (known.count == 1 ? known.first : nil), known.contains(name) else {
            throw .noPipeline(log: log.path, known: known)
        }
        let schemas = try storage { () throws(LogError) in try SchemaRegistry(log, fileSystem: fileSystem) }
        let reader = try storage { () throws(LogError) in
            try TopicReader(directory: log.topic("models-0", of: name), fileSystem: fileSystem)
        }
        let cursor = try storage { () throws(LogError) in try reader.cursor(from: reader.startOffset) }
        var newest: Exported?
        while let batch = try storage({ () throws(LogError) in try cursor.nextBatch() }) {
            var records = batch.records
            while let record = records.next() {
                if let snapshot = decode(record, schemas) { newest = snapshot }
            }
        }
        guard let newest else { throw .noCheckpoint(pipeline: name) }
        return newest
    }

    public func write(_ text: String, to path: String) throws(RuntimeError) {
        var file = try TextFile(path: path, fileSystem: fileSystem)
        file.append(text)
        try file.finish()
    }

    private func decode(_ record: RecordView, _ schemas: SchemaRegistry) -> Exported? {
        var reader = ByteReader(record.value)
        guard let id = reader.readEnvelope(), schemas.schema(id)?.name == "ModelSnapshot" else { return nil }
        let name = reader.readAvroString()
        let version = reader.readVarint()
        _ = reader.readAvroString()
        _ = reader.readVarint()
        let text = reader.readAvroString()
        guard reader.isValid, let document = try? JSONValue(parsing: text), let members = document.members else {
            return nil
        }
        let head = [
            JSONMember("name", .string(name)), JSONMember("version", .number(version)),
            JSONMember("input_offset", .number(version)),
            JSONMember("event_time", .string(record.timestamp.description)),
        ]
        return Exported(name: name, version: version, document: .object(head + members))
    }
}
