import TestSupport
import Testing

@testable import Windowing

@Suite struct SlotIndexTests {
    /// Keys in a row, keys far apart, and keys of which many have the same bucket and tag, so that buckets overflow.
    @Test(arguments: 0..<24 as Range<UInt64>)
    func agreesWithADictionary(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var index = SlotIndex(capacity: 80)
        var oracle: [Int64: Int] = [:]
        var keys: [Int: Int64] = [:]
        // Slots are told apart by their low 32 bits, whatever lies above.
        let first = seed % 2 == 0 ? 0 : Int(UInt32.max) - 700
        for step in 0..<3000 {
            let number = Int64(random.int(0..<(seed % 4 == 3 ? 40 : 400)))
            let key = [number, number &* 0x1234_5678_9ABC_DEF1, number << 40][Int(seed % 3)]
            let slot = first + step
            let found = index.find(key) { low in keys[Int(low)] == key }
            #expect(found == oracle[key].map { UInt32(truncatingIfNeeded: $0) }, "seed \(seed), step \(step)")
            if let known = oracle.removeValue(forKey: key) {
                index.remove(key, known)
                keys[known & 0xFFFF_FFFF] = nil
            } else if index.count < index.capacity {
                oracle[key] = slot
                keys[slot & 0xFFFF_FFFF] = key
                index.insert(key, slot)
            }
        }
        #expect(index.count == oracle.count)
    }

    @Test func slotsUnderOneKeyAreToldApartAndLeaveNothingBehind() {
        var index = SlotIndex(capacity: 80)
        for round in 0..<3 {
            // More than a bucket holds.
            for slot in 0..<60 { index.insert(42, round * 60 + slot) }
            for slot in 0..<60 { #expect(index.find(42) { $0 == round * 60 + slot } == UInt32(round * 60 + slot)) }
            for slot in stride(from: 0, to: 60, by: 2) { index.remove(42, round * 60 + slot) }
            for slot in 0..<60 {
                #expect((index.find(42) { $0 == round * 60 + slot } == nil) == (slot % 2 == 0))
            }
            for slot in stride(from: 1, to: 60, by: 2) { index.remove(42, round * 60 + slot) }
            var asked = 0
            let found = index.find(42) { _ in
                asked += 1
                return true
            }
            #expect(found == nil && asked == 0)
        }
    }

    @Test func fourKeysInARowShareABucket() {
        for start in stride(from: Int64(-64), to: 64, by: 4) {
            let hashes = Set((0..<4).map { SlotIndex.hash(start + $0) })
            let tags = Set((0..<4).map { SlotIndex.tag(start + $0, SlotIndex.hash(start + $0)) })
            #expect(hashes.count == 1 && tags.count == 4)
        }
    }
}
