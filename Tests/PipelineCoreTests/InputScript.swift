import EventModel
import Features
import PipelineCore
import TestSupport

/// A transaction of a test's input; times in minutes.
struct ScriptTransaction: Hashable {
    var id: Int
    var minute: Int
    /// When it reached the log.
    var arrival: Int
    var customer: Int
    var terminal: Int
    var cents: Int64
    var measure: Double
    var items: Int64

    /// The same but for the arrival: what makes two records the same payload.
    var payload: ScriptTransaction {
        var copy = self
        copy.arrival = 0
        return copy
    }

    var note: String { ["", "gift", "été"][Int(items) % 3] }
}

/// An event of another kind.
struct ScriptEvent: Hashable {
    enum Kind: String, Hashable, CaseIterable {
        /// With an id, by a customer.
        case login
        /// Without ids, at a terminal.
        case ping
        /// Not declared.
        case unknown
    }

    var kind: Kind
    var id: Int
    var minute: Int
    var arrival: Int
    var customer: Int
    var terminal: Int
    var items: Int64
    var measure: Double

    var payload: ScriptEvent {
        var copy = self
        copy.arrival = 0
        return copy
    }

    var device: String { items == 1 ? "phone" : "desk" }
}

/// A record of a test's input.
enum ScriptRecord: Hashable {
    case transaction(ScriptTransaction)
    case event(ScriptEvent)
    case label(id: Int, isPositive: Bool, source: String = "bank")
    case change(ScriptChange)
    case heartbeat(minute: Int)
    /// Bytes that are no value of any schema.
    case damaged([UInt8])
}

extension ScriptRecord {
    /// The same record at another time.
    func later(byMinutes minutes: Int) -> ScriptRecord {
        switch self {
        case .transaction(var transaction):
            transaction.minute += minutes
            transaction.arrival += minutes
            return .transaction(transaction)
        case .event(var event):
            event.minute += minutes
            event.arrival += minutes
            return .event(event)
        case .change(var change):
            change.minute = change.minute.map { $0 + minutes }
            return .change(change)
        case .heartbeat(let minute): return .heartbeat(minute: minute + minutes)
        case .label, .damaged: return self
        }
    }
}

/// How keys and ids are encoded: as numbers, or as text whose common prefixes make hashing matter.
enum KeyStyle: CaseIterable {
    case numbers, text

    var type: ColumnType { self == .numbers ? .long : .string }

    func id(_ number: Int) -> TransactionID {
        self == .numbers ? .number(Int64(number)) : .text("transaction \(number), été")
    }
}

/// A Sunday, so that the weekday feature changes within a script.
let startOfScript: Int64 = 17_622 * 86_400_000

func time(ofMinute minute: Int) -> EventTime { EventTime(milliseconds: startOfScript + Int64(minute) * 60_000) }

/// The input of a test as the log would hold it.
final class EncodedInput: @unchecked Sendable {
    struct Record {
        var timestamp: EventTime
        var value: UnsafeRawBufferPointer
    }

    private(set) var records: [Record] = []
    private var clock = LabelClock()
    private var memory: [UnsafeMutableRawBufferPointer] = []

    deinit { for bytes in memory { bytes.deallocate() } }

    static let transactionSchema = SchemaID(1)
    static let labelSchema = SchemaID(2)
    static let commandSchema = SchemaID(3)
    /// Known, but of no kind that a pipeline reads.
    static let otherSchema = SchemaID(4)
    static let eventSchemas: [ScriptEvent.Kind: SchemaID] = [
        .login: SchemaID(5), .ping: SchemaID(6), .unknown: SchemaID(7),
    ]

