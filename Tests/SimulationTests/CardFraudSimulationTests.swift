import EventModel
import Testing

@testable import Simulation

@Suite struct CardFraudSimulationTests {
    private static func small(seed: UInt64 = 1) -> CardFraudOptions {
        var options = CardFraudOptions()
        options.seed = seed
        options.customerCount = 300
        options.terminalCount = 600
        options.radius = 12
        return options
    }

    private static func rows(_ options: CardFraudOptions, days: Int) throws -> [SimulatedTransaction] {
        var simulation = try CardFraudSimulation(options)
        var rows: [SimulatedTransaction] = []
        for _ in 0..<days { simulation.appendNextDay(to: &rows) }
        #expect(simulation.day == days && simulation.rowCount == rows.count)
        return rows
    }

    @Test func sameSeedGivesSameRowsAndAnotherSeedOthers() throws {
        let rows = try Self.rows(Self.small(), days: 5)
        #expect(try Self.rows(Self.small(), days: 5) == rows)
        #expect(try Self.rows(Self.small(seed: 2), days: 5) != rows)
    }

    @Test func rowsAreSortedByTimeThenCustomerAndIdsCountUp() throws {
        var options = Self.small()
        options.transactionsPerDay = 300...300
        let rows = try Self.rows(options, days: 2)
        #expect(rows.map(\.id) == Array(0..<Int64(rows.count)))
        let order = rows.map { ($0.time.milliseconds, $0.customer) }
        #expect(zip(order, order.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(zip(order, order.dropFirst()).contains { $0.0 == $1.0 })
    }

    @Test func anotherCustomerLeavesTheOthersRowsAsTheyWere() throws {
        var more = Self.small()
        more.customerCount += 50
        more.compromisedCustomersPerDay = 0
        var options = Self.small()
        options.compromisedCustomersPerDay = 0
        func withoutID(_ rows: [SimulatedTransaction]) -> [SimulatedTransaction] {
            rows.filter { $0.customer < 300 }.map { row in
                var row = row
                row.id = 0
                return row
            }
        }
        #expect(withoutID(try Self.rows(more, days: 4)) == withoutID(try Self.rows(options, days: 4)))
    }

    @Test func fraudsChangeNothingButTheirOwnAmountsAndFollowTheRules() throws {
        var without = Self.small()
        without.compromisedTerminalsPerDay = 0
        without.compromisedCustomersPerDay = 0
        without.largeAmountThreshold = .infinity
        let legitimate = try Self.rows(without, days: 40)
        let rows = try Self.rows(Self.small(), days: 40)
        try #require(rows.count == legitimate.count)
        for (row, original) in zip(rows, legitimate) {
            #expect(!original.isFraud)
            #expect((row.time, row.customer, row.terminal) == (original.time, original.customer, original.terminal))
            switch row.scenario {
            case .none: #expect(row.amount == original.amount && row.amount <= 22_000)
            case .largeAmount: #expect(row.amount == original.amount && row.amount > 22_000)
            case .compromisedTerminal: #expect(row.amount == original.amount)
            case .compromisedCustomer: #expect(row.amount == original.amount * 5)
            }
        }
        #expect(Set(rows.map(\.scenario)) == Set(FraudScenario.allCases))
    }

    @Test func allTransactionsAtACompromisedTerminalAreFrauds() throws {
        let rows = try Self.rows(Self.small(), days: 40)
        let byDay = Dictionary(grouping: rows) { $0.time.day - 17_622 }
        for (day, rows) in byDay {
            let compromised = Set(rows.filter { $0.scenario == .compromisedTerminal }.map(\.terminal))
            #expect(compromised.count <= 2 * min(Int(day) + 1, 28))
            #expect(rows.allSatisfy { !compromised.contains($0.terminal) || $0.isFraud })
        }
    }

    @Test func aThirdOfACompromisedCustomersTransactionsAreFrauds() throws {
        var options = Self.small()
        options.compromisedCustomersPerDay = options.customerCount
        let rows = try Self.rows(options, days: 15)
        let share = Double(rows.filter { $0.scenario == .compromisedCustomer }.count) / Double(rows.count)
        #expect(abs(share - 1.0 / 3) < 0.02)
    }

    @Test func aScenarioStartsOnItsDay() throws {
        var options = Self.small()
        options.largeAmountStartDay = 5
        options.compromisedTerminalsStartDay = 8
        options.compromisedCustomersStartDay = 12
        let rows = try Self.rows(options, days: 30)
        for (scenario, start) in [
            (FraudScenario.largeAmount, 5), (.compromisedTerminal, 8), (.compromisedCustomer, 12),
        ] {
            let first = try #require(rows.first { $0.scenario == scenario })
            #expect((start...start + 5).contains(Int(first.time.day) - 17_622))
        }
    }

    /// The published data set (183 days from 2018-04-01): 9,586 rows a day, 0.837 % fraud, mean amount 53.63.
    @Test func defaultsGiveTheStatisticsOfThePublishedDataSet() throws {
        let rows = try Self.rows(CardFraudOptions(), days: 40)
        let perDay = Double(rows.count) / 40
        #expect(abs(perDay - 9_600) < 300)
        let mean = Double(rows.reduce(0) { $0 + $1.amount }) / Double(rows.count) / 100
        #expect(abs(mean - 53.6) < 1.5)
        let later = rows.filter { $0.time.day >= 17_622 + 28 }
        let fraudShare = Double(later.filter(\.isFraud).count) / Double(later.count)
        #expect(abs(fraudShare - 0.0084) < 0.0025)
        let midday = rows.filter { abs($0.time.millisecondOfDay - 43_200_000) < 20_000_000 }
        // Within one deviation of noon, of those within the day.
        let middayShare = Double(midday.count) / Double(rows.count)
        #expect(abs(middayShare - 0.7044) < 0.01)
    }

    @Test func anImpossibleOptionIsNamed() {
        let changes: [(String, (inout CardFraudOptions) -> Void)] = [
            ("customerCount", { $0.customerCount = 0 }),
            ("terminalCount", { $0.terminalCount = -1 }),
            ("startTime", { $0.startTime = EventTime(milliseconds: 1) }),
            ("gridSide", { $0.gridSide = .nan }),
            ("radius", { $0.radius = 0 }),
            ("meanAmount", { $0.meanAmount = -1...5 }),
            ("amountDeviationRatio", { $0.amountDeviationRatio = -0.1 }),
            ("transactionsPerDay", { $0.transactionsPerDay = 0...(.infinity) }),
            ("timeOfDayMean", { $0.timeOfDayMean = 86_401 }),
            ("timeOfDayDeviation", { $0.timeOfDayDeviation = .nan }),
            ("largeAmountThreshold", { $0.largeAmountThreshold = .nan }),
            ("compromisedTerminalsPerDay", { $0.compromisedTerminalsPerDay = 10_001 }),
            ("compromisedCustomersPerDay", { $0.compromisedCustomersPerDay = -1 }),
            ("customerFraudShare", { $0.customerFraudShare = 1.1 }),
            ("customerAmountMultiplier", { $0.customerAmountMultiplier = -5 }),
            ("customerSpellDays", { $0.customerSpellDays = -1 }),
            ("compromisedCustomersStartDay", { $0.compromisedCustomersStartDay = -1 }),
        ]
        for (option, change) in changes {
            var options = CardFraudOptions()
            change(&options)
            let error = #expect(throws: SimulationOptionError.self) { try options.validate() }
            #expect(error?.option == option)
        }
    }
}
