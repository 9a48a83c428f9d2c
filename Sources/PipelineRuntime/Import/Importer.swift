import EventModel
import LogStorage
import Platform

/// Brings tables into a log: transactions, labels, events of other kinds and changes of reference tables in the order
/// in which they would have arrived, malformed rows into `malformed-0`.
///
/// It may be run again on the same tables, whole or grown: what the log already has from each (told by the producer id
/// of the batches) is gone through and compared, not added.
public struct Importer {
    public struct Report: Hashable, Sendable {
        /// Rows of the table, the header left out.
        public var rows: Int64 = 0
        /// Records added now.
        public var transactions: Int64 = 0
        public var labels: Int64 = 0
        public var heartbeats: Int64 = 0
        /// Labels and heartbeats among the rows: lines of JSON of their own.
        public var labelRows: Int64 = 0
        public var heartbeatRows: Int64 = 0
        /// Rows that stand in `malformed-0`, those of earlier runs among them.
        public var malformed: Int64 = 0
        /// Decimals in which only a double's noise had to be rounded (85.64999999999999 is read as 85.65).
        public var roundedDecimals: Int64 = 0
        /// Rows that the log had already.
        public var alreadyThere: Int64 = 0
        /// Rows at the end, ahead of all others by more than the input's `aheadTolerance`, that wait for the table to grow
        /// or for `flushLabels`: until then nobody knows whether their clock is right.
        public var waiting: Int64 = 0
        /// Labels that wait for a later transaction, or for `flushLabels`.
        public var pendingLabels: Int64 = 0
        /// Rows added now that are earlier than one before them by more than the input's `aheadTolerance`, and the line
        /// of the first: most likely too late for any pipeline, or behind a wrong clock.
        public var farBehind: Int64 = 0
        public var firstFarBehind = 0
        /// Labels left out with rows that have the id of another row shortly before, and the line of the first.
        public var refusedLabels: Int64 = 0
        public var firstRefusedLabel = 0
        public var bytes: Int64 = 0
        /// The first few malformed rows.
        public var examples: [String] = []

        public init() {}

        /// Whether each row is accounted for.
        public var isBalanced: Bool {
            rows == transactions + alreadyThere + malformed + waiting + labelRows + heartbeatRows
        }

        public static func + (a: Report, b: Report) -> Report {
            var sum = a
            sum.rows += b.rows
            sum.transactions += b.transactions
            sum.labels += b.labels
            sum.heartbeats += b.heartbeats
            sum.labelRows += b.labelRows
            sum.heartbeatRows += b.heartbeatRows
            sum.malformed += b.malformed
            sum.roundedDecimals += b.roundedDecimals
            sum.alreadyThere += b.alreadyThere
            sum.waiting += b.waiting
            sum.pendingLabels += b.pendingLabels
            if sum.farBehind == 0 { sum.firstFarBehind = b.firstFarBehind }
            sum.farBehind += b.farBehind
            if sum.refusedLabels == 0 { sum.firstRefusedLabel = b.firstRefusedLabel }
            sum.refusedLabels += b.refusedLabels
            sum.bytes += b.bytes
            sum.examples = Array((sum.examples + b.examples).prefix(5))
            return sum
        }
    }

    public struct Progress: Sendable {
        public var rows: Int64
        public var bytes: Int64
        /// Nil where the size is not known.
        public var totalBytes: Int64?
    }

    /// What a source's rows are.
    public enum Rows: Hashable, Sendable {
        case transactions
        /// Of another kind, as the input declares it.
        case events(kind: String)
        /// Changes of a reference table.
        case changes(table: String)
        /// Lines of JSON, each of which says what it is.
        case lines
    }

    /// One table or stream to import.
    public struct Source {
        public var stream: InputStream
        /// What error texts call it.
        public var name: String
        public var rows: Rows

        public init(_ stream: InputStream, name: String, rows: Rows) {
            self.stream = stream
            self.name = name
            self.rows = rows
        }
    }

    private let log: LogDirectory
    private let input: InputSpecification
    private let fileSystem: any FileSystem
    private let segmentBytes: Int

    /// - Parameter segmentBytes: a segment of the log is sealed before it grows beyond this.
    public init(
        log: LogDirectory, input: InputSpecification, fileSystem: any FileSystem,
        segmentBytes: Int = TopicOptions.defaultSegmentBytes
    ) {
        self.segmentBytes = segmentBytes
        self.log = log
        self.input = input
        self.fileSystem = fileSystem
    }

