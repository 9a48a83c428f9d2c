import EventModel
import Foundation
import TestSupport
import Testing
import Windowing

@testable import Features

/// The functions that look at the entity's own past, against that past written out.
struct WindowFunctionTests {
    private func feature(_ aggregate: WindowFeature.Aggregate, of column: String) -> FeatureSpecification {
        FeatureSpecification(
            name: "x",
            definition: .window(WindowFeature(entity: "customer", length: .day, aggregate: aggregate, column: column)))
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func theyFollowTheCustomersOwnEvents(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var minute = 0
        let events = (0..<60).map { _ in
            minute += random.pick([0, 1, 5, 300])
            return TestEvent(
                minute: minute, customer: Int64(random.int(0..<3)), cents: Int64(random.int(-500...99_999)),
                measure: Double(random.int(-9...9)) / 4, latitude: Double(random.int(-90...90)),
                longitude: Double(random.int(-180...180)))
        }
        let plan = try makePlan([
            expression("ever", "zscore(amount, customer)"), expression("hour", "zscore(measure, customer, 60m)"),
            expression("since", "since_previous(customer)"), expression("km", "distance_km(lat, lon, customer)"),
            expression("speed", "speed_kmh(lat, lon, customer) + 0 * since_previous(customer)"),
            expression("sinceLately", "since_previous(customer, 90m)"),
            expression("kmLately", "distance_km(lat, lon, customer, 90m)"),
            expression("speedLately", "speed_kmh(lat, lon, customer, 90m)"),
        ])
        #expect(plan.width == plan.count + 12, "aggregates are shared: 2 means, 2 variances, 4 ages, 4 places")
        for (index, vector) in vectors(of: events, plan, block: random.pick([1, 7, 60])).enumerated() {
            let own = events[index]
            let past = events[..<index].filter { $0.customer == own.customer }
            let lately = past.filter { $0.minute > own.minute - 60 }
            let previous = past.last
            let seconds = Double(own.minute - (previous?.minute ?? own.minute)) * 60
            let kilometres = previous.map { distance($0, own) } ?? 0
            let isLately = previous.map { $0.minute > own.minute - 90 } ?? false
            let expected = [
                score(Double(own.cents) / 100, past.map { Double($0.cents) / 100 }),
                score(own.measure, lately.map(\.measure)), seconds, kilometres,
                kilometres / (max(seconds, 1) / 3600), isLately ? seconds : 0, isLately ? kilometres : 0,
                isLately ? kilometres / (max(seconds, 1) / 3600) : 0,
            ]
            for (found, value) in zip(vector, expected) {
                #expect(abs(found - value) <= 1e-6 * max(1, abs(value)), "event \(index): \(vector), not \(expected)")
            }
        }
    }

    private func score(_ value: Double, _ past: [Double]) -> Double {
        guard !past.isEmpty else { return 0 }
        let mean = past.reduce(0, +) / Double(past.count)
        let variance = past.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(past.count)
        return variance < 1e-18 ? 0 : (value - mean) / variance.squareRoot()
    }

    /// By the spherical law of cosines, another formula than the haversine's.
    private func distance(_ a: TestEvent, _ b: TestEvent) -> Double {
        let degree = Double.pi / 180
        let cosine =
            sin(a.latitude * degree) * sin(b.latitude * degree) + cos(a.latitude * degree) * cos(b.latitude * degree)
            * cos((a.longitude - b.longitude) * degree)
        return 6371.0088 * acos(min(max(cosine, -1), 1))
    }

    @Test func aDoubleColumnEntersWindowsInMillionths() throws {
        let plan = try makePlan([feature(.sum, of: "measure")])
        let rows = [0.1, 0.2, 1e30, -1e30, 0.000_000_4].map { TestEvent(minute: 0, measure: $0) }
        let sums = vectors(of: rows, plan).map { $0[0] }
        // 0.1 + 0.2 is 0.3 exactly, ±10³⁰ counts as ±10¹², and what is less than half a millionth as 0.
        #expect(sums == [0.1, 0.3, 1e12 + 0.3, 0.3, 0.3])
    }

    @Test func aConditionChoosesTheEvents() throws {
        func count(_ name: String, _ condition: String) -> FeatureSpecification {
            FeatureSpecification(
                name: name,
                definition: .window(
                    WindowFeature(entity: "customer", length: .day, aggregate: .count, filter: condition)))
        }
        let plan = try makePlan([
            count("large", "amount > 10"), count("web", "channel == 'web'"),
            count("neither", "not (amount > 10 or channel == 'web')"),
            count("all", "hour() == 0 and kind == 'transaction'"),
        ])
        let rows = [(500, "web"), (2000, "pos"), (3000, "web"), (5, ""), (1001, "")].map {
            TestEvent(minute: 0, cents: Int64($0.0), channel: $0.1)
        }
        #expect(
            vectors(of: rows, plan) == [[0, 1, 0, 1], [1, 1, 0, 2], [2, 2, 0, 3], [2, 2, 1, 4], [3, 2, 1, 5]])
    }

