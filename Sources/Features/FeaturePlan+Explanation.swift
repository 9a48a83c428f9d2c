import EventModel
import Windowing

/// A plan in words: what `features --explain` prints.
public struct PlanExplanation: Sendable {
    public struct Feature: Sendable {
        public var name: String
        public var definition: String
        public var reason: String
    }

    public struct Entity: Sendable {
        public var name: String
        public var keyColumns: [String]
        /// The aggregates in the order in which they are answered.
        public var aggregates: [String]
        /// How far back the boundaries stand that the aggregates share, ascending; each costs each event one step.
        public var boundaries: [EventDuration]
        public var bytesPerEvent: Int
        public var bytesPerKey: Int
        /// The names of the aggregates over all time, because of which no key is ever forgotten.
        public var endless: [String]
    }

    /// A reference table as events read it.
    public struct Join: Sendable {
        public var name: String
        public var table: String
        /// The events' columns that a row is found by.
        public var keyColumns: [String]
        /// What is read, and what of an event without a row.
        public var reads: [(name: String, missing: String)]
    }

    /// By position.
    public var features: [Feature]
    public var joins: [Join]
    public var entities: [Entity]
    /// What is done with a block, in order.
    public var steps: [String]
    /// A hash of all of the above.
    public var fingerprint: String
}

extension FeaturePlan {
    public var explanation: PlanExplanation {
        let features = names.indices.map {
            PlanExplanation.Feature(name: names[$0], definition: definitions[$0], reason: reasons[$0])
        }
        let entities = self.entities.map(explain)
        let filters = filterOperators.map(text)
        let windows = self.entities.map { "windows of \($0.name): \($0.aggregates.count) aggregates" }
        let rows = joins.map { join in
            "rows of \(join.name): " + join.reads.map(\.name).joined(separator: ", ")
        }
        let steps = rows + filters + windows + operators.map(text)
        let everything = "\(names)|\(definitions)|\(entities.map(\.aggregates))|\(entities.map(\.keyColumns))|\(steps)"
        let hash = zones.reduce(stableHash(everything)) { mixed($0, $1.fingerprint) }
        return PlanExplanation(
            features: features, joins: joins.map(explain), entities: entities, steps: steps,
            fingerprint: StateDigest(sum: hash).description)
    }

    private func explain(_ join: Join) -> PlanExplanation.Join {
        let table = tables[join.table]
        return PlanExplanation.Join(
            name: join.name, table: table.name, keyColumns: join.keyColumns,
            reads: join.reads.map { read in
                let column = read.value.map { table.stored[$0] }
                return (read.name, Self.text(of: read, column?.type))
            })
    }

    private static func text(of read: Join.Read, _ type: ColumnType?) -> String {
        switch type {
        case .string:
            read.missing == Int64(bitPattern: stableHash(""))
                ? "''" : "the text with the hash \(StateDigest(sum: UInt64(bitPattern: read.missing)))"
        case .decimal(let scale): decimalDescription(read.missing, scale: scale)
        case .double:
            if case .millionths = read.target {
                decimalDescription(read.missing, scale: 6)
            } else {
                "\(Double(bitPattern: UInt64(bitPattern: read.missing)))"
            }
        case .long, .timestamp, nil: String(read.missing)
        }
    }

    private func explain(_ entity: Entity) -> PlanExplanation.Entity {
        let aggregates = entity.aggregates.indices.map { index in
            "\(valueName(entity.targets[index])) = \(text(entity.aggregates[index]))"
        }
        var boundaries: Set<EventDuration> = []
        for aggregate in entity.aggregates {
            boundaries.insert(aggregate.delay)
            if let length = aggregate.length { boundaries.insert(aggregate.delay + length) }
        }
        let windows = EntityWindows(
            name: entity.name, keyKind: entity.keyKind, aggregates: entity.aggregates, targets: entity.targets)
        return PlanExplanation.Entity(
            name: entity.name, keyColumns: entity.keyColumns.map(\.name), aggregates: aggregates,
            boundaries: boundaries.sorted(), bytesPerEvent: windows.bytesPerEvent, bytesPerKey: windows.bytesPerKey,
            endless: entity.aggregates.indices.filter { entity.aggregates[$0].length == nil }.map {
                valueName(entity.targets[$0])
            })
    }

    // MARK: windows

