import EventModel
import LogStorage
import Platform

/// The topics of the reference tables: `tables/NAME-0`, which follow the changes in the input.
///
///     key      ROW'S KEY@EFFECTIVE TIME           what compaction keeps the newest of
///     value    the change as the input has it     a deletion too: it has to stay as long as what it deletes
///     time     since when the change holds
///     header   input_offset: where it stands in the input
///
/// A table's topic outlives the input that its changes came by: a replay of a log whose beginning retention has removed
/// takes up the rows from there. Retention keeps what the topics have not taken yet.
public final class TableTopics {
    /// The reader of the input that the topics are.
    public static let reader = "tables"
    static let offsetHeader = "input_offset"
    private static let batchBytes = 1 << 18

    private let log: LogDirectory
    private let fileSystem: any FileSystem
    private var position: StoredOffset?
    private var next: Offset?
    private var topics: [String: Topic] = [:]

    private final class Topic {
        let writer: TopicWriter
        /// Of the newest change that it has.
        let last: Offset?
        var batch = RecordBatchBuilder()

        init(_ writer: TopicWriter, last: Offset?) {
            self.writer = writer
            self.last = last
        }
    }

    public init(_ log: LogDirectory, fileSystem: any FileSystem) {
        self.log = log
        self.fileSystem = fileSystem
    }

    /// Takes the changes up to the input's durable end, and makes them durable.
    public func follow() throws(RuntimeError) {
        try storage { () throws(LogError) in try takeNew() }
        try settle()
    }

    /// Makes durable what was taken.
    private func settle() throws(RuntimeError) {
        try storage { () throws(LogError) in
            for topic in topics.values { try topic.writer.sync() }
            if let next { try position?.store(next) }
        }
    }

    public func close() throws(RuntimeError) {
        try storage { () throws(LogError) in
            for topic in topics.values { try topic.writer.close() }
        }
        position?.close()
        topics = [:]
        position = nil
    }

    private func takeNew() throws(LogError) {
        let schemas = try SchemaRegistry(log, fileSystem: fileSystem)
        var tables: [Int32: String] = [:]
        for (id, schema) in schemas.all where schema.name.hasPrefix(RecordSchema.tablePrefix) {
            tables[id.number] = String(schema.name.dropFirst(RecordSchema.tablePrefix.utf8.count))
        }
        guard !tables.isEmpty else { return }
        if position == nil { position = try StoredOffset(reader: Self.reader, of: log.input, fileSystem: fileSystem) }
        let reader = try TopicReader(directory: log.input, fileSystem: fileSystem)
        reader.stopsAtDurableEnd = true
        let start = max(next ?? position?.offset ?? reader.startOffset, reader.startOffset)
        guard start < reader.durableEnd else { return }
        let cursor = try reader.cursor(from: start)
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() {
                var value = ByteReader(record.value)
                guard let id = value.readEnvelope(), let name = tables[id.number] else { continue }
                try append(record, to: try topic(name))
            }
            if records.isMalformed { throw batch.malformedRecord(at: cursor.offset) }
        }
        next = cursor.offset
        for topic in topics.values { try topic.writer.append(&topic.batch) }
    }

    private func append(_ record: RecordView, to topic: Topic) throws(LogError) {
        // Taken before a crash, before the position was stored.
        if let last = topic.last, record.offset <= last { return }
        let row = record.key.map { String(decoding: $0, as: UTF8.self) } ?? ""
        let key = Array("\(row)@\(record.timestamp)".utf8)
        let header = RecordHeader(key: Self.offsetHeader, value: Array("\(record.offset)".utf8))
        key.withUnsafeBytes {
            topic.batch.append(timestamp: record.timestamp, key: $0, value: record.value, headers: [header])
        }
        if topic.batch.byteCount >= Self.batchBytes { try topic.writer.append(&topic.batch) }
    }

    private func topic(_ name: String) throws(LogError) -> Topic {
        if let known = topics[name] { return known }
        let directory = log.table(name)
        let writer = try TopicWriter(directory: directory, fileSystem: fileSystem)
        let topic = Topic(writer, last: try Self.lastInputOffset(directory, end: writer.endOffset, fileSystem))
        topics[name] = topic
        return topic
    }

    private static func lastInputOffset(
        _ directory: String, end: Offset, _ fileSystem: any FileSystem
    ) throws(LogError) -> Offset? {
        let reader = try TopicReader(directory: directory, fileSystem: fileSystem)
        guard reader.startOffset < end else { return nil }
        let cursor = try reader.cursor(from: Offset(end.value - 1))
        var last: Offset?
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() { last = record.inputOffset ?? last }
        }
        return last
    }

    // MARK: reading

    /// Goes through what a table's topic has of the input before `end`, in the order of the log.
    static func forEachChange(
        of table: String, in log: LogDirectory, before end: Offset, fileSystem: any FileSystem,
        _ body: (RecordView, _ inputOffset: Offset, _ owner: AnyObject) throws(LogError) -> Void
    ) throws(LogError) {
        let reader: TopicReader
        do throws(LogError) { reader = try TopicReader(directory: log.table(table), fileSystem: fileSystem) } catch {
            if case .noTopic = error { return }
            throw error
        }
        reader.stopsAtDurableEnd = true
        let cursor = try reader.cursor(from: reader.startOffset)
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() {
                guard let offset = record.inputOffset else { continue }
                if offset >= end { return }
                try body(record, offset, batch.owner)
            }
            if records.isMalformed { throw batch.malformedRecord(at: cursor.offset) }
        }
    }
}

extension RecordView {
    /// Where the change of a table's topic stands in the input.
    var inputOffset: Offset? {
        guard let value = headers.first(where: { $0.key == TableTopics.offsetHeader })?.value else { return nil }
        return Int64(String(decoding: value, as: UTF8.self)).map { Offset($0) }
    }
}
