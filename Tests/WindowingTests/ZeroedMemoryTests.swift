import Testing

@testable import Windowing

@Suite struct ZeroedMemoryTests {
    /// From memory of the heap to whole pages, and to more of these.
    @Test(arguments: [1, 1_000, 300_000]) func whatItHoldsStaysAndTheRestIsZero(start: Int) {
        var memory = ZeroedMemory(count: start)
        var count = start
        for round in 1...6 as ClosedRange<Int64> {
            let isZero = UnsafeBufferPointer(start: memory.words, count: count).allSatisfy { $0 == 0 }
            #expect(isZero == (round == 1))
            memory.words[0] = round
            memory.words[count - 1] = -round
            let more = count * 3 + 5
            memory.grow(to: more)
            #expect(memory.words[0] == (count == 1 ? -round : round))
            #expect(memory.words[count - 1] == -round)
            #expect(UnsafeBufferPointer(start: memory.words + count, count: more - count).allSatisfy { $0 == 0 })
            count = more
        }
    }
}
