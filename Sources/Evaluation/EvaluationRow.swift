/// One scored transaction and what it turned out to be.
public struct EvaluationRow: Hashable, Sendable {
    /// Any number but NaN; higher means more likely fraud. Log-loss and Brier score need probabilities.
    public var score: Double
    /// The event's day: days since 1970-01-01 (`EventTime.day`).
    public var day: Int32
    /// The customer's number, dense from 0: below the number of rows. Of cards with equal scores the smaller number
    /// stands first, so number them by their ids where ties matter.
    public var card: Int32
    public var isFraud: Bool

    @inlinable public init(score: Double, day: Int32, card: Int32, isFraud: Bool) {
        self.score = score
        self.day = day
        self.card = card
        self.isFraud = isFraud
    }
}
