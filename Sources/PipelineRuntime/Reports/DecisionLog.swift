import EventModel
import LogStorage
import PipelineCore
import Platform

/// A decision as the log holds it.
public struct RecordedDecision: Hashable, Sendable {
    public var offset: Offset
    public var transactionID: TransactionID
    public var eventTime: EventTime
    public var inputOffset: Offset
    public var probability: Double
    public var anomaly: Double
    public var status: DecisionStatus
    /// Of each classifier, where there are several.
    public var classifierScores: [Double] = []
}

/// Reads a pipeline's decisions in order.
public final class DecisionLog {
    private let cursor: TopicCursor
    private let schemas: SchemaRegistry
    private var records: RecordIterator?
    private var batch: RecordBatchView?
    /// The classifiers that the decision before had scores of.
    public private(set) var classifierNames: [String] = []
    private var schemaID: SchemaID?

    /// - Parameter offset: the first decision's; nil: the oldest that retention has left.
    public init(
        _ log: LogDirectory, pipeline: String, from offset: Offset? = nil, fileSystem: any FileSystem
    ) throws(RuntimeError) {
        do throws(LogError) {
            schemas = try SchemaRegistry(log, fileSystem: fileSystem)
            let reader = try TopicReader(directory: log.topic("decisions-0", of: pipeline), fileSystem: fileSystem)
            cursor = try reader.cursor(from: offset ?? reader.startOffset)
        } catch { throw .log(error) }
    }

    /// The next decision, nil at the end.
    public func next() throws(RuntimeError) -> RecordedDecision? {
        while true {
            if let record = records?.next() { return try decode(record) }
            guard let batch = try storage({ () throws(LogError) in try cursor.nextBatch() }) else { return nil }
            self.batch = batch
            records = batch.records
        }
    }

    private func decode(_ record: RecordView) throws(RuntimeError) -> RecordedDecision {
        var reader = ByteReader(record.value)
        let id = reader.readEnvelope()
        let schema = id.flatMap { schemas.schema($0) }
        if id != schemaID {
            schemaID = id
            let scores = schema?.columns.filter { $0.name.hasPrefix(OutputSchema.classifierPrefix) } ?? []
            classifierNames = scores.map { String($0.name.dropFirst(OutputSchema.classifierPrefix.utf8.count)) }
        }
        let transactionID: TransactionID =
            schema?.columns.first?.type == .string ? .text(reader.readAvroString()) : .number(reader.readVarint())
        var decision = RecordedDecision(
            offset: record.offset, transactionID: transactionID, eventTime: record.timestamp,
            inputOffset: Offset(reader.readVarint()), probability: reader.readAvroDouble(),
            anomaly: reader.readAvroDouble(),
            status: DecisionStatus(rawValue: UInt8(truncatingIfNeeded: reader.readVarint())) ?? .onTime)
        for _ in classifierNames { decision.classifierScores.append(reader.readAvroDouble()) }
        guard reader.isValid, schema?.name == "Decision" else {
            throw .usage("decisions-0: the record at offset \(record.offset) is no decision")
        }
        return decision
    }
}

/// Writes text to a file in large pieces.
struct TextFile: ~Copyable {
    private let file: any OpenFile
    private var position = 0
    private var buffer = ByteWriter(capacity: 1 << 17)

    init(path: String, fileSystem: any FileSystem) throws(RuntimeError) {
        do throws(FileError) { file = try fileSystem.open(path, .replacing) } catch { throw .file(error) }
    }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { buffer.append(contentsOf: UnsafeRawBufferPointer($0)) }
    }

    mutating func append(_ character: UInt8) { buffer.append(character) }

    /// Writes what has come together, once it is worth it.
    mutating func flush(atLeast bytes: Int) throws(RuntimeError) {
        guard buffer.count >= bytes, buffer.count > 0 else { return }
        do throws(FileError) { try file.write(buffer.bytes, at: position) } catch { throw .file(error) }
        position += buffer.count
        buffer.removeAll()
    }

    mutating func finish() throws(RuntimeError) {
        try flush(atLeast: 0)
        file.close()
    }
}

extension DecisionLog {
    /// Writes the decisions as CSV: `transaction_id,event_time,score,anomaly,status,input_offset`, and where there are
    /// several classifiers `score_NAME` for each.
    /// - Returns: their number.
    public static func export(
        _ log: LogDirectory, pipeline: String, to path: String, fileSystem: any FileSystem
    ) throws(RuntimeError) -> Int64 {
        let decisions = try DecisionLog(log, pipeline: pipeline, fileSystem: fileSystem)
        var file = try TextFile(path: path, fileSystem: fileSystem)
        var next = try decisions.next()
        let scores = decisions.classifierNames.map { ",\(OutputSchema.classifierPrefix)\($0)" }.joined()
        file.append("transaction_id,event_time,score,anomaly,status,input_offset\(scores)\n")
        var count: Int64 = 0
        while let decision = next {
            file.append(csvField(decision.transactionID.description))
            file.append(
                ",\(decision.eventTime),\(decision.probability),\(decision.anomaly),\(decision.status.name),")
            file.append("\(decision.inputOffset)")
            for score in decision.classifierScores { file.append(",\(score)") }
            file.append("\n")
            try file.flush(atLeast: 1 << 16)
            count += 1
            next = try decisions.next()
        }
        try file.finish()
        return count
    }
}

/// A field of CSV, in quotes where it has to be.
func csvField(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == 44 || $0 == 34 || $0 == 10 || $0 == 13 }) else { return text }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
}
