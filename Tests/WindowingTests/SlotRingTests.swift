import EventModel
import TestSupport
import Testing

@testable import Windowing

@Suite struct SlotRingTests {
    /// Slots come and go while the ring grows; each held row keeps its words.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func rowsKeepTheirWordsWhileTheRingGrows(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var ring = SlotRing(stride: 3)
        var first = 0
        var next = 0
        for _ in 0..<200 {
            let end = next + random.int(0...200)
            ring.hold(first..<end)
            for slot in next..<end { for word in 0..<3 { ring.row(slot)[word] = Int64(slot * 3 + word) } }
            next = end
            first = min(next, first + random.int(0...100))
            let isKept = (first..<next).allSatisfy { slot in
                (0..<3).allSatisfy { ring.row(slot)[$0] == Int64(slot * 3 + $0) }
            }
            #expect(isKept, "seed \(seed), slots \(first)..<\(next)")
        }
    }

    /// What is held grows and shrinks by many pieces; memory follows the most that was held at once.
    @Test func piecesOfSlotsThatHaveGoneTakeTheNextOnes() {
        var ring = SlotRing(stride: 1 << 10)
        let most = 600
        ring.hold(0..<most)
        let bytes = ring.byteCount
        #expect(bytes >= most << 13 && bytes < 2 * most << 13)
        for first in stride(from: 37, to: 20_000, by: 331) {
            ring.hold(first..<first + most)
            for slot in first..<first + most { ring.row(slot)[1023] = Int64(slot) }
            #expect((first..<first + most).allSatisfy { ring.row($0)[1023] == Int64($0) })
        }
        #expect(ring.byteCount <= bytes + bytes / 4)
        ring.hold(1 << 40..<1 << 40 + 1)
        ring.row(1 << 40)[0] = 7
        #expect(ring.row(1 << 40)[0] == 7)
    }

    @Test func rowsComeBackFromTheirSavedState() throws {
        var ring = SlotRing(stride: 2)
        let slots = 5_000..<9_000
        ring.hold(slots)
        for slot in slots { for word in 0..<2 { ring.row(slot)[word] = Int64(slot + word) } }
        var writer = ByteWriter()
        ring.encode(slots, into: &writer)
        var restored = SlotRing(stride: 2)
        var reader = ByteReader(writer.bytes)
        try restored.decode(slots, from: &reader)
        #expect(slots.allSatisfy { restored.row($0)[0] == Int64($0) && restored.row($0)[1] == Int64($0 + 1) })
        #expect(reader.remaining == 0)
        var short = ByteReader(UnsafeRawBufferPointer(rebasing: writer.bytes[16...]))
        var other = SlotRing(stride: 2)
        #expect(throws: StateCodingError.self) { try other.decode(slots, from: &short) }
    }
}
