import EventModel
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform
import Simulation
import TestSupport

struct ClockOf: Clock {
    var time: EventTime
    var processingTimeMilliseconds: Int64 { time.milliseconds }
    var monotonicNanoseconds: Int64 { 0 }
}

/// A small pipeline over a log in memory, whose topics can be laid out anew in many segments.
struct RetainedLog {
    static let text = """
        pipeline: small
        input:
          id: ID
          event_time: { column: TIME, format: seconds }
          columns: { ID: long, CARD: long, AMOUNT: decimal(2) }
          label: { column: FRAUD, delay: 2d }
        time: { allowed_lateness: 1h, duplicate_horizon: 3d, label_horizon: 6d }
        entities: { card: CARD }
        features:
          - { name: AMOUNT, column: AMOUNT }
          - { name: COUNT, entity: card, window: 7d, aggregate: count }
        models: { clusters: { count: 2, start_rows: 50 }, classifier: { mini_batch: 8 } }
        """
    /// 2018-04-01, and a row every two hours.
    static let start: Int64 = 1_522_540_800
    static let step: Int64 = 7_200

    let fileSystem = InMemoryFileSystem(keepsTrace: false)
    let log = LogDirectory("log")
    let specification: PipelineSpecification
    let text: String
    let rows: Int

    /// - Parameter before: further files to import before the transactions.
    init(rows: Int = 600, text: String = Self.text, before: [(text: String, rows: Importer.Rows)] = []) throws {
        specification = try PipelineSpecification(yaml: text, file: "small.yaml")
        self.text = text
        self.rows = rows
        for file in before { try importTable(file.text, rows: file.rows) }
        try importTable(Self.table(0..<rows))
    }

    static func time(_ row: Int) -> EventTime { EventTime(milliseconds: (start + Int64(row) * step) * 1_000) }

    static func table(_ rows: Range<Int>) -> String {
        var random = SeededRandom(seed: 11)
        var text = "ID,TIME,CARD,AMOUNT,FRAUD\n"
        for row in 0..<rows.upperBound {
            let (card, amount, fraud) = (random.int(0..<20), random.int(100..<9999), random.int(0..<10) == 0)
            guard rows.contains(row) else { continue }
            text += "\(row),\(start + Int64(row) * step),\(card),\(decimalDescription(Int64(amount), scale: 2)),"
            text += fraud ? "1\n" : "0\n"
        }
        return text
    }

    @discardableResult func importTable(
        _ text: String, rows: Importer.Rows = .transactions
    ) throws -> Importer.Report {
        try fileSystem.createDirectory("tables")
        try Array(text.utf8).withUnsafeBytes { try fileSystem.replace("tables/table.csv", with: $0) }
        return try Importer(log: log, input: specification.input, fileSystem: fileSystem).importTable(
            from: InputStream(path: "tables/table.csv", fileSystem: fileSystem), name: "table.csv", rows: rows,
            flushLabels: false)
    }

    func open(
        checkpointEvery: Int = 4_000_000, fresh: Bool = false, forgetsRemoved: Bool = true
    ) throws -> PipelineRun {
        var options = PipelineRun.Options()
        options.blockRecords = 50
        options.recordsPerCheckpoint = checkpointEvery
        options.fresh = fresh
        options.forgetsRemoved = forgetsRemoved
        return try PipelineRun(
            log: log, specification: specification, text: text, options: options, fileSystem: fileSystem,
            document: { _, _, _ in .object([]) })
    }

    func topic(_ name: String) throws -> LogTopic { try LogTopics(of: log, fileSystem: fileSystem).topic(name) }

    /// All records of a topic.
    func records(_ name: String) throws -> [(offset: Offset, time: EventTime)] {
        let reader = try TopicReader(directory: try topic(name).directory, fileSystem: fileSystem)
        let cursor = try reader.cursor(from: reader.startOffset)
        var found: [(offset: Offset, time: EventTime)] = []
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() { found.append((record.offset, record.timestamp)) }
        }
        return found
    }

    func segments(_ name: String) throws -> [SegmentInfo] {
        try TopicInfo(of: try topic(name), fileSystem: fileSystem).segments
    }

    /// Writes a topic anew, the same records at the same offsets, in batches of 10 and many segments.
    /// - Parameter time: changes a record's event time.
    func split(_ name: String, segmentBytes: Int = 2_000, time: (Offset, EventTime) -> EventTime = { $1 }) throws {
        let directory = try topic(name).directory
        let new = directory + "-new"
        let writer = try TopicWriter(
            directory: new, fileSystem: fileSystem,
            options: TopicOptions(segmentBytes: segmentBytes, indexIntervalBytes: 256))
        let reader = try TopicReader(directory: directory, fileSystem: fileSystem)
        let cursor = try reader.cursor(from: reader.startOffset)
        while let batch = try cursor.nextBatch() {
            var producer = batch.producer
            var records = batch.records
            var builder = RecordBatchBuilder()
            while let record = records.next() {
                builder.append(
                    timestamp: time(record.offset, record.timestamp), key: record.key,
                    value: record.isTombstone ? nil : record.value, headers: record.headers)
                guard builder.count == 10 else { continue }
                try writer.append(&builder, producer: producer)
                if producer != .none { producer = producer.advanced(by: 10) }
            }
            try writer.append(&builder, producer: producer)
        }
        try writer.close()
        for file in try fileSystem.list(directory) where SegmentFile.isOne(file) {
            try fileSystem.remove("\(directory)/\(file)")
        }
        for file in try fileSystem.list(new) {
            let bytes = try fileSystem.map("\(new)/\(file)")
            try fileSystem.replace("\(directory)/\(file)", with: bytes)
            try fileSystem.remove("\(new)/\(file)")
        }
        try fileSystem.remove(new)
    }

    private enum SegmentFile {
        static func isOne(_ file: String) -> Bool {
            file == "durable-end"
                || [".log", ".index", ".timeindex", ".seal", ".producers"].contains {
                    file.hasSuffix($0)
                }
        }
    }

    func retention(
        of name: String, age: EventDuration? = nil, bytes: Int? = 0, ignoringReaders: Bool = false,
        now: EventTime = EventTime(milliseconds: 1_790_000_000_000)
    ) throws -> TopicRetention {
        var limits = TopicRetention.Limits()
        limits.age = age
        limits.bytes = age == nil ? bytes : nil
        limits.ignoresReaders = ignoringReaders
        return try TopicRetention(
            of: try topic(name), in: log, limits: limits, fileSystem: fileSystem, clock: ClockOf(time: now))
    }

    @discardableResult func retain(
        _ name: String, age: EventDuration? = nil, ignoringReaders: Bool = false
    ) throws -> TopicRetention {
        let retention = try retention(of: name, age: age, ignoringReaders: ignoringReaders)
        try retention.apply()
        retention.end()
        return retention
    }
}
