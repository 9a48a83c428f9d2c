import EventModel

/// A formula over the columns of an event and the features before it.
///
///     condition   = conjunction { "or" conjunction }
///     conjunction = negation { "and" negation }
///     negation    = "not" negation | comparison
///     comparison  = sum [ ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum ]
///     sum         = product { ( "+" | "-" ) product }
///     product     = factor { ( "*" | "/" ) factor }
///     factor      = "-" factor | number | duration | text | name | name "(" [ condition { "," condition } ] ")"
///                 | "(" condition ")"
///
/// A name is a column's or a feature's, or of a table's column `TABLE.COLUMN`.
/// Numbers are decimal (`12`, `0.5`, `1e3`), durations as everywhere (`30d`), texts stand in single or double quotes
/// without escapes. A comparison is 1 or 0, and a condition holds where it is not 0. x / 0 is 0, and each step's result
/// is kept within ±10¹⁰⁰: every feature is finite.
struct Expression: Hashable, Sendable {
    indirect enum Node: Hashable, Sendable {
        case number(Double)
        case duration(EventDuration)
        case text(String)
        case name(String)
        case call(String, [Expression])
        case negative(Expression)
        case not(Expression)
        case binary(BinaryOperator, Expression, Expression)
    }

    var node: Node
    /// The character where it begins, an operator's own; counted from 1.
    var position: Int
}

enum BinaryOperator: String, Hashable, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case equal = "=="
    case unequal = "!="
    case and, or
    case minimum, maximum
}

/// What is wrong in an expression, and where.
struct ExpressionError: Error, Hashable, CustomStringConvertible {
    /// The character, counted from 1.
    var position: Int
    var problem: String

    var description: String { "character \(position): \(problem)" }
}

extension Expression {
    /// Whether a name stands anywhere in it.
    func mentions(_ name: String) -> Bool {
        switch node {
        case .number, .duration, .text: false
        case .name(let other): other == name
        case .call(_, let arguments): arguments.contains { $0.mentions(name) }
        case .negative(let inner), .not(let inner): inner.mentions(name)
        case .binary(_, let left, let right): left.mentions(name) || right.mentions(name)
        }
    }
}