    static func schema(_ id: SchemaID, style: KeyStyle) -> RecordSchema? {
        switch id {
        case transactionSchema: .transaction(columns: columns(style))
        case labelSchema: .label(idType: style.type)
        case commandSchema: .command
        case otherSchema: RecordSchema(name: "Decision", columns: [Column("score", .double)])
        case SchemaID(5): .event(kind: "login", columns: eventColumns(.login, style))
        case SchemaID(6): .event(kind: "ping", columns: eventColumns(.ping, style))
        case SchemaID(7): .event(kind: "unknown", columns: eventColumns(.login, style))
        default: ScriptChange.schema(id, style: style)
        }
    }

    /// A login's ids are of the type that transactions' are not.
    static func eventColumns(_ kind: ScriptEvent.Kind, _ style: KeyStyle) -> [Column] {
        kind == .ping
            ? [Column("TERMINAL", .long), Column("MEASURE", .double)]
            : [
                Column("ITEMS", .long), Column("LOGIN", style == .numbers ? .string : .long),
                Column("CUSTOMER", style.type), Column("DEVICE", .string),
            ]
    }

    static func columns(_ style: KeyStyle) -> [Column] {
        [
            Column("ID", style.type), Column("CUSTOMER", style.type), Column("AMOUNT", .decimal(scale: 2)),
            Column("NOTE", .string), Column("TERMINAL", .long), Column("MEASURE", .double), Column("ITEMS", .long),
        ]
    }

    init(_ script: [ScriptRecord], style: KeyStyle) {
        for record in script { append(record, style: style) }
    }

    func append(_ record: ScriptRecord, style: KeyStyle) {
        var writer = ByteWriter()
        clock.pass(record)
        var timestamp = time(ofMinute: clock.minute)
        switch record {
        case .transaction(let transaction):
            timestamp = time(ofMinute: transaction.minute)
            writer.appendEnvelope(Self.transactionSchema)
            writer.appendVarint(time(ofMinute: transaction.arrival).milliseconds)
            writer.append(style.id(transaction.id))
            writer.append(style.id(transaction.customer))
            writer.appendAvroDecimal(transaction.cents)
            writer.appendAvro(transaction.note)
            writer.appendVarint(Int64(transaction.terminal))
            writer.appendAvro(transaction.measure)
            writer.appendVarint(transaction.items)
        case .event(let event):
            timestamp = time(ofMinute: event.minute)
            guard let schema = Self.eventSchemas[event.kind] else { return }
            writer.appendEnvelope(schema)
            writer.appendVarint(time(ofMinute: event.arrival).milliseconds)
            if event.kind == .ping {
                writer.appendVarint(Int64(event.terminal))
                writer.appendAvro(event.measure)
            } else {
                writer.appendVarint(event.items)
                writer.append(style == .numbers ? .text("login \(event.id)") : .number(Int64(event.id)))
                writer.append(style.id(event.customer))
                writer.appendAvro(event.device)
            }
        case .label(let id, let isPositive, let source):
            writer.appendEnvelope(Self.labelSchema)
            writer.appendAvro(Label(transactionID: style.id(id), isPositive: isPositive, source: source))
        case .change(let change):
            timestamp = change.effective
            change.encoded(style: style).withUnsafeBytes { writer.append(contentsOf: $0) }
        case .heartbeat(let minute):
            timestamp = time(ofMinute: minute)
            writer.appendEnvelope(Self.commandSchema)
            writer.appendAvro("heartbeat")
        case .damaged(let bytes): bytes.withUnsafeBytes { writer.append(contentsOf: $0) }
        }
        append(timestamp: timestamp, value: writer.array)
    }

    func append(timestamp: EventTime, value: [UInt8]) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: value.count, alignment: 1)
        copy.copyBytes(from: value)
        memory.append(copy)
        records.append(Record(timestamp: timestamp, value: UnsafeRawBufferPointer(copy)))
    }
}

/// When a label becomes known: about when the latest transaction arrived, a little earlier or later.
struct LabelClock {
    private var latest = 0
    private var labels = 0

    var minute: Int { latest + labels * 37 % 50 - 25 }

