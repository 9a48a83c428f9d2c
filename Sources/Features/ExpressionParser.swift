import EventModel

/// Reads an `Expression` by recursive descent, one token ahead.
struct ExpressionParser {
    private enum Token: Hashable {
        case number(Double)
        case duration(EventDuration)
        case text(String)
        case name(String)
        /// An operator, a parenthesis, a comma, or one of the words `and`, `or`, `not`.
        case symbol(String)
        case end
    }

    /// The longest text and the deepest nesting that are read.
    static let longestText = 4_000
    static let deepestNesting = 100

    private let characters: [Character]
    private var next = 0
    private var token = Token.end
    /// Where the token begins, counted from 1.
    private var position = 1
    private var depth = 0

    private init(_ text: String) { characters = Array(text) }

    static func parse(_ text: String) throws(ExpressionError) -> Expression {
        guard text.utf8.count <= longestText else {
            throw ExpressionError(
                position: 1, problem: "\(text.utf8.count) characters are too many; at most \(longestText)")
        }
        var parser = ExpressionParser(text)
        try parser.advance()
        let expression = try parser.condition()
        guard parser.token == .end else { throw parser.unexpected("an operator or the end") }
        return expression
    }

    // MARK: tokens

    private mutating func advance() throws(ExpressionError) {
        while next < characters.count, characters[next].isWhitespace { next += 1 }
        position = next + 1
        guard next < characters.count else {
            token = .end
            return
        }
        let first = characters[next]
        if first.isDigit || (first == "." && next + 1 < characters.count && characters[next + 1].isDigit) {
            token = try number()
        } else if first.isLetter || first == "_" {
            let word = name()
            token = ["and", "or", "not"].contains(word) ? .symbol(word) : .name(word)
        } else if first == "'" || first == "\"" {
            token = .text(try quotedText(first))
        } else {
            token = .symbol(try symbol(first))
        }
    }

    private mutating func take(while isPart: (Character) -> Bool) -> String {
        let start = next
        while next < characters.count, isPart(characters[next]) { next += 1 }
        return String(characters[start..<next])
    }

    /// A name, or two with a dot between: `merchants.COUNTRY`.
    private mutating func name() -> String {
        let first = take { $0.isLetter || $0.isDigit || $0 == "_" }
        guard next + 1 < characters.count, characters[next] == ".",
            characters[next + 1].isLetter || characters[next + 1] == "_"
        else { return first }
        next += 1
        return first + "." + take { $0.isLetter || $0.isDigit || $0 == "_" }
    }

    private mutating func number() throws(ExpressionError) -> Token {
        let start = next
        _ = take { $0.isDigit }
        if next < characters.count, characters[next] == "." {
            next += 1
            _ = take { $0.isDigit }
        }
        if next < characters.count, characters[next] == "e" || characters[next] == "E" {
            next += 1
            if next < characters.count, "+-".contains(characters[next]) { next += 1 }
            _ = take { $0.isDigit }
        }
        let unit = take { $0.isLetter || $0.isDigit || $0 == "_" }
        let text = String(characters[start..<next])
        if !unit.isEmpty {
            guard let duration = EventDuration(text) else {
                throw error("'\(text)' is neither a number nor a duration such as 7d, 36h, 90m, 30s or 250ms")
            }
            return .duration(duration)
        }
        guard let value = Double(text), value.magnitude <= largestFeature else {
            throw error("'\(text)' is not a number of at most \(largestFeature)")
        }
        return .number(value)
    }

    private mutating func quotedText(_ quote: Character) throws(ExpressionError) -> String {
        next += 1
        let text = take { $0 != quote }
        guard next < characters.count else { throw error("a text that is never closed; expected \(quote) at its end") }
        next += 1
        return text
    }

    private mutating func symbol(_ first: Character) throws(ExpressionError) -> String {
        next += 1
        if "<>=!".contains(first), next < characters.count, characters[next] == "=" {
            next += 1
            return "\(first)="
        }
        if first == "=" { throw error("'=' is no operator; equality is '=='") }
        guard "+-*/<>(),".contains(first) else {
            throw error("\(first) has no meaning here; expected \(Self.operand)")
        }
        return String(first)
    }

    private static let operand = "a number, a name, a function or '('"

