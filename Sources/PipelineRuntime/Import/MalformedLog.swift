import EventModel
import LogStorage
import Platform

/// The topic `malformed-0`, made when the first row comes that has to stand there.
final class MalformedTopic {
    let directory: String
    let fileSystem: any FileSystem
    private var writer: TopicWriter?

    init(_ log: LogDirectory, fileSystem: any FileSystem) {
        directory = log.malformed
        self.fileSystem = fileSystem
    }

    /// Appends and makes durable.
    func append(_ batch: inout RecordBatchBuilder) throws(LogError) {
        if writer == nil { writer = try TopicWriter(directory: directory, fileSystem: fileSystem) }
        guard let writer else { return }
        try writer.append(&batch)
        try writer.sync()
    }

    func close() throws(LogError) { try writer?.close() }
}

/// The rows of a source that could not become records: in `malformed-0`, a record each with the line as key (`SOURCE LINE`) and a text
/// that says what is wrong as value.
final class MalformedLog {
    /// Which source the rows come from; rows found before it is known wait.
    private var source: String?
    private let topic: MalformedTopic
    private let name: String
    private var waiting: [MalformedRow] = []
    /// Up to this line, malformed rows of the source stand in the log already.
    private var knownLines = 0

    init(_ topic: MalformedTopic, source name: String) {
        self.topic = topic
        self.name = name
    }

    /// Says which source the rows come from. Of one that is read again, rows that the log has already are not added.
    func begin(_ source: String, isReadAgain: Bool = true) throws(RuntimeError) {
        knownLines = isReadAgain ? try storage { () throws(LogError) in try lines(of: source) } : 0
        self.source = source
    }

    func append(_ row: MalformedRow, _ report: inout Importer.Report) throws(RuntimeError) {
        report.malformed += 1
        if report.examples.count < 5 { report.examples.append("\(name), \(row)") }
        try append(row)
    }

    func append(_ row: MalformedRow) throws(RuntimeError) {
        waiting.append(row)
        if waiting.count >= 1000, source != nil { try storage { () throws(LogError) in try flush() } }
    }

    /// Writes what waits and makes it durable.
    func flush() throws(LogError) {
        guard let source, !waiting.isEmpty else { return }
        let new = waiting.filter { $0.line > knownLines }
        waiting.removeAll()
        guard !new.isEmpty else { return }
        var batch = RecordBatchBuilder()
        for row in new {
            let key = Array("\(source) \(row.line)".utf8)
            let value = Array("\(name), \(row)".utf8)
            key.withUnsafeBytes { key in
                value.withUnsafeBytes { value in
                    batch.append(timestamp: EventTime(milliseconds: 0), key: key, value: value)
                }
            }
        }
        try topic.append(&batch)
    }

    func close() throws(LogError) {
        try flush()
        try topic.close()
    }

    private func lines(of source: String) throws(LogError) -> Int {
        let reader: TopicReader
        do throws(LogError) { reader = try TopicReader(directory: topic.directory, fileSystem: topic.fileSystem) } catch
        {
            if case .noTopic = error { return 0 }
            throw error
        }
        let cursor = try reader.cursor(from: reader.startOffset)
        var last = 0
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() {
                guard let key = record.key else { continue }
                let parts = String(decoding: key, as: UTF8.self).split(separator: " ")
                if parts.count == 2, parts[0] == source, let line = Int(parts[1]) { last = max(last, line) }
            }
        }
        return last
    }
}
