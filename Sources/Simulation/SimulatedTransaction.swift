import EventModel

/// One card transaction of a simulation, with what only a simulation knows: whether it is fraud.
public struct SimulatedTransaction: Hashable, Sendable {
    /// Counts up from 0 in the order of the rows.
    public var id: Int64
    public var time: EventTime
    /// Cents, 0 or more.
    public var amount: Int64
    /// 0 ..< the number of customers.
    public var customer: Int32
    /// 0 ..< the number of terminals.
    public var terminal: Int32
    /// Why it is fraud; `none` for a legitimate transaction.
    public var scenario: FraudScenario

    @inlinable public var isFraud: Bool { scenario != .none }

    @inlinable public init(
        id: Int64, time: EventTime, customer: Int32, terminal: Int32, amount: Int64, scenario: FraudScenario
    ) {
        self.id = id
        self.time = time
        self.customer = customer
        self.terminal = terminal
        self.amount = amount
        self.scenario = scenario
    }
}

/// The kinds of fraud, with the Fraud Detection Handbook's numbers. Where several apply, the highest number stands.
public enum FraudScenario: UInt8, Hashable, Sendable, CaseIterable {
    case none = 0
    /// The amount is above a threshold.
    case largeAmount = 1
    /// The terminal is compromised.
    case compromisedTerminal = 2
    /// The customer's card is used by someone else too, for larger amounts.
    case compromisedCustomer = 3
}
