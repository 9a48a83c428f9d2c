import Evaluation
import EventModel
import Testing

@Suite struct EvaluateTests {
    private func row(_ day: Int32, _ card: Int32, _ score: Double, fraud: Bool = false) -> EvaluationRow {
        EvaluationRow(score: score, day: day, card: card, isFraud: fraud)
    }

    private func scheme(_ days: ClosedRange<Int32>, _ change: (inout EvaluationProtocol) -> Void) -> EvaluationProtocol
    {
        var scheme = EvaluationProtocol(firstDay: days.lowerBound, lastDay: days.upperBound)
        change(&scheme)
        return scheme
    }

    /// Blocks of 2 days from day 10, a label delay of 1 day, train start 3 days before a block: days 10 and 11 look at
    /// frauds from day 7 on, up to days 8 and 9; day 12 looks at frauds from day 9 to day 10.
    @Test func filterDropsCardsWithAKnownFraudSinceTrainStart() throws {
        let scheme = scheme(10...12) { ($0.blockDays, $0.labelDelayDays, $0.trainingDays) = (2, 1, 3) }
        let history = [
            row(6, 0, .nan, fraud: true),  // before train start: never seen
            row(7, 1, .nan, fraud: true),  // seen on days 10 and 11
            row(9, 2, .nan, fraud: true),  // seen on days 11 and 12
            row(8, 3, .nan),  // no fraud
        ]
        var tested: [EvaluationRow] = []
        for day in 10...12 as ClosedRange<Int32> {
            for card in 0...4 as ClosedRange<Int32> { tested.append(row(day, card, 0.5, fraud: card == 4)) }
        }
        let report = try evaluate(history + tested, by: scheme)
        #expect(report.unfiltered.days.map(\.rowCount) == [5, 5, 5])
        // Day 10 drops card 1; day 11 drops cards 1 and 2; day 12 drops 2 and 4 (its fraud of day 10).
        #expect(report.filtered?.days.map(\.rowCount) == [4, 3, 3])
        #expect(report.filtered?.days.map(\.fraudCount) == [1, 1, 0])
        #expect(report.filtered?.rowCount == 10)
    }

    @Test func detectedCardsAreDroppedUntilTheNextBlockAndFalseAlarmsAreNot() throws {
        let scheme = scheme(0...2) { ($0.blockDays, $0.cardsPerDay, $0.filtersKnownCards) = (2, 2, false) }
        let day = { (day: Int32) in
            [
                self.row(day, 0, 0.9, fraud: true), self.row(day, 1, 0.8), self.row(day, 2, 0.7, fraud: true),
                self.row(day, 2, 0.1), self.row(day, 3, 0.6, fraud: true),
            ]
        }
        let report = try evaluate(day(0) + day(1) + day(2), by: scheme)
        // Day 0: cards 0 and 1, of which 0 is compromised. Day 1: 1 and 2. Day 2 is a new block: 0 and 1 again.
        #expect(report.unfiltered.days.map(\.cardPrecision) == [0.5, 0.5, 0.5])
        // The oracle takes 0 and 2, then 3 alone, then 0 and 2 again.
        #expect(report.unfiltered.days.map(\.oracleCardPrecision) == [1, 0.5, 1])
        #expect(report.filtered == nil)
    }

