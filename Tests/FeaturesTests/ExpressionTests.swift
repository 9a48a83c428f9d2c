import EventModel
import Foundation
import TestSupport
import Testing

@testable import Features

struct ExpressionTests {
    private let event = TestEvent(minute: 90, cents: 1250, items: 3, measure: -0.5, channel: "web")

    private func value(_ text: String) throws -> Double {
        try vectors(of: [event], makePlan([expression("x", text)]))[0][0]
    }

    static let values: [(String, Double)] = [
        ("1 + 2 * 3", 7.0), ("(1 + 2) * 3", 9), ("2 - 3 - 4", -5), ("8 / 4 / 2", 1), ("-2 * -3", 6), ("--2", 2),
        ("1 / 0", 0), ("0 / 0", 0), (".5 + 1e1 + 2.", 12.5), ("amount", 12.5), ("amount/items", 12.5 / 3),
        ("measure", -0.5), ("1 < 2", 1), ("2 <= 2 and 3 > 2", 1), ("1 > 2 or 2 != 2", 0), ("not 0", 1),
        ("not 1 == 2", 1), ("1 or 0 and 0", 1), ("2 == 1 + 1", 1), ("1e100 * 1e100", 1e100), ("-1e100 * 1e100", -1e100),
        ("1e100 * 1e100 - 1e100 * 1e100", 0), ("ratio(1, 4)", 0.25), ("ratio(1, 0)", 0), ("log1p(-3)", 0),
        ("log1p(1)", 0.6931471805599453), ("abs(-2)", 2), ("sqrt(9)", 3), ("sqrt(-9)", 0), ("clip(5, 0, 1)", 1),
        ("clip(-5, 0, 1)", 0), ("clip(0.5, 0, 1)", 0.5), ("min(3, 1, 2)", 1), ("max(3, 1, 2)", 3),
        ("if(2 > 1, 10, 20)", 10),
        ("if(0, 10, 20)", 20), ("channel == 'web'", 1), ("channel != \"web\"", 0), ("'pos' == channel", 0),
        ("channel == other", 1), ("hour()", 1), ("minute_of_day('UTC')", 90), ("weekday()", 3), ("month()", 1),
        ("day_of_month()", 1), ("haversine(0, 0, 0, 180)", Double.pi * 6371.0088),
    ]

    @Test(arguments: values)
    func aFormulaHasItsValue(_ text: String, _ expected: Double) throws {
        #expect(try value(text) == expected)
    }

    /// London to Paris and a quarter of the equator, on a sphere of 6371.0088 km.
    @Test func distancesAreThoseOfTheGreatCircle() throws {
        #expect(abs(try value("haversine(51.5074, -0.1278, 48.8566, 2.3522)") - 343.56) < 0.05)
        #expect(abs(try value("haversine(0, 0, 0, 90)") - 10_007.557) < 0.001)
        #expect(try value("haversine(10, 20, 10, 20)") == 0)
    }

