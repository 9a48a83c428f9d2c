import EventModel
import Features
import PipelineCore

extension DecisionSpecification {
    init(_ top: YAMLSection) throws(SpecificationError) {
        let section = try top.section("decisions", keys: ["alert_threshold", "reasons"])
        let threshold = try section["alert_threshold"]?.number("a probability above 0 and at most 1") {
            $0 > 0 && $0 <= 1
        }
        self.init(alertThreshold: threshold ?? 0.5, reasonCount: try section["reasons"]?.integer(in: 0...1000) ?? 3)
    }
}

extension EvaluationSpecification {
    init(_ top: YAMLSection, entities: [String], columns: [Column]) throws(SpecificationError) {
        let section = try top.section(
            "evaluation",
            keys: [
                "entity", "baseline", "first_day", "last_day", "block_days", "label_delay_days", "training_days",
                "cards_per_day",
            ])
        self.init()
        if let value = section["entity"] { entity = entities[try value.choice(of: entities, "the entities ")] }
        if let value = section["baseline"] {
            let column = columns[try value.choice(of: columns.map(\.name), "the columns ")]
            guard column.type != .string else { throw value.error("'\(column.name)' is a string, not a number") }
            baselineColumn = column.name
        }
        days = try readDays(section)
        let dayCounts = 0...4_000_000
        blockDays = try section["block_days"]?.integer(in: 1...dayCounts.upperBound) ?? blockDays
        labelDelayDays = try section["label_delay_days"]?.integer(in: dayCounts) ?? labelDelayDays
        trainingDays = try section["training_days"]?.integer(in: dayCounts) ?? trainingDays
        cardsPerDay = try section["cards_per_day"]?.integer(in: 1...1_000_000) ?? cardsPerDay
    }
}

private func readDays(_ section: YAMLSection) throws(SpecificationError) -> ClosedRange<Int32>? {
    switch (section["first_day"], section["last_day"]) {
    case (nil, nil): return nil
    case (let first?, let last?):
        let (firstDay, lastDay) = (try first.day(), try last.day())
        guard firstDay <= lastDay else { throw last.error("the last day is before the first") }
        return firstDay...lastDay
    case (let given?, nil), (nil, let given?):
        throw given.error("'first_day' and 'last_day' belong together; give both or neither")
    }
}
