import EventModel
import TestSupport
import Testing

@testable import Windowing

@Suite struct PackedEventTests {
    private static let year = EventDuration.day.milliseconds * 365
    private static let leastValue: Int64 = -1 << 25
    private static let greatestValue: Int64 = 1 << 25 - 1

    @Test func wordsHoldTimesAndValuesAndAreInTheOrderOfTimes() {
        for first in [-3, 0, 1_700_000_000_000] as [Int64] {
            let base = PackedEvent.base(first: first)
            var before = Int64.min
            for time in [first - Self.year, first - 1, first, first + 1, first + 6 * Self.year] {
                #expect(PackedEvent.fits(time, base: base))
                for value in [Self.leastValue, -1, 0, 1, Self.greatestValue] {
                    let word = PackedEvent.word(time - base, value)
                    #expect(base + PackedEvent.offset(word) == time)
                    #expect(PackedEvent.value(word) == value)
                    #expect(word > before)
                    #expect(word <= PackedEvent.last(time - base))
                    #expect(word > PackedEvent.last(time - base, before: 1))
                }
                before = PackedEvent.last(time - base)
            }
            for time in [first - 2 * Self.year, first + 7 * Self.year, .min, .max, EventTime.distantPast.milliseconds] {
                #expect(!PackedEvent.fits(time, base: base))
                #expect(PackedEvent.last(PackedEvent.offset(of: time, base: base)) < Int64.max)
            }
        }
        #expect(PackedEvent.fits(valueBits: Self.greatestValue) && PackedEvent.fits(valueBits: Self.leastValue ^ -1))
        #expect(!PackedEvent.fits(valueBits: Self.greatestValue + 1))
    }

    /// What makes the plan go over to one with more room, in the middle of a stream.
    enum Change: CaseIterable {
        case none, greatValue, smallValue, valueBeyondSums, laterYears, earlierYears
    }

    /// Whatever room the plan begins and ends with, and where blocks and restarts are: the answers are the oracle's, and the
    /// digest is one. Every second stream has events so far out of order that keys keep them in blocks.
    @Test(arguments: Change.allCases, 0..<4 as Range<UInt64>)
    func eventsThatDoNotFitAgreeWithTheOracle(change: Change, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let lateness = change == .earlierYears ? 3 * Self.year : 1_000
        let isFarOutOfOrder = seed % 2 == 1
        let keys = isFarOutOfOrder ? 2 : 20
        let start = random.pick([0, 1_700_000_000_000] as [Int64])
        let changes = random.int(450..<600)
        var time = start
        let steps = (0..<800).map { index -> StreamStep in
            if random.isTrue(1) { return .sweep }
            time += Int64(random.int(0...3))
            var value = random.pick([Self.leastValue, Self.greatestValue, 0, Int64(random.int(-500...500))])
            if change == .laterYears, index == changes { time += 7 * Self.year }
            var delay = isFarOutOfOrder && random.isTrue(30) ? Int64(random.int(0...1_000)) : 0
            if index >= changes, random.isTrue(index == changes ? 100 : 10) {
                switch change {
                case .greatValue: value = Self.greatestValue + 1
                case .smallValue: value = Self.leastValue - 1
                case .valueBeyondSums: value = random.pick([.min, .max])
                case .earlierYears: delay = 2 * Self.year
                case .none, .laterYears: break
                }
            }
            return .event(
                StreamEvent(
                    key: random.int(0..<keys), time: time - delay, values: [value, 0], isAnswered: !random.isTrue(4)))
        }
        let aggregates = everyAggregate(
            [.count, .sum(column: 0, divisor: 100), .mean(column: 0, divisor: 1, ifEmpty: 3)],
            lengths: [100, 1_500, Self.year], delays: [0, 50], filters: [nil])
        var stream = WindowStream(
            steps: steps, aggregates: Array(aggregates.shuffled(using: &random).prefix(8)), lateness: lateness,
            blockSize: random.pick([1, 20]), largestValue: 0x1p63)
        if !stream.aggregates.contains(where: { $0.kind.column != nil }) { stream.aggregates.append(aggregates[6]) }
        let outcome = try stream.run()
        #expect(outcome.disagreement == nil)
        stream.restart = random.int(300..<800)
        stream.blockSize = random.pick([1, 50])
        for room in [.packed, .word, .wide] as [WindowPlan.Room] {
            stream.room = room
            let other = try stream.run()
            #expect(other.disagreement == nil, "\(room)")
            #expect(other.digest == outcome.digest, "\(room)")
            if room == .word, change == .none { #expect(outcome.byteCount < other.byteCount) }
        }
    }

    /// A heartbeat may move the watermark by more than packed times reach; the last of these so far that boundaries would
    /// pass the mark behind the newest event and never find an end.
    @Test(
        arguments: [false, true], [20 * year, 7 * year, (1 << 36) + (1 << 37) - 1 + EventDuration.hour.milliseconds])
    func aSweepYearsLaterDropsAll(isInBlock: Bool, years: Int64) throws {
        let aggregate = WindowAggregate(
            length: .hour, delay: .zero, kind: .sum(column: 0, divisor: 1), filter: nil)
        var windows = EntityWindows(name: "card", aggregates: [aggregate], targets: [0])
        var features = [0.0]
        let time = EventTime(milliseconds: 1_700_000_000_000)
        for key in 0..<20 as Range<Int64> {
            windows.insert(windows.intern(key), at: time, earliest: time, values: [key], features: &features)
        }
        #expect(windows.plan.isPacked)
        let later = EventTime(milliseconds: time.milliseconds + years)
        if isInBlock {
            let places = SlotRing(stride: 2)
            let operations = [
                WindowOperation(kind: .sweep, time: later, earliest: time),
                WindowOperation(kind: .sweep, time: later, earliest: later),
            ]
            operations.withUnsafeBufferPointer { operations in
                withUnsafePointer(to: 0 as Int64) { word in
                    features.withUnsafeMutableBufferPointer { features in
                        guard let features = features.baseAddress else { return }
                        windows.process(
                            operations,
                            WindowRows(
                                count: 0, keys: word, keyStride: 1, texts: [], values: word, valueStride: 1,
                                features: features, featureStride: 1, places: places.rows))
                    }
                }
            }
        } else {
            windows.sweep(earliest: later)
        }
        #expect(windows.keyCount == 0 && windows.eventCount == 0)
    }
}
