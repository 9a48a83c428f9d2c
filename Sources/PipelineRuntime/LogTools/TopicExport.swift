import EventModel
import LogStorage
import Platform

/// Gives a topic's records as text for other tools, up to the durable end, or on and on as they come.
public struct TopicExport {
    public enum Format: String, Sendable, CaseIterable {
        case ndjson, csv
    }

    public struct Options: Sendable {
        /// The first offset; nil: the oldest.
        public var from: Offset?
        /// The offset to end before; nil: the durable end.
        public var to: Offset?
        /// Records earlier than that are left out.
        public var fromTime: EventTime?
        /// Records at or after that are left out.
        public var toTime: EventTime?
        /// Ends after so many records.
        public var limit: Int64?
        public var format = Format.ndjson
        /// Only records of this kind (`Transaction`, `Label`, ...); CSV needs one.
        public var kind: String?
        /// Waits for more at the end.
        public var follows = false
        /// Goes on where the reader of that name stopped, and stores how far it comes.
        public var reader: String?

        public init() {}
    }

    /// What was done.
    public struct Report: Sendable {
        public var records: Int64 = 0
        /// The first offset that was not looked at.
        public var end = Offset.zero
        /// Whether whoever read the text went away.
        public var isCut = false
    }

    private static let flushBytes = 1 << 16
    private static let flushOffsets: Int64 = 1 << 16
    private static let storeNanoseconds: Int64 = 1_000_000_000

    private let options: Options
    private let reader: TopicReader
    private let stored: StoredOffset?
    private let schemas: SchemaRegistry
    private let format: RecordText.Format
    private let clock: any Clock

    /// - Throws: `.usage` for a kind that the log does not have, CSV without a kind, or a reader whose records
    ///   retention has removed, or that another process is now.
    public init(
        _ topic: LogTopic, of log: LogDirectory, options: Options, fileSystem: any FileSystem, clock: any Clock
    ) throws(RuntimeError) {
        var options = options
        let name = options.reader
        // The schemas last, so that they are those of all records that the reader sees.
        (reader, schemas) = try storage { () throws(LogError) in
            (
                try TopicReader(directory: topic.directory, fileSystem: fileSystem),
                try SchemaRegistry(log, fileSystem: fileSystem)
            )
        }
        reader.stopsAtDurableEnd = true
        format = try Self.format(&options, topic, schemas)
        stored = try name.map { (name) throws(RuntimeError) in
            try topic.storedOffset(of: name, fileSystem: fileSystem)
        }
        if let name, let offset = stored?.offset {
            guard offset >= reader.startOffset else {
                throw .usage(
                    """
                    \(topic.name): reader \(name) stopped at offset \(offset), but retention has removed the records \
                    before offset \(reader.startOffset); 'tidemark log readers --forget \(name)' lets it begin anew
                    """)
            }
            options.from = offset
        }
        self.options = options
        self.clock = clock
    }

    private static func format(
        _ options: inout Options, _ topic: LogTopic, _ schemas: SchemaRegistry
    ) throws(RuntimeError) -> RecordText.Format {
        let known = schemas.all.map(\.schema.name).reduce(into: [String]()) { names, name in
            if !names.contains(name) { names.append(name) }
        }
        if options.kind == nil, options.format == .csv { options.kind = topic.kind }
        if let kind = options.kind, !known.contains(kind) {
            throw .usage("the log has no records of kind '\(kind)'; it has \(known.joined(separator: ", "))")
        }
        guard options.format == .csv else { return .json }
        guard let kind = options.kind else {
            throw .usage("CSV has one kind of record; name it with --kind, one of \(known.joined(separator: ", "))")
        }
        var columns: [String] = []
        for (_, schema) in schemas.all where schema.name == kind {
            for column in schema.columns where !columns.contains(column.name) { columns.append(column.name) }
        }
        return .csv(columns: columns)
    }