    static let wrong: [(String, Int, String)] = [
        ("", 1, "the expression ends where a number, a name, a function or '(' should stand"),
        ("1 +", 4, "the expression ends where a number, a name, a function or '(' should stand"),
        ("(1", 3, "the expression ends where an operator or ')' should stand"),
        ("1 2", 3, "2.0 stands where an operator or the end should"),
        ("1 )", 3, "')' stands where an operator or the end should"),
        ("* 2", 1, "'*' stands where a number, a name, a function or '(' should"),
        ("1 = 1", 3, "'=' is no operator; equality is '=='"),
        ("1 < 2 < 3", 7, "comparisons do not chain; join them by 'and'"),
        ("1 % 2", 3, "% has no meaning here; expected a number, a name, a function or '('"),
        ("'web", 1, "a text that is never closed; expected ' at its end"),
        ("1x", 1, "'1x' is neither a number nor a duration such as 7d, 36h, 90m, 30s or 250ms"),
        ("1e", 1, "'1e' is not a number of at most 1e+100"),
        ("1e101", 1, "'1e101' is not a number of at most 1e+100"),
        ("amout", 1, "there is no column and no earlier feature 'amout'"),
        ("1 + x", 5, "there is no column and no earlier feature 'x'"),
        ("channel + 1", 1, "'channel' is a string; it can only be compared by == or !="),
        ("'web'", 1, "the text 'web' can only be compared by == or !="),
        ("channel < 'web'", 1, "'channel' is a string; it can only be compared by == or !="),
        ("channel == 1", 12, "a text is compared with what is none; expected a string column or a text"),
        ("amount == 'web'", 1, "a number is compared with a text; expected a string column or a text"),
        ("7d + 1", 1, "7d is a duration; it is the window of zscore, since_previous, distance_km and speed_kmh only"),
        (
            "cos(1)", 1,
            "there is no function 'cos'; there are ratio, log1p, clip, abs, sqrt, min, max, if, haversine, "
                + "zscore, known, since_previous, distance_km, speed_kmh, hour, weekday, month, day_of_month, minute_of_day"
        ),
        ("known(amount)", 7, "there is no table; declare one under 'tables'"),
        ("amount + shops.RATE", 10, "'shops.RATE' would be of a table, but none is declared"),
        ("1 + clip(1, 2)", 5, "2 arguments of clip; expected clip(x, lowest, highest)"),
        ("log1p()", 1, "0 arguments of log1p; expected log1p(x)"),
        ("min(1)", 1, "1 arguments of min; expected min(x, y, ...)"),
        ("min(1,)", 7, "')' stands where a number, a name, a function or '(' should"),
        ("min(1", 6, "the expression ends where an operator, ',' or ')' should stand"),
        ("hour(1)", 6, "expected a time zone in quotes, such as 'Europe/Paris'"),
        ("hour('Mars')", 6, "there is no time zone 'Mars'; give UTC or a name such as Europe/Paris"),
        ("zscore(amount, shop)", 16, "there is no entity 'shop'; there are customer"),
        ("zscore(channel, customer)", 8, "'channel' is a string, not a number"),
        ("zscore(1, customer)", 8, "expected a column of the transaction"),
        ("zscore(amount, customer, 7)", 26, "expected a window such as 30d, or forever"),
        ("since_previous(1)", 16, "expected one of the entities customer"),
        ("kind == 'login'", 1, "there is no column and no earlier feature 'kind'"),
    ]

    @Test(arguments: wrong)
    func whatIsWrongIsNamedWithItsPlace(_ text: String, _ position: Int, _ problem: String) {
        #expect(throws: FeatureError(subject: "x", problem: "character \(position): \(problem)", part: "expression")) {
            try makePlan([expression("x", text)])
        }
    }

    @Test func deepNestingAndLongTextsAreErrors() {
        for text in [
            String(repeating: "(", count: 3000), String(repeating: "-", count: 3000),
            String(repeating: "not ", count: 900),
            String(repeating: "abs(", count: 900), String(repeating: "1+", count: 3000),
        ] {
            #expect(throws: FeatureError.self) { try makePlan([expression("x", text)]) }
        }
        #expect(throws: Never.self) { try makePlan([expression("x", String(repeating: "1+", count: 1900) + "1")]) }
    }

    @Test func textsOfAnyCharactersDoNotTrap() {
        var random = SeededRandom(seed: 7)
        let pieces = [
            "1", "+", "-", "(", ")", ",", "amount", "min", "hour", "'", "\"", "==", "=", "é", " ", "7d", "e", ".",
            "and",
        ]
        for _ in 0..<3000 {
            let text = (0..<random.int(0...12)).map { _ in random.pick(pieces) }.joined()
            _ = try? makePlan([expression("x", text)])
        }
    }

    /// Random formulas against a row-wise evaluation of their own tree.
    @Test(arguments: 0..<30 as Range<UInt64>)
    func blockwiseIsRowwise(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let events = (0..<40).map { _ in
            TestEvent(
                minute: random.int(-4_000_000...40_000_000), cents: Int64(random.int(-500...500)),
                items: Int64(random.int(-2...3)), measure: Double(random.int(-9...9)) / 4,
                channel: random.pick(["web", "pos", ""]))
        }
        let formulas = (0..<12).map { _ in Formula.random(depth: 4, &random) }
        var features = formulas.enumerated().map { expression("f\($0)", $1.text) }
        features.append(expression("sum", "f0 + f1 / f2"))
        let plan = try makePlan(features)
        let size = random.pick([1, 7, 40])
        for (event, vector) in zip(events, vectors(of: events, plan, block: size)) {
            for (index, formula) in formulas.enumerated() {
                #expect(vector[index] == formula.value(event), "\(formula.text) of \(event)")
            }
            let quotient = vector[2] == 0 ? 0 : bounded(vector[1] / vector[2])
            #expect(vector[12] == bounded(vector[0] + quotient))
            #expect(vector.allSatisfy { $0.magnitude <= 1e100 })
        }
    }
}

