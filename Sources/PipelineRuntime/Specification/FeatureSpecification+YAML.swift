import EventModel
import Features

private let windowKeys = [
    "entity", "window", "delay", "aggregate", "of", "where", "include_current", "if_empty", "basis", "half_life",
    "prior",
    "strength", "over",
]
private let kinds = [
    "column", "window", "expression", "hour", "weekday", "calendar", "log1p", "ratio", "one_hot", "hash", "cross",
]
private let weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

func readFeatures(_ value: YAMLValue, entities: [String]) throws(SpecificationError) -> [FeatureSpecification] {
    let items = try value.list("a list of features")
    guard !items.isEmpty else { throw value.error("the list is empty; declare at least one feature") }
    var features: [FeatureSpecification] = []
    var lines: [String: Int] = [:]
    for item in items {
        let section = try item.section(
            keys: ["name", "reason"] + kinds.filter { $0 != "window" } + ["zone"] + windowKeys)
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
        let beside =
            kind == "window" ? windowKeys : ["hour", "weekday", "calendar"].contains(kind) ? [kind, "zone"] : [kind]
        try section.require(["name", "reason"] + beside, beside: "'\(kind)'")
        if kind == "window" {
            self = .window(try WindowFeature(section, entities: entities))
            return
        }
        let value = try section.required(kind)
        let zone = try section["zone"]?.text("a time zone such as Europe/Paris")
        switch kind {
        case "hour": self = .init(hours: try readHours(value), zone: zone)
        case "weekday": self = .init(weekdays: try readWeekdays(value), zone: zone)
        case "calendar": self = .calendar(try value.choice(CalendarPart.self), zone: zone ?? "UTC")
        case "expression": self = .expression(try value.text("an expression such as amount / (mean_7d + 1)"))
        case "one_hot": self = try readOneHot(value)
        case "hash": self = try readHashed(value, key: "column")
        case "cross": self = try readHashed(value, key: "columns")
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

extension FeatureDefinition {
    /// In UTC, or in another time zone as an expression.
    fileprivate init(hours: ClosedRange<Int>, zone: String?) {
        guard let zone else {
            self = .hour(hours)
            return
        }
        self = .expression("hour('\(zone)') >= \(hours.lowerBound) and hour('\(zone)') <= \(hours.upperBound)")
    }

    fileprivate init(weekdays: [Int], zone: String?) {
        guard let zone else {
            self = .weekday(weekdays)
            return
        }
        self = .expression(weekdays.map { "weekday('\(zone)') == \($0)" }.joined(separator: " or "))
    }
}

private func readOneHot(_ value: YAMLValue) throws(SpecificationError) -> FeatureDefinition {
    let section = try value.section(keys: ["column", "values"])
    var values: [String] = []
    for item in try section.required("values").list("a list of values, such as [web, shop]") {
        values.append(try item.text("a value"))
    }
    return .oneHot(column: try section.required("column").text("a column"), values: values)
}

/// `{ column: NAME, buckets: COUNT }`, or `columns: [NAME, NAME]`.
private func readHashed(_ value: YAMLValue, key: String) throws(SpecificationError) -> FeatureDefinition {
    let section = try value.section(keys: [key, "buckets"])
    var columns: [String] = []
    if key == "column" {
        columns.append(try section.required(key).text("a column"))
    } else {
        let list = try section.required(key)
        for item in try list.list("a list of columns, such as [country, channel]") {
            columns.append(try item.text("a column"))
        }
        guard columns.count >= 2 else { throw list.error("a cross is of two columns or more; use 'hash' for one") }
    }
    return .hashed(columns: columns, buckets: try section.required("buckets").integer(in: 2...4096))
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
        try Self.requireFitting(section, aggregate)
        let isSmoothed = aggregate == .smoothedLabelRate
        self.init(
            entity: entity, length: try Self.length(section, aggregate),
            delay: try section["delay"]?.duration() ?? .zero, aggregate: aggregate,
            column: try section["of"]?.text("a column"),
            includesCurrent: try section["include_current"]?.flag() ?? true,
            ifEmpty: try section["if_empty"]?.number("a number within ±1e100") { $0.magnitude <= largestFeature } ?? 0,
            filter: try section["where"]?.text("a condition such as amount > 100"),
            basis: try section["basis"]?.choice(Basis.self) ?? .eventTime,
            halfLife: try aggregate.needsHalfLife ? section.required("half_life").positiveDuration() : nil,
            prior: try isSmoothed
                ? section.required("prior").number("a share from 0 to 1") { (0...1).contains($0) } : 0,
            strength: try isSmoothed
                ? section.required("strength").number("a number above 0, at most 1e9") { $0 > 0 && $0 <= 1e9 } : 0,
            overLabelled: try section["over"]?.choice(of: ["all", "labelled"]) == 1)
    }

    /// nil: without end.
    private static func length(
        _ section: YAMLSection, _ aggregate: Aggregate
    ) throws(SpecificationError) -> EventDuration? {
        if section["window"] == nil, aggregate.isOpenByDefault { return nil }
        let window = try section.required("window")
        if try window.text("a duration such as 7d, or forever") == "forever" { return nil }
        let length = try window.duration()
        guard length > .zero else { throw window.error("a window is longer than \(length)") }
        return length
    }

    /// Throws for a key that says nothing of this aggregate.
    private static func requireFitting(_ section: YAMLSection, _ aggregate: Aggregate) throws(SpecificationError) {
        let name = aggregate.rawValue
        if aggregate.needsColumn, section["of"] == nil {
            throw section.value.error("\(name) of which column? Add 'of'")
        }
        if !aggregate.needsColumn, let column = section["of"] {
            throw column.error("\(name) is of no column; leave 'of' out")
        }
        if !aggregate.hasDefault, let value = section["if_empty"] {
            throw value.error("\(name) of an empty window is fixed; 'if_empty' belongs to means, values and ages")
        }
        if !aggregate.isOfLabels, let value = section["basis"] {
            throw value.error("\(name) does not look at labels; 'basis' belongs to label aggregates")
        }
        if !aggregate.needsHalfLife, let value = section["half_life"] {
            throw value.error("\(name) does not decay; leave 'half_life' out")
        }
        for key in ["prior", "strength", "over"] where aggregate != .smoothedLabelRate {
            if let value = section[key] { throw value.error("'\(key)' belongs to smoothed_label_rate, not to \(name)") }
        }
    }
}

extension YAMLValue {
    fileprivate func positiveDuration() throws(SpecificationError) -> EventDuration {
        let value = try duration()
        guard value > .zero else { throw error("a half-life is longer than \(value)") }
        return value
    }
}