    @Test(arguments: 0..<30)
    func agreesWithTheNaiveMetricsOnRandomRows(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let cards = Int32.random(in: 1...40, using: &random)
        let scheme = scheme(20...35) {
            $0.blockDays = Int.random(in: 1...8, using: &random)
            $0.labelDelayDays = Int.random(in: 0...5, using: &random)
            $0.trainingDays = Int.random(in: 0...12, using: &random)
            $0.cardsPerDay = Int.random(in: 1...12, using: &random)
        }
        let rows = (0..<Int.random(in: 41...900, using: &random)).map { _ in
            row(
                Int32.random(in: 5...40, using: &random), Int32.random(in: 0..<cards, using: &random),
                Double(Int.random(in: 0...9, using: &random)) / 9, fraud: Int.random(in: 0..<12, using: &random) == 0)
        }
        let report = try evaluate(rows, by: scheme)
        let tested = rows.filter { (20...35).contains($0.day) }
        check(report.unfiltered, tested, scheme)
        check(try #require(report.filtered), Naive.filtered(rows, scheme), scheme)
    }

    private func check(_ view: EvaluationView, _ rows: [EvaluationRow], _ scheme: EvaluationProtocol) {
        func scores(_ rows: [EvaluationRow]) -> (frauds: [Double], legitimate: [Double]) {
            (rows.filter(\.isFraud).map(\.score), rows.filter { !$0.isFraud }.map(\.score))
        }
        func mean(_ values: [Double]) -> Double? {
            values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
        }
        let all = scores(rows)
        #expect(view.rowCount == rows.count && view.fraudCount == all.frauds.count)
        #expect(isClose(view.pooledAveragePrecision, Naive.averagePrecision(all.frauds, all.legitimate)))
        #expect(isClose(view.areaUnderROC, Naive.areaUnderROC(all.frauds, all.legitimate)))
        let daily = (scheme.firstDay...scheme.lastDay).compactMap { day in
            let ofDay = scores(rows.filter { $0.day == day })
            return Naive.averagePrecision(ofDay.frauds, ofDay.legitimate)
        }
        #expect(isClose(view.meanDailyAveragePrecision, mean(daily)))
        let precision = Naive.cardPrecision(rows, scheme)
        #expect(isClose(view.cardPrecision, mean(Array(precision.values))))
        #expect(view.days.allSatisfy { $0.cardPrecision == precision[$0.day] })
        let perfect = rows.map { row($0.day, $0.card, $0.isFraud ? 1 : 0, fraud: $0.isFraud) }
        #expect(isClose(view.oracleCardPrecision, mean(Array(Naive.cardPrecision(perfect, scheme).values))))
    }

    @Test func lossesAreThoseOfTheDefinitionAndClipped() throws {
        let report = try evaluate([row(0, 0, 0.25, fraud: true), row(0, 1, 0.5), row(1, 0, 0, fraud: true)])
        let logs: Double = 1.3862943611198906 + 0.6931471805599453 + 34.538776394910684
        let squares: Double = 0.5625 + 0.25 + 1
        #expect(isClose(report.unfiltered.logLoss, logs / 3))
        #expect(isClose(report.unfiltered.brierScore, squares / 3))
        #expect(isClose(report.unfiltered.days[0].brierScore, 0.8125 / 2))
    }

    @Test func metricsThatDoNotExistAreNil() throws {
        let report = try evaluate([row(0, 0, 3), row(2, 1, 0.5)])
        let view = report.unfiltered
        #expect(view.logLoss == nil && view.brierScore == nil)
        #expect(view.meanDailyAveragePrecision == nil && view.pooledAveragePrecision == nil && view.areaUnderROC == nil)
        #expect(view.days.map(\.day) == [0, 2] && view.cardPrecision == 0)
        #expect(view.days[1].brierScore == 0.25)
    }

    @Test func theOrderOfRowsDoesNotMatterBeyondRounding() throws {
        var random = SplitMix(state: 1)
        let rows = (0..<2_000).map { number -> EvaluationRow in
            let score = Double.random(in: 0...1, using: &random)
            return row(Int32(number % 30), Int32(number % 50), score, fraud: number % 17 == 0)
        }
        let scheme = scheme(20...29) { $0.cardsPerDay = 5 }
        let report = try evaluate(rows, by: scheme)
        let shuffled = try evaluate(rows.shuffled(using: &random), by: scheme)
        #expect(shuffled.unfiltered.cardPrecision == report.unfiltered.cardPrecision)
        #expect(shuffled.filtered?.meanDailyAveragePrecision == report.filtered?.meanDailyAveragePrecision)
        #expect(isClose(shuffled.unfiltered.logLoss, report.unfiltered.logLoss))
    }

    @Test func handbook54Is20180808To20180930() {
        let scheme = EvaluationProtocol.handbook54
        #expect(Int64(scheme.firstDay) == daysSinceEpoch(year: 2018, month: 8, day: 8))
        #expect(Int64(scheme.lastDay) == daysSinceEpoch(year: 2018, month: 9, day: 30))
    }

    @Test func badInputIsRefusedByName() {
        let scheme = EvaluationProtocol(firstDay: 0, lastDay: 5)
        #expect(throws: EvaluationError.scoreIsNotANumber(row: 1)) {
            try evaluate([row(0, 0, 1), row(5, 0, .nan)], by: scheme)
        }
        #expect(throws: EvaluationError.cardOutOfRange(row: 0, card: -1)) { try evaluate([row(0, -1, 1)], by: scheme) }
        #expect(throws: EvaluationError.cardOutOfRange(row: 0, card: 1)) { try evaluate([row(0, 1, 1)], by: scheme) }
        #expect(throws: EvaluationError.noRows(firstDay: 0, lastDay: 5)) { try evaluate([row(6, 0, 1)], by: scheme) }
        #expect(throws: EvaluationError.noRows(firstDay: 0, lastDay: 0)) { try evaluate([]) }
        #expect(throws: EvaluationError.self) { try evaluate([row(.max, 0, 1)]) }
        let changes: [(inout EvaluationProtocol) -> Void] = [
            { $0.lastDay = -1 }, { $0.blockDays = 0 }, { $0.labelDelayDays = -1 }, { $0.trainingDays = -1 },
            { $0.cardsPerDay = 0 }, { $0.firstDay = .min },
        ]
        for change in changes {
            var wrong = scheme
            change(&wrong)
            #expect(throws: EvaluationError.self) { try wrong.validate() }
        }
    }
}
