import EventModel
import TestSupport
import Testing

@testable import Windowing

@Suite struct EntityWindowsTests {
    /// Streams of four events on one key with times 0 to 3: every order, every tie, every window edge.
    @Test(arguments: [0, 1, 3] as [Int64])
    func everySmallStreamAgreesWithTheOracle(lateness: Int64) throws {
        let aggregates = everyAggregate(AggregateKind.ofEvents, lengths: [1, 2, nil], delays: [0, 1])
        for code in 0..<256 where lateness == 3 || code % 3 == 0 {
            var steps = (0..<4).map { index in
                StreamStep.event(
                    StreamEvent(
                        time: 1000 + Int64(code >> (2 * index) & 3), values: [[5, -3, 5, 2][index], Int64(index)],
                        filters: UInt64(code >> index) & 2))
            }
            steps.append(.event(StreamEvent(time: 1003, values: [-3, 0], filters: 2)))
            let found = try WindowStream(steps: steps, aggregates: aggregates, lateness: lateness).run().disagreement
            #expect(found == nil, "code \(code)")
        }
    }

    /// A label, and its correction, of each event at each position of each stream of three events.
    @Test func everyLabelInEverySmallStreamAgreesWithTheOracle() throws {
        let aggregates = everyAggregate(
            AggregateKind.ofLabels, lengths: [1, 2, nil], delays: [0, 1], bases: [.eventTime, .labelArrival])
        for code in 0..<64 {
            let events = (0..<3).map { index in
                StreamStep.event(
                    StreamEvent(time: 1000 + Int64(code >> (2 * index) & 3), filters: UInt64(code >> index) & 2))
            }
            for labelled in 0..<3 {
                for position in labelled + 1...3 {
                    var steps = events
                    steps.insert(.label(event: labelled, isPositive: position % 2 == 0), at: position)
                    steps.insert(.label(event: (labelled + 1) % 2, isPositive: true), at: position + 1)
                    steps.append(.event(StreamEvent(time: 1003, filters: 2)))
                    steps.append(.label(event: labelled, isPositive: position % 2 == 1))
                    steps.append(.event(StreamEvent(time: 1004, filters: 2)))
                    let found = try WindowStream(steps: steps, aggregates: aggregates, lateness: 3).run()
                        .disagreement
                    #expect(found == nil, "code \(code), label of \(labelled) at \(position)")
                }
            }
        }
    }

    @Test(arguments: 0..<90 as Range<UInt64>)
    func randomStreamsAgreeWithTheOracle(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let stream = randomStream(&random)
        let outcome = try stream.run()
        #expect(outcome.disagreement == nil, "seed \(seed)")
    }

