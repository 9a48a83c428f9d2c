import EventModel
import Testing

@testable import Features

struct CategoryTests {
    private func event(_ channel: String, _ items: Int64 = 0) -> TestEvent {
        TestEvent(minute: 0, items: items, channel: channel)
    }

    @Test func oneHotGivesAFeatureForEachValue() throws {
        let plan = try makePlan([
            FeatureSpecification(
                name: "channel", definition: .oneHot(column: "channel", values: ["web", "p o-s", "é"])),
            FeatureSpecification(name: "items", definition: .oneHot(column: "items", values: ["0", "-2"])),
            FeatureSpecification(name: "last", definition: .column("items")),
        ])
        #expect(plan.names == ["channel_web", "channel_p_o_s", "channel__", "items_0", "items__2", "last"])
        #expect(plan.reasons[0] == "channel is web")
        let rows = [event("web"), event("p o-s", -2), event("é", 1), event("Web"), event("")]
        #expect(
            vectors(of: rows, plan) == [
                [1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 1, -2], [0, 0, 1, 0, 0, 1], [0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0],
            ])
    }

    private func bucket(_ event: TestEvent, _ columns: [String], _ buckets: Int) throws -> Int {
        let plan = try makePlan([
            FeatureSpecification(name: "h", definition: .hashed(columns: columns, buckets: buckets))
        ])
        #expect(plan.names == (0..<buckets).map { "h_\($0)" })
        let vector = vectors(of: [event], plan)[0]
        #expect(vector.reduce(0, +) == 1 && vector.allSatisfy { $0 == 0 || $0 == 1 })
        return try #require(vector.firstIndex(of: 1))
    }

    /// Written down once: a bucket is the same in every process, on every machine, in every version.
    @Test func aBucketNeverChanges() throws {
        let values = ["web", "pos", "", "a longer value, été"]
        let alone = try values.map { try bucket(event($0), ["channel"], 64) }
        #expect(alone == [34, 16, 22, 52])
        let crossed = try (0..<4).map { try bucket(event("web", $0), ["channel", "items"], 64) }
        #expect(crossed == [43, 10, 6, 13])
    }

    @Test func valuesSpreadOverTheBucketsAndCrossesOverMore() throws {
        let plan = try makePlan([
            FeatureSpecification(name: "h", definition: .hashed(columns: ["channel", "items"], buckets: 16))
        ])
        let rows = (0..<1600).map { event("c\($0 % 40)", Int64($0 / 40)) }
        var counts = [Double](repeating: 0, count: 16)
        for vector in vectors(of: rows, plan, block: 64) { for bucket in 0..<16 { counts[bucket] += vector[bucket] } }
        #expect(counts.reduce(0, +) == 1600)
        #expect(counts.allSatisfy { (60...140).contains($0) }, "\(counts)")
    }

    @Test(arguments: [
        (FeatureDefinition.oneHot(column: "channel", values: []), "one-hot of no values"),
        (.oneHot(column: "channel", values: ["a", "a"]), "the value 'a' is given twice"),
        (.oneHot(column: "channel", values: ["a-", "a+"]), "there is a feature 'x_a_' already"),
        (.oneHot(column: "items", values: ["a"]), "'a' is no value of 'items' (long)"),
        (.oneHot(column: "amount", values: ["1"]), "a category is a string or a long, but 'amount' is decimal(2)"),
        (.oneHot(column: "no", values: ["1"]), "there is no column and no earlier feature 'no'"),
        (.hashed(columns: ["channel"], buckets: 1), "1 buckets; give 2 to 4096"),
        (.hashed(columns: [], buckets: 8), "buckets of no columns"),
        (.hashed(columns: ["measure"], buckets: 8), "a category is a string or a long, but 'measure' is double"),
    ])
    func whatIsNoCategoryIsNamed(_ definition: FeatureDefinition, _ problem: String) {
        #expect(throws: FeatureError(subject: "x", problem: problem)) {
            try makePlan([FeatureSpecification(name: "x", definition: definition)])
        }
    }
}
