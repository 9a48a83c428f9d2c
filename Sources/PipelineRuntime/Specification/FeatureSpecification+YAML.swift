import EventModel
import Features

private let windowKeys = ["entity", "window", "delay", "aggregate", "of", "include_current", "if_empty"]
private let kinds = ["column", "window", "hour", "weekday", "log1p", "ratio"]
private let weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

func readFeatures(_ value: YAMLValue, entities: [String]) throws(SpecificationError) -> [FeatureSpecification] {
    let items = try value.list("a list of features")
    guard !items.isEmpty else { throw value.error("the list is empty; declare at least one feature") }
    var features: [FeatureSpecification] = []
    var lines: [String: Int] = [:]
    for item in items {
        let section = try item.section(keys: ["name", "reason"] + kinds.filter { $0 != "window" } + windowKeys)
        let name = try section.required("name").name()
        if let line = lines.updateValue(item.line, forKey: name) {
            throw try section.required("name").error("'\(name)' is the name of the feature in line \(line) already")
        }
        let reason = try section["reason"]?.text()
        let definition = try FeatureDefinition(section, entities: entities)
        features.append(FeatureSpecification(name: name, definition: definition, reason: reason))
    }
    return features
}

extension FeatureDefinition {
    init(_ section: YAMLSection, entities: [String]) throws(SpecificationError) {
        let keys = section.entries.map(\.key)
        guard
            let kind = kinds.first(where: keys.contains) ?? (windowKeys.contains(where: keys.contains) ? "window" : nil)
        else {
            throw section.value.error("what is it computed from? Add one of \(kinds.joined(separator: ", "))")
        }
        try section.require(["name", "reason"] + (kind == "window" ? windowKeys : [kind]), beside: "'\(kind)'")
        if kind == "window" {
            self = .window(try WindowFeature(section, entities: entities))
            return
        }
        let value = try section.required(kind)
        switch kind {
        case "hour": self = .hour(try readHours(value))
        case "weekday": self = .weekday(try readWeekdays(value))
        case "log1p": self = .log1p(try value.text("a column or feature"))
        case "ratio":
            let expected = "a list of two columns or features, such as [amount, mean_amount]"
            let items = try value.list(expected)
            guard items.count == 2 else { throw value.error("a list of \(items.count) is not \(expected)") }
            self = .ratio(try items[0].text("a column or feature"), try items[1].text("a column or feature"))
        default: self = .column(try value.text("a column"))
        }
    }
}

private func readHours(_ value: YAMLValue) throws(SpecificationError) -> ClosedRange<Int> {
    let expected = "a list of the first and the last hour, such as [0, 6]"
    let items = try value.list(expected)
    guard items.count == 2 else { throw value.error("a list of \(items.count) is not \(expected)") }
    let (first, last) = (try items[0].integer(in: 0...23), try items[1].integer(in: 0...23))
    guard first <= last else {
        throw value.error(
            "\(first) to \(last) runs over midnight; declare the hours before and after it as two features")
    }
    return first...last
}

private func readWeekdays(_ value: YAMLValue) throws(SpecificationError) -> [Int] {
    var days: [Int] = []
    for item in try value.list("a list of weekdays, such as [sat, sun]") {
        let day = try item.choice(of: weekdays)
        guard !days.contains(day) else { throw item.error("'\(weekdays[day])' stands in the list already") }
        days.append(day)
    }
    guard !days.isEmpty else {
        throw value.error("the list is empty; give at least one of \(weekdays.joined(separator: ", "))")
    }
    return days
}

extension WindowFeature {
    init(_ section: YAMLSection, entities: [String]) throws(SpecificationError) {
        let aggregate = try section.required("aggregate").choice(Aggregate.self)
        let entity = entities[try section.required("entity").choice(of: entities, "the entities ")]
        let window = try section.required("window")
        let length = try window.duration()
        guard length > .zero else { throw window.error("a window is longer than \(length)") }
        if aggregate.needsColumn, section["of"] == nil {
            throw section.value.error("\(aggregate.rawValue) of which column? Add 'of'")
        }
        if !aggregate.needsColumn, let column = section["of"] {
            throw column.error("\(aggregate.rawValue) is of no column; leave 'of' out")
        }
        if aggregate != .mean, let value = section["if_empty"] {
            throw value.error("\(aggregate.rawValue) of an empty window is 0; 'if_empty' belongs to a mean")
        }
        self.init(
            entity: entity, length: length, delay: try section["delay"]?.duration() ?? .zero, aggregate: aggregate,
            column: try section["of"]?.text("a column"),
            includesCurrent: try section["include_current"]?.flag() ?? true,
            ifEmpty: try section["if_empty"]?.number() ?? 0)
    }
}
