import DequeModule
import EventModel

/// What waits for the decision about a jump before it.
@usableFromInline enum HeldItem {
    /// The row with a copy of its body.
    case row(ParsedRow, [UInt8])
    case label(ParsedLabel)
    case heartbeat(EventTime)
}

extension ImportSequence {
    @usableFromInline mutating func hold(_ row: ParsedRow) {
        held.append(.row(row, Array(row.body)))
        heldRowCount += 1
    }

    @usableFromInline mutating func hold(change row: ParsedRow) { held.append(.row(row, Array(row.body))) }

    @usableFromInline mutating func holdHeartbeat(_ time: EventTime) { held.append(.heartbeat(time)) }

    /// Gives what is held up to the next jump that cannot be decided yet.
    @inlinable mutating func settle<Sink: ImportSink & ~Copyable>(
        isAtEnd: Bool, isComplete: Bool = false, to sink: inout Sink
    ) throws(Sink.Failure) {
        while let first = held.first {
            switch first {
            case .label(let label):
                held.removeFirst()
                schedule(label)
            case .heartbeat(let time):
                held.removeFirst()
                try emit(heartbeat: time, to: &sink)
            case .row(var row, let body) where row.isChange:
                held.removeFirst()
                try body.withUnsafeBufferPointer { (bytes) throws(Sink.Failure) in
                    row.body = UnsafeRawBufferPointer(bytes)
                    try emit(change: row, to: &sink)
                }
            case .row(var row, let body):
                guard let arrivalTime = arrivalTime(ofHeld: row, isAtEnd: isAtEnd, isComplete: isComplete) else {
                    return
                }
                held.removeFirst()
                heldRowCount -= 1
                try body.withUnsafeBufferPointer { (bytes) throws(Sink.Failure) in
                    row.body = UnsafeRawBufferPointer(bytes)
                    try emit(row, arrivalTime: arrivalTime, to: &sink)
                }
            }
        }
    }

    /// The arrival time of the first held row, or nil while too few rows follow it.
    @usableFromInline func arrivalTime(ofHeld row: ParsedRow, isAtEnd: Bool, isComplete: Bool) -> EventTime? {
        let eventTime = row.eventTime
        if eventTime <= clock + jump { return max(clock, eventTime) }
        guard isAtEnd || heldRowCount > lookahead else { return nil }
        var followers: [EventTime] = []
        for case .row(let row, _) in held.dropFirst() where !row.isChange && followers.count < lookahead {
            followers.append(row.eventTime)
        }
        let hasClock = clock > .distantPast
        if followers.isEmpty {
            let isFar = hasClock && eventTime > clock + aheadTolerance
            return !isFar ? eventTime : isComplete ? clock : nil
        }
        let contrary = followers.filter { $0 < eventTime - jump }
        if contrary.count * 2 < followers.count { return eventTime }
        return hasClock ? clock : contrary.min()
    }
}
