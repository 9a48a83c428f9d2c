import EventModel
import Windowing

/// Compiles declared features, one after the other, to a plan's parts.
struct FeatureCompiler {
    let kinds: [EventKindColumns]
    /// The columns of all kinds, each once.
    let columns: [Column]
    private let transactionColumns: [Column]
    var names: [String] = []
    var reasons: [String] = []
    var definitions: [String] = []
    /// The declared features' own names.
    private var declared: Set<String> = []
    var entities: [FeaturePlan.Entity] = []
    var integerColumns: [Column] = []
    var doubleColumns: [Column] = []
    var operators: [BlockOperator] = []
    var filters: [String] = []
    var filterOperators: [BlockOperator] = []
    var zones: [TimeZoneTable] = []
    let knownZones: [TimeZoneTable]
    var registerCount = 0
    /// Aggregates that only expressions read.
    var auxiliaryCount = 0
    var auxiliaries: [Auxiliary: Int] = [:]
    var joins: JoinCompiler

    struct Auxiliary: Hashable {
        var entity: Int
        var aggregate: WindowAggregate
    }

    /// Auxiliary values are numbered from here until the number of features is known.
    static let firstAuxiliary = 1 << 32

    init(
        columns: [Column], kinds: [EventKindColumns], zones: [TimeZoneTable], tables: [TableSpecification]
    ) throws(FeatureError) {
        transactionColumns = columns
        joins = JoinCompiler(tables)
        self.kinds = [EventKindColumns(name: transactionKind, columns: columns)] + kinds
        knownZones = zones + [.utc]
        var all = columns
        for kind in kinds {
            for column in kind.columns {
                guard let known = all.first(where: { $0.name == column.name }) else {
                    all.append(column)
                    continue
                }
                guard known.type == column.type else {
                    throw FeatureError(
                        subject: kind.name,
                        problem:
                            "column '\(column.name)' is \(column.type) here and \(known.type) in events of another "
                            + "kind; give it the same type or another name")
                }
            }
        }
        self.columns = all
        try checkJoins()
    }

    mutating func add(_ entity: EntitySpecification) throws(FeatureError) {
        var keyColumns: [Column] = []
        for name in entity.keyColumns {
            guard let column = columns.first(where: { $0.name == name }) else {
                throw FeatureError(subject: entity.name, problem: "there is no column '\(name)'")
            }
            guard column.type == .long || column.type == .string else {
                throw FeatureError(
                    subject: entity.name,
                    problem: "a key is a long or a string, but '\(column.name)' is \(column.type)")
            }
            guard !keyColumns.contains(where: { $0.name == name }) else {
                throw FeatureError(subject: entity.name, problem: "a pair of '\(name)' with itself; give it once")
            }
            keyColumns.append(column)
        }
        guard !entities.contains(where: { $0.name == entity.name }) else {
            throw FeatureError(subject: entity.name, problem: "the entity is declared twice")
        }
        var mask: UInt64 = 0
        for (index, kind) in kinds.enumerated() {
            let hasAll = keyColumns.allSatisfy { key in kind.columns.contains { $0.name == key.name } }
            if hasAll { mask |= 1 << UInt64(index) }
        }
        entities.append(
            FeaturePlan.Entity(
                name: entity.name, keyColumns: keyColumns, aggregates: [], targets: [], keyWord: 0, kinds: mask,
                filters: 0))
    }

    /// Columns of exported vectors that are no features.
    private static let contextNames: Set = ["transaction_id", "event_time", "status", "input_offset"]

    /// A name means one thing in expressions and in exported vectors.
    private func checkName(of feature: FeatureSpecification) throws(FeatureError) {
        if Self.contextNames.contains(feature.name) {
            throw FeatureError(
                subject: feature.name, problem: "exported vectors have a column of this name already; name it otherwise"
            )
        }
        switch feature.definition {
        case .column(feature.name), .oneHot, .hashed: return
        default: break
        }
        if columns.contains(where: { $0.name == feature.name }) {
            throw FeatureError(
                subject: feature.name,
                problem:
                    "a column has this name, and it would not be plain which of the two is meant; name it otherwise")
        }
    }