    /// Writes the records.
    /// - Parameters:
    ///   - shouldStop: asked between batches and while waiting.
    ///   - progress: told the offset reached, the end and the time there, now and then.
    ///   - write: takes text, whole lines; a broken pipe ends all quietly. Once it has returned, the records in it are
    ///     done with, and a named reader will not see them again.
    public func run(
        shouldStop: () -> Bool = { false }, progress: (Offset, Offset, EventTime) -> Void = { _, _, _ in },
        write: (UnsafeRawBufferPointer) throws(FileError) -> Void
    ) throws(RuntimeError) -> Report {
        defer { stored?.close() }
        var work = Work(
            text: RecordText(format, kind: options.kind, schemas: schemas), options: options,
            offset: try firstOffset(), lastStore: clock.monotonicNanoseconds)
        work.text.appendHeader()
        while true {
            do throws(RuntimeError) {
                try work.flush(write)
                try go(&work, shouldStop, progress, write)
                try work.flush(write)
            } catch {
                guard case .file(let failure) = error, failure.code == .brokenPipe else { throw error }
                try store(work.done)
                return work.report(isCut: true)
            }
            try store(work.done)
            if !options.follows || work.isFinished || shouldStop() { return work.report() }
            while try !storage({ () throws(LogError) in try reader.waitForMore(milliseconds: 60_000) }) {
                if shouldStop() { return work.report() }
            }
        }
    }

    private func store(_ offset: Offset) throws(RuntimeError) {
        try storage { () throws(LogError) in try stored?.store(offset) }
    }

    private func firstOffset() throws(RuntimeError) -> Offset {
        try storage { () throws(LogError) in
            var offset = options.from ?? reader.startOffset
            if let time = options.fromTime { offset = max(offset, try reader.offset(atOrAfter: time)) }
            return offset
        }
    }

    /// What is on its way.
    private struct Work: ~Copyable {
        var text: RecordText
        let options: Options
        /// The next record to be looked at.
        var offset: Offset
        /// All records below have been written, where they are wanted.
        var done: Offset
        var lastStore: Int64
        var isFinished = false
        private var records: Int64 = 0
        private var written: Int64 = 0

        init(text: consuming RecordText, options: Options, offset: Offset, lastStore: Int64) {
            self.text = text
            self.options = options
            self.offset = offset
            done = offset
            self.lastStore = lastStore
            isFinished = options.limit == 0
        }

        func report(isCut: Bool = false) -> Report { Report(records: written, end: done, isCut: isCut) }

        mutating func take(_ batch: RecordBatchView) throws(RuntimeError) {
            var records = batch.records
            while let record = records.next() {
                if let end = options.to, record.offset >= end {
                    isFinished = true
                    return
                }
                offset = record.offset.advanced(by: 1)
                if let first = options.fromTime, record.timestamp < first { continue }
                if let end = options.toTime, record.timestamp >= end { continue }
                let isWanted = text.append(record)
                if let column = text.lateColumn {
                    throw .usage(
                        """
                        from offset \(record.offset) on there is a column '\(column)', which the header lacks; read it anew
                        """
                    )
                }
                if isWanted {
                    self.records += 1
                    if self.records == options.limit {
                        isFinished = true
                        return
                    }
                }
            }
            if records.isMalformed { throw .log(batch.malformedRecord(at: offset)) }
            offset = batch.endOffset
            if let end = options.to, offset >= end { isFinished = true }
        }

        mutating func flush(
            _ write: (UnsafeRawBufferPointer) throws(FileError) -> Void
        ) throws(RuntimeError) {
            do throws(FileError) {
                if text.buffer.count > 0 { try write(text.buffer.bytes) }
            } catch { throw .file(error) }
            text.removeAll()
            done = offset
            written = records
        }
    }

    /// Goes to the end of what the reader knows of.
    private func go(
        _ work: inout Work, _ shouldStop: () -> Bool, _ progress: (Offset, Offset, EventTime) -> Void,
        _ write: (UnsafeRawBufferPointer) throws(FileError) -> Void
    ) throws(RuntimeError) {
        if work.isFinished { return }
        // A new one each time: what was written may have been taken back and written anew.
        let offset = work.offset
        let cursor = try storage { () throws(LogError) in try reader.cursor(from: offset) }
        while !work.isFinished, !shouldStop(),
            let batch = try storage({ () throws(LogError) in try cursor.nextBatch() })
        {
            try work.take(batch)
            guard work.text.buffer.count >= Self.flushBytes || work.offset.value - work.done.value >= Self.flushOffsets
            else { continue }
            try work.flush(write)
            progress(work.done, min(options.to ?? reader.durableEnd, reader.durableEnd), batch.maxTimestamp)
            let now = clock.monotonicNanoseconds
            if stored != nil, now - work.lastStore >= Self.storeNanoseconds {
                work.lastStore = now
                try store(work.done)
            }
        }
    }
}

extension LogTopic {
    /// The kind of record that the topic has, where it has only one.
    fileprivate var kind: String? {
        switch output?.topic {
        case "decisions-0": "Decision"
        case "alerts-0": "Alert"
        case "checkpoints-0": "Checkpoint"
        case "models-0": "ModelSnapshot"
        default: nil
        }
    }
}