    /// An aggregate in words.
    public func text(_ aggregate: WindowAggregate) -> String {
        let length = aggregate.length.map { "over \($0)" } ?? "over all time"
        let delay = aggregate.delay == .zero ? "" : " up to \(aggregate.delay) ago"
        let current = aggregate.includesCurrent || aggregate.delay > .zero ? "" : ", without the current event"
        let filter = aggregate.filter.map { ", where \(filters[$0])" } ?? ""
        let basis = aggregate.basis == .labelArrival ? ", by the labels' arrival" : ""
        return "\(text(aggregate.kind)) \(length)\(delay)\(current)\(filter)\(basis)"
    }

    private func text(_ kind: AggregateKind) -> String {
        func name(_ column: Int) -> String { integerColumns[column].name }
        return switch kind {
        case .count: "count"
        case .sum(let column, _): "sum of \(name(column))"
        case .mean(let column, _, _): "mean of \(name(column))"
        case .variance(let column, _, _): "variance of \(name(column))"
        case .minimum(let column, _, _): "min of \(name(column))"
        case .maximum(let column, _, _): "max of \(name(column))"
        case .first(let column, _, _): "first of \(name(column))"
        case .last(let column, _, _): "last of \(name(column))"
        case .distinct(let column): "distinct values of \(name(column))"
        case .decayedCount(let halfLife): "count with half-life \(halfLife)"
        case .decayedSum(let column, _, let halfLife): "sum of \(name(column)) with half-life \(halfLife)"
        case .labelCount: "known frauds"
        case .labelRate: "known frauds per event"
        case .knownLabelRate: "known frauds per labelled event"
        case .smoothedLabelRate(let prior, let strength, let base):
            "known frauds per \(base == .all ? "event" : "labelled event"), \(strength) events of \(prior) added"
        case .fraudRun: "run of frauds"
        case .sinceFirstFraud: "seconds since the first known fraud"
        case .sinceLastFraud: "seconds since the last known fraud"
        case .sincePrevious: "seconds since the previous event"
        case .previous(let column, _, _): "previous \(name(column))"
        }
    }

    // MARK: operators

    /// A feature's name; an auxiliary value's number.
    public func valueName(_ position: Int) -> String { position < count ? names[position] : "v\(position - count)" }

    private func text(_ operand: BlockOperator.Operand) -> String {
        switch operand {
        case .integer(let place, _): integerColumns[place].name
        case .double(let place): doubleColumns[place].name
        case .feature(let position): valueName(position)
        }
    }

    private func text(_ step: BlockOperator) -> String {
        switch step {
        case .copy(let operand, let target): "\(names[target]) = \(text(operand))"
        case .hour(let hours, let target): "\(names[target]) = hour in \(hours.lowerBound) to \(hours.upperBound)"
        case .weekday(let mask, let target):
            "\(names[target]) = weekday in "
                + (0..<7).filter { mask >> Int64($0) & 1 == 1 }.map { weekdayNames[$0] }.joined(separator: ", ")
        case .log1p(let operand, let target): "\(names[target]) = log1p(\(text(operand)))"
        case .ratio(let above, let below, let target): "\(names[target]) = \(text(above)) / \(text(below))"
        case .oneHot(let place, let values, let target):
            "\(names[target]) to \(names[target + values.count - 1]) = one-hot \(integerColumns[place].name)"
        case .hashed(let places, _, let buckets, let target):
            "\(names[target]) to \(names[target + buckets - 1]) = buckets of "
                + places.map { integerColumns[$0].name }.joined(separator: " × ")
        case .constant(let number, let into): "r\(into) = \(number)"
        case .load(let operand, let into): "r\(into) = \(text(operand))"
        case .kind(let kind, let into): "r\(into) = kind is \(kinds[Int(kind)].name)"
        case .matches(let place, let word, let into):
            "r\(into) = \(integerColumns[place].name) has the hash \(StateDigest(sum: UInt64(bitPattern: word)))"
        case .sameIntegers(let a, let b, let into):
            "r\(into) = \(integerColumns[a].name) == \(integerColumns[b].name)"
        case .calendar(let part, let zone, let into): "r\(into) = \(part.rawValue) in \(zones[zone].name)"
        case .unary(let operation, let place): "r\(place) = \(operation.rawValue) r\(place)"
        case .binary(let operation, let a, let b, let into): "r\(into) = r\(a) \(operation.rawValue) r\(b)"
        case .select(let condition, let a, let b, let into): "r\(into) = r\(condition) ? r\(a) : r\(b)"
        case .standardScore(let place): "r\(place) = (r\(place) - r\(place + 1)) / sqrt r\(place + 2)"
        case .haversine(let place):
            "r\(place) = kilometres from r\(place), r\(place + 1) to r\(place + 2), r\(place + 3)"
        case .store(let place, let target): "\(names[target]) = r\(place)"
        case .filter(let place, let bit): "filter \(bit) = r\(place)"
        }
    }
}

