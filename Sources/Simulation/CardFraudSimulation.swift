import EventModel

/// Card transactions with three kinds of fraud, day by day without end, after the published model of the Fraud
/// Detection Handbook (Le Borgne, Siblini, Lebichot and Bontempi, 2022, chapter 3).
///
/// Customers and terminals lie uniformly on a square. A customer has a mean amount and a mean number of transactions a
/// day, both uniform, and uses the terminals within a radius, each as often. A day's number of transactions is Poisson,
/// their times are normal around noon (whole seconds; those not inside the day do not happen), their amounts normal
/// (negative ones are drawn anew, uniform up to twice the mean), rounded to cents.
///
/// It differs from the Handbook in one point, so that days can stream: of a compromised customer's transactions each is
/// a fraud with the chance `customerFraudShare`, once, where the Handbook draws exactly this share of each spell's.
///
/// The same options give the same rows. Each customer's day is a random stream of its own, and so are the frauds: other
/// fraud options leave times, customers and terminals as they are. Memory: about 60 bytes a customer, 40 a terminal,
/// and the rows of one day.
public struct CardFraudSimulation: Sendable {
    private enum Purpose: UInt64 {
        case terminals = 1, customers, transactions, compromisedTerminals, compromisedCustomers, customerFrauds
    }

    private struct Customer {
        var x: Double
        var y: Double
        var meanAmount: Double
        var transactionsPerDay: Double
    }

    public let options: CardFraudOptions
    /// The day that comes next; 0 is the first.
    public private(set) var day = 0
    /// The number of rows given so far, which is the next row's id.
    public private(set) var rowCount: Int64 = 0

    private let grid: TerminalGrid
    private let customers: [Customer]
    private var terminalSpells: CompromiseSpells
    private var customerSpells: CompromiseSpells
    private var unsorted: [SimulatedTransaction] = []
    private var keys: [UInt64] = []
    private var sorter = KeySorter()

    public init(_ options: CardFraudOptions = CardFraudOptions()) throws(SimulationOptionError) {
        try options.validate()
        self.options = options
        let side = options.gridSide
        var random = RandomStream(seed: options.seed, purpose: Purpose.terminals.rawValue)
        let places = (0..<options.terminalCount).map { _ in (x: random.uniform(0...side), y: random.uniform(0...side)) }
        let grid = TerminalGrid(places: places, side: side, radius: options.radius)
        self.grid = grid
        customers = (0..<options.customerCount).map { customer in
            var random = RandomStream(
                seed: options.seed, purpose: Purpose.customers.rawValue, index: UInt64(customer))
            let x = random.uniform(0...side)
            let y = random.uniform(0...side)
            let amount = random.uniform(options.meanAmount)
            let rate = random.uniform(options.transactionsPerDay)
            return Customer(
                x: x, y: y, meanAmount: amount, transactionsPerDay: grid.hasTerminal(nearX: x, y: y) ? rate : 0)
        }
        terminalSpells = CompromiseSpells(
            entityCount: options.terminalCount, drawsPerDay: options.compromisedTerminalsPerDay,
            length: options.terminalSpellDays)
        customerSpells = CompromiseSpells(
            entityCount: options.customerCount, drawsPerDay: options.compromisedCustomersPerDay,
            length: options.customerSpellDays)
    }

    /// Appends the next day's transactions, sorted by time; at equal times, by customer.
    /// - Complexity: O(customers + rows).
    public mutating func appendNextDay(to rows: inout [SimulatedTransaction]) {
        drawSpells()
        drawTransactions()
        sorter.sort(&keys, bit: 0, width: 17)
        rows.reserveCapacity(rows.count + keys.count)
        for key in keys {
            var row = unsorted[Int(key >> 17)]
            row.id = rowCount
            rowCount += 1
            rows.append(row)
        }
        day += 1
    }

    private mutating func drawSpells() {
        if day >= options.compromisedTerminalsStartDay {
            var random = stream(.compromisedTerminals, index: UInt64(day))
            terminalSpells.draw(day: day, &random)
        }
        if day >= options.compromisedCustomersStartDay {
            var random = stream(.compromisedCustomers, index: UInt64(day))
            customerSpells.draw(day: day, &random)
        }
    }

    private func stream(_ purpose: Purpose, index: UInt64) -> RandomStream {
        RandomStream(seed: options.seed, purpose: purpose.rawValue, index: index)
    }

    /// Fills `unsorted`, customer by customer, and `keys`: the second of the day in the low 17 bits, the place above.
    private mutating func drawTransactions() {
        unsorted.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        for number in customers.indices {
            let customer = customers[number]
            var random = stream(.transactions, index: UInt64(day) << 32 | UInt64(number))
            let count = random.poisson(mean: customer.transactionsPerDay)
            if count == 0 { continue }
            let near = grid.neighbourhood(x: customer.x, y: customer.y)
            for _ in 0..<count {
                let second = random.normal(mean: options.timeOfDayMean, deviation: options.timeOfDayDeviation)
                guard second >= 1, second < 86_400 else { continue }
                let amount = drawAmount(mean: customer.meanAmount, &random)
                guard let terminal = grid.draw(near, x: customer.x, y: customer.y, &random) else { continue }
                append(second: Int(second), customer: number, terminal: terminal, amount: amount)
            }
            if customerSpells.isCompromised(number, day: day) { compromise(customer: number) }
        }
    }

    @inline(__always) private func drawAmount(mean: Double, _ random: inout RandomStream) -> Int64 {
        var amount = random.normal(mean: mean, deviation: mean * options.amountDeviationRatio)
        if amount < 0 { amount = random.uniform(0...2 * mean) }
        return Int64((amount * 100).rounded(.toNearestOrEven))
    }

    @inline(__always) private mutating func append(second: Int, customer: Int, terminal: Int32, amount: Int64) {
        var scenario = FraudScenario.none
        if terminalSpells.isCompromised(Int(terminal), day: day) {
            scenario = .compromisedTerminal
        } else if Double(amount) > options.largeAmountThreshold * 100, day >= options.largeAmountStartDay {
            scenario = .largeAmount
        }
        keys.append(UInt64(unsorted.count) << 17 | UInt64(second))
        let time = EventTime(
            milliseconds: options.startTime.milliseconds + Int64(day) * 86_400_000 + Int64(second) * 1_000)
        unsorted.append(
            SimulatedTransaction(
                id: 0, time: time, customer: Int32(truncatingIfNeeded: customer), terminal: terminal, amount: amount,
                scenario: scenario))
    }

    /// Turns a share of the customer's transactions, which stand last in `unsorted`, into frauds of scenario 3.
    private mutating func compromise(customer: Int) {
        var random = stream(.customerFrauds, index: UInt64(day) << 32 | UInt64(customer))
        var place = unsorted.count - 1
        while place >= 0, Int(unsorted[place].customer) == customer {
            if random.uniform() < options.customerFraudShare {
                let amount = Double(unsorted[place].amount) * options.customerAmountMultiplier
                unsorted[place].amount = Int64(amount.rounded(.toNearestOrEven))
                unsorted[place].scenario = .compromisedCustomer
            }
            place -= 1
        }
    }
}
