import EventModel

/// How a transaction stands to the watermark.
public enum Timeliness: UInt8, Sendable {
    /// At or above the watermark.
    case onTime = 0
    /// Behind the watermark by no more than the allowed lateness.
    case late = 1
    /// Behind the watermark by more.
    case tooLate = 2
}

/// The claim how far event time has come: the highest accepted event time less the bounded out-of-orderness.
///
/// Only accepted transactions and heartbeats move it, and it never goes back.
public struct Watermark: Hashable, Sendable {
    public let outOfOrderness: EventDuration
    public let allowedLateness: EventDuration
    /// No event before this time is expected.
    public private(set) var time: EventTime

    public init(outOfOrderness: EventDuration, allowedLateness: EventDuration, time: EventTime = .distantPast) {
        self.outOfOrderness = outOfOrderness
        self.allowedLateness = allowedLateness
        self.time = time
    }

    public func timeliness(of event: EventTime) -> Timeliness {
        if event >= time { return .onTime }
        return event >= earliestAccepted ? .late : .tooLate
    }

    /// Events before this time are too late.
    public var earliestAccepted: EventTime { time - allowedLateness }

    /// Takes an accepted event's time into account. One that runs ahead of its arrival (by no more than is tolerated)
    /// counts as of its arrival: a clock that is an hour fast must not make everybody else an hour late.
    public mutating func advance(past event: EventTime, arrival: EventTime) {
        time = max(time, min(event, arrival) - outOfOrderness)
    }

    /// Takes a heartbeat into account: event time has come as far as `claim`.
    public mutating func advance(to claim: EventTime) {
        time = max(time, claim)
    }
}
