import EventModel
import LogStorage
import Platform

/// Brings a table into a log: transactions and labels in the order in which they would have arrived, malformed rows
/// into `malformed-0`.
///
/// It may be run again on the same table, whole or grown: what the log already has from it (told by the producer id of
/// the batches) is gone through and compared, not added.
public struct Importer {
    public struct Report: Hashable, Sendable {
        /// Rows of the table, the header left out.
        public var rows: Int64 = 0
        /// Records added now.
        public var transactions: Int64 = 0
        public var labels: Int64 = 0
        /// Rows that stand in `malformed-0`, those of earlier runs among them.
        public var malformed: Int64 = 0
        /// Decimals in which only a double's noise had to be rounded (85.64999999999999 is read as 85.65).
        public var roundedDecimals: Int64 = 0
        /// Rows that the log had already.
        public var alreadyThere: Int64 = 0
        /// Labels that wait for a later transaction, or for `flushLabels`.
        public var pendingLabels: Int64 = 0
        public var bytes: Int64 = 0
        /// The first few malformed rows.
        public var examples: [String] = []

        /// Whether each row is accounted for.
        public var isBalanced: Bool { rows == transactions + alreadyThere + malformed }
    }

    public struct Progress: Sendable {
        public var rows: Int64
        public var bytes: Int64
        /// Nil where the size is not known.
        public var totalBytes: Int64?
    }

    private let log: LogDirectory
    private let input: InputSpecification
    /// The kind of the table's events; nil: transactions.
    private let kind: String?
    private let fileSystem: any FileSystem
    private let segmentBytes: Int

    /// - Parameters:
    ///   - kind: of the table's events, as the input declares it; nil: transactions.
    ///   - segmentBytes: a segment of the log is sealed before it grows beyond this.
    public init(
        log: LogDirectory, input: InputSpecification, kind: String? = nil, fileSystem: any FileSystem,
        segmentBytes: Int = TopicOptions.defaultSegmentBytes
    ) {
        self.segmentBytes = segmentBytes
        self.log = log
        self.input = input
        self.kind = kind
        self.fileSystem = fileSystem
    }

    /// Imports a table from its header to its end.
    /// - Parameters:
    ///   - name: what error texts call the table.
    ///   - flushLabels: whether labels that are due after the last transaction are added too.
    public func importTable(
        from stream: InputStream, name: String, flushLabels: Bool, shouldStop: () -> Bool = { false },
        progress: (Progress) -> Void = { _ in }
    ) throws(RuntimeError) -> Report {
        let rows = try inputOfRows()
        var table = try TableReader(stream, name: name)
        guard let header = try table.header() else { throw .usage("\(name): there is no header line") }
        var parser: TransactionParser
        do throws(ImportError) { parser = try TransactionParser(rows, header: header) } catch {
            throw .importing(error, source: name)
        }
        var report = Report()
        let malformed = MalformedLog(log, source: name, fileSystem: fileSystem)
        var target: Target?
        reading: while true {
            let row: CSVRow
            switch try table.next() {
            case .end: break reading
            case .malformed(let error):
                report.rows += 1
                try malformed.append(error, &report)
                continue
            case .row(let next): row = next
            }
            report.rows += 1
            if target == nil {
                target = try makeTarget(
                    SourceIdentity(header: header, firstRow: row, kind: kind), parser.schema, malformed, name)
            }
            let parsed: ParsedRow
            do throws(MalformedRow) { parsed = try parser.parse(row) } catch {
                try malformed.append(error, &report)
                continue
            }
            try target?.append(parsed, &report)
            if report.rows & 4095 == 0 {
                progress(Progress(rows: report.rows, bytes: table.bytesRead, totalBytes: stream.size.map(Int64.init)))
                if shouldStop() { break }
            }
        }
        if target == nil && report.malformed > 0 {
            try malformed.begin("rows-of-no-known-table")
            try storage { () throws(LogError) in try malformed.close() }
        }
        if target == nil { try makeEmptyLog() }
        try target?.finish(flushLabels: flushLabels, stopped: shouldStop(), &report)
        report.bytes = table.bytesRead
        report.roundedDecimals = Int64(parser.roundedDecimals)
        return report
    }

