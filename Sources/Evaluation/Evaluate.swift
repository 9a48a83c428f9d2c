/// Evaluates scores by a protocol.
///
/// - Parameter rows: the transactions in any order: those of the test days with their scores, and those of the days
///   before, back to the first train start, whose frauds the filter needs and whose scores are ignored.
/// - Complexity: O(rows · log frauds); memory about 30 bytes a row besides the rows.
public func evaluate(
    _ rows: [EvaluationRow], by evaluationProtocol: EvaluationProtocol
) throws(EvaluationError) -> EvaluationReport {
    try evaluationProtocol.validate()
    let cardCount = try checkedCardCount(rows, evaluationProtocol)
    let testDays = Int(evaluationProtocol.firstDay)...Int(evaluationProtocol.lastDay)
    let days = RowsByDay(rows, days: testDays.lowerBound - evaluationProtocol.trainingDays...testDays.upperBound)
    var filter = KnownCards(cardCount: cardCount)
    var filtered = ViewAccumulator(
        cardCount: evaluationProtocol.filtersKnownCards ? cardCount : 0, k: evaluationProtocol.cardsPerDay)
    var unfiltered = ViewAccumulator(cardCount: cardCount, k: evaluationProtocol.cardsPerDay)
    for day in testDays {
        let blockStart = evaluationProtocol.blockStart(of: day)
        if day == blockStart {
            filtered.beginBlock()
            unfiltered.beginBlock()
        }
        for place in days[day] { unfiltered.add(rows[Int(place)]) }
        unfiltered.endDay(day)
        guard evaluationProtocol.filtersKnownCards else { continue }
        filter.learn(through: day - evaluationProtocol.labelDelayDays - 1, from: days, of: rows)
        let trainStart = blockStart - evaluationProtocol.trainingDays
        for place in days[day] where !filter.isKnown(rows[Int(place)].card, since: trainStart) {
            filtered.add(rows[Int(place)])
        }
        filtered.endDay(day)
    }
    return EvaluationReport(
        evaluationProtocol: evaluationProtocol,
        filtered: evaluationProtocol.filtersKnownCards ? filtered.finish() : nil, unfiltered: unfiltered.finish())
}

/// Evaluates the scores of all days that the rows have, without a filter; cards in blocks of 7 days from the first,
/// 100 cards a day.
public func evaluate(_ rows: [EvaluationRow]) throws(EvaluationError) -> EvaluationReport {
    guard let first = rows.first?.day else { throw .noRows(firstDay: 0, lastDay: 0) }
    let days = rows.reduce(first...first) { min($0.lowerBound, $1.day)...max($0.upperBound, $1.day) }
    var allDays = EvaluationProtocol(firstDay: days.lowerBound, lastDay: days.upperBound)
    allDays.filtersKnownCards = false
    return try evaluate(rows, by: allDays)
}

/// The number of cards; throws unless card numbers are dense and the test days have rows, each with a score.
private func checkedCardCount(
    _ rows: [EvaluationRow], _ evaluationProtocol: EvaluationProtocol
) throws(EvaluationError) -> Int {
    let testDays = evaluationProtocol.firstDay...evaluationProtocol.lastDay
    var highest: Int32 = -1
    var hasTestRow = false
    for (place, row) in rows.enumerated() {
        if row.card < 0 || row.card >= rows.count { throw .cardOutOfRange(row: place, card: row.card) }
        highest = max(highest, row.card)
        guard testDays.contains(row.day) else { continue }
        if row.score.isNaN { throw .scoreIsNotANumber(row: place) }
        hasTestRow = true
    }
    if !hasTestRow { throw .noRows(firstDay: testDays.lowerBound, lastDay: testDays.upperBound) }
    return Int(highest) + 1
}
