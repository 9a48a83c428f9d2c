/// Gathers one view, day by day.
struct ViewAccumulator {
    private var view = EvaluationView()
    private var frauds: [Double] = []
    private var legitimate: [Double] = []
    private var fraudsOfDay: [Double] = []
    private var legitimateOfDay: [Double] = []
    private var loss = ProbabilityLoss()
    private var lossOfDay = ProbabilityLoss()
    private var cards: CardPrecision
    private var oracle: CardPrecision

    init(cardCount: Int, k: Int) {
        cards = CardPrecision(cardCount: cardCount, k: k)
        oracle = cards
    }

    mutating func beginBlock() {
        cards.beginBlock()
        oracle.beginBlock()
    }

    @inline(__always) mutating func add(_ row: EvaluationRow) {
        if row.isFraud { fraudsOfDay.append(row.score) } else { legitimateOfDay.append(row.score) }
        lossOfDay.add(score: row.score, isFraud: row.isFraud)
        cards.add(card: row.card, score: row.score, isFraud: row.isFraud)
        oracle.add(card: row.card, score: row.isFraud ? 1 : 0, isFraud: row.isFraud)
    }

    mutating func endDay(_ day: Int) {
        let rowCount = fraudsOfDay.count + legitimateOfDay.count
        if rowCount == 0 { return }
        let ranking = ScoreRanking(frauds: fraudsOfDay, legitimate: legitimateOfDay)
        view.days.append(
            DailyMetrics(
                day: Int32(day), rowCount: rowCount, fraudCount: fraudsOfDay.count,
                averagePrecision: ranking.averagePrecision, areaUnderROC: ranking.areaUnderROC,
                logLoss: lossOfDay.logLoss, brierScore: lossOfDay.brierScore,
                cardPrecision: cards.endDay(), oracleCardPrecision: oracle.endDay()))
        frauds += fraudsOfDay
        legitimate += legitimateOfDay
        loss.add(lossOfDay)
        fraudsOfDay.removeAll(keepingCapacity: true)
        legitimateOfDay.removeAll(keepingCapacity: true)
        lossOfDay = ProbabilityLoss()
    }

    consuming func finish() -> EvaluationView {
        let ranking = ScoreRanking(frauds: frauds, legitimate: legitimate)
        view.rowCount = frauds.count + legitimate.count
        view.fraudCount = frauds.count
        view.meanDailyAveragePrecision = mean(view.days.compactMap(\.averagePrecision))
        view.pooledAveragePrecision = ranking.averagePrecision
        view.areaUnderROC = ranking.areaUnderROC
        view.logLoss = loss.logLoss
        view.brierScore = loss.brierScore
        view.cardPrecision = mean(view.days.map(\.cardPrecision))
        view.oracleCardPrecision = mean(view.days.map(\.oracleCardPrecision))
        return view
    }
}

private func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
}
