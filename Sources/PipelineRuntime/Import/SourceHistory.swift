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
    /// The record name of its rows.
    private let rowName: String
    private let schemas: SchemaRegistry
    private let cursor: TopicCursor?
    private var batch: RecordBatchView?
    private var records: RecordIterator?
    private var labels = 0

    init(
        _ log: LogDirectory, source: SourceIdentity, rowName: String, schemas: SchemaRegistry,
        fileSystem: any FileSystem
    ) throws(RuntimeError) {
        self.source = source
        self.rowName = rowName
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
        var recorded: RecordedRow
        var offset: Offset
        var eventTime: EventTime
        /// The Avro bytes behind the arrival time; they live as long as the history.
        var body: UnsafeRawBufferPointer
    }

    /// What the log has of the source's next row, nil when there is no more.
    func next() throws(RuntimeError) -> Row? {
        while let record = try nextRecord() {
            var reader = ByteReader(record.value)
            guard let id = reader.readEnvelope() else { continue }
            if schemas.schema(id)?.name == rowName {
                defer { labels = 0 }
                let arrivalTime = EventTime(milliseconds: reader.readVarint())
                return Row(
                    recorded: RecordedRow(arrivalTime: arrivalTime, labelsBefore: labels), offset: record.offset,
                    eventTime: record.timestamp, body: reader.readBytes(reader.remaining))
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
