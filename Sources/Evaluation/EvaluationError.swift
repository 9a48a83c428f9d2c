import EventModel

/// Why rows cannot be evaluated.
public enum EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
    case invalidProtocol(field: String, value: Int, requirement: String)
    /// The score of the row at this place is NaN.
    case scoreIsNotANumber(row: Int)
    /// The card number of the row at this place is negative, or not below the number of rows.
    case cardOutOfRange(row: Int, card: Int32)
    /// There are no rows on the test days.
    case noRows(firstDay: Int32, lastDay: Int32)

    public var description: String {
        switch self {
        case .invalidProtocol(let field, let value, let requirement):
            "evaluation protocol: \(field) is \(value): it must be \(requirement)"
        case .scoreIsNotANumber(let row):
            "evaluation: the score of row \(row) is NaN: every row on a test day needs a score"
        case .cardOutOfRange(let row, let card):
            "evaluation: row \(row) has card \(card): number the cards from 0 without gaps"
        case .noRows(let firstDay, let lastDay):
            "evaluation: no transactions from \(dateText(firstDay)) to \(dateText(lastDay)); "
                + "choose days that the decisions cover"
        }
    }
}

/// `2018-08-08`.
private func dateText(_ day: Int32) -> String {
    EventTime(milliseconds: Int64(day) * 86_400_000).dateDescription
}
