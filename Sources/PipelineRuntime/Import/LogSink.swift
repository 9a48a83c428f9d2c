import EventModel
import LogStorage
import Platform

/// Writes an import's records to the input log, in batches that carry the source's identity and the number of their
/// first record.
struct LogSink: ~Copyable, ImportSink {
    private static let largestBatchBytes = 1 << 18

    private let batchBytes: Int
    private let writer: TopicWriter
    private let malformed: MalformedLog
    private let source: SourceIdentity
    private let schema: SchemaID
    private let labelSchema: SchemaID
    private let commandSchema: SchemaID
    /// Whose a label is that names no source.
    private let labelSource: String
    private var batch = RecordBatchBuilder()
    private var value = ByteWriter()
    /// Records of the source in the log and on their way.
    private var recorded: Int64
    private(set) var transactions: Int64 = 0
    private(set) var labels: Int64 = 0

    init(
        _ log: LogDirectory, source: SourceIdentity, recorded: Int64, schema: RecordSchema, input: InputSpecification,
        schemas: SchemaRegistry, malformed: MalformedLog, fileSystem: any FileSystem, segmentBytes: Int
    ) throws(RuntimeError) {
        self.source = source
        labelSource = input.label?.source ?? "table"
        batchBytes = min(Self.largestBatchBytes, segmentBytes)
        self.recorded = recorded
        self.malformed = malformed
        (writer, self.schema, labelSchema, commandSchema) = try storage { () throws(LogError) in
            (
                try TopicWriter(
                    directory: log.input, fileSystem: fileSystem,
                    options: TopicOptions(segmentBytes: segmentBytes, sync: .interval)),
                try schemas.register(schema), try schemas.register(.label(idType: input.idType)),
                try schemas.register(.command)
            )
        }
    }

    /// Records that the source has written beyond those that the log still has.
    var unknownCount: Int64 {
        guard let next = writer.nextPosition(ofProducer: source.value) else { return 0 }
        return (Int64(next.sequence) - recorded) & 0x7FFF_FFFF
    }

    mutating func append(_ row: ParsedRow, arrivalTime: EventTime) throws(LogError) {
        value.removeAll()
        value.append(row, schema: schema, arrivalTime: arrivalTime)
        batch.append(timestamp: row.eventTime, value: value.bytes)
        transactions += 1
        try flushIfFull()
    }

    mutating func append(_ label: ParsedLabel, time: EventTime) throws(LogError) {
        value.removeAll()
        value.appendEnvelope(labelSchema)
        value.appendAvro(
            Label(transactionID: label.id, isPositive: label.isPositive, source: label.source ?? labelSource))
        batch.append(timestamp: time, value: value.bytes)
        labels += 1
        try flushIfFull()
    }

    mutating func append(heartbeat time: EventTime) throws(LogError) {
        value.removeAll()
        value.appendEnvelope(commandSchema)
        value.appendAvro("heartbeat")
        batch.append(timestamp: time, value: value.bytes)
        try flushIfFull()
    }

    /// Makes all of it durable, the malformed rows first.
    mutating func finish() throws(LogError) {
        try flush()
        try malformed.close()
        try writer.close()
    }

    @inline(__always) private mutating func flushIfFull() throws(LogError) {
        if batch.byteCount >= batchBytes { try flush() }
    }

    private mutating func flush() throws(LogError) {
        guard batch.count > 0 else { return }
        try malformed.flush()
        let count = Int64(batch.count)
        let sequence = Int32(truncatingIfNeeded: recorded & 0x7FFF_FFFF)
        try writer.append(&batch, producer: ProducerPosition(id: source.value, epoch: 0, sequence: sequence))
        recorded += count
    }
}
