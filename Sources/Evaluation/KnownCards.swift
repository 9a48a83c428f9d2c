/// The cards known to be compromised: each one's latest fraud whose label is known.
///
/// The filter asks for a fraud between train start and the last day with known labels; the latest one decides.
struct KnownCards {
    private var latestFraudDay: [Int]
    private var learnedThrough: Int?

    init(cardCount: Int) { latestFraudDay = [Int](repeating: .min, count: cardCount) }

    /// Learns the labels of all days up to this one; called with days that ascend.
    mutating func learn(through day: Int, from days: RowsByDay, of rows: [EvaluationRow]) {
        var next = learnedThrough.map { $0 + 1 } ?? days.days.lowerBound
        while next <= min(day, days.days.upperBound) {
            for place in days[next] where rows[Int(place)].isFraud {
                latestFraudDay[Int(rows[Int(place)].card)] = next
            }
            learnedThrough = next
            next += 1
        }
    }

    /// Whether the card has a known fraud on this day or later.
    @inline(__always) func isKnown(_ card: Int32, since day: Int) -> Bool { latestFraudDay[Int(card)] >= day }
}
