import ArgumentParser
import EventModel
import Simulation

/// The constants of the Handbook's simulation, each an option; the defaults are those of its published data set.
struct HandbookOptions: ParsableArguments {
    @Option(help: "Side of the square on which customers and terminals live, in units of length (default: 100).")
    var gridSide: Double?
    @Option(help: "A customer uses the terminals nearer than this, in units of length (default: 5).")
    var radius: Double?
    @Option(help: "Lowest mean amount of a customer, in currency units (default: 5).")
    var minMeanAmount: Double?
    @Option(help: "Highest mean amount of a customer, in currency units (default: 100).")
    var maxMeanAmount: Double?
    @Option(help: "A customer's standard deviation of amounts, in means (default: 0.5).")
    var amountDeviationRatio: Double?
    @Option(help: "Lowest mean number of transactions of a customer, a day (default: 0).")
    var minTransactionsPerDay: Double?
    @Option(help: "Highest mean number of transactions of a customer, a day (default: 4).")
    var maxTransactionsPerDay: Double?
    @Option(help: "Mean time of day, in seconds after midnight (default: 43200).")
    var timeOfDayMean: Double?
    @Option(help: "Standard deviation of the time of day, in seconds (default: 20000).")
    var timeOfDayDeviation: Double?
    @Option(help: "Large amounts: above this all are frauds, in currency units (default: 220).")
    var largeAmountThreshold: Double?
    @Option(help: "Large amounts are frauds from this day on; 0 is the first (default: 0).")
    var largeAmountStartDay: Int?
    @Option(help: "Terminals compromised a day (default: 2).")
    var compromisedTerminalsPerDay: Int?
    @Option(help: "Days for which all at a compromised terminal are frauds (default: 28).")
    var terminalSpellDays: Int?
    @Option(help: "Terminals are compromised from this day on; 0 is the first (default: 0).")
    var compromisedTerminalsStartDay: Int?
    @Option(help: "Customers compromised a day (default: 3).")
    var compromisedCustomersPerDay: Int?
    @Option(help: "Days for which a share of a compromised customer's are frauds (default: 14).")
    var customerSpellDays: Int?
    @Option(help: "The share of them that are frauds, 0 to 1 (default: 0.3333333333333333).")
    var customerFraudShare: Double?
    @Option(help: "What multiplies the amount of such a fraud (default: 5).")
    var customerAmountMultiplier: Double?
    @Option(help: "Customers are compromised from this day on; 0 is the first (default: 0).")
    var compromisedCustomersStartDay: Int?

    /// Takes over what was given.
    func apply(to options: inout CardFraudOptions) throws {
        set(&options.gridSide, gridSide)
        set(&options.radius, radius)
        options.meanAmount = try range(
            minMeanAmount, maxMeanAmount, default: options.meanAmount, "--min-mean-amount", "--max-mean-amount")
        set(&options.amountDeviationRatio, amountDeviationRatio)
        options.transactionsPerDay = try range(
            minTransactionsPerDay, maxTransactionsPerDay, default: options.transactionsPerDay,
            "--min-transactions-per-day", "--max-transactions-per-day")
        set(&options.timeOfDayMean, timeOfDayMean)
        set(&options.timeOfDayDeviation, timeOfDayDeviation)
        set(&options.largeAmountThreshold, largeAmountThreshold)
        set(&options.largeAmountStartDay, largeAmountStartDay)
        set(&options.compromisedTerminalsPerDay, compromisedTerminalsPerDay)
        set(&options.terminalSpellDays, terminalSpellDays)
        set(&options.compromisedTerminalsStartDay, compromisedTerminalsStartDay)
        set(&options.compromisedCustomersPerDay, compromisedCustomersPerDay)
        set(&options.customerSpellDays, customerSpellDays)
        set(&options.customerFraudShare, customerFraudShare)
        set(&options.customerAmountMultiplier, customerAmountMultiplier)
        set(&options.compromisedCustomersStartDay, compromisedCustomersStartDay)
    }

    /// Whether any of them was given.
    var isAnyGiven: Bool {
        var changed = CardFraudOptions()
        guard (try? apply(to: &changed)) != nil else { return true }
        return changed != CardFraudOptions()
    }
}

/// The constants of workload W that its sizes leave open.
struct WorkloadWOptions: ParsableArguments {
    @Option(help: "Workload w: rows in all days together (default: 2000000).")
    var rows: Int?
    @Option(help: "Workload w: the share of rows that arrive late, 0 to 1 (default: 0.02).")
    var lateShare: Double?
    @Option(help: "Workload w: how late they arrive at most, in seconds, up to 3600 (default: 60).")
    var maximumLateness: Int?

    func apply(to options: inout WorkloadOptions) throws {
        set(&options.rowCount, rows)
        set(&options.lateShare, lateShare)
        if let maximumLateness {
            guard (0...3600).contains(maximumLateness) else {
                throw ValidationError("--maximum-lateness is \(maximumLateness): it must be 0 to 3600 seconds")
            }
            options.maximumLateness = EventDuration(milliseconds: Int64(maximumLateness) * 1000)
        }
    }

    var isAnyGiven: Bool { rows != nil || lateShare != nil || maximumLateness != nil }
}

func set<Value>(_ target: inout Value, _ given: Value?) {
    if let given { target = given }
}

private func range(
    _ low: Double?, _ high: Double?, default standard: ClosedRange<Double>, _ lowName: String, _ highName: String
) throws -> ClosedRange<Double> {
    let (low, high) = (low ?? standard.lowerBound, high ?? standard.upperBound)
    guard low <= high else { throw ValidationError("\(lowName) is \(low): it must not be above \(highName), \(high)") }
    return low...high
}

/// The command's option that sets a simulation's.
private let optionNames = [
    "seed": "--seed", "customerCount": "--customers", "terminalCount": "--terminals", "dayCount": "--days",
    "rowCount": "--rows", "startTime": "--start", "meanAmount": "--min-mean-amount or --max-mean-amount",
    "transactionsPerDay": "--min-transactions-per-day or --max-transactions-per-day",
]

extension ValidationError {
    /// An option that the simulation does not take, under the command's name for it.
    init(_ error: SimulationOptionError) {
        let kebab = error.option.map { $0.isUppercase ? "-\($0.lowercased())" : String($0) }.joined()
        self.init("\(optionNames[error.option] ?? "--\(kebab)") is \(error.value): it must be \(error.requirement)")
    }
}