// MARK: forms

extension PlanExplanation {
    /// For programs.
    public var json: JSONValue {
        .object([
            JSONMember("fingerprint", .string(fingerprint)),
            JSONMember(
                "features",
                .array(
                    features.enumerated().map { position, feature in
                        .object([
                            JSONMember("position", .number(position)), JSONMember("name", .string(feature.name)),
                            JSONMember("definition", .string(feature.definition)),
                            JSONMember("reason", .string(feature.reason)),
                        ])
                    })),
            JSONMember(
                "tables",
                .array(
                    joins.map { join in
                        .object([
                            JSONMember("name", .string(join.name)), JSONMember("table", .string(join.table)),
                            JSONMember("by", .array(join.keyColumns.map(JSONValue.string))),
                            JSONMember(
                                "reads",
                                .array(
                                    join.reads.map {
                                        .object([
                                            JSONMember("name", .string($0.name)),
                                            JSONMember("missing", .string($0.missing)),
                                        ])
                                    })),
                        ])
                    })),
            JSONMember(
                "entities",
                .array(
                    entities.map { entity in
                        .object([
                            JSONMember("name", .string(entity.name)),
                            JSONMember("key", .array(entity.keyColumns.map(JSONValue.string))),
                            JSONMember(
                                "boundaries", .array(entity.boundaries.map { .string($0.description) })),
                            JSONMember("aggregates", .array(entity.aggregates.map(JSONValue.string))),
                            JSONMember("bytes_per_event", .number(entity.bytesPerEvent)),
                            JSONMember("bytes_per_key", .number(entity.bytesPerKey)),
                            JSONMember("endless", .array(entity.endless.map(JSONValue.string))),
                        ])
                    })),
            JSONMember("steps", .array(steps.map(JSONValue.string))),
        ])
    }

    /// For people.
    public var text: String {
        var lines = ["features (plan \(fingerprint))"]
        let width = features.map(\.name.count).max() ?? 0
        for (position, feature) in features.enumerated() {
            let number = String(position)
            let name = feature.name + String(repeating: " ", count: width - feature.name.count)
            let reason = feature.reason == feature.definition ? "" : "  [\(feature.reason)]"
            lines.append(
                String(repeating: " ", count: max(0, 4 - number.count))
                    + "\(number)  \(name)  \(feature.definition)\(reason)")
        }
        for join in joins {
            lines.append("")
            let table = join.table == join.name ? "" : ", rows of \(join.table)"
            lines.append(
                "table \(join.name)\(table) by \(join.keyColumns.joined(separator: " × ")), as of the event's time")
            for read in join.reads { lines.append("  \(read.name), without a row \(read.missing)") }
        }
        for entity in entities {
            lines.append("")
            lines.append(
                "entity \(entity.name) (\(entity.keyColumns.joined(separator: " × "))): \(entity.bytesPerEvent) bytes an "
                    + "event, \(entity.bytesPerKey) a key and more")
            if !entity.endless.isEmpty {
                lines.append(
                    "  never forgets a key (\(entity.bytesPerKey + EntityWindows.indexBytesPerKey) bytes each and more), "
                        + "because of windows without end: \(entity.endless.joined(separator: ", "))")
            }
            lines.append("  boundaries at \(entity.boundaries.map(\.description).joined(separator: ", ")) ago")
            for aggregate in entity.aggregates { lines.append("  \(aggregate)") }
        }
        lines.append("")
        lines.append("steps for each block of rows")
        for (number, step) in steps.enumerated() {
            let text = String(number + 1)
            lines.append(String(repeating: " ", count: max(0, 4 - text.count)) + "\(text)  \(step)")
        }
        return lines.joined(separator: "\n")
    }
}
