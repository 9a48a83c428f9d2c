/// When an event happened: milliseconds since 1970-01-01T00:00:00Z.
///
/// Range: the years 0001 to 9999, which every text form can hold (`EventTime.range`).
public struct EventTime: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var milliseconds: Int64

    @inlinable public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Earlier than every event.
    public static let distantPast = EventTime(milliseconds: Int64.min / 4)
    /// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z.
    public static let range =
        EventTime(milliseconds: -62_135_596_800_000)...EventTime(milliseconds: 253_402_300_799_999)

    /// Whether it is within `range`.
    @inlinable public var isInRange: Bool {
        milliseconds >= -62_135_596_800_000 && milliseconds <= 253_402_300_799_999
    }

    @inlinable public static func < (a: EventTime, b: EventTime) -> Bool { a.milliseconds < b.milliseconds }
    @inlinable public static func + (t: EventTime, d: EventDuration) -> EventTime {
        EventTime(milliseconds: t.milliseconds &+ d.milliseconds)
    }
    @inlinable public static func - (t: EventTime, d: EventDuration) -> EventTime {
        EventTime(milliseconds: t.milliseconds &- d.milliseconds)
    }
    @inlinable public static func - (a: EventTime, b: EventTime) -> EventDuration {
        EventDuration(milliseconds: a.milliseconds &- b.milliseconds)
    }

    /// Days since 1970-01-01, rounded down.
    @inlinable public var day: Int64 { floorDivide(milliseconds, 86_400_000) }
    /// Milliseconds since midnight (UTC): 0 ..< 86,400,000.
    @inlinable public var millisecondOfDay: Int64 { milliseconds - day * 86_400_000 }
    /// 0 (Monday) to 6 (Sunday).
    @inlinable public var weekday: Int64 { floorModulo(day + 3, 7) }
}

/// A length of event time in milliseconds.
public struct EventDuration: Hashable, Comparable, Sendable {
    public var milliseconds: Int64

    @inlinable public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static let zero = EventDuration(milliseconds: 0)
    public static let second = EventDuration(milliseconds: 1_000)
    public static let minute = EventDuration(milliseconds: 60_000)
    public static let hour = EventDuration(milliseconds: 3_600_000)
    public static let day = EventDuration(milliseconds: 86_400_000)

    @inlinable public static func < (a: Self, b: Self) -> Bool { a.milliseconds < b.milliseconds }
    @inlinable public static func + (a: Self, b: Self) -> Self { Self(milliseconds: a.milliseconds &+ b.milliseconds) }
    @inlinable public static func * (n: Int, d: Self) -> Self { Self(milliseconds: Int64(n) &* d.milliseconds) }
}

@inlinable @inline(__always) public func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
    let q = a / b
    return (a % b < 0) ? q - 1 : q
}

@inlinable @inline(__always) public func floorModulo(_ a: Int64, _ b: Int64) -> Int64 {
    let r = a % b
    return r < 0 ? r + b : r
}