    private func inputOfRows() throws(RuntimeError) -> InputSpecification {
        guard let kind else { return input }
        if let rows = input.input(ofKind: kind) { return rows }
        let known = input.events.map(\.name).joined(separator: ", ")
        throw .usage(
            "the pipeline declares no events of kind '\(kind)'; "
                + (known.isEmpty ? "declare them under input.events" : "there are \(known)"))
    }

    /// A table without rows still makes the log, so that live scoring can begin without any history.
    private func makeEmptyLog() throws(RuntimeError) {
        try storage { () throws(LogError) in
            try TopicWriter(directory: log.input, fileSystem: fileSystem).close()
        }
    }

    private func makeTarget(
        _ source: SourceIdentity, _ schema: RecordSchema, _ malformed: MalformedLog, _ name: String
    ) throws(RuntimeError) -> Target {
        try malformed.begin(source.description)
        let schemas = try storage { () throws(LogError) in try SchemaRegistry(log, fileSystem: fileSystem) }
        let history = try SourceHistory(
            log, source: source, rowName: schema.name, schemas: schemas, fileSystem: fileSystem)
        let sink = try LogSink(
            log, source: source, recorded: history.recordCount, schema: schema, input: input, schemas: schemas,
            malformed: malformed, fileSystem: fileSystem, segmentBytes: segmentBytes)
        let gone = max(history.goneCount, sink.unknownCount)
        if gone > 0 { throw .importedRecordsGone(gone, source: name) }
        return Target(
            sink, history: history, sequence: ImportSequence(aheadTolerance: input.aheadTolerance), name: name)
    }
}

/// Where an import's rows go: first past what the log has of the source already, then into it.
private final class Target {
    private var sink: LogSink
    private let history: SourceHistory
    private var sequence: ImportSequence
    private let name: String
    private var isReplaying = true

    init(_ sink: consuming LogSink, history: SourceHistory, sequence: ImportSequence, name: String) {
        self.sink = sink
        self.history = history
        self.sequence = sequence
        self.name = name
    }

    func append(_ row: ParsedRow, _ report: inout Importer.Report) throws(RuntimeError) {
        if isReplaying {
            if let known = try history.next() {
                guard known.eventTime == row.eventTime, known.body.elementsEqual(row.body) else {
                    throw .rowChanged(line: row.line, id: row.id, offset: known.offset, source: name)
                }
                report.alreadyThere += 1
                do throws(ReplayMismatch) { return try sequence.replay(row, recorded: known.recorded) } catch {
                    throw .sourceChanged(error, source: name)
                }
            }
            try endReplay()
        }
        do throws(LogError) { try sequence.append(row, to: &sink) } catch { throw .log(error) }
    }

    func finish(flushLabels: Bool, stopped: Bool, _ report: inout Importer.Report) throws(RuntimeError) {
        if isReplaying && !stopped {
            guard try history.next() == nil else {
                throw .usage("\(name): the table ends before the rows that were imported from it do; it may only grow")
            }
            try endReplay()
        }
        do throws(LogError) {
            if !stopped { try sequence.finish(flushingLabels: flushLabels, to: &sink) }
            try sink.finish()
        } catch { throw .log(error) }
        // Rows that a stop left undecided are read again by the next import.
        if stopped { report.rows -= Int64(sequence.heldRowCount) }
        report.transactions = sink.transactions
        report.labels = sink.labels
        report.pendingLabels = Int64(sequence.pendingLabelCount)
    }

    private func endReplay() throws(RuntimeError) {
        isReplaying = false
        do throws(ReplayMismatch) { try sequence.endReplay(labels: history.trailingLabels) } catch {
            throw .sourceChanged(error, source: name)
        }
    }
}
