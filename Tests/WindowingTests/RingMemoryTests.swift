import TestSupport
import Testing

@testable import Windowing

@Suite struct RingMemoryTests {
    /// A run that is held: each of its words has the run's number.
    private struct Held {
        var run: UnsafeMutablePointer<Int64>
        var order: Int
        var number: Int64
    }

    @Test(arguments: [2, 3, 8]) func runsNeverOverlapWhateverIsGivenBack(unitWords: Int) {
        let seed = UInt64(20_1121 + unitWords)
        var random = SeededRandom(seed: seed)
        let memory = RingMemory(unitWords: unitWords)
        var held: [Held] = []
        for number in 0..<20_000 {
            let isTaken = held.isEmpty || random.next() % 100 < (number % 4_000 < 2_000 ? 60 : 40)
            if isTaken {
                let order = Int(random.next() % 6)
                let run = memory.allocate(order: order)
                run.update(repeating: Int64(number), count: unitWords << order)
                held.append(Held(run: run, order: order, number: Int64(number)))
            } else {
                let back = held.remove(at: Int(random.next() % UInt64(held.count)))
                let words = UnsafeBufferPointer(start: back.run, count: unitWords << back.order)
                #expect(words.allSatisfy { $0 == back.number }, "seed \(seed)")
                memory.deallocate(back.run, order: back.order)
            }
        }
    }

    @Test func runsGivenBackBecomeOne() {
        let memory = RingMemory(unitWords: 4)
        let first = memory.allocate(order: 10)
        let bytes = memory.byteCount
        memory.deallocate(first, order: 10)
        for order in [0, 3, 0, 5] {
            let runs = (0..<1 << (10 - order)).map { _ in memory.allocate(order: order) }
            #expect(memory.byteCount == bytes)
            for run in runs { memory.deallocate(run, order: order) }
        }
        #expect(memory.allocate(order: 10) == first)
    }

    @Test func largePiecesAreGivenBackToTheSystem() {
        let memory = RingMemory(unitWords: 2)
        let run = memory.allocate(order: 20)
        #expect(memory.byteCount >= 16 << 20)
        memory.deallocate(run, order: 20)
        #expect(memory.byteCount == 0)
    }
}
