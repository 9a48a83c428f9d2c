import EventModel
import Yams

/// A value in a YAML file that knows its place, so that whatever is wrong with it can be named.
struct YAMLValue {
    let file: String
    /// Such as `features[3].aggregate`; empty for the whole file.
    let path: String
    let line: Int
    let node: Node

    init(file: String, path: String, node: Node, keyLine: Int) {
        self.file = file
        self.path = path
        self.node = node
        let isAtItsKey = node.mapping != nil || node.sequence != nil || node.isNothing
        line = isAtItsKey ? keyLine : node.mark?.line ?? keyLine
    }

    func error(_ problem: String) -> SpecificationError {
        SpecificationError(file: file, line: line, key: path, problem: problem)
    }

    func error(expected: String) -> SpecificationError {
        error("\(node.textForPeople) is not \(expected)")
    }

    // MARK: scalars

    func text(_ expected: String = "a text") throws(SpecificationError) -> String {
        guard let scalar = node.scalar, !node.isNothing else { throw error(expected: expected) }
        return scalar.string
    }

    /// A name that Avro allows: the log's schemas have it as a field.
    func name() throws(SpecificationError) -> String {
        let expected = "a name (letters, digits and underscores, no digit first)"
        let name = try text(expected)
        guard Column.isValidName(name) else { throw error(expected: expected) }
        return name
    }

    func integer(in range: ClosedRange<Int>) throws(SpecificationError) -> Int {
        let expected =
            range.upperBound == .max
            ? "a whole number of at least \(range.lowerBound)"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let value = Int(try text(expected)), range.contains(value) else { throw error(expected: expected) }
        return value
    }

    func unsignedInteger() throws(SpecificationError) -> UInt64 {
        let expected = "a whole number from 0 to \(UInt64.max)"
        guard let value = UInt64(try text(expected)) else { throw error(expected: expected) }
        return value
    }

    func number(
        _ expected: String = "a number", where isInRange: (Double) -> Bool = { _ in true }
    ) throws(SpecificationError) -> Double {
        let text = try text(expected)
        let isDecimal = text.utf8.allSatisfy { (48...57).contains($0) || "+-.eE".utf8.contains($0) }
        guard isDecimal, let value = Double(text), value.isFinite, isInRange(value) else {
            throw error(expected: expected)
        }
        return value
    }

    func flag() throws(SpecificationError) -> Bool {
        guard let value = Bool(try text("true or false")) else { throw error(expected: "true or false") }
        return value
    }

    func duration() throws(SpecificationError) -> EventDuration {
        let expected = "a duration such as 7d, 36h, 90m, 30s or 250ms"
        guard let value = EventDuration(try text(expected)) else { throw error(expected: expected) }
        return value
    }

    /// Days since 1970-01-01 of a date such as `2018-08-08`.
    func day() throws(SpecificationError) -> Int32 {
        let expected = "a date such as 2018-08-08"
        let text = try text(expected)
        guard text.utf8.count == 10, let time = TimeFormat.iso8601.time(of: text) else {
            throw error(expected: expected)
        }
        return Int32(time.day)
    }

    /// One of `names`, by its index.
    func choice(of names: [String], _ what: String = "") throws(SpecificationError) -> Int {
        let text = try text("one of \(what)\(names.joined(separator: ", "))")
        guard let index = names.firstIndex(of: text) else {
            let known = names.isEmpty ? "\(what)there are: none is declared" : what + names.joined(separator: ", ")
            throw error("\(node.textForPeople) is none of \(known)")
        }
        return index
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ type: Choice.Type
    ) throws(SpecificationError) -> Choice {
        let choices = Array(type.allCases)
        return choices[try choice(of: choices.map(\.rawValue))]
    }

    // MARK: lists and sections

    func list(_ expected: String = "a list") throws(SpecificationError) -> [YAMLValue] {
        guard let sequence = node.sequence else { throw error(expected: expected) }
        return sequence.enumerated().map { index, item in
            YAMLValue(file: file, path: "\(path)[\(index)]", node: item, keyLine: item.mark?.line ?? line)
        }
    }

    /// The value as keys with values, whatever the keys.
    func section() throws(SpecificationError) -> YAMLSection { try YAMLSection(self) }

    /// The value as keys with values; a key that is none of `keys` is an error.
    func section(keys: [String]) throws(SpecificationError) -> YAMLSection {
        let section = try YAMLSection(self)
        try section.require(keys)
        return section
    }

    /// The value under these keys, or the innermost there is above it.
    func descendant(_ keys: [String]) -> YAMLValue {
        var value = self
        for key in keys {
            guard let section = try? YAMLSection(value), let inner = section[key] else { break }
            value = inner
        }
        return value
    }
}

extension Node {
    /// Whether nothing stands here: `key:`, `key: ~`, `key: null`.
    var isNothing: Bool {
        guard let scalar, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null"].contains(scalar.string)
    }

    /// What stands here, short enough for a message.
    var textForPeople: String {
        if mapping != nil { return "a section with keys" }
        if sequence != nil { return "a list" }
        guard let scalar, !isNothing else { return "an empty value" }
        return quoted(scalar.string)
    }
}

/// `text` between single quotes, on one line and at most 60 characters long.
func quoted(_ text: String) -> String {
    let scalars = text.unicodeScalars
    let shown = scalars.prefix(60).map { scalar in
        scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .lineSeparator
            ? scalar.escaped(asASCII: true) : String(scalar)
    }
    return "'\(shown.joined())\(scalars.count > 60 ? "..." : "")'"
}
