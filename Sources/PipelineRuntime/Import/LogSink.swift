import EventModel
import LogStorage
import Platform

/// What the sinks of an import write to together.
final class ImportTarget {
    let writer: TopicWriter
    let schemas: SchemaRegistry
    private let input: InputSpecification
    private(set) var labelSchema = SchemaID(0)
    private(set) var commandSchema = SchemaID(0)
    let batchBytes: Int
    /// The names of the sources that are being imported.
    private var sources: [SourceIdentity: String] = [:]
    private static let largestBatchBytes = 1 << 18

    init(
        _ log: LogDirectory, input: InputSpecification, fileSystem: any FileSystem, segmentBytes: Int
    ) throws(RuntimeError) {
        batchBytes = min(Self.largestBatchBytes, segmentBytes)
        self.input = input
        (writer, schemas) = try storage { () throws(LogError) in
            (
                try TopicWriter(
                    directory: log.input, fileSystem: fileSystem,
                    options: TopicOptions(segmentBytes: segmentBytes, sync: .interval)),
                try SchemaRegistry(log, fileSystem: fileSystem)
            )
        }
    }

    /// Whose a label is that names no source.
    var labelSource: String { input.label?.source ?? "table" }

    /// Notes a source that is being imported.
    /// - Throws: when another of this import begins with the same rows: the log would take both for one.
    func claim(_ identity: SourceIdentity, name: String) throws(RuntimeError) {
        if let other = sources.updateValue(name, forKey: identity) {
            throw .usage(
                "\(other) and \(name) have the same header and the same first row, so they are taken for the same table, "
                    + "and nothing was imported; name a table once, or join the two files into one")
        }
    }

    /// Registers what a source's records are written by.
    func register(_ streams: [ImportStream]) throws(LogError) -> [SchemaID] {
        var ids: [SchemaID] = []
        for stream in streams { ids.append(try schemas.register(stream.schema)) }
        labelSchema = try schemas.register(.label(idType: input.idType))
        commandSchema = try schemas.register(.command)
        return ids
    }
}

/// Writes a source's records to the input log, in batches that carry its identity and the number of their first record.
struct LogSink: ~Copyable, ImportSink {
    private let target: ImportTarget
    private let malformed: MalformedLog
    private let source: SourceIdentity
    private let streams: [(schema: SchemaID, key: TableKeyReader?)]
    private var batch = RecordBatchBuilder()
    private var value = ByteWriter()
    private var key = ByteWriter()
    /// Records of the source in the log and on their way.
    private var recorded: Int64
    private(set) var transactions: Int64 = 0
    private(set) var labels: Int64 = 0
    private(set) var heartbeats: Int64 = 0

    init(
        _ target: ImportTarget, source: SourceIdentity, recorded: Int64, streams: [ImportStream],
        malformed: MalformedLog
    ) throws(RuntimeError) {
        self.target = target
        self.source = source
        self.recorded = recorded
        self.malformed = malformed
        let ids = try storage { () throws(LogError) in try target.register(streams) }
        self.streams = zip(ids, streams).map { ($0, TableKeyReader($1)) }
    }

    /// Records that the source has written beyond those that the log still has.
    var unknownCount: Int64 {
        guard let next = target.writer.nextPosition(ofProducer: source.value) else { return 0 }
        return (Int64(next.sequence) - recorded) & 0x7FFF_FFFF
    }

    mutating func append(_ row: ParsedRow, arrivalTime: EventTime) throws(LogError) {
        let stream = Int(row.stream)
        value.removeAll()
        value.append(row, schema: streams[stream].schema, arrivalTime: arrivalTime)
        if row.isChange, let reader = streams[stream].key {
            key.removeAll()
            key.append(text: reader.key(of: row.body))
            batch.append(timestamp: row.eventTime, key: key.bytes, value: value.bytes)
        } else {
            batch.append(timestamp: row.eventTime, value: value.bytes)
        }
        transactions += 1
        try flushIfFull()
    }

    mutating func append(_ label: ParsedLabel, time: EventTime) throws(LogError) {
        value.removeAll()
        value.appendEnvelope(target.labelSchema)
        value.appendAvro(
            Label(transactionID: label.id, isPositive: label.isPositive, source: label.source ?? target.labelSource))
        batch.append(timestamp: time, value: value.bytes)
        labels += 1
        try flushIfFull()
    }

    mutating func append(heartbeat time: EventTime) throws(LogError) {
        value.removeAll()
        value.appendEnvelope(target.commandSchema)
        value.appendAvro("heartbeat")
        batch.append(timestamp: time, value: value.bytes)
        heartbeats += 1
        try flushIfFull()
    }

    /// Writes what waits, the malformed rows first.
    mutating func flush() throws(LogError) {
        guard batch.count > 0 else { return }
        try malformed.flush()
        let count = Int64(batch.count)
        let sequence = Int32(truncatingIfNeeded: recorded & 0x7FFF_FFFF)
        try target.writer.append(&batch, producer: ProducerPosition(id: source.value, epoch: 0, sequence: sequence))
        recorded += count
    }

    @inline(__always) private mutating func flushIfFull() throws(LogError) {
        if batch.byteCount >= target.batchBytes { try flush() }
    }
}

/// Reads a row's key out of a change.
struct TableKeyReader {
    /// Of the fields behind the arrival time.
    private let types: [ColumnType]
    private let keyIndices: [Int]

    /// - Returns: nil where the stream is none of changes.
    init?(_ stream: ImportStream) {
        guard !stream.keyIndices.isEmpty else { return nil }
        types = stream.schema.columns.dropFirst().map(\.type)
        keyIndices = stream.keyIndices.map { $0 - 1 }
    }

    /// - Parameter body: the Avro bytes behind the arrival time.
    func key(of body: UnsafeRawBufferPointer) -> String {
        var reader = ByteReader(body)
        var values: [(index: Int, value: ColumnValue)] = []
        for (index, type) in types.enumerated() {
            if keyIndices.contains(index) {
                values.append((index, reader.readAvro(type)))
            } else {
                reader.skipAvro(type)
            }
        }
        return tableKey(keyIndices.compactMap { index in values.first { $0.index == index }?.value })
    }
}
