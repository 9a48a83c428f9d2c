import EventModel
import Features
import PipelineCore
import TestSupport

/// A change of one of the test pipeline's tables; a time in minutes, nil: the row always was so.
struct ScriptChange: Hashable {
    enum Table: String, Hashable, CaseIterable {
        /// Of terminals, joined by the event's own column.
        case shops
        /// Of the shops' classes, joined by what the shop's row says.
        case classes
        /// Of pairs of a customer and a terminal.
        case profiles
    }

    var table: Table
    var terminal: Int
    var customer: Int
    var shopClass: String
    var minute: Int?
    var isDeletion: Bool
    var cents: Int64
    var weight: Double

    var effective: EventTime { minute.map(time(ofMinute:)) ?? EventTime.range.lowerBound }

    /// Whether both are of the same row.
    func isOfRow(of other: ScriptChange) -> Bool {
        guard table == other.table else { return false }
        return switch table {
        case .shops: terminal == other.terminal
        case .classes: shopClass == other.shopClass
        case .profiles: terminal == other.terminal && customer == other.customer
        }
    }

    /// What of it the table has.
    var content: ScriptChange {
        var copy = self
        if table != .profiles { copy.customer = 0 }
        if table == .classes { copy.terminal = 0 }
        if table == .profiles { copy.shopClass = "" }
        if isDeletion || table != .shops { copy.weight = 0 }
        if isDeletion {
            copy.cents = 0
            if table != .classes { copy.shopClass = "" }
        }
        return copy
    }
}

extension ScriptChange {
    static let schemas: [Table: SchemaID] = [.shops: SchemaID(11), .classes: SchemaID(12), .profiles: SchemaID(13)]

    static func columns(_ table: Table, _ style: KeyStyle) -> [Column] {
        switch table {
        case .shops:
            [
                Column("CLASS", .string), Column("TERMINAL", .long), Column("RATE", .decimal(scale: 2)),
                Column("WEIGHT", .double),
            ]
        case .classes: [Column("CLASS", .string), Column("RISK", .long)]
        case .profiles:
            [Column("OWNER", style.type), Column("TERMINAL", .long), Column("LIMIT", .decimal(scale: 2))]
        }
    }

    static func specifications(_ style: KeyStyle) -> [TableSpecification] {
        [
            TableSpecification(
                name: "shops", columns: columns(.shops, style), keyColumns: ["TERMINAL"],
                missing: [
                    MissingValue(column: "RATE", value: .integer(150)),
                    MissingValue(column: "WEIGHT", value: .double(-2.5)),
                ], joins: [TableJoin(name: "shops", columns: ["TERMINAL"])]),
            TableSpecification(
                name: "classes", columns: columns(.classes, style), keyColumns: ["CLASS"],
                missing: [MissingValue(column: "RISK", value: .integer(9))],
                joins: [TableJoin(name: "classes", columns: ["shops.CLASS"])]),
            TableSpecification(
                name: "profiles", columns: columns(.profiles, style), keyColumns: ["OWNER", "TERMINAL"],
                joins: [TableJoin(name: "profiles", columns: ["CUSTOMER", "TERMINAL"])]),
        ]
    }

    static func schema(_ id: SchemaID, style: KeyStyle) -> RecordSchema? {
        guard let table = schemas.first(where: { $0.value == id })?.key else { return nil }
        return .change(of: table.rawValue, columns: columns(table, style))
    }

    /// The value of its record.
    func encoded(style: KeyStyle) -> [UInt8] {
        var writer = ByteWriter()
        guard let schema = Self.schemas[table] else { return [] }
        writer.appendEnvelope(schema)
        writer.appendVarint(0)
        writer.appendAvro(isDeletion ? "delete" : cents % 2 == 0 ? "insert" : "update")
        let content = content
        switch table {
        case .shops:
            writer.appendAvro(content.shopClass)
            writer.appendVarint(Int64(terminal))
            writer.appendAvroDecimal(content.cents)
            writer.appendAvro(content.weight)
        case .classes:
            writer.appendAvro(shopClass)
            writer.appendVarint(content.cents)
        case .profiles:
            switch style.id(customer) {
            case .number(let number): writer.appendVarint(number)
            case .text(let text): writer.appendAvro(text)
            }
            writer.appendVarint(Int64(terminal))
            writer.appendAvroDecimal(content.cents)
        }
        return writer.array
    }