    private func error(_ problem: String) -> ExpressionError { ExpressionError(position: position, problem: problem) }

    private func unexpected(_ expected: String) -> ExpressionError {
        switch token {
        case .end: error("the expression ends where \(expected) should stand")
        case .symbol(let text), .name(let text): error("'\(text)' stands where \(expected) should")
        case .number(let number): error("\(number) stands where \(expected) should")
        case .duration(let duration): error("\(duration) stands where \(expected) should")
        case .text(let text): error("a text '\(text)' stands where \(expected) should")
        }
    }

    private mutating func skip(_ symbol: String) throws(ExpressionError) -> Bool {
        guard token == .symbol(symbol) else { return false }
        try advance()
        return true
    }

    // MARK: grammar

    private mutating func condition() throws(ExpressionError) -> Expression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepestNesting else { throw error("nested deeper than \(Self.deepestNesting) times") }
        return try chain(["or"]) { parser throws(ExpressionError) in
            try parser.chain(["and"]) { parser throws(ExpressionError) in try parser.negation() }
        }
    }

    private mutating func negation() throws(ExpressionError) -> Expression {
        let start = position
        guard try skip("not") else { return try comparison() }
        return try nested { parser throws(ExpressionError) in
            Expression(node: .not(try parser.negation()), position: start)
        }
    }

    private mutating func comparison() throws(ExpressionError) -> Expression {
        let left = try sum()
        guard let comparison = try take(["<", "<=", ">", ">=", "==", "!="]) else { return left }
        let right = try sum()
        if case .symbol(let symbol) = token, ["<", "<=", ">", ">=", "==", "!="].contains(symbol) {
            throw error("comparisons do not chain; join them by 'and'")
        }
        return Expression(node: .binary(comparison.operation, left, right), position: comparison.position)
    }

    private mutating func sum() throws(ExpressionError) -> Expression {
        try chain(["+", "-"]) { parser throws(ExpressionError) in
            try parser.chain(["*", "/"]) { parser throws(ExpressionError) in try parser.factor() }
        }
    }

    private mutating func chain(
        _ symbols: [String], _ part: (inout ExpressionParser) throws(ExpressionError) -> Expression
    ) throws(ExpressionError) -> Expression {
        var left = try part(&self)
        while let found = try take(symbols) {
            let right = try part(&self)
            left = Expression(node: .binary(found.operation, left, right), position: found.position)
        }
        return left
    }

    private mutating func take(
        _ symbols: [String]
    ) throws(ExpressionError) -> (operation: BinaryOperator, position: Int)? {
        guard case .symbol(let symbol) = token, symbols.contains(symbol),
            let operation = BinaryOperator(rawValue: symbol)
        else { return nil }
        let start = position
        try advance()
        return (operation, start)
    }

    private mutating func nested<Result>(
        _ body: (inout ExpressionParser) throws(ExpressionError) -> Result
    ) throws(ExpressionError) -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepestNesting else { throw error("nested deeper than \(Self.deepestNesting) times") }
        return try body(&self)
    }

    private mutating func factor() throws(ExpressionError) -> Expression {
        let start = position
        if try skip("-") {
            return try nested { parser throws(ExpressionError) in
                Expression(node: .negative(try parser.factor()), position: start)
            }
        }
        if try skip("(") {
            let inner = try condition()
            guard try skip(")") else { throw unexpected("an operator or ')'") }
            return inner
        }
        let node: Expression.Node
        switch token {
        case .number(let value): node = .number(value)
        case .duration(let duration): node = .duration(duration)
        case .text(let text): node = .text(text)
        case .name(let name):
            try advance()
            guard try skip("(") else { return Expression(node: .name(name), position: start) }
            return Expression(node: .call(name, try arguments()), position: start)
        case .symbol, .end: throw unexpected(Self.operand)
        }
        try advance()
        return Expression(node: node, position: start)
    }

    private mutating func arguments() throws(ExpressionError) -> [Expression] {
        if try skip(")") { return [] }
        var arguments = [try condition()]
        while try skip(",") { arguments.append(try condition()) }
        guard try skip(")") else { throw unexpected("an operator, ',' or ')'") }
        return arguments
    }
}

extension Character {
    fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
}
