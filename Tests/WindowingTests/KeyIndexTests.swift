import TestSupport
import Testing

@testable import Windowing

@Suite struct KeyIndexTests {
    /// An index with the keys that its numbers stand for.
    private struct Numbered: ~Copyable {
        var index = KeyIndex()
        var keys: [Int64] = []

        func find(_ key: Int64) -> Int? { index.find(key) { keys[$0] == key } }

        mutating func insert(_ key: Int64) {
            index.insert(key, keys.count)
            keys.append(key)
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func agreesWithADictionary(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var numbered = Numbered()
        var oracle: [Int64: Int] = [:]
        for step in 0..<3000 {
            let key = Int64.random(in: 0..<200, using: &random) &* 0x1_0000_0001
            #expect(numbered.find(key) == oracle[key], "seed \(seed), step \(step)")
            if let dense = oracle.removeValue(forKey: key) {
                numbered.index.remove(key, dense)
            } else {
                oracle[key] = numbered.keys.count
                numbered.insert(key)
            }
        }
        #expect(numbered.index.count == oracle.count)
    }

    /// Runs of many lengths, also around the end of the slots, which come apart as these double.
    @Test(arguments: [1, 3, 1 << 20, 0x1_0000_0001] as [Int64])
    func findsAllKeysAsItGrows(distance: Int64) {
        var numbered = Numbered()
        let count = 300_000
        for dense in 0..<count { numbered.insert(Int64(dense) &* distance) }
        for dense in stride(from: 0, to: count, by: 3) { numbered.index.remove(Int64(dense) &* distance, dense) }
        for dense in 0..<count {
            let expected = dense % 3 == 0 ? nil : dense
            guard numbered.find(Int64(dense) &* distance) == expected else {
                Issue.record("key \(dense) times \(distance)")
                return
            }
        }
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
