import EventModel

/// The sizes of `WorkloadW`; the defaults are those of the published yardstick.
public struct WorkloadOptions: Hashable, Sendable {
    public var seed: UInt64 = 0
    /// In all days together, exactly.
    public var rowCount = 2_000_000
    public var customerCount = 5_000
    public var terminalCount = 10_000
    public var dayCount = 30
    /// Midnight (UTC) of the first day.
    public var startTime = EventTime(milliseconds: 19_675 * 86_400_000)
    /// The share of rows that arrive up to `maximumLateness` after their event time, uniformly.
    public var lateShare = 0.02
    /// At most an hour.
    public var maximumLateness = EventDuration.minute

    public init() {}

    /// Throws an error that names the first option that cannot be.
    public func validate() throws(SimulationOptionError) {
        try require((0...1_000_000_000_000).contains(rowCount), "rowCount", rowCount, "0 to 1e12")
        try require((1...500_000_000).contains(customerCount), "customerCount", customerCount, "1 to 500,000,000")
        try require((1...500_000_000).contains(terminalCount), "terminalCount", terminalCount, "1 to 500,000,000")
        try require((1...1_000_000).contains(dayCount), "dayCount", dayCount, "1 to 1,000,000")
        try require(rowCount / dayCount < 1 << 35, "rowCount", rowCount, "fewer than 2^35 rows a day")
        try require(
            startTime.millisecondOfDay == 0 && EventTime.range.contains(startTime), "startTime", startTime,
            "midnight UTC in the years 0001 to 9999")
        try require((0...1).contains(lateShare), "lateShare", lateShare, "in 0...1")
        try require(
            (.zero ... .hour).contains(maximumLateness), "maximumLateness", maximumLateness, "0s to 1h")
    }
}
