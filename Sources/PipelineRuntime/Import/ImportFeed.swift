import DequeModule
import EventModel
import LogStorage
import Platform

/// One source's way into the log: first past what the log has of it already, then into the log, or into a queue from
/// which the records of several sources are merged.
///
/// No object but a value, so that rows are taken many at a time without the run-time checks of access that an object's
/// properties have.
struct ImportFeed: ~Copyable {
    private(set) var report = Importer.Report()
    var queue = RecordQueue()
    /// Whether records wait in the queue for `writeFirst`.
    var isQueueing = false

    private let source: any ImportSource
    private let target: ImportTarget
    private let log: LogDirectory
    private let fileSystem: any FileSystem
    private let malformed: MalformedLog
    /// Whether labels that are due after the last row are given too.
    private let flushesLabels: Bool
    private let hasChangesAlone: Bool
    private var sequence: ImportSequence
    private var opened: Opened?
    private var isReplaying = true
    private var isAtEnd = false
    /// Of a file of changes: what the log does not have of it yet, by the times since when it holds.
    private var newChanges: [(row: ParsedRow, body: [UInt8])]?
    private var nextChange = 0

    /// What there is once the source's first row is known.
    private struct Opened: ~Copyable {
        var sink: LogSink
        let history: SourceHistory
    }

    init(
        _ source: any ImportSource, to target: ImportTarget, _ log: LogDirectory, malformed: MalformedLog,
        aheadTolerance: EventDuration, flushLabels: Bool, fileSystem: any FileSystem
    ) {
        self.source = source
        self.target = target
        self.log = log
        self.malformed = malformed
        flushesLabels = flushLabels
        hasChangesAlone = source.streams.allSatisfy { !$0.keyIndices.isEmpty }
        self.fileSystem = fileSystem
        sequence = ImportSequence(aheadTolerance: aheadTolerance)
    }

    /// Takes up to `most` items that stand next in the source.
    /// - Returns: false at its end.
    mutating func take(_ most: Int) throws(RuntimeError) -> Bool {
        if isAtEnd { return false }
        if hasChangesAlone { return try takeChanges(most) }
        let hasMore = try source.forEach(upTo: most) { (item, identity) throws(RuntimeError) in try take(item, identity)
        }
        guard !hasMore else { return true }
        isAtEnd = true
        // What waits for rows behind it waits no more; labels take their places among the other sources' records.
        if isQueueing { try endInput() }
        return false
    }

    private mutating func take(_ item: ImportItem, _ identity: SourceIdentity?) throws(RuntimeError) {
        report.rows += 1
        if opened == nil, let identity { opened = try open(identity) }
        switch item {
        case .malformed(let row): try malformed.append(row, &report)
        case .row(let row): try append(row)
        case .label(let label):
            report.labelRows += 1
            sequence.append(label)
        case .heartbeat(let time, let line): try append(heartbeat: time, line: line)
        }
    }

    // MARK: files of changes

    /// Takes the next changes of a file that has nothing else. Its rows stand in any order, and which of them are new is
    /// told by themselves: one that was changed is a change more.
    private mutating func takeChanges(_ most: Int) throws(RuntimeError) -> Bool {
        if newChanges == nil { newChanges = try readChanges() }
        let changes = newChanges ?? []
        for change in changes[nextChange...].prefix(most) {
            var row = change.row
            nextChange += 1
            try change.body.withUnsafeBufferPointer { (bytes) throws(RuntimeError) in
                row.body = UnsafeRawBufferPointer(bytes)
                try append(row)
            }
        }
        isAtEnd = nextChange == changes.count
        return !isAtEnd
    }