    mutating func pass(_ record: ScriptRecord) {
        if case .label = record { labels += 1 }
        if case .transaction(let transaction) = record { latest = max(latest, transaction.arrival) }
    }
}

extension ByteWriter {
    fileprivate mutating func append(_ id: TransactionID) {
        switch id {
        case .number(let number): appendVarint(number)
        case .text(let text): appendAvro(text)
        }
    }
}

/// A random input: in order and out of it, late, too late, from the future, repeated, labelled in every way, damaged.
/// Whole minutes and few keys, so that times tie and fall on the windows' edges.
func randomScript(seed: UInt64, count: Int) -> [ScriptRecord] {
    var random = SeededRandom(seed: seed)
    var script: [ScriptRecord] = []
    var given: [ScriptTransaction] = []
    var events: [ScriptEvent] = []
    var changes: [ScriptChange] = []
    var clock = random.int(0...3000)
    while script.count < count {
        switch random.int(0..<140) {
        case 125..<140:
            let change = nextChange(changes, clock, &random)
            changes.append(change)
            script.append(.change(change))
        case 100..<125:
            if random.isTrue(20), let again = events.suffix(20).randomElement(using: &random) {
                var again = again
                if random.isTrue(30) { again.items += 1 }
                again.arrival += random.int(0...5)
                script.append(.event(again))
            } else {
                let event = nextEvent(id: events.count, clock, &random)
                events.append(event)
                script.append(.event(event))
            }
        case 0..<62:
            let transaction = nextTransaction(id: given.count, &clock, &random)
            given.append(transaction)
            script.append(.transaction(transaction))
        case 62..<68:
            guard var again = given.suffix(40).randomElement(using: &random) else { continue }
            again.arrival += random.int(0...5)
            switch random.int(0..<4) {
            case 0: again.cents += 1
            case 1: again.minute += 1
            default: break
            }
            script.append(.transaction(again))
        case 68..<92:
            let id = random.isTrue(5) ? 1_000_000 : random.int(max(0, given.count - 30)...max(0, given.count))
            let source = random.pick(["bank", "bank", "analyst", "analyst", "police", "stranger"])
            script.append(.label(id: id, isPositive: random.isTrue(40), source: source))
        case 92..<96: script.append(.heartbeat(minute: clock + random.int(-60...30)))
        default: script.append(.damaged((0..<random.int(0...12)).map { _ in UInt8(random.int(1...5)) }))
        }
    }
    return script
}

private func nextEvent(id: Int, _ clock: Int, _ random: inout SeededRandom) -> ScriptEvent {
    let isAhead = random.isTrue(5)
    let minute = isAhead ? clock + random.int(100...100_000) : clock - random.int(-20...150)
    return ScriptEvent(
        kind: random.pick([.login, .login, .ping, .ping, .unknown]), id: id, minute: minute,
        arrival: isAhead ? clock : max(clock, minute), customer: random.int(0..<4), terminal: random.int(0..<3),
        items: Int64(random.int(0...3)), measure: Double(random.int(-9...9)) / 4)
}

private func nextTransaction(id: Int, _ clock: inout Int, _ random: inout SeededRandom) -> ScriptTransaction {
    var minute: Int
    var arrival: Int?
    switch random.int(0..<100) {
    case 0..<60:
        clock += random.pick([0, 0, 1, 2, 5, 10])
        minute = clock
    case 60..<62:
        clock += random.int(100...1500)
        minute = clock
    case 62..<94: minute = clock - random.int(0...150)
    default:
        minute = clock + random.int(30...100_000)
        arrival = clock
    }
    return ScriptTransaction(
        id: id, minute: minute, arrival: arrival ?? max(clock, minute), customer: random.int(0..<4),
        terminal: random.int(0..<3), cents: Int64(random.int(-500...99_999)), measure: Double(random.int(-9...9)) / 4,
        items: Int64(random.int(0...3)))
}
