import EventModel
import Windowing

// Which kinds of events an aggregate can be over, so that one that can only ever be constant is refused.
extension FeatureCompiler {
    /// - Throws: where no event that has the entity's key can enter the window, none of those that can has the column
    ///   or one that the condition names, or labels are asked of events that get none.
    func requireEvents(
        _ window: WindowFeature, condition: Expression?, entity: Int, of feature: FeatureSpecification
    ) throws(FeatureError) {
        func fail(_ problem: String, _ part: String? = nil) -> FeatureError {
            FeatureError(subject: feature.name, problem: problem, part: part)
        }
        let speaksOfKind = condition?.mentions("kind") ?? false
        let possible = kinds.indices.filter { index in
            speaksOfKind ? condition?.value(ofKind: kinds[index].name) != .no : index == 0
        }
        guard !possible.isEmpty else { throw fail("the condition holds for no kind of events", "where") }
        if window.aggregate.isOfLabels, !possible.contains(0) {
            throw fail("labels name transactions, but the condition holds for other kinds only", "where")
        }
        let name = entities[entity].name
        guard possible.contains(where: { entities[entity].kinds >> UInt64($0) & 1 == 1 }) else {
            let names = possible.map { "'\(kinds[$0].name)'" }.joined(separator: ", ")
            throw fail(
                "events of kind \(names) have no \(entities[entity].keyColumns.map(\.name).joined(separator: " × ")), the "
                    + "key of '\(name)'")
        }
        for column in (window.column.map { [$0] } ?? []) + (condition?.names ?? []) {
            let having = kinds.indices.filter { index in kinds[index].columns.contains { $0.name == column } }
            guard !having.isEmpty, !having.contains(where: possible.contains) else { continue }
            let names = having.map { "kind == '\(kinds[$0].name)'" }.joined(separator: " or ")
            throw fail("'\(column)' is no column of the events that are counted; add \"\(names)\" to 'where'")
        }
    }
}

/// What a condition is for a kind of events, as far as that alone says.
private enum KindValue {
    case yes, no, perhaps

    var negated: KindValue {
        switch self {
        case .yes: .no
        case .no: .yes
        case .perhaps: .perhaps
        }
    }
}

extension Expression {
    fileprivate func value(ofKind kind: String) -> KindValue {
        switch node {
        case .not(let inner): return inner.value(ofKind: kind).negated
        case .binary(.and, let left, let right):
            let sides = [left.value(ofKind: kind), right.value(ofKind: kind)]
            return sides.contains(.no) ? .no : sides.allSatisfy { $0 == .yes } ? .yes : .perhaps
        case .binary(.or, let left, let right):
            let sides = [left.value(ofKind: kind), right.value(ofKind: kind)]
            return sides.contains(.yes) ? .yes : sides.allSatisfy { $0 == .no } ? .no : .perhaps
        case .binary(let operation, let left, let right) where operation == .equal || operation == .unequal:
            guard let named = left.kindCompared(with: right) ?? right.kindCompared(with: left) else { return .perhaps }
            return (named == kind) == (operation == .equal) ? .yes : .no
        default: return .perhaps
        }
    }

    private func kindCompared(with other: Expression) -> String? {
        guard case .name("kind") = node, case .text(let text) = other.node else { return nil }
        return text
    }

    /// All names in it but `kind`.
    fileprivate var names: [String] {
        switch node {
        case .number, .duration, .text: []
        case .name(let name): name == "kind" ? [] : [name]
        case .call(_, let arguments): arguments.flatMap(\.names)
        case .negative(let inner), .not(let inner): inner.names
        case .binary(_, let left, let right): left.names + right.names
        }
    }
}
