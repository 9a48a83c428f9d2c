import EventModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The benchmark's transactions, in the order of their arrival, day by day: skewed customers and terminals, amounts
/// lognormal around each customer's mean, times normal around 13:30 and wrapped into the day, 2 % arriving late.
///
/// Frauds, 0.99 %: half of the transactions at compromised terminals (22 a day, for 7 days), 30 % of those of
/// compromised customers (7 a day, for 5 days, amount × 4), and the largest 0.15 % of all amounts. The last needs the
/// quantile of amounts yet to come: it is computed from the distribution instead.
///
/// The same options give the same rows. Memory: about 40 bytes a customer or terminal, and the rows of one day.
public struct WorkloadW: Sendable {
    private enum Purpose: UInt64 {
        case customers = 101, terminals, rowCounts, rows, compromisedTerminals, compromisedCustomers
    }
    private static let amountDeviation = 0.5
    private static let terminalFraudShare = 0.5
    private static let customerFraudShare = 0.3
    private static let customerAmountMultiplier = 4.0
    private static let largeAmountQuantile = 0.9985
    private static let compromisedCustomersPerDay = 7
    private static let customerSpellDays = 5

    /// A row and when it arrives, in milliseconds after the day's midnight.
    private struct Arrival {
        var row: SimulatedTransaction
        var millisecond: Int
    }

    public let options: WorkloadOptions
    /// The day that comes next.
    public private(set) var day = 0
    /// The number of rows given so far, which is the next row's id.
    public private(set) var rowCount: Int64 = 0

    private let customers: AliasTable
    private let terminals: AliasTable
    private let meanLogAmounts: [Double]
    private let largeAmount: Double
    private var drawnCount = 0
    private var terminalSpells: CompromiseSpells
    private var customerSpells: CompromiseSpells
    private var unsorted: [Arrival] = []
    /// Rows of past days that arrive after their midnight.
    private var carried: [Arrival] = []
    private var keys: [UInt64] = []
    private var sorter = KeySorter()

    public init(_ options: WorkloadOptions = WorkloadOptions()) throws(SimulationOptionError) {
        try options.validate()
        self.options = options
        let seed = options.seed
        var random = RandomStream(seed: seed, purpose: Purpose.customers.rawValue)
        let weights = (0..<options.customerCount).map { _ in random.logNormal(mean: 0, deviation: 0.6) }
        let means = weights.map { _ in random.uniform(2.0...4.5) }
        random = RandomStream(seed: seed, purpose: Purpose.terminals.rawValue)
        terminals = AliasTable(
            weights: (0..<options.terminalCount).map { _ in random.logNormal(mean: 0, deviation: 0.8) })
        customers = AliasTable(weights: weights)
        meanLogAmounts = means
        largeAmount = Self.largeAmount(weights: weights, meanLogAmounts: means, dayCount: options.dayCount)
        terminalSpells = CompromiseSpells(
            entityCount: options.terminalCount, drawsPerDay: min(22, options.terminalCount), length: 7)
        customerSpells = CompromiseSpells(
            entityCount: options.customerCount,
            drawsPerDay: min(Self.compromisedCustomersPerDay, options.customerCount), length: Self.customerSpellDays)
    }

    /// True when all days have been given.
    public var isFinished: Bool { day == options.dayCount }

    /// Appends the rows that arrive on the next day, in the order of arrival; none once all days have been given.
    public mutating func appendNextDay(to rows: inout [SimulatedTransaction]) {
        if isFinished { return }
        drawSpells()
        drawRows()
        sorter.sort(&keys, bit: 0, width: 27)
        let isLastDay = day + 1 == options.dayCount
        for key in keys {
            var arrival = unsorted[Int(key >> 27)]
            if arrival.millisecond >= 86_400_000 && !isLastDay {
                arrival.millisecond -= 86_400_000
                carried.append(arrival)
            } else {
                arrival.row.id = rowCount
                rowCount += 1
                rows.append(arrival.row)
            }
        }
        day += 1
    }

    private func stream(_ purpose: Purpose) -> RandomStream {
        RandomStream(seed: options.seed, purpose: purpose.rawValue, index: UInt64(day))
    }