    private mutating func readChanges() throws(RuntimeError) -> [(row: ParsedRow, body: [UInt8])] {
        var changes: [(row: ParsedRow, body: [UInt8])] = []
        _ = try source.forEach(upTo: .max) { (item, identity) throws(RuntimeError) in
            if opened == nil, let identity { opened = try open(identity) }
            switch item {
            case .row(let row): changes.append((row, Array(row.body)))
            case .malformed(let row): try malformed.append(row, &report)
            case .label, .heartbeat: return
            }
            report.rows += 1
        }
        isReplaying = false
        var known: [KnownChange: Int] = [:]
        while let item = try opened?.history.next() {
            guard case .row(let row) = item else { continue }
            known[KnownChange(time: row.eventTime, body: Array(row.body)), default: 0] += 1
        }
        var new: [(row: ParsedRow, body: [UInt8])] = []
        for change in changes {
            let key = KnownChange(time: change.row.eventTime, body: change.body)
            if let count = known[key], count > 0 {
                known[key] = count - 1
                report.alreadyThere += 1
            } else {
                new.append(change)
            }
        }
        // Stable, so that of two changes of one time the later row counts.
        return new.enumerated().sorted {
            ($0.element.row.eventTime, $0.offset) < ($1.element.row.eventTime, $1.offset)
        }.map(\.element)
    }

    private struct KnownChange: Hashable {
        var time: EventTime
        var body: [UInt8]
    }

    private func open(_ identity: SourceIdentity) throws(RuntimeError) -> Opened {
        try target.claim(identity, name: source.name)
        try malformed.begin(identity.description)
        let history = try SourceHistory(
            log, source: identity, rowNames: source.streams.map(\.schema.name), schemas: target.schemas,
            fileSystem: fileSystem)
        let sink = try LogSink(
            target, source: identity, recorded: history.recordCount, streams: source.streams, malformed: malformed)
        let gone = max(history.goneCount, sink.unknownCount)
        if gone > 0 { throw .importedRecordsGone(gone, source: source.name) }
        return Opened(sink: sink, history: history)
    }

    private mutating func append(_ row: ParsedRow) throws(RuntimeError) {
        guard let history = opened?.history else { return }
        if isReplaying {
            if let known = try history.next() {
                guard case .row(let known) = known, known.stream == Int(row.stream), known.eventTime == row.eventTime,
                    known.body.elementsEqual(row.body)
                else { throw .rowChanged(line: row.line, id: row.id, offset: known.offset, source: source.name) }
                report.alreadyThere += 1
                return try replay { (sequence) throws(ReplayMismatch) in
                    if row.isChange {
                        try sequence.replay(changeWithLabelsBefore: known.recorded.labelsBefore, line: row.line)
                    } else {
                        try sequence.replay(row, recorded: known.recorded)
                    }
                }
            }
            try endReplay()
        }
        if isQueueing {
            queue.rank = source.streams[Int(row.stream)].rank
            if row.isChange { sequence.append(change: row, to: &queue) } else { sequence.append(row, to: &queue) }
        } else {
            try storage { () throws(LogError) in
                if row.isChange {
                    try sequence.append(change: row, to: &opened!.sink)
                } else {
                    try sequence.append(row, to: &opened!.sink)
                }
            }
        }
    }

    private mutating func append(heartbeat time: EventTime, line: Int) throws(RuntimeError) {
        guard let history = opened?.history else { return }
        report.heartbeatRows += 1
        if isReplaying {
            if let known = try history.next() {
                guard case .heartbeat(time, let labels, _) = known else {
                    throw .rowChanged(line: line, id: .text("heartbeat"), offset: known.offset, source: source.name)
                }
                return try replay { (sequence) throws(ReplayMismatch) in
                    try sequence.replay(heartbeat: time, labelsBefore: labels, line: line)
                }
            }
            try endReplay()
        }
        if isQueueing {
            sequence.append(heartbeat: time, to: &queue)
        } else {
            try storage { () throws(LogError) in try sequence.append(heartbeat: time, to: &opened!.sink) }
        }
    }

    private mutating func replay(
        _ body: (inout ImportSequence) throws(ReplayMismatch) -> Void
    ) throws(RuntimeError) {
        do throws(ReplayMismatch) { try body(&sequence) } catch { throw .sourceChanged(error, source: source.name) }
    }

    private mutating func endReplay() throws(RuntimeError) {
        guard let history = opened?.history else { return }
        isReplaying = false
        try replay { (sequence) throws(ReplayMismatch) in try sequence.endReplay(labels: history.trailingLabels) }
    }

    /// The source's end: what is held is decided, and labels that are due are given.
    private mutating func endInput() throws(RuntimeError) {
        guard let history = opened?.history else { return }
        if isReplaying {
            guard try history.next() == nil else {
                throw .usage(
                    "\(source.name): the table ends before the rows that were imported from it do; it may only grow")
            }
            try endReplay()
        }
        if isQueueing {
            sequence.finish(flushingLabels: flushesLabels, to: &queue)
        } else {
            try storage { () throws(LogError) in try sequence.finish(flushingLabels: flushesLabels, to: &opened!.sink) }
        }
    }