private func bounded(_ x: Double) -> Double { Swift.min(Swift.max(x, -1e100), 1e100) }

/// A formula with its value by the words of the guide.
private struct Formula {
    var text: String
    var value: (TestEvent) -> Double

    static func random(depth: Int, _ random: inout SeededRandom) -> Formula {
        if depth == 0 || random.isTrue(15) { return leaf(&random) }
        let a = Formula.random(depth: depth - 1, &random)
        let b = Formula.random(depth: depth - 1, &random)
        let c = Formula.random(depth: depth - 1, &random)
        func truth(_ text: String, _ isTrue: @escaping (Double, Double) -> Bool) -> Formula {
            Formula(text: "(\(a.text) \(text) \(b.text))") { isTrue(a.value($0), b.value($0)) ? 1 : 0 }
        }
        func number(_ text: String, _ value: @escaping (Double, Double) -> Double) -> Formula {
            Formula(text: text) { value(a.value($0), b.value($0)) }
        }
        switch random.int(0..<20) {
        case 0, 1: return number("(\(a.text) + \(b.text))") { bounded($0 + $1) }
        case 2, 3: return number("(\(a.text) - \(b.text))") { bounded($0 - $1) }
        case 4, 5: return number("(\(a.text) * \(b.text))") { bounded($0 * $1) }
        case 6: return number("(\(a.text) / \(b.text))") { $1 == 0 ? 0 : bounded($0 / $1) }
        case 7: return number("ratio(\(a.text), \(b.text))") { $1 == 0 ? 0 : bounded($0 / $1) }
        case 8: return truth("<") { $0 < $1 }
        case 9: return truth(">=") { $0 >= $1 }
        case 10: return truth("==") { $0 == $1 }
        case 11: return truth("and") { $0 != 0 && $1 != 0 }
        case 12: return truth("or") { $0 != 0 || $1 != 0 }
        case 13: return number("min(\(a.text), \(b.text))") { Swift.min($0, $1) }
        case 14: return number("max(\(a.text), \(b.text))") { Swift.max($0, $1) }
        case 15: return Formula(text: "-\(a.text)") { 0 - a.value($0) }
        case 16: return Formula(text: "(not \(a.text))") { a.value($0) == 0 ? 1 : 0 }
        case 17: return Formula(text: "log1p(\(a.text))") { Foundation.log1p(Swift.max(a.value($0), 0)) }
        case 18: return Formula(text: "sqrt(abs(\(a.text)))") { a.value($0).magnitude.squareRoot() }
        default:
            return Formula(text: "if(\(a.text), \(b.text), \(c.text))") {
                a.value($0) != 0 ? b.value($0) : c.value($0)
            }
        }
    }

    private static func leaf(_ random: inout SeededRandom) -> Formula {
        switch random.int(0..<8) {
        case 0: return Formula(text: "amount") { Double($0.cents) / 100 }
        case 1: return Formula(text: "items") { Double($0.items) }
        case 2: return Formula(text: "measure") { $0.measure }
        case 3: return Formula(text: "channel == 'web'".parenthesised) { $0.channel == "web" ? 1 : 0 }
        case 4: return Formula(text: "(channel != 'pos')") { $0.channel != "pos" ? 1 : 0 }
        case 5:
            return Formula(text: "day_of_month()") {
                let date = Date(timeIntervalSince1970: Double($0.minute) * 60)
                var calendar = Calendar(identifier: .gregorian)
                calendar.timeZone = .gmt
                return Double(calendar.component(.day, from: date))
            }
        case 6:
            return Formula(text: "minute_of_day()") { Double((($0.minute % 1440) + 1440) % 1440) }
        default:
            let number = random.int(0...20)
            return Formula(text: "\(Double(number) / 4)") { _ in Double(number) / 4 }
        }
    }
}

extension String {
    fileprivate var parenthesised: String { "(\(self))" }
}
