import EventModel
import LogStorage
import Platform

/// What a log already has from a source, record by record.
final class SourceHistory {
    /// Records of the source that were ever written.
    let recordCount: Int64
    /// Those of them that are no longer there.
    let goneCount: Int64
    private let source: SourceIdentity
    /// The record names of its rows, by stream.
    private let rowNames: [String]
    private let schemas: SchemaRegistry
    private let cursor: TopicCursor?
    private var batch: RecordBatchView?
    private var records: RecordIterator?
    private var labels = 0

    init(
        _ log: LogDirectory, source: SourceIdentity, rowNames: [String], schemas: SchemaRegistry,
        fileSystem: any FileSystem
    ) throws(RuntimeError) {
        self.source = source
        self.rowNames = rowNames
        self.schemas = schemas
        var count: Int64 = 0
        var found: Int64 = 0
        do throws(LogError) {
            let reader = try TopicReader(directory: log.input, fileSystem: fileSystem)
            let counting = try reader.cursor(from: reader.startOffset)
            while let batch = try counting.nextBatch() {
                guard batch.producer.id == source.value else { continue }
                // Batches are numbered on by their first record, modulo 2³¹.
                count += (Int64(batch.producer.sequence) - count) & 0x7FFF_FFFF
                count += batch.endOffset.value - batch.baseOffset.value
                found += Int64(batch.count)
            }
            cursor = try reader.cursor(from: reader.startOffset)
        } catch {
            guard case .noTopic = error else { throw .log(error) }
            cursor = nil
        }
        recordCount = count
        goneCount = count - found
    }

    /// Labels behind the last row, once `next` has given nil.
    var trailingLabels: Int { labels }

    /// A row as the log has it.
    struct Row {
        var stream: Int
        var recorded: RecordedRow
        var offset: Offset
        var eventTime: EventTime
        /// The Avro bytes behind the arrival time; they live as long as the history.
        var body: UnsafeRawBufferPointer
    }

    enum Item {
        case row(Row)
        case heartbeat(EventTime, labelsBefore: Int, Offset)
    }

    /// What the log has of the source's next row or heartbeat, nil when there is no more.
    func next() throws(RuntimeError) -> Item? {
        while let record = try nextRecord() {
            var reader = ByteReader(record.value)
            guard let id = reader.readEnvelope(), let name = schemas.schema(id)?.name else { continue }
            if let stream = rowNames.firstIndex(of: name) {
                defer { labels = 0 }
                let arrivalTime = EventTime(milliseconds: reader.readVarint())
                return .row(
                    Row(
                        stream: stream, recorded: RecordedRow(arrivalTime: arrivalTime, labelsBefore: labels),
                        offset: record.offset, eventTime: record.timestamp, body: reader.readBytes(reader.remaining)))
            }
            if name == RecordSchema.command.name {
                defer { labels = 0 }
                return .heartbeat(record.timestamp, labelsBefore: labels, record.offset)
            }
            labels += 1
        }
        return nil
    }

    private func nextRecord() throws(RuntimeError) -> RecordView? {
        while true {
            if let record = records?.next() { return record }
            guard let cursor, let next = try storage({ () throws(LogError) in try cursor.nextBatch() }) else {
                return nil
            }
            guard next.producer.id == source.value else { continue }
            batch = next
            records = next.records
        }
    }
}
