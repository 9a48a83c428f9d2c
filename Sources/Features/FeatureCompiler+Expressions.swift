import EventModel
import Windowing

extension FeatureCompiler {
    /// Emits the operators that leave an expression's value in a register; those above it are free to use.
    mutating func emit(
        _ expression: Expression, into register: Int, of feature: FeatureSpecification, inFilter: Bool
    ) throws(ExpressionError) {
        use(register: register)
        switch expression.node {
        case .number(let number): operators.append(.constant(number, into: register))
        case .duration(let duration):
            throw expression.error(
                "\(duration) is a duration; it is the window of zscore, since_previous, distance_km and speed_kmh only")
        case .text(let text): throw expression.error("the text '\(text)' can only be compared by == or !=")
        case .name(let name):
            operators.append(.load(try operand(name, expression, inFilter: inFilter), into: register))
        case .negative(let inner):
            try emit(inner, into: register, of: feature, inFilter: inFilter)
            operators.append(.unary(.negative, register))
        case .not(let inner):
            try emit(inner, into: register, of: feature, inFilter: inFilter)
            operators.append(.unary(.not, register))
        case .binary(let operation, let left, let right):
            if operation == .equal || operation == .unequal,
                try emitTextComparison(left, right, isEqual: operation == .equal, into: register, inFilter: inFilter)
            {
                return
            }
            try emit(left, into: register, of: feature, inFilter: inFilter)
            try emit(right, into: register + 1, of: feature, inFilter: inFilter)
            operators.append(.binary(operation, register, register + 1, into: register))
        case .call(let name, let arguments):
            try emit(call: name, arguments, expression, into: register, of: feature, inFilter: inFilter)
        }
    }

    // MARK: names

    private mutating func operand(
        _ name: String, _ expression: Expression, inFilter: Bool
    ) throws(ExpressionError) -> BlockOperator.Operand {
        if !inFilter, let position = names.firstIndex(of: name) { return .feature(position) }
        guard let column = self.column(named: name, inFilter: inFilter) else {
            if name == "kind", inFilter { throw expression.error("a kind can only be compared by == or !=") }
            if let problem = joins.problem(name) { throw expression.error(problem) }
            throw expression.error(
                inFilter
                    ? "there is no column '\(name)' (conditions do not see features)"
                    : "there is no column and no earlier feature '\(name)'")
        }
        guard let operand = self.operand(of: column) else {
            throw expression.error("'\(name)' is a string; it can only be compared by == or !=")
        }
        return operand
    }

    private func column(named name: String, inFilter: Bool) -> Column? {
        (inFilter ? columns : kinds[0].columns).first { $0.name == name } ?? joins.column(name)
    }

    // MARK: texts

    private enum TextSide {
        case literal(String)
        case column(Column)
        case kind
    }

    private func textSide(_ expression: Expression, inFilter: Bool) -> TextSide? {
        switch expression.node {
        case .text(let text): return .literal(text)
        case .name(let name):
            if inFilter ? false : names.contains(name) { return nil }
            if let column = column(named: name, inFilter: inFilter) {
                return column.type == .string ? .column(column) : nil
            }
            return name == "kind" && inFilter ? .kind : nil
        default: return nil
        }
    }

    /// Emits the comparison of two texts; false where neither side is one.
    private mutating func emitTextComparison(
        _ left: Expression, _ right: Expression, isEqual: Bool, into register: Int, inFilter: Bool
    ) throws(ExpressionError) -> Bool {
        let sides = (textSide(left, inFilter: inFilter), textSide(right, inFilter: inFilter))
        switch sides {
        case (nil, nil): return false
        case (.column(let column), .literal(let text)), (.literal(let text), .column(let column)):
            let word = Int64(bitPattern: stableHash(text))
            operators.append(.matches(place: place(of: column), word, into: register))
        case (.column(let a), .column(let b)):
            let first = place(of: a)
            operators.append(.sameIntegers(place: first, place(of: b), into: register))
        case (.kind, .literal(let text)), (.literal(let text), .kind):
            guard let kind = kinds.firstIndex(where: { $0.name == text }) else {
                let position = if case .kind = sides.0 { right.position } else { left.position }
                throw ExpressionError(
                    position: position,
                    problem: "there is no kind '\(text)'; there are \(kinds.map(\.name).joined(separator: ", "))")
            }
            operators.append(.kind(equals: UInt8(kind), into: register))
        case (nil, _):
            if case .name(let name) = left.node { _ = try operand(name, left, inFilter: inFilter) }
            throw left.error("a number is compared with a text; expected a string column or a text")
        default:
            if case .name(let name) = right.node { _ = try operand(name, right, inFilter: inFilter) }
            throw right.error("a text is compared with what is none; expected a string column or a text")
        }
        if !isEqual { operators.append(.unary(.not, register)) }
        return true
    }

