import EventModel
import TestSupport
import Testing

@testable import Windowing

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct DecayTests {
    @Test func powersOfTwoAreAsGoodAsTheLibrarys() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<10_000 {
            let x = Double(random.int(0..<1 << 40)) / Double(1 << 40)
            #expect(abs(PowerOfTwo.shared(fraction: x) / exp2(x) - 1) < 5e-16, "2^\(x)")
        }
        #expect(PowerOfTwo.shared(fraction: 0) == 1)
        #expect(PowerOfTwo.shared(fraction: 0.5) == 2.0.squareRoot())
    }

    @Test func anEventHalvesWithEachHalfLife() {
        let aggregates = [nil, 100 * EventDuration.day].map {
            WindowAggregate(length: $0, delay: .zero, kind: .decayedSum(column: 0, divisor: 100, halfLife: .hour))
        }
        var windows = EntityWindows(name: "card", aggregates: aggregates, targets: [0, 1])
        var features = [0.0, 0.0]
        let start = EventTime(milliseconds: 1_700_000_012_345)
        windows.insert(windows.intern(1), at: start, earliest: start, values: [400], features: &features)
        #expect(features == [4, 4])
        for hours in 1...3 {
            windows.insert(
                windows.intern(1), at: start + hours * .hour, earliest: start, values: [0], features: &features)
            #expect(features == [4 / Double(1 << hours), 4 / Double(1 << hours)])
        }
    }

    /// Unlike a sum of doubles: the terms of one half-life may come in any order.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func theOrderOfEventsDoesNotShow(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let aggregates = [nil, 50 * EventDuration.second].map {
            WindowAggregate(length: $0, delay: .zero, kind: .decayedSum(column: 0, divisor: 3, halfLife: .second))
        }
        let events = (0..<60).map { _ in
            (time: 1_000_000 + Int64(random.int(0..<20_000)), value: Int64(random.int(-1 << 50...1 << 50)))
        }
        func answers(_ events: [(time: Int64, value: Int64)]) -> [Double] {
            var windows = EntityWindows(name: "card", aggregates: aggregates, targets: [0, 1])
            var features = [0.0, 0.0]
            for event in events + [(time: 1_030_000, value: 1)] {
                windows.insert(
                    windows.intern(1), at: EventTime(milliseconds: event.time),
                    earliest: EventTime(milliseconds: 1_000_000), values: [event.value], features: &features)
            }
            return features
        }
        #expect(answers(events) == answers(events.shuffled(using: &random)), "seed \(seed)")
    }
}