    static let features: [FeatureSpecification] = [
        FeatureSpecification(name: "rate", definition: .column("shops.RATE")),
        FeatureSpecification(name: "weight", definition: .column("shops.WEIGHT")),
        FeatureSpecification(name: "risk", definition: .column("classes.RISK")),
        FeatureSpecification(
            name: "class", definition: .oneHot(column: "shops.CLASS", values: ["food", "été", "none"])),
        FeatureSpecification(name: "rated", definition: .expression("AMOUNT * shops.RATE")),
        FeatureSpecification(
            name: "limited", definition: .expression("if(known(profiles) and AMOUNT > profiles.LIMIT, 1, 0)")),
        window("rates", .sum, of: "shops.RATE", entity: "terminal", minutes: 120),
        window("weights", .max, of: "shops.WEIGHT", entity: "customer", minutes: 90),
        window("classes", .distinct, of: "shops.CLASS", entity: "customer", minutes: nil),
        window("food", .count, of: nil, entity: "customer", minutes: 180, where: "shops.CLASS == 'food'"),
        window(
            "risky_pings", .count, of: nil, entity: "terminal", minutes: 300,
            where: "kind == 'ping' and classes.RISK > 40"),
    ]

    private static func window(
        _ name: String, _ aggregate: WindowFeature.Aggregate, of column: String?, entity: String, minutes: Int?,
        where filter: String? = nil
    ) -> FeatureSpecification {
        FeatureSpecification(
            name: "joined_\(name)",
            definition: .window(
                WindowFeature(
                    entity: entity, length: minutes.map { EventDuration(milliseconds: Int64($0) * 60_000) },
                    aggregate: aggregate, column: column, ifEmpty: -3, filter: filter)))
    }
}

/// What an event reads of the tables.
struct Joined: Hashable {
    var shopClass = ""
    var rate: Int64 = 150
    var weight = -2.5
    var risk: Int64 = 9
    /// nil without a profile.
    var limit: Int64?
}

/// The tables by looking through all changes so far each time.
struct NaiveTables {
    private var taken: [ScriptChange] = []

    /// - Parameter earliest: no event asks for a time before it; nil before there is a watermark.
    mutating func take(_ change: ScriptChange, earliest: Int64?) -> NaivePipeline.Answer {
        let row = taken.filter { $0.isOfRow(of: change) }
        let isSuperseded = row.contains { other in
            guard let earliest else { return false }
            return other.effective > change.effective && other.effective.milliseconds <= earliest
        }
        if isSuperseded { return .setAside(.supersededChange, firstDecision: nil) }
        if row.last(where: { $0.effective == change.effective })?.content == change.content {
            return .setAside(.sameChangeAgain, firstDecision: nil)
        }
        taken.append(change)
        return .change
    }

    private func row(asOf time: Int64, where isRow: (ScriptChange) -> Bool) -> ScriptChange? {
        let time = max(time, EventTime.range.lowerBound.milliseconds)
        let held = taken.enumerated().filter { isRow($0.element) && $0.element.effective.milliseconds <= time }
        let newest = held.max {
            ($0.element.effective, $0.offset) < ($1.element.effective, $1.offset)
        }
        return newest.flatMap { $0.element.isDeletion ? nil : $0.element.content }
    }

    /// What an event with these keys reads; nil for one that it does not have.
    func join(customer: Int?, terminal: Int?, asOf time: Int64) -> Joined {
        var joined = Joined()
        let shop = row(asOf: time) { $0.table == .shops && $0.terminal == terminal }
        if let shop { (joined.shopClass, joined.rate, joined.weight) = (shop.shopClass, shop.cents, shop.weight) }
        // The class of an event without a shop is the empty text, of which there may be a row too.
        if terminal != nil,
            let found = row(asOf: time, where: { $0.table == .classes && $0.shopClass == joined.shopClass })
        {
            joined.risk = found.cents
        }
        if let customer, let terminal {
            joined.limit =
                row(asOf: time) { $0.table == .profiles && $0.terminal == terminal && $0.customer == customer }?.cents
        }
        return joined
    }
}

func nextChange(_ given: [ScriptChange], _ clock: Int, _ random: inout SeededRandom) -> ScriptChange {
    if random.isTrue(20), var again = given.suffix(20).randomElement(using: &random) {
        if random.isTrue(30) { again.cents += 1 }
        return again
    }
    return ScriptChange(
        table: random.pick(ScriptChange.Table.allCases), terminal: random.int(0..<3), customer: random.int(0..<4),
        shopClass: random.pick(["food", "été", ""]), minute: random.isTrue(15) ? nil : clock + random.int(-250...120),
        isDeletion: random.isTrue(20), cents: Int64(random.int(0...99)), weight: Double(random.int(-9...9)) / 4)
}
