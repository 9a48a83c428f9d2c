extension FeatureSpecification {
    /// The time zones that the feature names; of text that cannot be read, none.
    public var zoneNames: [String] {
        switch definition {
        case .calendar(_, let zone): [zone]
        case .expression(let text): Self.zoneNames(in: text)
        case .window(let window): window.filter.map(Self.zoneNames) ?? []
        default: []
        }
    }

    private static func zoneNames(in text: String) -> [String] {
        (try? ExpressionParser.parse(text)).map(zoneNames) ?? []
    }

    private static func zoneNames(in expression: Expression) -> [String] {
        switch expression.node {
        case .number, .duration, .text, .name: return []
        case .negative(let inner), .not(let inner): return zoneNames(in: inner)
        case .binary(_, let left, let right): return zoneNames(in: left) + zoneNames(in: right)
        case .call(let name, let arguments):
            if CalendarPart(rawValue: name) != nil, case .text(let zone) = arguments.first?.node { return [zone] }
            return arguments.flatMap(zoneNames)
        }
    }
}
