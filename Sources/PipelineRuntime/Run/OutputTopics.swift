import EventModel
import LogStorage
import PipelineCore
import Platform

/// The schemas of the values that a pipeline writes.
enum OutputSchema {
    /// `status`: 0 on time, 1 late, 2 too late, 3 quarantined. Behind it, where there are several classifiers, the
    /// score of each.
    static func decision(idType: ColumnType, classifiers: [String]) -> RecordSchema {
        let columns = [
            Column("transaction_id", idType), Column("input_offset", .long), Column("score", .double),
            Column("anomaly", .double), Column("status", .long),
        ]
        let scores = classifiers.map { Column(classifierPrefix + $0, .double, default: .double(0)) }
        return RecordSchema(name: "Decision", columns: columns + scores)
    }

    /// How the names of the columns with classifiers' scores begin.
    static let classifierPrefix = "score_"

    /// `reasons`: JSON, the heaviest first.
    static func alert(idType: ColumnType) -> RecordSchema {
        RecordSchema(
            name: "Alert",
            columns: [
                Column("transaction_id", idType), Column("input_offset", .long), Column("score", .double),
                Column("reasons", .string),
            ])
    }

    static let checkpoint = RecordSchema(
        name: "Checkpoint",
        columns: [
            Column("input_offset", .long), Column("watermark", .timestamp), Column("digest", .string),
            Column("fingerprint", .string), Column("program", .string), Column("blas_kernel", .string),
            Column("state_file", .string), Column("state_bytes", .long), Column("state_checksum", .long),
            Column("output_ends", .string),
        ])

    /// `document`: the model as JSON, as `export` gives it.
    static let snapshot = RecordSchema(
        name: "ModelSnapshot",
        columns: [
            Column("name", .string), Column("version", .long), Column("fingerprint", .string),
            Column("input_offset", .long), Column("document", .string),
        ])
}

/// The logs that a pipeline writes, and the batches on their way there.
///
/// A record of a side output is a copy of the input record, under a key `OFFSET REASON`.
struct OutputTopics: ~Copyable {
    static let names = ["decisions-0", "alerts-0", "late-0", "quarantine-0", "duplicates-0", "models-0"]
    private static let batchBytes = 1 << 18

    private let plan: [String]
    private let idIsText: Bool
    private let decisionSchema: SchemaID
    private let alertSchema: SchemaID
    private let snapshotSchema: SchemaID
    private let writers: [TopicWriter]
    private var decisions = RecordBatchBuilder()
    private var alerts = RecordBatchBuilder()
    private var value = ByteWriter()
    private var key = ByteWriter()
    private var text = ByteWriter()

    private init(
        plan: [String], idIsText: Bool, decisionSchema: SchemaID, alertSchema: SchemaID, snapshotSchema: SchemaID,
        writers: [TopicWriter]
    ) {
        self.plan = plan
        self.idIsText = idIsText
        self.decisionSchema = decisionSchema
        self.alertSchema = alertSchema
        self.snapshotSchema = snapshotSchema
        self.writers = writers
    }

    /// Opens the topics of a pipeline and registers the schemas of their values.
    static func open(
        _ log: LogDirectory, specification: PipelineSpecification, featureNames: [String], schemas: SchemaRegistry,
        segmentBytes: Int, fileSystem: any FileSystem
    ) throws(LogError) -> OutputTopics {
        let idType = specification.input.idType
        var writers: [TopicWriter] = []
        for name in names {
            writers.append(
                try TopicWriter(
                    directory: log.topic(name, of: specification.name), fileSystem: fileSystem,
                    options: TopicOptions(segmentBytes: segmentBytes)))
        }
        return OutputTopics(
            plan: featureNames, idIsText: idType == .string,
            decisionSchema: try schemas.register(
                OutputSchema.decision(idType: idType, classifiers: specification.model.namesWhereSeveral)),
            alertSchema: try schemas.register(OutputSchema.alert(idType: idType)),
            snapshotSchema: try schemas.register(OutputSchema.snapshot), writers: writers)
    }

    private enum Index {
        static let decisions = 0
        static let alerts = 1
        static let models = 5

        static func side(_ output: SideReason.Output) -> Int {
            switch output {
            case .late: 2
            case .quarantine: 3
            case .duplicates: 4
            }
        }
    }

    /// Ends by topic name. Flush before.
    var ends: [String: Offset] { Dictionary(uniqueKeysWithValues: zip(Self.names, writers.map(\.endOffset))) }

    /// Takes back what lies beyond `ends`; a topic that is not named there is emptied.
    func truncate(to ends: [String: Offset]) throws(LogError) {
        for (name, writer) in zip(Self.names, writers) { try writer.truncate(to: ends[name] ?? .zero) }
    }

    mutating func append(_ block: borrowing EventBlock) throws(LogError) {
        for index in 0..<block.decisionCount { append(block.decision(index), of: block) }
        for alert in block.alerts { append(alert, of: block) }
        for side in block.sideRecords { try append(side, of: block) }
        if decisions.byteCount >= Self.batchBytes { try writers[Index.decisions].append(&decisions) }
        if alerts.byteCount >= Self.batchBytes { try writers[Index.alerts].append(&alerts) }
    }