    // MARK: merging

    /// Writes the first record of the queue.
    mutating func writeFirst() throws(RuntimeError) {
        guard opened != nil else { return }
        try storage { () throws(LogError) in try queue.writeFirst(to: &opened!.sink) }
    }

    mutating func flush() throws(RuntimeError) {
        try storage { () throws(LogError) in try opened?.sink.flush() }
    }

    // MARK: the end

    /// Ends the import of the source, whole or stopped, and makes the counts whole.
    mutating func finish(stopped: Bool) throws(RuntimeError) {
        if !stopped && !isQueueing { try endInput() }
        try flush()
        if opened == nil && report.malformed > 0 { try malformed.begin("rows-of-no-known-table") }
        try storage { () throws(LogError) in try malformed.flush() }
        // Rows that a stop left undecided are read again by the next import.
        let undecided = Int64(sequence.undecidedRowCount)
        let unread = Int64((newChanges?.count ?? 0) - nextChange)
        if stopped { report.rows -= undecided + queue.rowCount + unread } else { report.waiting = undecided }
        (report.farBehind, report.firstFarBehind) = sequence.farBehind
        (report.refusedLabels, report.firstRefusedLabel) = sequence.refusedLabels
        report.transactions = opened?.sink.transactions ?? 0
        report.labels = opened?.sink.labels ?? 0
        report.heartbeats = opened?.sink.heartbeats ?? 0
        report.pendingLabels = Int64(sequence.pendingLabelCount)
        report.bytes = source.bytesRead
        report.roundedDecimals = Int64(source.roundedDecimals)
    }
}

extension SourceHistory.Item {
    fileprivate var offset: Offset {
        switch self {
        case .row(let row): row.offset
        case .heartbeat(_, _, let offset): offset
        }
    }
}

/// Records of one source in their order, each with the time by which it is merged with those of others.
struct RecordQueue: ImportSink {
    typealias Failure = Never

    /// When a record would have arrived, and what of the same time comes first.
    struct Order: Comparable {
        var time: EventTime
        var rank: Int

        static func < (a: Order, b: Order) -> Bool { (a.time, a.rank) < (b.time, b.rank) }
    }

    private enum Record {
        case row(ParsedRow, [UInt8], arrivalTime: EventTime)
        case label(ParsedLabel, EventTime)
        case heartbeat(EventTime)
    }

    private var records: Deque<(order: Order, record: Record)> = []
    private var latest = EventTime.distantPast
    /// Of the rows that are appended.
    var rank = 2

    var isEmpty: Bool { records.isEmpty }
    var firstOrder: Order? { records.first?.order }
    var rowCount: Int64 {
        Int64(records.count { if case .row = $0.record { true } else { false } })
    }

    mutating func append(_ row: ParsedRow, arrivalTime: EventTime) {
        append(.row(row, Array(row.body), arrivalTime: arrivalTime), at: arrivalTime, rank)
    }

    /// Labels stand before what happens at their time.
    mutating func append(_ label: ParsedLabel, time: EventTime) { append(.label(label, time), at: time, 0) }

    mutating func append(heartbeat time: EventTime) { append(.heartbeat(time), at: time, 3) }

    private mutating func append(_ record: Record, at time: EventTime, _ rank: Int) {
        // A source's own order stays as it is.
        let isLater = time > latest
        latest = max(latest, time)
        let rank = isLater ? rank : max(rank, records.last?.order.rank ?? 0)
        records.append((Order(time: latest, rank: rank), record))
    }

    mutating func writeFirst(to sink: inout LogSink) throws(LogError) {
        guard let first = records.popFirst() else { return }
        switch first.record {
        case .row(var row, let body, let arrivalTime):
            try body.withUnsafeBufferPointer { (bytes) throws(LogError) in
                row.body = UnsafeRawBufferPointer(bytes)
                try sink.append(row, arrivalTime: arrivalTime)
            }
        case .label(let label, let time): try sink.append(label, time: time)
        case .heartbeat(let time): try sink.append(heartbeat: time)
        }
    }
}