    // MARK: functions

    private mutating func emit(
        call name: String, _ arguments: [Expression], _ expression: Expression, into register: Int,
        of feature: FeatureSpecification, inFilter: Bool
    ) throws(ExpressionError) {
        guard let function = ExpressionFunction(rawValue: name) else {
            let known = ExpressionFunction.allCases.map(\.rawValue).joined(separator: ", ")
            throw expression.error("there is no function '\(name)'; there are \(known)")
        }
        guard function.argumentCounts.contains(arguments.count) else {
            throw expression.error("\(arguments.count) arguments of \(name); expected \(function.usage)")
        }
        if let part = function.part {
            let zone = try self.zone(try zoneName(arguments, function)) { arguments.first.error($0, or: expression) }
            operators.append(.calendar(part, zone: zone, into: register))
            return
        }
        if function.readsWindows {
            guard !inFilter else {
                throw expression.error("\(name) reads windows, which a condition of windows cannot; make it a feature")
            }
            return try emit(window: function, arguments, expression, into: register, of: feature)
        }
        if function == .known {
            operators.append(.load(.integer(place: try knownPlace(arguments[0]), divisor: 1), into: register))
            return
        }
        let isReduced = function == .min || function == .max
        for (index, argument) in arguments.enumerated() {
            let place = register + (isReduced ? Swift.min(index, 1) : index)
            try emit(argument, into: place, of: feature, inFilter: inFilter)
            if isReduced, index > 0 {
                operators.append(.binary(function == .min ? .minimum : .maximum, register, place, into: register))
            }
        }
        switch function {
        case .ratio: operators.append(.binary(.divide, register, register + 1, into: register))
        case .log1p: operators.append(.unary(.log1p, register))
        case .abs: operators.append(.unary(.abs, register))
        case .sqrt: operators.append(.unary(.sqrt, register))
        case .clip:
            operators.append(.binary(.maximum, register, register + 1, into: register))
            operators.append(.binary(.minimum, register, register + 2, into: register))
        case .if: operators.append(.select(condition: register, register + 1, register + 2, into: register))
        case .haversine: operators.append(.haversine(register))
        default: break
        }
    }

    private mutating func knownPlace(_ argument: Expression) throws(ExpressionError) -> Int {
        guard case .name(let name) = argument.node, let place = knownPlace(name) else {
            let known = joins.specifications.flatMap(\.joins).map(\.name).joined(separator: ", ")
            throw argument.error(
                known.isEmpty ? "there is no table; declare one under 'tables'" : "expected one of the tables \(known)")
        }
        return place
    }

    private func zoneName(
        _ arguments: [Expression], _ function: ExpressionFunction
    ) throws(ExpressionError) -> String {
        guard let argument = arguments.first else { return TimeZoneTable.utc.name }
        guard case .text(let name) = argument.node else {
            throw argument.error("expected a time zone in quotes, such as 'Europe/Paris'")
        }
        return name
    }

    /// Functions of the entity's past: each reads aggregates that take up no feature.
    private mutating func emit(
        window function: ExpressionFunction, _ arguments: [Expression], _ expression: Expression, into register: Int,
        of feature: FeatureSpecification
    ) throws(ExpressionError) {
        let entityAt = function == .sincePrevious ? 0 : function == .zscore ? 1 : 2
        let entity = try self.entity(arguments[entityAt])
        let length = try arguments.count > entityAt + 1 ? windowLength(arguments[entityAt + 1]) : nil
        func auxiliary(_ kind: AggregateKind) throws(ExpressionError) -> Int {
            let filter: Int?
            do { filter = try self.filter(nil, of: feature) } catch { throw expression.error(error.problem) }
            return self.auxiliary(
                WindowAggregate(length: length, delay: .zero, kind: kind, includesCurrent: false, filter: filter),
                entity: entity)
        }
        let secondsBefore = AggregateKind.sincePrevious(ifNone: -1)
        func load(_ place: Int, _ offset: Int) {
            use(register: register + offset)
            operators.append(.load(.feature(place), into: register + offset))
        }
        switch function {
        case .zscore:
            let (column, divisor, operand) = try windowColumn(arguments[0])
            operators.append(.load(operand, into: register))
            load(try auxiliary(.mean(column: column, divisor: divisor, ifEmpty: 0)), 1)
            load(try auxiliary(.variance(column: column, divisor: divisor, ifEmpty: 0)), 2)
            operators.append(.standardScore(register))
        case .sincePrevious:
            load(try auxiliary(.sincePrevious(ifNone: 0)), 0)
        default:
            // Kilometres from the previous event, and for the speed the hours since, a second at least; 0 without one.
            for index in 0..<2 {
                let (column, divisor, _) = try windowColumn(arguments[index])
                operators.append(.load(.integer(place: column, divisor: divisor), into: register + index))
                use(register: register + index)
                load(try auxiliary(.previous(column: column, divisor: divisor, ifEmpty: 0)), index + 2)
            }
            operators.append(.haversine(register))
            load(try auxiliary(secondsBefore), 1)
            if function == .speed {
                operators.append(.constant(1, into: register + 2))
                operators.append(.binary(.maximum, register + 1, register + 2, into: register + 2))
                operators.append(.constant(3600, into: register + 3))
                operators.append(.binary(.divide, register + 2, register + 3, into: register + 2))
                operators.append(.binary(.divide, register, register + 2, into: register))
            }
            operators.append(.constant(0, into: register + 2))
            operators.append(.binary(.less, register + 1, register + 2, into: register + 1))
            operators.append(.select(condition: register + 1, register + 2, register, into: register))
        }
    }

