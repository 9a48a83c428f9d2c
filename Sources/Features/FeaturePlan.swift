import EventModel
import Windowing

/// A specification's features compiled: a fixed position for each, the windows of each entity, and the operators that
/// follow once the windows have answered.
public struct FeaturePlan: Sendable {
    public struct Entity: Sendable {
        public var name: String
        public var keyColumn: Column
        public var aggregates: [WindowAggregate]
        public var targets: [Int]

        public var keysAreText: Bool { keyColumn.type == .string }
    }

    enum Operand: Sendable {
        case integer(place: Int, divisor: Double)
        case double(place: Int)
        case feature(Int)
    }

    enum Operator: Sendable {
        case copy(Operand, target: Int)
        case hour(ClosedRange<Int64>, target: Int)
        /// Bit d is set for weekday d.
        case weekday(mask: Int64, target: Int)
        case log1p(Operand, target: Int)
        case ratio(Operand, Operand, target: Int)
    }

    /// Names by position.
    public let names: [String]
    /// For each feature one line that a person can read.
    public let reasons: [String]
    public let entities: [Entity]
    /// Columns that are read as integers (long, decimal, timestamp), in the order of a row's integer values.
    public let integerColumns: [Column]
    /// Columns of type double, in the order of a row's doubles.
    public let doubleColumns: [Column]
    let operators: [Operator]

    /// The number of features, the length of a vector.
    public var count: Int { names.count }

    /// - Parameter columns: the transaction's columns.
    /// - Throws: the first thing that does not fit, with the feature's or entity's name.
    public init(
        features: [FeatureSpecification], entities: [EntitySpecification], columns: [Column]
    ) throws(FeatureError) {
        var compiler = Compiler(columns: columns)
        for entity in entities { try compiler.add(entity) }
        for feature in features { try compiler.add(feature) }
        guard !compiler.names.isEmpty else { throw FeatureError(subject: "features", problem: "none are declared") }
        names = compiler.names
        reasons = features.map { $0.reason ?? $0.definition.text }
        self.entities = compiler.entities.filter { !$0.aggregates.isEmpty }
        integerColumns = compiler.integerColumns
        doubleColumns = compiler.doubleColumns
        operators = compiler.operators
    }
}

/// A feature or an entity that cannot be compiled.
public struct FeatureError: Error, Hashable, CustomStringConvertible {
    /// The feature's or entity's name.
    public var subject: String
    public var problem: String

    public init(subject: String, problem: String) {
        self.subject = subject
        self.problem = problem
    }

    public var description: String { "'\(subject)': \(problem)" }
}

extension FeaturePlan {
    fileprivate struct Compiler {
        let columns: [Column]
        var names: [String] = []
        var entities: [Entity] = []
        var integerColumns: [Column] = []
        var doubleColumns: [Column] = []
        var operators: [Operator] = []

        init(columns: [Column]) { self.columns = columns }

        mutating func add(_ entity: EntitySpecification) throws(FeatureError) {
            guard let column = columns.first(where: { $0.name == entity.keyColumn }) else {
                throw FeatureError(subject: entity.name, problem: "there is no column '\(entity.keyColumn)'")
            }
            guard column.type == .long || column.type == .string else {
                throw FeatureError(
                    subject: entity.name,
                    problem: "a key is a long or a string, but '\(column.name)' is \(column.type)")
            }
            guard !entities.contains(where: { $0.name == entity.name }) else {
                throw FeatureError(subject: entity.name, problem: "the entity is declared twice")
            }
            entities.append(Entity(name: entity.name, keyColumn: column, aggregates: [], targets: []))
        }

        mutating func add(_ feature: FeatureSpecification) throws(FeatureError) {
            guard !names.contains(feature.name) else {
                throw FeatureError(subject: feature.name, problem: "the feature is declared twice")
            }
            let target = names.count
            switch feature.definition {
            case .column(let name): operators.append(.copy(try numericColumn(name, in: feature), target: target))
            case .window(let window): try add(window, of: feature, target: target)
            case .hour(let hours):
                operators.append(.hour(Int64(hours.lowerBound)...Int64(hours.upperBound), target: target))
            case .weekday(let days):
                operators.append(.weekday(mask: days.reduce(0) { $0 | 1 << Int64($1) }, target: target))
            case .log1p(let name): operators.append(.log1p(try operand(name, in: feature), target: target))
            case .ratio(let above, let below):
                let above = try operand(above, in: feature)
                operators.append(.ratio(above, try operand(below, in: feature), target: target))
            }
            names.append(feature.name)
        }

        private mutating func add(
            _ window: WindowFeature, of feature: FeatureSpecification, target: Int
        ) throws(FeatureError) {
            guard let entity = entities.firstIndex(where: { $0.name == window.entity }) else {
                let known = entities.map(\.name).joined(separator: ", ")
                throw FeatureError(
                    subject: feature.name, problem: "there is no entity '\(window.entity)'; there are \(known)")
            }
            guard window.length > .zero else {
                throw FeatureError(subject: feature.name, problem: "a window is longer than \(window.length)")
            }
            let kind: AggregateKind
            switch window.aggregate {
            case .count: kind = .count
            case .labelCount: kind = .labelCount
            case .labelRate: kind = .labelRate
            case .knownLabelRate: kind = .knownLabelRate
            case .sum, .mean:
                guard let name = window.column else {
                    throw FeatureError(
                        subject: feature.name, problem: "\(window.aggregate.rawValue) of which column? add 'of: COLUMN'"
                    )
                }
                guard case .integer(let place, let divisor) = try numericColumn(name, in: feature) else {
                    throw FeatureError(
                        subject: feature.name,
                        problem: "sums over windows are exact, so '\(name)' has to be a long or decimal(SCALE) column")
                }
                kind =
                    window.aggregate == .sum
                    ? .sum(column: place, divisor: divisor)
                    : .mean(column: place, divisor: divisor, ifEmpty: window.ifEmpty)
            }
            entities[entity].aggregates.append(
                WindowAggregate(
                    length: window.length, delay: window.delay, kind: kind, includesCurrent: window.includesCurrent))
            entities[entity].targets.append(target)
        }

        private mutating func operand(_ name: String, in feature: FeatureSpecification) throws(FeatureError) -> Operand
        {
            if let position = names.firstIndex(of: name) { return .feature(position) }
            return try numericColumn(name, in: feature)
        }

        private mutating func numericColumn(
            _ name: String, in feature: FeatureSpecification
        ) throws(FeatureError) -> Operand {
            guard let column = columns.first(where: { $0.name == name }) else {
                throw FeatureError(
                    subject: feature.name, problem: "there is no column and no earlier feature '\(name)'")
            }
            switch column.type {
            case .string:
                throw FeatureError(subject: feature.name, problem: "'\(name)' is a string, not a number")
            case .double: return .double(place: Self.place(of: column, in: &doubleColumns))
            case .long, .timestamp:
                return .integer(place: Self.place(of: column, in: &integerColumns), divisor: 1)
            case .decimal(let scale):
                return .integer(
                    place: Self.place(of: column, in: &integerColumns), divisor: Double(powersOfTen[scale]))
            }
        }

        private static func place(of column: Column, in columns: inout [Column]) -> Int {
            if let place = columns.firstIndex(of: column) { return place }
            columns.append(column)
            return columns.count - 1
        }
    }
}
