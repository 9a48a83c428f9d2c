import EventModel

/// Writes simulated transactions as the Fraud Detection Handbook's CSV:
///
///
/// TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_TIME_SECONDS,TX_TIME_DAYS,TX_FRAUD,TX_FRAUD_SCENARIO
///     0,2018-04-01 00:00:31,596,3156,57.16,31,0,0,0
///
/// The time since the start is in whole seconds; amounts have two decimals.
public struct HandbookCSV: Sendable {
    public static let header =
        "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_TIME_SECONDS,TX_TIME_DAYS,TX_FRAUD,"
        + "TX_FRAUD_SCENARIO\n"

    private let startDay: Int64
    private var day = Int64.min
    /// `2018-04-` and `01` of `day`, as they lie in memory.
    private var yearAndMonth: UInt64 = 0
    private var dayOfMonth: UInt16 = 0

    /// - Parameter startTime: midnight of day 0.
    public init(startTime: EventTime) { startDay = startTime.day }

    @inlinable public func appendHeader(to text: inout ByteWriter) { text.append(ascii: Self.header) }

    public mutating func append(_ row: SimulatedTransaction, to text: inout ByteWriter) {
        let today = row.time.day
        if today != day { setDay(today, row.time) }
        let second = row.time.millisecondOfDay / 1_000
        text.reserve(200)
        text.appendDigits(row.id)
        text.appendUnchecked(UInt8(ascii: ","))
        text.appendLittleEndian(yearAndMonth)
        text.appendLittleEndian(dayOfMonth)
        text.appendUnchecked(UInt8(ascii: " "))
        text.appendTwoDigits(second / 3_600)
        text.appendUnchecked(UInt8(ascii: ":"))
        text.appendTwoDigits(second / 60 % 60)
        text.appendUnchecked(UInt8(ascii: ":"))
        text.appendTwoDigits(second % 60)
        text.appendUnchecked(UInt8(ascii: ","))
        text.appendEntitiesAndAmount(row)
        text.appendDigits((today - startDay) * 86_400 + second)
        text.appendUnchecked(UInt8(ascii: ","))
        text.appendDigits(today - startDay)
        text.appendUnchecked(UInt8(ascii: ","))
        text.appendUnchecked(row.isFraud ? UInt8(ascii: "1") : UInt8(ascii: "0"))
        text.appendUnchecked(UInt8(ascii: ","))
        text.appendUnchecked(UInt8(ascii: "0") + row.scenario.rawValue)
        text.appendUnchecked(UInt8(ascii: "\n"))
    }

    private mutating func setDay(_ today: Int64, _ time: EventTime) {
        day = today
        let date = Array(time.dateDescription.utf8)
        yearAndMonth = date.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        dayOfMonth = date.suffix(2).reversed().reduce(0) { $0 << 8 | UInt16($1) }
    }
}

/// Writes simulated transactions as workload W's CSV:
///
///     tx_id,event_time_ms,customer_id,terminal_id,amount,label
///     0,1699920000043,17,203,12.50,0
public struct WorkloadCSV: Sendable {
    public static let header = "tx_id,event_time_ms,customer_id,terminal_id,amount,label\n"

    public init() {}

    @inlinable public func appendHeader(to text: inout ByteWriter) { text.append(ascii: Self.header) }

    public func append(_ row: SimulatedTransaction, to text: inout ByteWriter) {
        text.reserve(160)
        text.appendDigits(row.id)
        text.appendUnchecked(UInt8(ascii: ","))
        text.appendDigits(row.time.milliseconds)
        text.appendUnchecked(UInt8(ascii: ","))
        text.appendEntitiesAndAmount(row)
        text.appendUnchecked(row.isFraud ? UInt8(ascii: "1") : UInt8(ascii: "0"))
        text.appendUnchecked(UInt8(ascii: "\n"))
    }
}

extension ByteWriter {
    @usableFromInline mutating func append(ascii text: String) {
        for byte in text.utf8 { append(byte) }
    }

    /// `596,3156,57.16,`
    @inline(__always) fileprivate mutating func appendEntitiesAndAmount(_ row: SimulatedTransaction) {
        appendDigits(Int64(row.customer))
        appendUnchecked(UInt8(ascii: ","))
        appendDigits(Int64(row.terminal))
        appendUnchecked(UInt8(ascii: ","))
        let (whole, cents) = row.amount.magnitude.quotientAndRemainder(dividingBy: 100)
        if row.amount < 0 { appendUnchecked(UInt8(ascii: "-")) }
        appendDigits(Int64(whole))
        appendUnchecked(UInt8(ascii: "."))
        appendTwoDigits(Int64(cents))
        appendUnchecked(UInt8(ascii: ","))
    }

    @inline(__always) fileprivate mutating func appendTwoDigits(_ value: Int64) {
        appendUnchecked(UInt8(truncatingIfNeeded: 48 + value / 10))
        appendUnchecked(UInt8(truncatingIfNeeded: 48 + value % 10))
    }

    /// A whole number in decimal, at most 20 bytes; the room for it is there.
    @inline(__always) fileprivate mutating func appendDigits(_ value: Int64) {
        if value < 0 { appendUnchecked(UInt8(ascii: "-")) }
        let magnitude = value.magnitude
        if magnitude < 100_000_000 { return appendPacked(magnitude, width: 1) }
        let (high, low) = magnitude.quotientAndRemainder(dividingBy: 100_000_000)
        let (highest, middle) = high.quotientAndRemainder(dividingBy: 100_000_000)
        if highest > 0 { appendPacked(highest, width: 1) }
        appendPacked(middle, width: highest > 0 ? 8 : 1)
        appendPacked(low, width: 8)
    }

    /// A number below 10⁸ with at least `width` digits, gathered in one word from the last digit to the first.
    @inline(__always) private mutating func appendPacked(_ value: UInt64, width: Int) {
        assert(value < 100_000_000)
        var rest = UInt32(truncatingIfNeeded: value)
        var digits: UInt64 = 0
        var count = 0
        repeat {
            digits = digits << 8 | UInt64(48 + rest % 10)
            rest /= 10
            count += 1
        } while rest > 0 || count < width
        for _ in 0..<count {
            appendUnchecked(UInt8(truncatingIfNeeded: digits))
            digits >>= 8
        }
    }
}
