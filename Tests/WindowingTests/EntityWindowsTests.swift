import EventModel
import Testing

@testable import Windowing

/// What happens in a stream of one entity.
private enum Step {
    case event(key: Int64, time: Int64, value: Int64)
    /// The label of the n-th event so far.
    case label(event: Int, isPositive: Bool)
    case sweep
}

/// Recomputes each answer from all events that ever came.
private struct WindowOracle {
    struct Event {
        var key: Int64
        var time: Int64
        var value: Int64
        var label: Bool?
    }

    var events: [Event] = []

    func answers(_ aggregates: [WindowAggregate], own: Event) -> [Double] {
        aggregates.map { aggregate in
            let end = own.time - aggregate.delay.milliseconds
            var inside = events.filter {
                $0.key == own.key && $0.time <= end && $0.time > end - aggregate.length.milliseconds
            }
            if aggregate.delay.milliseconds == 0 && aggregate.includesCurrent { inside.append(own) }
            let positives = Double(inside.count { $0.label == true })
            let known = Double(inside.count { $0.label != nil })
            let sum = Double(inside.reduce(0) { $0 + $1.value })
            switch aggregate.kind {
            case .count: return Double(inside.count)
            case .sum(_, let divisor): return sum / divisor
            case .mean(_, let divisor, let ifEmpty):
                return inside.isEmpty ? ifEmpty : sum / (Double(inside.count) * divisor)
            case .labelCount: return positives
            case .labelRate: return inside.isEmpty ? 0 : positives / Double(inside.count)
            case .knownLabelRate: return known == 0 ? 0 : positives / known
            }
        }
    }
}

private func aggregates(lengths: [Int64], delays: [Int64]) -> [WindowAggregate] {
    let kinds: [AggregateKind] = [
        .count, .sum(column: 0, divisor: 100), .mean(column: 0, divisor: 100, ifEmpty: -1), .labelCount, .labelRate,
        .knownLabelRate,
    ]
    return lengths.flatMap { length in
        delays.flatMap { delay in
            kinds.flatMap { kind in
                [true, false].map { includesCurrent in
                    WindowAggregate(
                        length: EventDuration(milliseconds: length), delay: EventDuration(milliseconds: delay),
                        kind: kind, includesCurrent: includesCurrent)
                }
            }
        }
    }
}

/// Runs a stream through the windows and the oracle and returns the first disagreement. With `restart`, the windows are
/// saved and restored before that step.
private func disagreement(
    _ steps: [Step], _ aggregates: [WindowAggregate], outOfOrderness: Int64, lateness: Int64, restart: Int? = nil
) throws -> String? {
    func makeWindows() -> EntityWindows {
        EntityWindows(name: "card", aggregates: aggregates, targets: Array(aggregates.indices))
    }
    var windows = makeWindows()
    var oracle = WindowOracle()
    var places: [(number: Int, position: Int64)?] = []
    var watermark = Watermark(
        outOfOrderness: EventDuration(milliseconds: outOfOrderness),
        allowedLateness: EventDuration(milliseconds: lateness))
    var features = [Double](repeating: .nan, count: aggregates.count)
    var all: [WindowOracle.Event] = []
    for (index, step) in steps.enumerated() {
        if index == restart {
            var writer = ByteWriter()
            windows.encode(into: &writer)
            let digest = windows.digest
            windows = makeWindows()
            var reader = ByteReader(writer.bytes)
            try windows.decode(from: &reader)
            if reader.remaining != 0 || !reader.isValid { return "step \(index): saved state not read whole" }
            if windows.digest != digest { return "step \(index): digest after restart" }
        }
        switch step {
        case .event(let key, let time, let value):
            let event = WindowOracle.Event(key: key, time: time, value: value)
            let at = EventTime(milliseconds: time)
            let isTooLate = watermark.timeliness(of: at) == .tooLate
            if isTooLate {
                var asOf = event
                asOf.time = watermark.earliestAccepted.milliseconds
                let expected = oracle.answers(aggregates, own: asOf)
                windows.answer(
                    windows.number(of: key), asOf: watermark.earliestAccepted, values: [value], features: &features)
                if features != expected { return "step \(index), too late: \(features), expected \(expected)" }
                places.append(nil)
            } else {
                watermark.advance(past: at)
                let expected = oracle.answers(aggregates, own: event)
                let number = windows.intern(key)
                let position = windows.insert(
                    number, at: at, earliest: watermark.earliestAccepted, values: [value], features: &features)
                if features != expected { return "step \(index): \(features), expected \(expected)" }
                places.append((number, position))
                oracle.events.append(event)
            }
            all.append(event)
        case .label(let event, let isPositive):
            guard event < all.count, let place = places[event],
                all[event].time > watermark.earliestAccepted.milliseconds - windows.retention.milliseconds
            else { continue }
            windows.setLabel(
                place.number, position: place.position, time: EventTime(milliseconds: all[event].time),
                previous: all[event].label, isPositive: isPositive)
            all[event].label = isPositive
            oracle.events = zip(all, places).compactMap { $1 == nil ? nil : $0 }
        case .sweep:
            windows.sweep(earliest: watermark.earliestAccepted)
        }
    }
    return nil
}

