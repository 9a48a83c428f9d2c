import EventModel

/// The constants of `CardFraudSimulation`; the defaults are those of the Fraud Detection Handbook's published data set
/// (Le Borgne, Siblini, Lebichot and Bontempi, 2022, chapter 3).
public struct CardFraudOptions: Hashable, Sendable {
    public var seed: UInt64 = 0
    public var customerCount = 5_000
    public var terminalCount = 10_000
    /// Midnight (UTC) of the first day.
    public var startTime = EventTime(milliseconds: 17_622 * 86_400_000)

    /// The side of the square on which customers and terminals live.
    public var gridSide = 100.0
    /// A customer uses the terminals nearer than this.
    public var radius = 5.0

    /// The range of the customers' mean amounts.
    public var meanAmount = 5.0...100.0
    /// A customer's standard deviation of amounts, in means.
    public var amountDeviationRatio = 0.5
    /// The range of the customers' mean numbers of transactions a day.
    public var transactionsPerDay = 0.0...4.0
    /// Seconds after midnight.
    public var timeOfDayMean = 43_200.0
    /// Seconds.
    public var timeOfDayDeviation = 20_000.0

    /// Scenario 1: transactions above this amount are frauds.
    public var largeAmountThreshold = 220.0
    /// The day on which the scenario starts; 0 is the first day.
    public var largeAmountStartDay = 0

    /// Scenario 2: terminals compromised each day.
    public var compromisedTerminalsPerDay = 2
    /// For so many days, all transactions at the terminal are frauds.
    public var terminalSpellDays = 28
    public var compromisedTerminalsStartDay = 0

    /// Scenario 3: customers compromised each day.
    public var compromisedCustomersPerDay = 3
    /// For so many days, a share of the customer's transactions are frauds.
    public var customerSpellDays = 14
    /// The share that is fraud.
    public var customerFraudShare = 1.0 / 3
    /// What multiplies the amount of such a fraud.
    public var customerAmountMultiplier = 5.0
    public var compromisedCustomersStartDay = 0

    public init() {}

    /// Throws an error that names the first option that cannot be.
    public func validate() throws(SimulationOptionError) {
        try require((1...500_000_000).contains(customerCount), "customerCount", customerCount, "1 to 500,000,000")
        try require((1...500_000_000).contains(terminalCount), "terminalCount", terminalCount, "1 to 500,000,000")
        try require(
            startTime.millisecondOfDay == 0 && EventTime.range.contains(startTime), "startTime", startTime,
            "midnight UTC in the years 0001 to 9999")
        try require(gridSide > 0 && gridSide <= 1e9, "gridSide", gridSide, "above 0 and at most 1e9")
        try require(radius > 0 && radius <= 1e9, "radius", radius, "above 0 and at most 1e9")
        try validateAmountsAndTimes()
        try validateScenarios()
    }

    private func validateAmountsAndTimes() throws(SimulationOptionError) {
        try require(
            meanAmount.lowerBound >= 0 && meanAmount.upperBound <= 1e9, "meanAmount", meanAmount, "in 0...1e9")
        try require(
            (0...1e3).contains(amountDeviationRatio), "amountDeviationRatio", amountDeviationRatio, "in 0...1000")
        try require(
            transactionsPerDay.lowerBound >= 0 && transactionsPerDay.upperBound <= 1e6, "transactionsPerDay",
            transactionsPerDay, "in 0...1e6")
        try require((0...86_400).contains(timeOfDayMean), "timeOfDayMean", timeOfDayMean, "in 0...86400 seconds")
        try require(
            (0...1e6).contains(timeOfDayDeviation), "timeOfDayDeviation", timeOfDayDeviation, "in 0...1e6 seconds")
    }

    private func validateScenarios() throws(SimulationOptionError) {
        try require(
            !largeAmountThreshold.isNaN, "largeAmountThreshold", largeAmountThreshold, "a number (infinity: no fraud)")
        try require(
            (0...terminalCount).contains(compromisedTerminalsPerDay), "compromisedTerminalsPerDay",
            compromisedTerminalsPerDay, "0 to terminalCount (\(terminalCount))")
        try require(
            (0...customerCount).contains(compromisedCustomersPerDay), "compromisedCustomersPerDay",
            compromisedCustomersPerDay, "0 to customerCount (\(customerCount))")
        try require((0...1).contains(customerFraudShare), "customerFraudShare", customerFraudShare, "in 0...1")
        try require(
            (0...1e3).contains(customerAmountMultiplier), "customerAmountMultiplier", customerAmountMultiplier,
            "in 0...1000")
        for (option, days) in [
            ("terminalSpellDays", terminalSpellDays), ("customerSpellDays", customerSpellDays),
            ("largeAmountStartDay", largeAmountStartDay),
            ("compromisedTerminalsStartDay", compromisedTerminalsStartDay),
            ("compromisedCustomersStartDay", compromisedCustomersStartDay),
        ] {
            try require((0...4_000_000).contains(days), option, days, "0 to 4,000,000 days")
        }
    }
}
