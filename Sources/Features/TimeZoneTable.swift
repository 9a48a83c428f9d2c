import EventModel

/// The offsets of a time zone from UTC, over all time: a pure value, made once from the system's database.
///
/// Behind the last transition of its list the zone's rule (a POSIX `TZ` text, "last Sunday of March at 2 o'clock")
/// holds for ever. It is written out for the 400 years after which the Gregorian calendar repeats itself, weekdays
/// included; later times are looked up 400 years earlier, as often as needed.
public struct TimeZoneTable: Hashable, Sendable {
    /// Such as `Europe/Paris`.
    public let name: String
    /// Milliseconds since the epoch at which offsets change, ascending.
    let transitions: [Int64]
    /// Milliseconds east of UTC: before the first transition, then from each one on.
    let offsets: [Int64]
    /// From here on 400 years earlier are meant; nil: the last offset stays.
    let repeatsFrom: Int64?

    static let calendarCycle: Int64 = 146_097 * 86_400_000

    init(name: String, transitions: [Int64], offsets: [Int64], repeatsFrom: Int64? = nil) {
        precondition(offsets.count == transitions.count + 1, "one offset more than transitions")
        self.name = name
        self.transitions = transitions
        self.offsets = offsets
        self.repeatsFrom = repeatsFrom
    }

    public static let utc = TimeZoneTable(name: "UTC", transitions: [], offsets: [0])

    /// Milliseconds to add to UTC at this instant.
    /// - Complexity: O(log transitions).
    public func offset(at time: EventTime) -> EventDuration {
        EventDuration(milliseconds: offsets[index(at: time.milliseconds)])
    }

    func index(at time: Int64) -> Int {
        var time = time
        if let repeatsFrom, time >= repeatsFrom {
            time -= ((time - repeatsFrom) / Self.calendarCycle + 1) * Self.calendarCycle
        }
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The times around `time` at which the same offset holds, and the offset.
    func stretch(around time: Int64) -> (times: Range<Int64>, offset: Int64) {
        let index = index(at: time)
        guard repeatsFrom.map({ time < $0 }) ?? true else { return (time..<time + 1, offsets[index]) }
        let start = index == 0 ? Int64.min : transitions[index - 1]
        let end = index < transitions.count ? transitions[index] : Int64.max
        return (start..<min(end, repeatsFrom ?? .max), offsets[index])
    }

    /// A hash of all offsets: what results depend on, besides the name.
    public var fingerprint: UInt64 {
        var hash = stableHash(name)
        for value in transitions + offsets + [repeatsFrom ?? 0] { hash = mixed(hash, UInt64(bitPattern: value)) }
        return hash
    }
}

extension CalendarPart {
    /// The part of a local time: milliseconds since the epoch as if the zone were UTC.
    @inline(__always) func value(of local: Int64) -> Double {
        let time = EventTime(milliseconds: local)
        switch self {
        case .hour: return Double(time.millisecondOfDay / 3_600_000)
        case .minuteOfDay: return Double(time.millisecondOfDay / 60_000)
        case .weekday: return Double(time.weekday)
        case .dayOfMonth: return Double(civilDate(daysSinceEpoch: time.day).day)
        case .month: return Double(civilDate(daysSinceEpoch: time.day).month)
        }
    }
}
