import EventModel
import LogStorage
import Platform

/// What a record of `checkpoints-0` says.
struct CheckpointRecord {
    var inputOffset: Offset
    var watermark: EventTime
    var digest: String
    var fingerprint: String
    var stateFile: String
    var stateBytes: Int64
    var stateChecksum: Int64
    var outputEnds: [String: Offset]

    /// - Returns: nil for what is no checkpoint.
    init?(_ value: UnsafeRawBufferPointer, schemas: SchemaRegistry) {
        var reader = ByteReader(value)
        guard let id = reader.readEnvelope(), schemas.schema(id) == OutputSchema.checkpoint else { return nil }
        inputOffset = Offset(reader.readVarint())
        watermark = EventTime(milliseconds: reader.readVarint())
        digest = reader.readAvroString()
        fingerprint = reader.readAvroString()
        _ = reader.readAvroString()
        _ = reader.readAvroString()
        stateFile = reader.readAvroString()
        stateBytes = reader.readVarint()
        stateChecksum = reader.readVarint()
        let ends = reader.readAvroString()
        guard reader.isValid, !stateFile.contains("/"), case .object(let members)? = try? JSONValue(parsing: ends)
        else {
            return nil
        }
        outputEnds = [:]
        for member in members { outputEnds[member.key] = member.value.int64.map(Offset.init) }
    }

    /// Whether `state` is the whole of what was saved.
    func isWhole(_ state: UnsafeRawBufferPointer) -> Bool {
        Int64(state.count) == stateBytes && Int64(crc32c(state)) == stateChecksum
    }

    /// The checkpoints of a pipeline that have their state file, oldest first, with their offsets in `checkpoints-0`.
    static func kept(
        of pipeline: String, in log: LogDirectory, schemas: SchemaRegistry, fileSystem: any FileSystem
    ) throws(LogError) -> [(offset: Offset, record: CheckpointRecord)] {
        let directory = log.topic("checkpoints-0", of: pipeline)
        let states: Set<String>
        do throws(FileError) {
            guard try fileSystem.exists(directory) else { return [] }
            states = Set(try fileSystem.list(directory))
        } catch { throw .file(error) }
        var kept: [(offset: Offset, record: CheckpointRecord)] = []
        try forEach(in: directory, schemas, fileSystem) { offset, checkpoint in
            guard states.contains(checkpoint.stateFile) else { return }
            // The same input offset again, after a replay, has taken the file.
            kept.removeAll { $0.record.stateFile == checkpoint.stateFile }
            kept.append((offset, checkpoint))
        }
        return kept
    }

    /// The newest checkpoint of a pipeline, whether it has its state or not.
    static func newest(
        of pipeline: String, in log: LogDirectory, schemas: SchemaRegistry, fileSystem: any FileSystem
    ) throws(LogError) -> (offset: Offset, record: CheckpointRecord)? {
        var newest: (offset: Offset, record: CheckpointRecord)?
        try forEach(in: log.topic("checkpoints-0", of: pipeline), schemas, fileSystem) { newest = ($0, $1) }
        return newest
    }

    /// Up to where a topic is known to have been durable, by the checkpoints of the log's pipelines.
    static func knownEnd(
        of topic: LogTopic, in log: LogDirectory, schemas: SchemaRegistry, fileSystem: any FileSystem
    ) -> Offset {
        var end = Offset.zero
        let pipelines =
            topic.isInput ? (try? log.pipelineNames(fileSystem)) ?? [] : topic.output.map { [$0.pipeline] } ?? []
        for pipeline in pipelines {
            // What cannot be read here says nothing.
            guard let newest = try? newest(of: pipeline, in: log, schemas: schemas, fileSystem: fileSystem) else {
                continue
            }
            let known = topic.isInput ? newest.record.inputOffset : newest.record.outputEnds[topic.output?.topic ?? ""]
            end = max(end, known ?? .zero)
        }
        return end
    }

    private static func forEach(
        in directory: String, _ schemas: SchemaRegistry, _ fileSystem: any FileSystem,
        _ body: (Offset, CheckpointRecord) -> Void
    ) throws(LogError) {
        let reader = try TopicReader(directory: directory, fileSystem: fileSystem)
        let cursor = try reader.cursor(from: reader.startOffset)
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() {
                if let checkpoint = CheckpointRecord(record.value, schemas: schemas) { body(record.offset, checkpoint) }
            }
        }
    }
}
