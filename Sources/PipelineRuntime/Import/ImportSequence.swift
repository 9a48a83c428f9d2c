import DequeModule
import EventModel

/// Puts the rows of a source into the order of the log: derives when each would have arrived, and sets each label at
/// the time when it becomes known.
///
/// The **clock** is the highest plausible event time so far. A row arrives at its event time or, behind the clock, at
/// the clock. A row that runs ahead of the clock by more than a minute (or than the tolerance, where that is less) is
/// plausible only when most of the up to 64 rows behind it are not earlier than itself by more than that (without any
/// behind it, when it is within the tolerance or there is no clock yet; else it waits until the input has grown). An
/// implausible one arrives at the clock, which stays: the pipeline
/// quarantines it when it is ahead by more than the tolerance, and else lets it move no watermark. Before there is a
/// clock, it arrives at the earliest of the rows behind it that speak against it.
///
/// A label waits until the clock reaches its time. Labels that are due come before the transaction that moves the clock
/// there, by (time, order of the input); a label never comes before its own transaction. The label of a row whose id
/// came before with other fields is left out while the first one's label waits.
///
/// The order is a function of the rows alone. When an import runs again, `replay` takes the decisions that the log
/// holds, which may have been made with fewer rows at hand.
public struct ImportSequence: ~Copyable {
    /// How many rows are asked whether a jump is real.
    @usableFromInline let lookahead: Int
    /// What is ahead of the clock by more than this is a jump.
    @usableFromInline let jump: EventDuration
    @usableFromInline let aheadTolerance: EventDuration
    @usableFromInline var clock = EventTime.distantPast
    @usableFromInline var pending = PendingLabels()
    @usableFromInline var held: Deque<HeldItem> = []
    @usableFromInline var heldRowCount = 0

    /// - Parameter aheadTolerance: how far a pipeline lets an event run ahead of its arrival.
    public init(aheadTolerance: EventDuration) {
        // More than a device with a wrong clock sends in one go.
        self.init(aheadTolerance: aheadTolerance, jump: .minute, lookahead: 64)
    }

    init(aheadTolerance: EventDuration, jump: EventDuration, lookahead: Int) {
        self.aheadTolerance = aheadTolerance
        self.jump = min(aheadTolerance, jump)
        self.lookahead = lookahead
    }

    /// Rows given so far that are earlier than a plausible row before them by more than the tolerance, and the line of
    /// the first.
    public internal(set) var farBehind: (count: Int64, firstLine: Int) = (0, 0)

    /// Labels left out, since another row with the same id stands before theirs and waits for its own label: the later
    /// row is refused by the pipeline, and its label would be taken for the first one's. And the line of the first.
    public internal(set) var refusedLabels: (count: Int64, firstLine: Int) = (0, 0)

    /// Rows whose place in the log is not decided yet.
    var undecidedRowCount: Int { held.count { if case .row = $0 { true } else { false } } }

    /// Labels that are not due yet.
    public var pendingLabelCount: Int { pending.count }

    /// Takes the next row; up to 64 rows behind a jump are held back until it is decided.
    /// - Complexity: O(1) amortised for rows in order.
    @inlinable public mutating func append<Sink: ImportSink & ~Copyable>(
        _ row: ParsedRow, to sink: inout Sink
    ) throws(Sink.Failure) {
        if held.isEmpty, row.eventTime <= clock + jump {
            try emit(row, arrivalTime: max(clock, row.eventTime), to: &sink)
        } else {
            hold(row)
            if heldRowCount > lookahead { try settle(isAtEnd: false, to: &sink) }
        }
    }

    /// Takes a change of a reference table. Its time is since when it holds, and says nothing of the clock.
    @inlinable public mutating func append<Sink: ImportSink & ~Copyable>(
        change row: ParsedRow, to sink: inout Sink
    ) throws(Sink.Failure) {
        if held.isEmpty { try emit(change: row, to: &sink) } else { hold(change: row) }
    }

    /// Takes a label that stands in the input by itself; one without a time becomes known at the clock.
    public mutating func append(_ label: ParsedLabel) {
        if held.isEmpty { schedule(label) } else { held.append(.label(label)) }
    }

    /// Takes a heartbeat, which moves the clock without question.
    @inlinable public mutating func append<Sink: ImportSink & ~Copyable>(
        heartbeat time: EventTime, to sink: inout Sink
    ) throws(Sink.Failure) {
        if held.isEmpty { try emit(heartbeat: time, to: &sink) } else { holdHeartbeat(time) }
    }

    /// Takes the end of the input: decides what is held, and gives the labels that are due. More rows may follow, as if
    /// the input had grown; with `flushingLabels` none will, so all labels are given, and no row waits any more.
    @inlinable public mutating func finish<Sink: ImportSink & ~Copyable>(
        flushingLabels: Bool, to sink: inout Sink
    ) throws(Sink.Failure) {
        try settle(isAtEnd: true, isComplete: flushingLabels, to: &sink)
        try emitLabels(dueBy: flushingLabels ? EventTime(milliseconds: .max - 1) : clock, to: &sink)
    }

    // MARK: giving records

    @inlinable mutating func emit<Sink: ImportSink & ~Copyable>(
        _ row: ParsedRow, arrivalTime: EventTime, to sink: inout Sink
    ) throws(Sink.Failure) {
        if arrivalTime >= row.eventTime { clock = arrivalTime }
        if arrivalTime - row.eventTime > aheadTolerance { noteFarBehind(row) }
        try emitLabels(dueBy: clock, to: &sink)
        try sink.append(row, arrivalTime: arrivalTime)
        scheduleLabel(of: row)
    }

    @usableFromInline mutating func noteFarBehind(_ row: ParsedRow) {
        if farBehind.count == 0 { farBehind.firstLine = row.line }
        farBehind.count += 1
    }

    @inlinable mutating func emit<Sink: ImportSink & ~Copyable>(
        change row: ParsedRow, to sink: inout Sink
    ) throws(Sink.Failure) {
        try sink.append(row, arrivalTime: max(clock, row.eventTime))
    }

    @inlinable mutating func emit<Sink: ImportSink & ~Copyable>(
        heartbeat time: EventTime, to sink: inout Sink
    ) throws(Sink.Failure) {
        clock = max(clock, time)
        try emitLabels(dueBy: clock, to: &sink)
        try sink.append(heartbeat: time)
    }

    @inlinable mutating func emitLabels<Sink: ImportSink & ~Copyable>(
        dueBy time: EventTime, to sink: inout Sink
    ) throws(Sink.Failure) {
        while pending.firstTime <= time, let (label, time) = pending.popFirst() {
            try sink.append(label, time: time)
        }
    }

    @usableFromInline mutating func scheduleLabel(of row: ParsedRow) {
        guard let isPositive = row.label else { return }
        let label = ParsedLabel(id: row.id, isPositive: isPositive, time: row.labelTime)
        if pending.insert(label, time: row.labelTime, of: row) { return }
        if refusedLabels.count == 0 { refusedLabels.firstLine = row.line }
        refusedLabels.count += 1
    }

    @usableFromInline mutating func schedule(_ label: ParsedLabel) {
        pending.insert(label, time: label.time ?? clock)
    }
}