    /// Imports one table of transactions from its header to its end.
    public func importTable(
        from stream: InputStream, name: String, rows: Rows = .transactions, flushLabels: Bool,
        shouldStop: () -> Bool = { false }, progress: (Progress) -> Void = { _ in }
    ) throws(RuntimeError) -> Report {
        try importAll(
            [Source(stream, name: name, rows: rows)], flushLabels: flushLabels, shouldStop: shouldStop,
            progress: progress
        ).reduce(Report(), +)
    }

    /// Imports sources from their beginnings to their ends, merged by the times at which their rows would have arrived;
    /// at the same time changes of tables come first, then events of other kinds, then transactions, then by the order
    /// of the sources.
    ///
    /// - Parameter flushLabels: whether labels that are due after the last transaction are added too.
    /// - Returns: a report for each source.
    public func importAll(
        _ sources: [Source], flushLabels: Bool, shouldStop: () -> Bool = { false },
        progress: (Progress) -> Void = { _ in }
    ) throws(RuntimeError) -> [Report] {
        var opened: [any ImportSource] = []
        for source in sources { opened.append(try open(source)) }
        let target = try ImportTarget(log, input: input, fileSystem: fileSystem, segmentBytes: segmentBytes)
        let side = MalformedTopic(log, fileSystem: fileSystem)
        var boxes: [FeedBox] = []
        for source in opened {
            boxes.append(
                FeedBox(
                    ImportFeed(
                        source, to: target, log, malformed: MalformedLog(side, source: source.name),
                        aheadTolerance: input.aheadTolerance, flushLabels: flushLabels, fileSystem: fileSystem)))
        }
        func tell() {
            let total = opened.reduce(Int64?(0)) { sum, source in sum.flatMap { a in source.totalBytes.map { a + $0 } }
            }
            progress(
                Progress(
                    rows: boxes.reduce(0) { $0 + $1.feed.report.rows }, bytes: opened.reduce(0) { $0 + $1.bytesRead },
                    totalBytes: total))
        }
        let stopped: Bool
        if boxes.count == 1 {
            stopped = try takeAll(boxes[0], tell, shouldStop)
        } else {
            stopped = try merge(boxes, tell, shouldStop)
        }
        for box in boxes { try box.feed.finish(stopped: stopped) }
        try storage { () throws(LogError) in
            try side.close()
            try target.writer.close()
        }
        let tables = TableTopics(log, fileSystem: fileSystem)
        try tables.follow()
        try tables.close()
        return boxes.map { $0.feed.report }
    }

    /// A feed where it can be named: an array holds no values that cannot be copied.
    private final class FeedBox {
        var feed: ImportFeed

        init(_ feed: consuming ImportFeed) { self.feed = feed }
    }

    /// - Returns: whether it was stopped.
    private func takeAll(
        _ box: FeedBox, _ tell: () -> Void, _ shouldStop: () -> Bool
    ) throws(RuntimeError) -> Bool {
        while try box.feed.take(4096) {
            tell()
            if shouldStop() { return true }
        }
        return shouldStop()
    }

    /// - Returns: whether it was stopped.
    private func merge(
        _ boxes: [FeedBox], _ tell: () -> Void, _ shouldStop: () -> Bool
    ) throws(RuntimeError) -> Bool {
        for box in boxes { box.feed.isQueueing = true }
        var last: FeedBox?
        var count = 0
        while true {
            var next: FeedBox?
            for box in boxes {
                while box.feed.queue.isEmpty, try box.feed.take(1) {
                    count += 1
                    if count & 4095 == 0 {
                        tell()
                        if shouldStop() { return true }
                    }
                }
                guard let order = box.feed.queue.firstOrder else { continue }
                if next?.feed.queue.firstOrder.map({ order < $0 }) ?? true { next = box }
            }
            guard let next else { return shouldStop() }
            if let last, last !== next { try last.feed.flush() }
            try next.feed.writeFirst()
            last = next
        }
    }

    private func open(_ source: Source) throws(RuntimeError) -> any ImportSource {
        switch source.rows {
        case .transactions: return try TableSource(source.stream, name: source.name, rows: input)
        case .lines: return try LineSource(source.stream, name: source.name, input: input)
        case .events(let kind):
            guard let rows = input.input(ofKind: kind) else {
                let known = input.events.map(\.name).joined(separator: ", ")
                throw .usage(
                    "the pipeline declares no events of kind '\(kind)'; "
                        + (known.isEmpty ? "declare them under input.events" : "there are \(known)"))
            }
            return try TableSource(source.stream, name: source.name, rows: rows)
        case .changes(let table):
            guard let rows = input.input(ofTable: table) else {
                let known = input.tables.map(\.name).joined(separator: ", ")
                throw .usage(
                    "the pipeline declares no table '\(table)'; "
                        + (known.isEmpty ? "declare it under tables" : "there are \(known)"))
            }
            return try TableSource(source.stream, name: source.name, rows: rows)
        }
    }
}