    @Test func moreConditionsThanAMaskHoldsAreRefused() throws {
        func features(_ count: Int) -> [FeatureSpecification] {
            (0..<count).map { number in
                FeatureSpecification(
                    name: "f\(number)",
                    definition: .window(
                        WindowFeature(
                            entity: "customer", length: .day, aggregate: .count,
                            filter: "amount > \(number % 64 + number / 65)")
                    ))
            }
        }
        #expect(try makePlan(features(64)).filters.count == 64)
        #expect(throws: FeatureError(subject: "f64", problem: "more than 64 different conditions")) {
            try makePlan(
                features(64) + [
                    FeatureSpecification(
                        name: "f64",
                        definition: .window(
                            WindowFeature(entity: "customer", length: .day, aggregate: .count, filter: "items > 0")))
                ])
        }
    }

    @Test func theExplanationSaysWhichEntityForgetsNoKey() throws {
        let endless = try makePlan([expression("since", "since_previous(customer)")]).explanation
        #expect(endless.entities[0].endless == ["v0"])
        #expect(
            endless.text.contains(
                "  never forgets a key (\(endless.entities[0].bytesPerKey + EntityWindows.indexBytesPerKey) bytes each and more), "
                    + "because of windows without end: v0"))
        #expect(endless.json.description.contains(#""endless":["v0"]"#))
        let bounded = try makePlan([
            expression("since", "since_previous(customer, 30d) + zscore(amount, customer, 7d)"),
            expression("km", "distance_km(lat, lon, customer, 30d) + speed_kmh(lat, lon, customer, 30d)"),
        ]).explanation
        #expect(bounded.entities[0].endless == [])
        #expect(!bounded.text.contains("never forgets"))
    }

    @Test func theExplanationNamesAllThatThePlanDoes() throws {
        let plan = try makePlan([
            FeatureSpecification(name: "amount", definition: .column("amount"), reason: "the amount"),
            FeatureSpecification(
                name: "large",
                definition: .window(
                    WindowFeature(
                        entity: "customer", length: 7 * .day, delay: .day, aggregate: .mean, column: "amount",
                        filter: "amount > 100"))),
            expression("odd", "zscore(amount, customer, 7d) > 3"),
        ])
        let text = plan.explanation.text
        for line in [
            "   0  amount  amount  [the amount]",
            "   1  large   customer: mean of amount where amount > 100 in 7d up to 1d ago",
            "   2  odd     zscore(amount, customer, 7d) > 3",
            "  boundaries at 0s, 1d, 7d, 8d ago",
            "  large = mean of amount over 7d up to 1d ago, where amount > 100",
            "  v0 = mean of amount over 7d, without the current event",
            "   5  windows of customer: 3 aggregates",
            "  12  r0 = r0 > r1",
            "  13  odd = r0",
        ] {
            #expect(text.contains(line), "\(line)\nis not in\n\(text)")
        }
        let json = plan.explanation.json.description
        #expect(json.contains(#""position":1,"name":"large""#) && json.contains(#""bytes_per_event":"#))
    }
}