/// SplitMix64, so that a seed printed here gives the same stream everywhere.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        defer { state &+= 0x9E37_79B9_7F4A_7C15 }
        return mixed(state)
    }
}

@Suite struct EntityWindowsTests {
    /// All streams of four events on one key with times 0 to 3: every order, every tie, every window edge.
    @Test func everySmallStreamAgreesWithTheOracle() throws {
        let aggregates = aggregates(lengths: [1, 2], delays: [0, 1])
        for code in 0..<256 {
            let times = (0..<4).map { Int64(code >> (2 * $0) & 3) }
            for lateness in [0, 1, 3] as [Int64] {
                for labelled in 0..<4 {
                    var steps = times.enumerated().map {
                        Step.event(key: 7, time: 1000 + $1, value: Int64(1 << $0))
                    }
                    steps.insert(.label(event: labelled / 2, isPositive: labelled % 2 == 0), at: 2)
                    steps.append(.event(key: 7, time: 1003, value: 64))
                    let found = try disagreement(steps, aggregates, outOfOrderness: 0, lateness: lateness)
                    #expect(found == nil, "times \(times), lateness \(lateness), label \(labelled)")
                }
            }
        }
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func randomStreamsAgreeWithTheOracle(seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        let disorder = [0, 3, 40].randomElement(using: &random)! as Int64
        let lateness = [0, 10, 100].randomElement(using: &random)! as Int64
        let keys = [1, 3, 50].randomElement(using: &random)! as Int64
        var time: Int64 = 0
        var eventCount = 0
        let steps = (0..<300).map { _ -> Step in
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<60:
                time += Int64.random(in: 0...6, using: &random)
                if Int.random(in: 0..<40, using: &random) == 0 { time += 80 }
                eventCount += 1
                let key = min(Int64.random(in: 0..<keys, using: &random), Int64.random(in: 0..<keys, using: &random))
                return .event(
                    key: key, time: time - Int64.random(in: 0...disorder + lateness / 4, using: &random),
                    value: Int64.random(in: -500...500, using: &random))
            case 60..<97:
                return .label(
                    event: eventCount == 0 ? 0 : max(0, eventCount - Int.random(in: 1...30, using: &random)),
                    isPositive: Bool.random(using: &random))
            default: return .sweep
            }
        }
        let found = try disagreement(
            steps, aggregates(lengths: [1, 10, 60], delays: [0, 20]), outOfOrderness: disorder, lateness: lateness,
            restart: Int.random(in: 0..<300, using: &random))
        #expect(found == nil, "seed \(seed)")
    }

    @Test func sweepingForgetsKeysThatNoWindowReaches() {
        let aggregate = WindowAggregate(length: .hour, delay: .zero, kind: .count)
        var windows = EntityWindows(name: "card", aggregates: [aggregate], targets: [0])
        var features = [0.0]
        for key in 0..<1000 as Range<Int64> {
            let time = EventTime(milliseconds: key * 3_600)
            _ = windows.insert(windows.intern(key), at: time, earliest: time, values: [], features: &features)
        }
        #expect(windows.keyCount == 1000)
        windows.sweep(earliest: EventTime(milliseconds: 3_600_000 * 10))
        #expect(windows.keyCount == 0)
        #expect(windows.eventCount == 0)
        #expect(windows.digest == StateDigest())
    }

    @Test func textKeysAreToldApartExactly() {
        let aggregate = WindowAggregate(length: .hour, delay: .zero, kind: .count)
        var windows = EntityWindows(name: "card", keysAreText: true, aggregates: [aggregate], targets: [0])
        var features = [0.0]
        for round in 1...2 {
            for key in ["", "a", "b", "a longer key than fits in a small string"] {
                _ = windows.insert(
                    windows.intern(key), at: EventTime(milliseconds: 0), earliest: .distantPast, values: [],
                    features: &features)
                #expect(features == [Double(round)])
            }
        }
    }
}

@Suite struct KeyIndexTests {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func agreesWithADictionary(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        var index = KeyIndex()
        var oracle: [Int64: Int] = [:]
        for step in 0..<3000 {
            let key = Int64.random(in: 0..<200, using: &random) &* 0x1_0000_0001
            #expect(index.find(key) { _ in true } == oracle[key], "seed \(seed), step \(step)")
            if let dense = oracle.removeValue(forKey: key) {
                index.remove(key, dense)
            } else {
                oracle[key] = step
                index.insert(key, step)
            }
        }
        #expect(index.count == oracle.count)
    }

    @Test func keysOfOneHashAreToldApartByTheCaller() {
        var index = KeyIndex()
        for dense in 0..<10 { index.insert(42, dense) }
        for dense in 0..<10 { #expect(index.find(42) { $0 == dense } == dense) }
        index.remove(42, 4)
        #expect(index.find(42) { $0 == 4 } == nil)
        #expect(index.find(42) { $0 == 9 } == 9)
    }
}