    mutating func add(_ feature: FeatureSpecification) throws(FeatureError) {
        guard declared.insert(feature.name).inserted else {
            throw FeatureError(subject: feature.name, problem: "the feature is declared twice")
        }
        try checkName(of: feature)
        let target = names.count
        switch feature.definition {
        case .column(let name): operators.append(.copy(try numericColumn(name, in: feature), target: target))
        case .window(let window):
            let entity = try entity(window.entity, in: feature)
            let aggregate = try aggregate(window, of: feature)
            entities[entity].add(aggregate, target: target)
        case .hour(let hours):
            operators.append(.hour(Int64(hours.lowerBound)...Int64(hours.upperBound), target: target))
        case .weekday(let days):
            operators.append(.weekday(mask: days.reduce(0) { $0 | 1 << Int64($1) }, target: target))
        case .calendar(let part, let name):
            let zone = try zone(name) { FeatureError(subject: feature.name, problem: $0) }
            use(register: 0)
            operators.append(.calendar(part, zone: zone, into: 0))
            operators.append(.store(0, target: target))
        case .log1p(let name): operators.append(.log1p(try operand(name, in: feature), target: target))
        case .ratio(let above, let below):
            let above = try operand(above, in: feature)
            operators.append(.ratio(above, try operand(below, in: feature), target: target))
        case .expression(let text):
            do throws(ExpressionError) {
                try emit(try ExpressionParser.parse(text), into: 0, of: feature, inFilter: false)
            } catch {
                throw FeatureError(subject: feature.name, problem: error.description, part: "expression")
            }
            operators.append(.store(0, target: target))
        case .oneHot(let name, let values):
            try addOneHot(name, values, of: feature)
            return
        case .hashed(let columns, let buckets):
            try addHashed(columns, buckets, of: feature)
            return
        }
        try append(feature.name, of: feature, feature.reason ?? feature.definition.text)
    }

    /// Gives the next position to a feature.
    private mutating func append(
        _ name: String, of feature: FeatureSpecification, _ reason: String
    ) throws(FeatureError) {
        guard !names.contains(name) else {
            throw FeatureError(subject: feature.name, problem: "there is a feature '\(name)' already")
        }
        names.append(name)
        reasons.append(reason)
        definitions.append(feature.definition.text)
    }

    // MARK: categories

    private mutating func addOneHot(
        _ name: String, _ values: [String], of feature: FeatureSpecification
    ) throws(FeatureError) {
        guard !values.isEmpty else { throw FeatureError(subject: feature.name, problem: "one-hot of no values") }
        let column = try category(name, in: feature)
        var words: [Int64] = []
        for value in values {
            guard let word = Self.word(value, of: column) else {
                throw FeatureError(
                    subject: feature.name, problem: "'\(value)' is no value of '\(name)' (\(column.type))")
            }
            guard !words.contains(word) else {
                throw FeatureError(subject: feature.name, problem: "the value '\(value)' is given twice")
            }
            words.append(word)
        }
        operators.append(.oneHot(place: place(of: column), values: words, target: names.count))
        for value in values {
            let suffix = String(value.map { Column.isValidName("a\($0)") ? $0 : "_" })
            try append("\(feature.name)_\(suffix)", of: feature, feature.reason ?? "\(name) is \(value)")
        }
    }

    private mutating func addHashed(
        _ names: [String], _ buckets: Int, of feature: FeatureSpecification
    ) throws(FeatureError) {
        guard (2...4096).contains(buckets) else {
            throw FeatureError(subject: feature.name, problem: "\(buckets) buckets; give 2 to 4096")
        }
        guard !names.isEmpty else { throw FeatureError(subject: feature.name, problem: "buckets of no columns") }
        var places: [Int] = []
        for name in names { places.append(place(of: try category(name, in: feature))) }
        operators.append(
            .hashed(
                places: places, seed: stableHash(names.joined(separator: " × ")), buckets: buckets,
                target: self.names.count))
        let reason = feature.reason ?? feature.definition.text
        for bucket in 0..<buckets { try append("\(feature.name)_\(bucket)", of: feature, "\(reason), no. \(bucket)") }
    }

    private func category(_ name: String, in feature: FeatureSpecification) throws(FeatureError) -> Column {
        let column = try self.column(name, in: feature)
        guard column.type == .string || column.type == .long else {
            throw FeatureError(
                subject: feature.name, problem: "a category is a string or a long, but '\(name)' is \(column.type)")
        }
        return column
    }

    /// A category's value as it stands among a row's integers.
    static func word(_ value: String, of column: Column) -> Int64? {
        column.type == .string ? Int64(bitPattern: stableHash(value)) : Int64(value)
    }

    // MARK: names

    private func hasColumn(_ name: String) -> Bool { kinds[0].columns.contains { $0.name == name } }

