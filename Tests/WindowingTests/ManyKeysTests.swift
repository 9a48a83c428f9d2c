import EventModel
import TestSupport
import Testing

@testable import Windowing

/// Keys that come and go, with few events each.
@Suite struct ManyKeysTests {
    /// The index keeps 32 bits of a key's hash, which are the same for these.
    private static let keysOfOneHash = [66_026, 252_147]

    @Test func hashesAreTheSameForSomeNumbers() {
        #expect(Set(Self.keysOfOneHash.map { KeyIndex.hash(Int64($0)) }).count == 1)
    }

    /// The later of them is found first once the earlier one has gone and come again.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func keysOfOneHashAreToldApartInBlocks(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var stream = stream(of: Self.keysOfOneHash + [1], steps: 400, pause: 60, &random)
        stream.aggregates = [aggregate(.sum(column: 0, divisor: 1), 50), aggregate(.labelRate, 30, delay: 20)]
        stream.aggregates = random.isTrue(50) ? stream.aggregates : [random.pick(stream.aggregates)]
        #expect(try stream.run().disagreement == nil)
    }

    /// With events packed and with labels only, the first few lie in the key's header: which moves as keys come, is another
    /// key's later, and is too small for some keys for a while.
    @Test(
        arguments: [.sum(column: 0, divisor: 100), .labelRate, .distinct(column: 0)] as [AggregateKind],
        0..<4 as Range<UInt64>)
    func keysWithFewEventsAgreeWithTheOracle(kind: AggregateKind, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let keys = Array(0..<random.pick([70, 300]))
        var stream = stream(of: keys, steps: 1_200, pause: 2, &random)
        stream.aggregates = [aggregate(kind, 100), aggregate(kind, 400, delay: 50)]
        let outcome = try stream.run()
        #expect(outcome.disagreement == nil)
        stream.restart = random.int(300..<1_200)
        stream.blockSize = random.pick([1, 70])
        let other = try stream.run()
        #expect(other.disagreement == nil)
        #expect(other.digest == outcome.digest && other.keyCount == outcome.keyCount)
    }

    /// However many windows there are, and however much room the events need later.
    @Test(arguments: [.sum(column: 0, divisor: 1), .labelRate] as [AggregateKind], [10, 70])
    func manyWindowsAgreeWithTheOracle(kind: AggregateKind, windowCount: Int) throws {
        var random = SeededRandom(seed: UInt64(windowCount))
        var stream = stream(of: Array(0..<9), steps: 120, pause: 5, &random)
        stream.aggregates = (1...windowCount).map { aggregate(kind, Int64(3 * $0)) }
        for greatest in [500, 1 << 30, .max] as [Int64] {
            stream.steps.append(.event(StreamEvent(key: 3, time: 1_000, values: [greatest, 0])))
            stream.steps += stream.steps.prefix(20)
            #expect(try stream.run().disagreement == nil, "up to \(greatest)")
        }
    }

    /// What keys that go give back is taken by those that come.
    @Test(arguments: [.sum(column: 0, divisor: 1), .labelRate, .distinct(column: 0)] as [AggregateKind], [2, 7, 19])
    func memoryIsUsedAgain(kind: AggregateKind, eventCount: Int) {
        var windows = EntityWindows(name: "card", aggregates: [aggregate(kind, 1_000)], targets: [0])
        var features = [0.0]
        var bytes: [Int] = []
        for round in 0..<4 as Range<Int64> {
            for index in 0..<300 * eventCount {
                let key = 1_000 * round + Int64(index % 300)
                let time = EventTime(milliseconds: 5_000 * round + Int64(index / 300))
                windows.insert(windows.intern(key), at: time, earliest: time, values: [key], features: &features)
            }
            #expect(windows.keyCount == 300)
            windows.sweep(earliest: EventTime(milliseconds: 5_000 * round + 4_000))
            #expect(windows.keyCount == 0)
            bytes.append(windows.byteCount)
        }
        #expect(Set(bytes).count == 1)
    }

    /// Nothing is allocated for a key with up to seven events, not even after it had more.
    @Test(arguments: [.count, .sum(column: 0, divisor: 1), .labelRate] as [AggregateKind])
    func fewEventsTakeNoMemoryOfTheirOwn(kind: AggregateKind) {
        var windows = EntityWindows(name: "card", aggregates: [aggregate(kind, 1_000)], targets: [0])
        var features = [0.0]
        func add(_ count: Int, from time: Int64) {
            for index in 0..<count {
                for key in 0..<500 as Range<Int64> {
                    let time = EventTime(milliseconds: time + Int64(index))
                    windows.insert(windows.intern(key), at: time, earliest: time, values: [key], features: &features)
                }
            }
        }
        add(7, from: 0)
        #expect(windows.eventByteCount == 0 && windows.eventCount == 3_500)
        add(20, from: 10)
        #expect(windows.eventByteCount > 0)
        windows.sweep(earliest: EventTime(milliseconds: 1_028))
        #expect(windows.eventCount == 500 && windows.keyCount == 500)
        // The one left goes as these come.
        add(6, from: 1_028)
        #expect(windows.eventCount == 3_000)
        for number in 0..<windows.headerCount {
            let header = windows.headers + number * windows.headerWords
            #expect(windows.ring(header) == header + windows.headerWords - 8, "number \(number)")
        }
    }

    private func aggregate(_ kind: AggregateKind, _ length: Int64, delay: Int64 = 0) -> WindowAggregate {
        WindowAggregate(
            length: EventDuration(milliseconds: length), delay: EventDuration(milliseconds: delay), kind: kind)
    }

    /// Events, labels and sweeps, with a pause now and then, after which most keys have gone.
    private func stream(
        of keys: [Int], steps: Int, pause: Int64, _ random: inout SeededRandom
    ) -> WindowStream {
        var time: Int64 = 0
        var eventCount = 0
        let steps = (0..<steps).map { _ -> StreamStep in
            switch random.int(0..<100) {
            case 0..<70:
                time += random.isTrue(3) ? pause * Int64(random.int(0...40)) : Int64(random.int(0...2))
                eventCount += 1
                let key = random.isTrue(10) ? keys[0] : random.pick(keys)
                return .event(
                    StreamEvent(
                        key: key, time: time - (random.isTrue(20) ? Int64(random.int(0...20)) : 0),
                        values: [Int64(random.int(-500...500)), 0], isAnswered: !random.isTrue(4)))
            case 70..<90:
                return .label(
                    event: eventCount == 0 ? 0 : max(0, eventCount - random.int(1...40)), isPositive: random.isTrue(50))
            default: return .sweep
            }
        }
        return WindowStream(
            steps: steps, aggregates: [], lateness: 20, labelHorizon: 200, blockSize: random.pick([1, 7, 40]))
    }
}