    private func entity(_ argument: Expression) throws(ExpressionError) -> Int {
        let known = entities.map(\.name).joined(separator: ", ")
        guard case .name(let name) = argument.node else {
            throw argument.error("expected one of the entities \(known)")
        }
        guard let entity = entities.firstIndex(where: { $0.name == name }) else {
            throw argument.error("there is no entity '\(name)'; there are \(known)")
        }
        if let problem = problem(of: entity) { throw argument.error(problem) }
        return entity
    }

    private mutating func windowColumn(
        _ argument: Expression
    ) throws(ExpressionError) -> (place: Int, divisor: Double, operand: BlockOperator.Operand) {
        guard case .name(let name) = argument.node else { throw argument.error("expected a column of the transaction") }
        guard let column = column(named: name, inFilter: false) else {
            throw argument.error("there is no column '\(name)'; windows are of columns")
        }
        guard column.type != .string, let operand = operand(of: column) else {
            throw argument.error("'\(name)' is a string, not a number")
        }
        return (place(of: column), Self.divisor(of: column), operand)
    }

    private func windowLength(_ argument: Expression) throws(ExpressionError) -> EventDuration? {
        switch argument.node {
        case .name("forever"): return nil
        case .duration(let length) where length > .zero: return length
        default: throw argument.error("expected a window such as 30d, or forever")
        }
    }
}

/// The functions of expressions.
enum ExpressionFunction: String, CaseIterable {
    case ratio, log1p, clip, abs, sqrt, min, max, `if`, haversine, zscore
    /// Whether the event has a row of a table.
    case known
    case sincePrevious = "since_previous"
    case distance = "distance_km"
    case speed = "speed_kmh"
    case hour, weekday, month
    case dayOfMonth = "day_of_month"
    case minuteOfDay = "minute_of_day"

    var part: CalendarPart? { CalendarPart(rawValue: rawValue) }

    var readsWindows: Bool { [.zscore, .sincePrevious, .distance, .speed].contains(self) }

    var argumentCounts: ClosedRange<Int> {
        switch self {
        case .log1p, .abs, .sqrt, .known: 1...1
        case .sincePrevious: 1...2
        case .ratio: 2...2
        case .clip, .if: 3...3
        case .distance, .speed: 3...4
        case .haversine: 4...4
        case .min, .max: 2...64
        case .zscore: 2...3
        case .hour, .weekday, .month, .dayOfMonth, .minuteOfDay: 0...1
        }
    }

    var usage: String {
        switch self {
        case .log1p, .abs, .sqrt: "\(rawValue)(x)"
        case .sincePrevious: "since_previous(entity) or since_previous(entity, window)"
        case .known: "known(table)"
        case .ratio: "ratio(x, y)"
        case .clip: "clip(x, lowest, highest)"
        case .if: "if(condition, x, y)"
        case .distance, .speed:
            "\(rawValue)(latitude, longitude, entity) or \(rawValue)(latitude, longitude, entity, window)"
        case .haversine: "haversine(latitude, longitude, latitude, longitude)"
        case .min, .max: "\(rawValue)(x, y, ...)"
        case .zscore: "zscore(column, entity) or zscore(column, entity, window)"
        case .hour, .weekday, .month, .dayOfMonth, .minuteOfDay: "\(rawValue)() or \(rawValue)('Europe/Paris')"
        }
    }
}

extension Expression {
    func error(_ problem: String) -> ExpressionError { ExpressionError(position: position, problem: problem) }
}

extension Expression? {
    fileprivate func error(_ problem: String, or expression: Expression) -> ExpressionError {
        (self ?? expression).error(problem)
    }
}
