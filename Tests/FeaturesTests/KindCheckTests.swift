import EventModel
import Testing

@testable import Features

/// Aggregates that could only ever be constant, since no event has what they ask for, are refused.
struct KindCheckTests {
    private static let kinds = [
        EventKindColumns(
            name: "login", columns: [Column("customer", .long), Column("device", .string), Column("tries", .long)]),
        EventKindColumns(name: "outcome", columns: [Column("answer", .string)]),
    ]

    private func problem(
        _ aggregate: WindowFeature.Aggregate, of column: String? = nil, where filter: String? = nil
    ) -> String? {
        let feature = FeatureSpecification(
            name: "x",
            definition: .window(
                WindowFeature(entity: "customer", length: .day, aggregate: aggregate, column: column, filter: filter)))
        do throws(FeatureError) {
            _ = try FeaturePlan(
                features: [feature], entities: [EntitySpecification(name: "customer", keyColumn: "customer")],
                columns: TestEvent.columns, kinds: Self.kinds)
            return nil
        } catch { return error.problem }
    }

    @Test func aColumnOfAnotherKindNeedsTheKindInTheCondition() {
        let advice = "is no column of the events that are counted; add \"kind == 'login'\" to 'where'"
        #expect(problem(.distinct, of: "device") == "'device' \(advice)")
        #expect(problem(.sum, of: "tries") == "'tries' \(advice)")
        #expect(problem(.count, where: "device == 'phone'") == "'device' \(advice)")
        #expect(problem(.count, where: "kind == 'transaction' and tries > 1") == "'tries' \(advice)")
        #expect(problem(.distinct, of: "device", where: "kind == 'login'") == nil)
        #expect(problem(.sum, of: "tries", where: "kind != 'transaction' and tries > 1") == nil)
        #expect(
            problem(.count, where: "kind == 'login' and device == 'phone' or kind == 'transaction' and amount > 1")
                == nil)
        #expect(problem(.sum, of: "amount") == nil)
    }

    @Test func labelsAndKeysNeedEventsThatHaveThem() {
        #expect(
            problem(.labelCount, where: "kind == 'login'")
                == "labels name transactions, but the condition holds for other kinds only")
        #expect(
            problem(.count, where: "kind == 'outcome'")
                == "events of kind 'outcome' have no customer, the key of 'customer'")
        #expect(
            problem(.count, where: "kind == 'login' and kind == 'outcome'")
                == "the condition holds for no kind of events")
        #expect(problem(.labelCount, where: "not kind == 'login'") == nil)
        #expect(problem(.count, where: "kind == 'login' or kind == 'outcome'") == nil)
    }
}