    private mutating func drawSpells() {
        var random = stream(.compromisedTerminals)
        terminalSpells.draw(day: day, &random)
        random = stream(.compromisedCustomers)
        customerSpells.draw(day: day, &random)
    }

    /// Fills `unsorted` with the carried rows and the day's own, and `keys`: the arrival in the low 27 bits, the place
    /// above. Each row falls on each day with the same chance, so a day's share of the rest is binomial.
    private mutating func drawRows() {
        unsorted.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        swap(&unsorted, &carried)
        for (place, arrival) in unsorted.enumerated() {
            keys.append(UInt64(place) << 27 | UInt64(arrival.millisecond))
        }
        var random = stream(.rowCounts)
        let count = random.binomial(
            trials: options.rowCount - drawnCount, probability: 1 / Double(options.dayCount - day))
        drawnCount += count
        random = stream(.rows)
        for _ in 0..<count {
            let arrival = drawArrival(&random)
            keys.append(UInt64(unsorted.count) << 27 | UInt64(arrival.millisecond))
            unsorted.append(arrival)
        }
    }

    @inline(__always) private func drawArrival(_ random: inout RandomStream) -> Arrival {
        let hour = random.normal(mean: 13.5, deviation: 4.5)
        let wrapped = hour - 24 * (hour / 24).rounded(.down)
        let millisecond = min(Int(wrapped * 3_600_000), 86_399_999)
        let customer = customers.draw(&random)
        let terminal = terminals.draw(&random)
        var amount = random.logNormal(mean: meanLogAmounts[customer], deviation: Self.amountDeviation)
        var scenario = FraudScenario.none
        if terminalSpells.isCompromised(terminal, day: day), random.uniform() < Self.terminalFraudShare {
            scenario = .compromisedTerminal
        }
        if customerSpells.isCompromised(customer, day: day), random.uniform() < Self.customerFraudShare {
            scenario = .compromisedCustomer
            amount *= Self.customerAmountMultiplier
        }
        if scenario == .none && amount > largeAmount { scenario = .largeAmount }
        let isLate = random.uniform() < options.lateShare
        let delay = isLate ? random.below(Int(options.maximumLateness.milliseconds) + 1) : 0
        let time = EventTime(
            milliseconds: options.startTime.milliseconds + Int64(day) * 86_400_000 + Int64(millisecond))
        let row = SimulatedTransaction(
            id: 0, time: time, customer: Int32(truncatingIfNeeded: customer),
            terminal: Int32(truncatingIfNeeded: terminal), amount: Int64((amount * 100).rounded(.toNearestOrEven)),
            scenario: scenario)
        return Arrival(row: row, millisecond: millisecond + delay)
    }

    /// The quantile of all amounts above which a transaction is fraud: of the customers' lognormal distributions, each
    /// with its weight, a share multiplied by being compromised; by bisection of the distribution function.
    private static func largeAmount(weights: [Double], meanLogAmounts: [Double], dayCount: Int) -> Double {
        let unharmed = 1 - min(1, Double(compromisedCustomersPerDay) / Double(weights.count))
        let compromised = (0..<dayCount).reduce(0.0) { sum, day in
            sum + 1 - pow(unharmed, Double(min(day + 1, customerSpellDays)))
        }
        let share = customerFraudShare * compromised / Double(dayCount)
        let total = weights.reduce(0, +)
        func tail(_ logAmount: Double) -> Double {
            var sum = 0.0
            for (weight, mean) in zip(weights, meanLogAmounts) {
                let z = (logAmount - mean) / (amountDeviation * 2.0.squareRoot())
                let zOfMultiple = z - log(customerAmountMultiplier) / (amountDeviation * 2.0.squareRoot())
                sum += weight / 2 * ((1 - share) * erfc(z) + share * erfc(zOfMultiple))
            }
            return sum / total
        }
        var low = 0.0
        var high = 20.0
        for _ in 0..<40 {
            let middle = (low + high) / 2
            if tail(middle) > 1 - largeAmountQuantile { low = middle } else { high = middle }
        }
        return exp(high)
    }
}
