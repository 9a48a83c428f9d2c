/// Which days are tested, and how: the Fraud Detection Handbook's scheme of blocks (chapters 4 and 5).
public struct EvaluationProtocol: Hashable, Sendable {
    /// Days since 1970-01-01.
    public var firstDay: Int32
    /// The last test day, included.
    public var lastDay: Int32
    /// Days in a block; the last block may be shorter. A block forgets which cards the one before detected.
    public var blockDays = 7
    /// Whole days until a transaction's label is known.
    public var labelDelayDays = 7
    /// Train start is so many days before a block's first day.
    public var trainingDays = 14
    /// Cards looked at each day.
    public var cardsPerDay = 100
    /// Whether to report the filtered view too: without the customers known to be compromised, which are those with a
    /// fraud on a day from train start to the test day − label delay − 1.
    public var filtersKnownCards = true

    public init(firstDay: Int32, lastDay: Int32) {
        self.firstDay = firstDay
        self.lastDay = lastDay
    }

    /// The 54 days from 2018-08-08 to 2018-09-30 of the Handbook's data set.
    public static let handbook54 = EvaluationProtocol(firstDay: 17_751, lastDay: 17_804)

    /// Throws an error that names the first field that cannot be.
    public func validate() throws(EvaluationError) {
        let calendar: ClosedRange<Int32> = -719_162...2_932_896
        try require(calendar.contains(firstDay), "firstDay", Int(firstDay), "in the years 0001 to 9999")
        try require(calendar.contains(lastDay), "lastDay", Int(lastDay), "in the years 0001 to 9999")
        try require(lastDay >= firstDay, "lastDay", Int(lastDay), "firstDay (\(firstDay)) or later")
        let days = 0...4_000_000
        try require(days.contains(blockDays) && blockDays > 0, "blockDays", blockDays, "1 to 4,000,000")
        try require(days.contains(labelDelayDays), "labelDelayDays", labelDelayDays, "0 to 4,000,000")
        try require(days.contains(trainingDays), "trainingDays", trainingDays, "0 to 4,000,000")
        try require((1...1_000_000).contains(cardsPerDay), "cardsPerDay", cardsPerDay, "1 to 1,000,000")
    }

    private func require(
        _ isMet: Bool, _ field: String, _ value: Int, _ requirement: String
    ) throws(EvaluationError) {
        if !isMet { throw .invalidProtocol(field: field, value: value, requirement: requirement) }
    }

    /// The first day of the block that holds the test day.
    func blockStart(of day: Int) -> Int { day - (day - Int(firstDay)) % blockDays }
}