    /// Neither the size of blocks nor a restart shows.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func blocksAndRestartsDoNotShow(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var stream = randomStream(&random)
        let first = try stream.run()
        stream.blockSize = random.int(1...50)
        stream.restart = random.int(0..<stream.steps.count)
        let second = try stream.run()
        #expect(first.digest == second.digest, "seed \(seed)")
        #expect(first.eventCount == second.eventCount, "seed \(seed)")
        #expect(first.vectors.map { $0.map(\.bitPattern) } == second.vectors.map { $0.map(\.bitPattern) })
    }

    /// Events in another order within the out-of-orderness leave all later windows bit-equal.
    @Test(arguments: 0..<30 as Range<UInt64>)
    func aShuffledStreamLeavesLaterWindowsBitEqual(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let aggregates = randomAggregates(&random)
        let inOrder = (0..<150).map { index in
            // Times are unique, so that no tie is broken by log order.
            StreamEvent(
                key: random.int(0..<3), time: 1000 + Int64(index) * 3 + Int64(random.int(0...2)),
                values: [Int64(random.int(-50...50)) * 1_000_000_007, Int64(random.int(0...4))],
                filters: UInt64(random.int(0...3)))
        }
        let shuffled = inOrder.map { (event: $0, arrival: $0.time + Int64(random.int(0...20))) }
            .sorted { $0.arrival < $1.arrival }.map(\.event)
        let later = (0..<20).map { index in
            StreamEvent(key: index % 3, time: 1500 + Int64(index) * 10, values: [7, 7], filters: 3)
        }
        func vectors(_ events: [StreamEvent]) throws -> [[UInt64]] {
            let steps = (events + later).map { StreamStep.event($0) }
            let outcome = try WindowStream(
                steps: steps, aggregates: aggregates, outOfOrderness: 20, lateness: 5, blockSize: 8
            ).run()
            #expect(outcome.disagreement == nil, "seed \(seed)")
            return outcome.vectors.suffix(later.count).map { $0.map(\.bitPattern) }
        }
        #expect(try vectors(inOrder) == vectors(shuffled), "seed \(seed)")
    }

    /// Batches whose events have one time each, more than any bits of a place count, with late events put before them, are
    /// told apart: the labels come in another order, and a filter tells which event one found.
    @Test(arguments: 0..<2 as Range<UInt64>)
    func labelsFindTheirEventsAmongThousandsOfTheSameTime(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let aggregates = everyAggregate(
            [.labelRate, .fraudRun, .sinceFirstFraud(ifNone: -1)], lengths: [40], delays: [0], filters: [nil, 0],
            bases: [.eventTime, .labelArrival])
        var steps: [StreamStep] = []
        func add(_ time: Int64, isAnswered: Bool = false) {
            steps.append(
                .event(StreamEvent(time: time, filters: UInt64(random.int(0...3)), isAnswered: isAnswered)))
        }
        for index in 0..<1_500 { add(1_000 + (index % 50 == 49 ? -5 : 0)) }
        for index in 0..<1_500 { add(1_020 + (index % 50 == 49 ? -25 : 0)) }
        for event in (0..<3_000).shuffled(using: &random).prefix(600) {
            steps.append(.label(event: event, isPositive: random.isTrue(30), time: 1_020 + Int64(random.int(0...2))))
            if random.isTrue(2) { add(1_020, isAnswered: true) }
        }
        for event in (0..<3_000).shuffled(using: &random).prefix(600) {
            steps.append(.label(event: event, isPositive: random.isTrue(70), time: 1_022))
            if random.isTrue(2) { add(1_020, isAnswered: true) }
        }
        for time in stride(from: 1_020 as Int64, to: 1_090, by: 7) { add(time, isAnswered: true) }
        let outcome = try WindowStream(
            steps: steps, aggregates: aggregates, lateness: 30, blockSize: 64, restart: 3_200
        ).run()
        #expect(outcome.disagreement == nil, "seed \(seed)")
    }

    /// Labels of one time: the last in the log ends the run, of the transactions or of the labels.
    @Test func labelsOfTheSameTimeAreInLogOrder() throws {
        let aggregates = [WindowBasis.eventTime, .labelArrival].map {
            WindowAggregate(length: nil, delay: .zero, kind: .fraudRun, basis: $0)
        }
        let events = (0..<4).map { _ in StreamStep.event(StreamEvent(time: 1_000)) }
        for (labels, runs) in [
            ([1, 0, 1, 0], [0, 0]), ([0, 1, 1, 1], [3, 3]), ([1, 1, 1, 0], [0, 0]), ([1, 0, 1, 1], [2, 2]),
        ] as [([Int], [Double])] {
            let steps = labels.enumerated().map { StreamStep.label(event: $0, isPositive: $1 == 1, time: 2_000) }
            let outcome = try WindowStream(
                steps: events + steps + [.event(StreamEvent(time: 3_000))], aggregates: aggregates,
                labelHorizon: 5_000
            ).run()
            #expect(outcome.disagreement == nil)
            #expect(outcome.vectors.last == runs)
            let reversed = try WindowStream(
                steps: events + steps.reversed() + [.event(StreamEvent(time: 3_000))], aggregates: aggregates,
                labelHorizon: 5_000
            ).run()
            #expect(reversed.disagreement == nil)
            #expect(reversed.vectors.last?.first == runs[0], "the transactions are in the same order")
        }
    }

    /// Twelve equal values whose sums are beyond 64 bits, by a plan that begins with one word and by one with two.
    @Test(arguments: [1_700_000_000_000_000_000, .max, .min, 1_000_000_000_000_000_000] as [Int64])
    func sumsBeyondSixtyFourBitsAreExact(value: Int64) throws {
        let kinds: [AggregateKind] = [
            .sum(column: 0, divisor: 1), .mean(column: 0, divisor: 1, ifEmpty: 0), .count,
            .variance(column: 0, divisor: 1, ifEmpty: 1),
        ]
        for (count, length) in [(3, 100), (4, 100), (4, nil)] as [(Int, Int64?)] {
            let aggregates = everyAggregate(
                Array(kinds.prefix(count)), lengths: [length], delays: [0], filters: [nil])
            let steps = (0..<120).map { StreamStep.event(StreamEvent(time: 1_000 + $0, values: [value, 0])) }
            for blockSize in [1, 50] {
                let outcome = try WindowStream(
                    steps: steps, aggregates: aggregates, blockSize: blockSize, largestValue: 0x1p63, restart: 50
                ).run()
                #expect(outcome.disagreement == nil)
                try #require(outcome.vectors.count == steps.count)
                #expect(outcome.vectors[11][0] == 12 * Double(value))
                #expect(outcome.vectors[11][2] == Double(value))
                if count == 4 { #expect(outcome.vectors.allSatisfy { $0[6] == 0 }) }
            }
        }
    }

    /// Events so far out of order that the key keeps them in tiers; by then some have been dropped.
    @Test(arguments: 0..<6 as Range<UInt64>)
    func eventsFarOutOfOrderAgreeWithTheOracle(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let decays = ([40, 400, 20_000] as [Int64]).flatMap { milliseconds -> [AggregateKind] in
            let halfLife = EventDuration(milliseconds: milliseconds)
            return [.decayedCount(halfLife: halfLife), .decayedSum(column: 1, divisor: 1, halfLife: halfLife)]
        }
        let kinds =
            seed % 4 == 3
            ? [.count, .sum(column: 0, divisor: 100), .mean(column: 1, divisor: 1, ifEmpty: 3), .labelCount]
            : AggregateKind.ofEvents + AggregateKind.ofLabels + decays + decays
        let aggregates = everyAggregate(
            kinds, lengths: seed % 2 == 0 ? [100, 1_500, nil] : [100, 1_500], delays: [0, 50],
            filters: seed % 4 == 3 ? [nil] : [nil, 0, 1],
            bases: seed % 4 == 3 ? [.eventTime] : [.eventTime, .labelArrival])
        let scale = random.pick([1, 1 << 53] as [Int64])
        var (time, eventCount) = (0 as Int64, 0)
        let steps = (0..<1_800).map { index -> StreamStep in
            if random.isTrue(index < 300 ? 0 : 15) {
                return .label(event: eventCount - random.int(1...min(eventCount, 900)), isPositive: random.isTrue(40))
            }
            if random.isTrue(1) { return .sweep }
            time += Int64(random.int(0...3))
            eventCount += 1
            let delay = index > 700 && random.isTrue(30) ? random.int(0...1_000) : 0
            return .event(
                StreamEvent(
                    time: time - Int64(delay),
                    values: [Int64(random.int(-500...500)) * scale, Int64(random.int(0...5))],
                    filters: UInt64(random.int(0...3)), isAnswered: random.isTrue(index < 700 ? 0 : 4)))
        }
        let outcome = try WindowStream(
            steps: steps, aggregates: Array(aggregates.shuffled(using: &random).prefix(30)), lateness: 1_000,
            labelHorizon: 1_500, blockSize: random.pick([1, 50]), largestValue: 500 * Double(scale),
            restart: random.int(800..<1_800)
        ).run()
        #expect(outcome.disagreement == nil, "seed \(seed)")
    }

    /// Counted in events, blocks and links touched, so that no machine's speed shows: a late event of a key with many does
    /// not touch all those later than it.
    @Test func aLateEventTouchesFewOfManyLaterOnes() {
        let kinds: [AggregateKind] = [
            .count, .mean(column: 0, divisor: 1, ifEmpty: 0), .variance(column: 0, divisor: 1, ifEmpty: 0), .labelRate,
            .maximum(column: 0, divisor: 1, ifEmpty: 0), .minimum(column: 0, divisor: 1, ifEmpty: 0),
            .decayedSum(column: 0, divisor: 1, halfLife: .minute), .decayedCount(halfLife: 30 * .day),
        ]
        for count in [2, 8] {
            let aggregates = kinds.prefix(count).map {
                WindowAggregate(length: .hour, delay: .zero, kind: $0, filter: nil)
            }
            var steps: [Double] = []
            for events in [10_000, 40_000] as [Int64] {
                var random = SeededRandom(seed: 1)
                var windows = EntityWindows(name: "card", aggregates: aggregates, targets: Array(aggregates.indices))
                var features = [Double](repeating: 0, count: aggregates.count)
                func insert(_ time: Int64) {
                    windows.insert(
                        windows.intern(1), at: EventTime(milliseconds: time), earliest: EventTime(milliseconds: 0),
                        values: [Int64(random.int(-1_000...1_000))], features: &features)
                }
                for time in 0..<events { insert(time) }
                insert(0)
                let before = windows.lateSteps.load(ordering: .relaxed)
                for _ in 0..<200 { insert(Int64(random.int(0..<Int(events)))) }
                steps.append(Double(windows.lateSteps.load(ordering: .relaxed) - before) / 200)
            }
            #expect(steps[1] < 2_000, "of 20,000 later ones")
            #expect(steps[1] < steps[0] + 1_000, "\(steps)")
        }
    }

    @Test func sweepingForgetsKeysThatNoWindowReaches() {
        let aggregate = WindowAggregate(length: .hour, delay: .zero, kind: .count)
        var windows = EntityWindows(name: "card", aggregates: [aggregate], targets: [0])
        var features = [0.0]
        for key in 0..<1000 as Range<Int64> {
            let time = EventTime(milliseconds: key * 3_600)
            windows.insert(windows.intern(key), at: time, earliest: time, values: [], features: &features)
        }
        #expect(windows.keyCount == 1000)
        windows.sweep(earliest: EventTime(milliseconds: 3_600_000 * 10))
        #expect(windows.keyCount == 0)
        #expect(windows.eventCount == 0)
        #expect(windows.digest == StateDigest())
    }

    /// Forgotten keys leave their numbers to others, after a restart in another order.
    @Test func whatADailySweepDropsIsTheSameAfterARestart() throws {
        let aggregate = WindowAggregate(length: 3 * .day, delay: .zero, kind: .count)
        func digest(restartedOn restarts: Set<Int64>) throws -> StateDigest {
            var windows = EntityWindows(name: "card", aggregates: [aggregate], targets: [0])
            var features = [0.0]
            var random = SeededRandom(seed: 3)
            for day in 0..<60 as Range<Int64> {
                let time = EventTime(milliseconds: day * 86_400_000)
                // A key is there for some days.
                for _ in 0..<80 {
                    let key = windows.intern(day / 5 * 100 + Int64(random.int(0..<150)))
                    windows.insert(key, at: time, earliest: time, values: [], features: &features)
                }
                windows.sweep(earliest: time, onlyIdleKeys: true)
                guard restarts.contains(day) else { continue }
                var writer = ByteWriter()
                windows.encode(into: &writer)
                windows = EntityWindows(name: "card", aggregates: [aggregate], targets: [0])
                var reader = ByteReader(writer.bytes)
                try windows.decode(from: &reader)
            }
            return windows.digest
        }
        let whole = try digest(restartedOn: [])
        for day in 5..<58 as Range<Int64> { #expect(try digest(restartedOn: [day]) == whole, "day \(day)") }
    }

    /// Sweeps pass over keys by their marks, and drop what they would if they looked at all: with events in order and late,
    /// keys that fall empty and come again, in plain plans, in others, and where labels have times of their own.
    @Test(
        arguments: [.count, .sum(column: 0, divisor: 1), .distinct(column: 0), .fraudRun] as [AggregateKind],
        0..<3 as Range<UInt64>)
    func marksHideNothingFromSweeps(kind: AggregateKind, seed: UInt64) {
        let aggregate = WindowAggregate(length: 2 * .day, delay: .zero, kind: kind)
        var random = SeededRandom(seed: seed)
        var marked = EntityWindows(name: "card", aggregates: [aggregate], targets: [0])
        var searched = EntityWindows(name: "card", aggregates: [aggregate], targets: [0])
        var features = [0.0]
        var dropped = 0
        for hour in 0..<600 as Range<Int64> {
            let now = hour * 3_600_000
            let earliest = EventTime(milliseconds: now - 30 * 3_600_000)
            for _ in 0..<random.int(0...6) {
                let behind = random.isTrue(30) ? Int64(random.int(0...30 * 3_600_000 - 1)) : 0
                let key = Int64(random.int(0..<40)) + hour / 100
                let time = EventTime(milliseconds: now - behind)
                marked.insert(marked.intern(key), at: time, earliest: earliest, values: [hour], features: &features)
                searched.insert(searched.intern(key), at: time, earliest: earliest, values: [hour], features: &features)
            }
            guard hour % 12 == 0 else { continue }
            let before = marked.eventCount
            marked.sweep(earliest: earliest, onlyIdleKeys: hour % 24 == 0)
            for number in 0..<searched.headerCount { searched.dropMarks[number] = .unknown }
            searched.sweep(earliest: earliest, onlyIdleKeys: hour % 24 == 0)
            dropped += before - marked.eventCount
            #expect(marked.digest == searched.digest && marked.eventCount == searched.eventCount, "hour \(hour)")
            #expect(marked.keyCount == searched.keyCount, "hour \(hour)")
        }
        #expect(dropped > 500)
    }

    @Test func marksAreInTheOrderOfTimes() {
        let times: [Int64] = [.min, -(1 << 60), -1 << 22, -1, 0, 1 << 22, 1_700_000_000_000, 1 << 60, .max]
        let marks = [DropMark.unknown] + times.map { DropMark($0) } + [.never]
        for (before, after) in zip(marks, marks.dropFirst()) { #expect(before <= after) }
        #expect(DropMark(-1) < DropMark(0) && .unknown < DropMark(.min) && DropMark(.max) < .never)
    }

    /// No address is saved.
    @Test func theSameStateIsTheSameBytes() {
        let kinds: [AggregateKind] = [.distinct(column: 0), .fraudRun]
        let aggregates = kinds.map { WindowAggregate(length: .day, delay: .zero, kind: $0) }
        let both = (0..<2).map { _ in
            var windows = EntityWindows(name: "card", aggregates: aggregates, targets: [0, 1])
            var features = [0.0, 0.0]
            for index in 0..<100 as Range<Int64> {
                let time = EventTime(milliseconds: index * 60_000)
                windows.insert(
                    windows.intern(index % 7), at: time, earliest: time, values: [index], features: &features)
            }
            return Saved(windows: windows)
        }
        let areSame = both[0].bytes == both[1].bytes
        #expect(areSame)
    }

    /// Keeps the windows, so that no two lie in one place.
    private final class Saved {
        let windows: EntityWindows
        let bytes: [UInt8]

        init(windows: consuming EntityWindows) {
            var writer = ByteWriter()
            windows.encode(into: &writer)
            bytes = writer.array
            self.windows = windows
        }
    }

    /// Totals without end outlive the events.
    @Test func windowsWithoutEndNeedNoEvents() {
        let kinds: [AggregateKind] = [
            .count, .sum(column: 0, divisor: 1), .maximum(column: 0, divisor: 1, ifEmpty: 0),
            .last(column: 0, divisor: 1, ifEmpty: 0), .decayedCount(halfLife: .hour),
        ]
        let aggregates = kinds.map { WindowAggregate(length: nil, delay: .zero, kind: $0) }
        var windows = EntityWindows(name: "card", aggregates: aggregates, targets: Array(aggregates.indices))
        var features = [Double](repeating: 0, count: kinds.count)
        for index in 1...1000 as ClosedRange<Int64> {
            let time = EventTime(milliseconds: index * 60_000)
            windows.insert(windows.intern(1), at: time, earliest: time, values: [index], features: &features)
            if index % 100 == 0 { windows.sweep(earliest: time) }
        }
        #expect(features[..<4] == [1000, 500_500, 1000, 1000])
        #expect(windows.eventCount <= 4)
        #expect(windows.keyCount == 1)
        windows.sweep(earliest: EventTime(milliseconds: 1 << 40))
        #expect(windows.eventCount == 0)
        #expect(windows.keyCount == 1)
    }

    @Test func textKeysAreToldApartExactly() {
        let aggregate = WindowAggregate(length: .hour, delay: .zero, kind: .count)
        var windows = EntityWindows(name: "card", keyKind: .text, aggregates: [aggregate], targets: [0])
        var features = [0.0]
        for round in 1...2 {
            for key in ["", "a", "b", "a longer key than fits in a small string"] {
                windows.insert(
                    windows.intern(key), at: EventTime(milliseconds: 0), earliest: .distantPast, values: [],
                    features: &features)
                #expect(features == [Double(round)])
            }
        }
    }

    @Test func pairsAreToldApartByBothKeys() {
        let aggregate = WindowAggregate(length: .hour, delay: .zero, kind: .count)
        var windows = EntityWindows(name: "card", keyKind: .pair, aggregates: [aggregate], targets: [0])
        var features = [0.0]
        for (first, second) in [(1, 2), (2, 1), (1, 1), (0, 3)] as [(Int64, Int64)] {
            windows.insert(
                windows.intern(first, second), at: EventTime(milliseconds: 0), earliest: .distantPast, values: [],
                features: &features)
            #expect(features == [1])
        }
        #expect(windows.number(of: 1, 2) == 0)
        #expect(windows.number(of: 3, 0) == nil)
    }

    /// A saved state of another plan is refused.
    @Test func aStateOfAnotherPlanIsRefused() {
        func windows(_ length: EventDuration) -> EntityWindows {
            EntityWindows(
                name: "card", aggregates: [WindowAggregate(length: length, delay: .zero, kind: .count)], targets: [0])
        }
        var writer = ByteWriter()
        windows(.hour).encode(into: &writer)
        var reader = ByteReader(writer.bytes)
        var other = windows(.day)
        #expect(throws: StateCodingError.self) { try other.decode(from: &reader) }
    }
}

/// Some aggregates, of one sort or of many, so that plain and full plans, with and without end, come about.
private func randomAggregates(_ random: inout SeededRandom) -> [WindowAggregate] {
    let isPlain = random.isTrue(25)
    let kinds =
        isPlain
        ? [.count, .sum(column: 0, divisor: 100), .mean(column: 1, divisor: 1, ifEmpty: 3), .labelCount, .labelRate]
        : random.isTrue(30)
            ? AggregateKind.ofEvents
            : random.isTrue(20) ? AggregateKind.ofLabels : AggregateKind.ofEvents + AggregateKind.ofLabels
    let lengths: [Int64?] = isPlain || random.isTrue(40) ? [1, 10, 60] : [5, 60, nil]
    let all = everyAggregate(
        kinds, lengths: lengths, delays: random.isTrue(50) ? [0, 20] : [0],
        filters: isPlain || random.isTrue(50) ? [nil] : [nil, 0, 1],
        bases: isPlain || random.isTrue(50) ? [.eventTime] : [.eventTime, .labelArrival])
    return all.filter { _ in random.int(0..<all.count) < 40 }.isEmpty
        ? [all[0]] : all.shuffled(using: &random).prefix(random.pick([1, 4, 40])).map(\.self)
}

private func randomStream(_ random: inout SeededRandom) -> WindowStream {
    let disorder = random.pick([0, 3, 40] as [Int64])
    let lateness = random.pick([0, 10, 100] as [Int64])
    let keys = random.pick([1, 3, 30])
    let scale = random.pick([1, 1, 1, 3_000_017, 1 << 44, 1 << 53] as [Int64])
    let hasSentinels = random.isTrue(20)
    var time: Int64 = 0
    var eventCount = 0
    let steps = (0..<250).map { _ -> StreamStep in
        switch random.int(0..<100) {
        case 0..<60:
            time += Int64(random.int(0...6))
            if random.isTrue(3) { time += 80 }
            eventCount += 1
            return .event(
                StreamEvent(
                    key: min(random.int(0..<keys), random.int(0..<keys)),
                    time: time - Int64(random.int(0...Int(disorder + lateness / 4))),
                    values: [
                        hasSentinels && random.isTrue(20)
                            ? random.pick([.min, .max, .min + 1]) : Int64(random.int(-500...500)) * scale,
                        hasSentinels && random.isTrue(20) ? random.pick([.min, .max]) : Int64(random.int(0...5)),
                    ], filters: UInt64(random.int(0...3)), isAnswered: !random.isTrue(10),
                    isAbsent: random.isTrue(5)))
        case 60..<97:
            return .label(
                event: eventCount == 0 ? 0 : max(0, eventCount - random.int(1...40)), isPositive: random.isTrue(50),
                time: random.isTrue(70) ? time + Int64(random.int(-30...30)) : nil)
        default: return .sweep
        }
    }
    return WindowStream(
        steps: steps, aggregates: randomAggregates(&random), keyKind: random.pick([.number, .text, .pair]),
        outOfOrderness: disorder, lateness: lateness, labelHorizon: random.pick([0, 50, 200]),
        blockSize: random.pick([1, 3, 20]), largestValue: hasSentinels ? 0x1p63 : 500 * Double(scale),
        restart: random.int(0..<250))
}
