import EventModel
import TestSupport
import Testing

@testable import Windowing

/// Against the labels in an array.
@Suite struct LabelTrackTests {
    @Test(arguments: 0..<12 as Range<UInt64>)
    func agreesWithAnArray(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let words = UnsafeMutablePointer<Int64>.allocate(capacity: LabelTrack.words)
        defer { words.deallocate() }
        let memory = LabelMemory()
        defer { withExtendedLifetime(memory) {} }
        let track = LabelTrack(words, memory.pointer)
        track.start()
        defer { track.deallocate() }
        let isSorted = seed % 2 == 0
        let times = random.pick([3, 100, 100_000])
        let frauds = random.pick([2, 50, 98])
        var held: [LabelTrack.Entry] = []
        var all: [LabelTrack.Entry] = []
        var dropped = 0
        for step in 0..<2_500 as Range<Int64> {
            let time = Int64(random.int(0..<times)) + (step > 1_500 ? step * 10 : 0)
            if random.isTrue(75) || held.isEmpty {
                let entry = LabelTrack.Entry(
                    word: time << 2 | (random.isTrue(frauds) ? LabelState.positive : LabelState.negative),
                    order: isSorted ? Int64(random.int(0...1 << 40)) : step)
                track.insert(entry, isSorted: isSorted)
                let place =
                    all.firstIndex {
                        isSorted
                            ? ($0.word >> 2, $0.order) >= (entry.word >> 2, entry.order)
                            : $0.word >> 2 > entry.word >> 2
                    } ?? all.count
                all.insert(entry, at: place)
                held.append(entry)
            } else if random.isTrue(80) {
                let index = random.int(held.indices)
                let entry = held.remove(at: index)
                #expect(track.remove(entry, isSorted: isSorted), "seed \(seed)")
                #expect(!track.remove(entry, isSorted: isSorted), "seed \(seed)")
                all.removeAll { $0.word == entry.word && $0.order == entry.order }
            } else if random.isTrue(5), step > 1_500 {
                let limit = lastWord(step * 10 - 9_000)
                var shown: [Int64] = []
                track.expire(limit) { shown.append($0) }
                #expect(shown == all[dropped...].prefix { $0.word <= limit }.map(\.word), "seed \(seed)")
                dropped += shown.count
                held.removeAll { $0.word <= limit }
            }
            guard random.isTrue(5) else { continue }
            if random.isTrue(5) { try restore(track, words) }
            let (from, to) = (time - Int64(random.int(0...50)), time + Int64(random.int(0...50)))
            let oldest = held.map { $0.word >> 2 }.min() ?? .max
            guard to >= max(from, oldest) else { continue }
            for after in [nil, lastWord(max(from, oldest))] {
                let inside = all.filter { $0.word <= lastWord(to) && $0.word > after ?? .min }
                let found = track.summary(after: after, through: lastWord(to))
                let expected = (
                    inside.count, inside.count { $0.isPositive }, inside.reversed().prefix { $0.isPositive }.count
                )
                #expect(
                    (Int(found.known), Int(found.positives), Int(found.run)) == expected, "seed \(seed), step \(step)")
                #expect(Int(track.run(after: after, through: lastWord(to))) == expected.2, "seed \(seed), step \(step)")
                let positives = inside.filter(\.isPositive).map { $0.word >> 2 }
                #expect(
                    track.firstPositive(after: after, through: lastWord(to)) == positives.first,
                    "seed \(seed), step \(step)")
                #expect(
                    track.lastPositive(after: after, through: lastWord(to)) == positives.last,
                    "seed \(seed), step \(step)")
            }
        }
        #expect(track.byteCount < 64 + 120 * max(held.count, 4))
        track.expire(.max) { _ in }
        #expect(track.isEmpty && track.byteCount == 0)
    }

    /// Memory for tracks, as an entity's windows have it.
    private final class LabelMemory {
        let pointer = UnsafeMutablePointer<RingMemory>.allocate(capacity: 1)

        init() {
            pointer.initialize(to: RingMemory(unitWords: LabelTrack.Block.leastEntries * LabelTrack.Entry.words))
        }

        deinit {
            pointer.deinitialize(count: 1)
            pointer.deallocate()
        }
    }

    private func restore(_ track: LabelTrack, _ words: UnsafeMutablePointer<Int64>) throws {
        var writer = ByteWriter()
        track.encode(into: &writer)
        track.deallocate()
        var reader = ByteReader(writer.bytes)
        try track.decode(from: &reader) { _ in }
        #expect(reader.remaining == 0 && reader.isValid)
    }

    @Test func labelsOutOfOrderAreRefusedWhenRestored() {
        let words = UnsafeMutablePointer<Int64>.allocate(capacity: LabelTrack.words)
        defer { words.deallocate() }
        let memory = LabelMemory()
        defer { withExtendedLifetime(memory) {} }
        let track = LabelTrack(words, memory.pointer)
        var writer = ByteWriter()
        for word in [0, 0, 0, 0, 0, 2, 5 << 2 | 1, 0, 4 << 2 | 1, 0] as [Int64] { writer.encode(word) }
        var reader = ByteReader(writer.bytes)
        #expect(throws: StateCodingError.self) { try track.decode(from: &reader) { _ in } }
        track.deallocate()
    }
}

extension LabelTrack {
    fileprivate var byteCount: Int {
        guard let directory else { return 0 }
        return (0..<blockCount).reduce(Int(header[Word.directoryCapacity]) * Block.words * 8) {
            $0 + block($1, directory).capacity * Entry.words * 8
        }
    }
}
