import EventModel

/// What the log holds of a row that was imported before.
public struct RecordedRow: Hashable, Sendable {
    public var arrivalTime: EventTime
    /// How many labels of the same source stand in the log between the record before (a transaction or heartbeat of
    /// the source, or the log's beginning) and this one.
    public var labelsBefore: Int

    public init(arrivalTime: EventTime, labelsBefore: Int) {
        self.arrivalTime = arrivalTime
        self.labelsBefore = labelsBefore
    }
}

/// A source that does not begin with the rows that the log holds from it.
public struct ReplayMismatch: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Difference: Hashable, Sendable {
        case arrivalTime(recorded: EventTime, expected: EventTime)
        /// The log holds more labels than the rows so far have.
        case unknownLabels(Int)
        /// A label that was due stands nowhere before the record.
        case missingLabel(TransactionID)
    }

    /// The row's line; 0 at the end of what the log holds.
    public var line: Int
    public var difference: Difference

    public var description: String {
        let what =
            switch difference {
            case .arrivalTime(let recorded, let expected):
                "the log has a record that arrived at \(recorded), this row would arrive at \(expected)"
            case .unknownLabels(let count): "the log has \(count) labels that the rows so far do not"
            case .missingLabel(let id): "the label of transaction \(id) should stand in the log and does not"
            }
        let place = line > 0 ? "line \(line)" : "behind the rows that were imported"
        return "\(place): \(what); a source that was imported may only grow"
    }
}

// An import that runs again goes through its input from the start. As long as the log holds records of the source,
// each row, label and heartbeat is replayed with what the log says: nothing is given, but the clock and the labels that
// wait become what they were. After the last record in the log comes `endReplay`; then `append` goes on.
extension ImportSequence {
    /// Replays a row that the log holds. Labels that the log has earlier than they are due were flushed.
    public mutating func replay(_ row: ParsedRow, recorded: RecordedRow) throws(ReplayMismatch) {
        try popLabels(recorded.labelsBefore, line: row.line)
        let isPlausible = recorded.arrivalTime >= row.eventTime
        let hasClock = clock > .distantPast
        let expected = isPlausible ? max(clock, row.eventTime) : hasClock ? clock : recorded.arrivalTime
        guard recorded.arrivalTime == expected else {
            let difference = ReplayMismatch.Difference.arrivalTime(recorded: recorded.arrivalTime, expected: expected)
            throw ReplayMismatch(line: row.line, difference: difference)
        }
        if isPlausible { clock = expected }
        try checkNoLabelIsDue(line: row.line)
        scheduleLabel(of: row)
    }

    /// Replays a change that the log holds.
    public mutating func replay(changeWithLabelsBefore labels: Int, line: Int) throws(ReplayMismatch) {
        try popLabels(labels, line: line)
    }

    /// Replays a heartbeat that the log holds; labels in the input by themselves are appended as ever.
    public mutating func replay(heartbeat time: EventTime, labelsBefore: Int, line: Int) throws(ReplayMismatch) {
        try popLabels(labelsBefore, line: line)
        clock = max(clock, time)
        try checkNoLabelIsDue(line: line)
    }

    /// Ends the replay: the log holds `labels` labels of the source behind its last transaction or heartbeat.
    public mutating func endReplay(labels: Int) throws(ReplayMismatch) { try popLabels(labels, line: 0) }

    private mutating func popLabels(_ count: Int, line: Int) throws(ReplayMismatch) {
        precondition(held.isEmpty, "a replay comes before all appended rows")
        guard count <= pending.count else {
            throw ReplayMismatch(line: line, difference: .unknownLabels(count - pending.count))
        }
        for _ in 0..<count { _ = pending.popFirst() }
    }

    private mutating func checkNoLabelIsDue(line: Int) throws(ReplayMismatch) {
        guard pending.firstTime <= clock, let (label, _) = pending.popFirst() else { return }
        throw ReplayMismatch(line: line, difference: .missingLabel(label.id))
    }
}