    @inline(__always) private mutating func append(_ decision: Decision, of block: borrowing EventBlock) {
        guard !idIsText, block.classifierCount == 0 else { return appendAtLength(decision, of: block) }
        let (schema, id) = (decisionSchema, decision.transactionID)
        assert(envelopeLength + 10 + 10 + Self.scoreBytes <= RecordBatchBuilder.shortValueBytes)
        decisions.append(timestamp: decision.eventTime) { place in
            place.appendEnvelope(schema)
            place.appendVarint(id)
            Self.append(decision, to: &place)
        }
    }

    /// Of what stands behind the id and the offset.
    private static let scoreBytes = 17

    @inline(__always) private static func append(_ decision: Decision, to place: inout BytePlace) {
        place.appendVarint(decision.inputOffset.value)
        place.appendAvro(decision.probability)
        place.appendAvro(decision.anomaly)
        place.append(decision.status.rawValue << 1)
    }

    /// A decision that may be long: of a text id, or with the scores of several classifiers.
    @inline(never) private mutating func appendAtLength(_ decision: Decision, of block: borrowing EventBlock) {
        value.removeAll()
        appendID(decision.transactionID, block.idText(row: decision.row))
        let id = value.bytes
        decisions.append(
            timestamp: decision.eventTime,
            valueLength: envelopeLength &+ id.count &+ varintLength(decision.inputOffset.value) &+ Self.scoreBytes
                &+ 8 &* block.classifierCount
        ) { place in
            place.appendEnvelope(decisionSchema)
            place.append(contentsOf: id)
            Self.append(decision, to: &place)
            for score in block.classifierScores(row: decision.row) { place.appendAvro(score) }
        }
    }

    private mutating func append(_ alert: Alert, of block: borrowing EventBlock) {
        let decision = block.decision(row: alert.row)
        value.removeAll()
        value.appendEnvelope(alertSchema)
        appendID(decision.transactionID, block.idText(row: alert.row))
        value.appendVarint(decision.inputOffset.value)
        value.appendAvro(decision.probability)
        text.removeAll()
        text.append(.array(alert.reasons.map { $0.json(plan) }))
        value.appendAvro(text.bytes)
        alerts.append(timestamp: decision.eventTime, value: value.bytes)
    }

    /// Side records are rare: a batch each keeps them in the order of the input without more builders.
    private mutating func append(_ side: SideRecord, of block: borrowing EventBlock) throws(LogError) {
        let input = block.input(side.record)
        key.removeAll()
        let text = Array("\(input.offset) \(side.reason.text)".utf8)
        text.withUnsafeBytes { key.append(contentsOf: $0) }
        var batch = RecordBatchBuilder()
        batch.append(timestamp: input.time, key: key.bytes, value: input.value)
        try writers[Index.side(side.reason.output)].append(&batch)
    }

    private mutating func appendID(_ number: Int64, _ text: String?) {
        if let text { value.appendAvro(text) } else { value.appendVarint(number) }
    }

    /// Writes a model snapshot.
    mutating func append(_ snapshot: ModelSnapshot) throws(LogError) {
        value.removeAll()
        value.appendEnvelope(snapshotSchema)
        value.appendAvro(snapshot.name)
        value.appendVarint(snapshot.version)
        value.appendAvro(snapshot.fingerprint)
        value.appendVarint(snapshot.inputOffset.value)
        value.appendAvro(snapshot.document)
        key.removeAll()
        let text = Array("\(snapshot.name)/\(snapshot.version)".utf8)
        text.withUnsafeBytes { key.append(contentsOf: $0) }
        var batch = RecordBatchBuilder()
        batch.append(timestamp: snapshot.eventTime, key: key.bytes, value: value.bytes)
        try writers[Index.models].append(&batch)
    }

    /// Writes what is on its way; with `sync` makes it durable.
    mutating func flush(sync: Bool) throws(LogError) {
        try writers[Index.decisions].append(&decisions)
        try writers[Index.alerts].append(&alerts)
        if sync {
            for writer in writers { try writer.sync() }
        }
    }
}

/// One version of the models. The version is the input offset up to which they have learned, so that it only grows and
/// a replay names its snapshots alike.
public struct ModelSnapshot: Hashable, Sendable {
    public var name: String
    public var version: Int64
    public var fingerprint: String
    public var inputOffset: Offset
    public var eventTime: EventTime
    public var document: String
}

extension Reason {
    /// The reason for programs: the feature's name, its value and what it adds to the logit.
    public func json(_ featureNames: [String]) -> JSONValue {
        .object([
            JSONMember("feature", .string(feature.map { featureNames[$0] } ?? "clusters")),
            JSONMember("value", .number(value)),
            JSONMember("contribution", .number(contribution)),
        ])
    }
}
