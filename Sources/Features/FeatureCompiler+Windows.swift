import EventModel
import Windowing

extension FeatureCompiler {
    /// The aggregate that a window feature declares.
    mutating func aggregate(
        _ window: WindowFeature, of feature: FeatureSpecification
    ) throws(FeatureError) -> WindowAggregate {
        func fail(_ problem: String) -> FeatureError { FeatureError(subject: feature.name, problem: problem) }
        let name = window.aggregate.rawValue
        if let length = window.length, length <= .zero { throw fail("a window is longer than \(length)") }
        if window.aggregate.needsHalfLife != (window.halfLife != nil) {
            throw fail(
                window.halfLife == nil ? "\(name) with which half-life? add 'half_life'" : "\(name) has no half-life")
        }
        if let halfLife = window.halfLife, halfLife <= .zero { throw fail("a half-life is longer than \(halfLife)") }
        if window.basis == .labelArrival, !window.aggregate.isOfLabels {
            throw fail("the arrival of labels is a basis of label aggregates, not of \(name)")
        }
        let kind = try kind(window, of: feature)
        let filter = try filter(window.filter, of: feature)
        if kinds.count > 1 {
            try requireEvents(
                window, condition: window.filter.flatMap { try? ExpressionParser.parse($0) },
                entity: try entity(window.entity, in: feature), of: feature)
        }
        return WindowAggregate(
            length: window.length, delay: window.delay, kind: kind, includesCurrent: window.includesCurrent,
            filter: filter, basis: window.basis == .labelArrival ? .labelArrival : .eventTime)
    }

    private mutating func kind(
        _ window: WindowFeature, of feature: FeatureSpecification
    ) throws(FeatureError) -> AggregateKind {
        let ifEmpty = window.ifEmpty
        switch window.aggregate {
        case .count: return .count
        case .labelCount: return .labelCount
        case .labelRate: return .labelRate
        case .knownLabelRate: return .knownLabelRate
        case .smoothedLabelRate:
            return .smoothedLabelRate(
                prior: window.prior, strength: window.strength, over: window.overLabelled ? .labelled : .all)
        case .fraudRun: return .fraudRun
        case .sinceFirstFraud: return .sinceFirstFraud(ifNone: ifEmpty)
        case .sinceLastFraud: return .sinceLastFraud(ifNone: ifEmpty)
        case .sincePrevious: return .sincePrevious(ifNone: ifEmpty)
        case .decayedCount: return .decayedCount(halfLife: window.halfLife ?? .day)
        case .distinct: return .distinct(column: try windowed(window, of: feature, isAnyType: true).column)
        case .sum, .mean, .variance, .min, .max, .first, .last, .previous, .decayedSum:
            let (column, divisor) = try windowed(window, of: feature, isAnyType: false)
            switch window.aggregate {
            case .sum: return .sum(column: column, divisor: divisor)
            case .mean: return .mean(column: column, divisor: divisor, ifEmpty: ifEmpty)
            case .variance: return .variance(column: column, divisor: divisor, ifEmpty: ifEmpty)
            case .min: return .minimum(column: column, divisor: divisor, ifEmpty: ifEmpty)
            case .max: return .maximum(column: column, divisor: divisor, ifEmpty: ifEmpty)
            case .first: return .first(column: column, divisor: divisor, ifEmpty: ifEmpty)
            case .last: return .last(column: column, divisor: divisor, ifEmpty: ifEmpty)
            case .decayedSum:
                return .decayedSum(column: column, divisor: divisor, halfLife: window.halfLife ?? .day)
            default: return .previous(column: column, divisor: divisor, ifEmpty: ifEmpty)
            }
        }
    }

    /// The place among the integers, and the divisor, of the column that a window aggregates.
    private mutating func windowed(
        _ window: WindowFeature, of feature: FeatureSpecification, isAnyType: Bool
    ) throws(FeatureError) -> (column: Int, divisor: Double) {
        guard let name = window.column else {
            throw FeatureError(
                subject: feature.name, problem: "\(window.aggregate.rawValue) of which column? add 'of: COLUMN'")
        }
        guard let column = columns.first(where: { $0.name == name }) ?? joins.column(name) else {
            throw FeatureError(
                subject: feature.name, problem: joins.problem(name) ?? "there is no column '\(name)'")
        }
        if column.type == .string, !isAnyType {
            throw FeatureError(subject: feature.name, problem: "'\(name)' is a string, not a number")
        }
        return (place(of: column), Self.divisor(of: column))
    }

    static func divisor(of column: Column) -> Double {
        switch column.type {
        case .decimal(let scale): Double(powersOfTen[scale])
        case .double: doubleColumnDivisor
        case .long, .timestamp, .string: 1
        }
    }

    /// The bit of a condition. Where there are other kinds of events, one that does not speak of the kind holds for
    /// transactions only.
    mutating func filter(_ condition: String?, of feature: FeatureSpecification) throws(FeatureError) -> Int? {
        guard condition != nil || kinds.count > 1 else { return nil }
        func fail(_ error: ExpressionError) -> FeatureError {
            FeatureError(subject: feature.name, problem: error.description, part: "where")
        }
        var text = "kind == '\(transactionKind)'"
        var parsed: Expression?
        if let condition {
            do { parsed = try ExpressionParser.parse(condition) } catch { throw fail(error) }
            let speaksOfKind = parsed?.mentions("kind") ?? false
            text = speaksOfKind || kinds.count == 1 ? condition : "\(text) and (\(condition))"
        }
        if let bit = filters.firstIndex(of: text) { return bit }
        guard filters.count < 64 else {
            throw FeatureError(subject: feature.name, problem: "more than 64 different conditions")
        }
        let before = operators
        operators = []
        defer { operators = before }
        do {
            // By itself first, so that an error's position is the one in the text as it was declared.
            if let parsed { try emit(parsed, into: 0, of: feature, inFilter: true) }
            if text != condition {
                operators = []
                try emit(try ExpressionParser.parse(text), into: 0, of: feature, inFilter: true)
            }
        } catch { throw fail(error) }
        filterOperators += operators + [.filter(0, bit: filters.count)]
        filters.append(text)
        return filters.count - 1
    }

    /// The place of an aggregate that only an expression reads, shared by all that read it.
    mutating func auxiliary(_ aggregate: WindowAggregate, entity: Int) -> Int {
        let key = Auxiliary(entity: entity, aggregate: aggregate)
        if let place = auxiliaries[key] { return place }
        let place = Self.firstAuxiliary + auxiliaryCount
        auxiliaryCount += 1
        auxiliaries[key] = place
        entities[entity].add(aggregate, target: place)
        return place
    }
}

extension FeaturePlan.Entity {
    /// How its keys are told apart.
    var keyKind: EntityKeyKind { keysAreText ? .text : keyColumns.count == 2 ? .pair : .number }
}