    func column(_ name: String, in feature: FeatureSpecification) throws(FeatureError) -> Column {
        if let column = transactionColumns.first(where: { $0.name == name }) ?? joins.column(name) { return column }
        throw FeatureError(
            subject: feature.name,
            problem: joins.problem(name) ?? "there is no column and no earlier feature '\(name)'")
    }

    func entity(_ name: String, in feature: FeatureSpecification) throws(FeatureError) -> Int {
        guard let entity = entities.firstIndex(where: { $0.name == name }) else {
            let known = entities.map(\.name).joined(separator: ", ")
            throw FeatureError(
                subject: feature.name, problem: "there is no entity '\(name)'; there are \(known)")
        }
        if let problem = problem(of: entity) { throw FeatureError(subject: feature.name, problem: problem) }
        return entity
    }

    /// Why no feature can follow an entity: it is looked up by the transaction's own key.
    func problem(of entity: Int) -> String? {
        guard entities[entity].kinds & 1 == 0 else { return nil }
        let missing = entities[entity].keyColumns.filter { !hasColumn($0.name) }.map(\.name)
        return "transactions have no column '\(missing.joined(separator: "', '"))' to look up "
            + "'\(entities[entity].name)' by"
    }

    private mutating func operand(
        _ name: String, in feature: FeatureSpecification
    ) throws(FeatureError) -> BlockOperator.Operand {
        if let position = names.firstIndex(of: name) { return .feature(position) }
        return try numericColumn(name, in: feature)
    }

    private mutating func numericColumn(
        _ name: String, in feature: FeatureSpecification
    ) throws(FeatureError) -> BlockOperator.Operand {
        guard let operand = operand(of: try column(name, in: feature)) else {
            throw FeatureError(subject: feature.name, problem: "'\(name)' is a string, not a number")
        }
        return operand
    }

    /// How a column is read as a number; nil for a string.
    mutating func operand(of column: Column) -> BlockOperator.Operand? {
        switch column.type {
        case .string: return nil
        case .double:
            if let place = doubleColumns.firstIndex(where: { $0.name == column.name }) { return .double(place: place) }
            doubleColumns.append(column)
            read(column, into: .double(place: doubleColumns.count - 1))
            return .double(place: doubleColumns.count - 1)
        case .long, .timestamp: return .integer(place: place(of: column), divisor: 1)
        case .decimal(let scale): return .integer(place: place(of: column), divisor: Double(powersOfTen[scale]))
        }
    }

    /// Where a column stands among a row's integers.
    mutating func place(of column: Column) -> Int {
        if let place = integerColumns.firstIndex(where: { $0.name == column.name }) { return place }
        integerColumns.append(column)
        let place = integerColumns.count - 1
        read(column, into: column.type == .double ? .millionths(place: place) : .integer(place: place))
        return place
    }

    mutating func zone<Failure: Error>(
        _ name: String, _ failure: (String) -> Failure
    ) throws(Failure) -> Int {
        if let index = zones.firstIndex(where: { $0.name == name }) { return index }
        guard let zone = knownZones.first(where: { $0.name == name }) else {
            throw failure("there is no time zone '\(name)'; give UTC or a name such as Europe/Paris")
        }
        zones.append(zone)
        return zones.count - 1
    }

    mutating func use(register: Int) { registerCount = max(registerCount, register + 1) }

    // MARK: the end

    /// Where a feature or an auxiliary value stands in a row, once all features are known.
    private func place(_ position: Int) -> Int {
        position < Self.firstAuxiliary ? position : position - Self.firstAuxiliary + names.count
    }

    func placedOperators() -> [BlockOperator] { operators.map { $0.placed(place) } }

    /// The entities that have aggregates, with their keys' places.
    func placedEntities() throws(FeatureError) -> [FeaturePlan.Entity] {
        var word = 0
        var placed: [FeaturePlan.Entity] = []
        for var entity in entities where !entity.aggregates.isEmpty {
            entity.keyWord = word
            entity.targets = entity.targets.map(place)
            word += entity.keyWords
            placed.append(entity)
        }
        guard word <= 64 else {
            throw FeatureError(subject: "entities", problem: "\(word) key columns in use are too many; at most 64")
        }
        return placed
    }
}

/// What a transaction's kind is called in conditions.
public let transactionKind = "transaction"

extension FeaturePlan.Entity {
    mutating func add(_ aggregate: WindowAggregate, target: Int) {
        aggregates.append(aggregate)
        targets.append(target)
        if let filter = aggregate.filter {
            filters = filters.map { $0 | 1 << UInt64(filter) }
        } else {
            filters = nil
        }
    }
}
