import Platform
import Testing

struct MonitorTests {
    /// Additions from several threads, each waiting for its turn: none is lost, and the turns come in order.
    @Test func threadsTakeTurns() {
        let log = Monitor<[Int]>([])
        let threads = (0..<4).map { thread in
            WorkerThread {
                for round in 0..<200 {
                    log.withLock(when: { $0.count % 4 == thread }) { $0.append(round * 4 + thread) }
                    log.broadcast()
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(log.withLock { $0 } == Array(0..<800))
    }

    @Test func aTimedWaitEndsWithoutTheChange() {
        let monitor = Monitor(0)
        let clock = SystemClock()
        let start = clock.monotonicNanoseconds
        #expect(!monitor.wait(until: { $0 > 0 }, nanoseconds: 30_000_000))
        #expect(clock.monotonicNanoseconds - start >= 30_000_000)
        #expect(!monitor.wait(until: { $0 > 0 }, nanoseconds: -5))
        monitor.withLock { $0 = 1 }
        #expect(monitor.wait(until: { $0 > 0 }, nanoseconds: 0))
    }

    @Test func aTimedWaitEndsWithTheChange() {
        let monitor = Monitor(0)
        let worker = WorkerThread {
            _ = monitor.wait(until: { _ in false }, nanoseconds: 10_000_000)
            monitor.withLock { $0 = 7 }
            monitor.broadcast()
        }
        let (holds, value) = monitor.withLock(when: { $0 > 0 }, nanoseconds: 60_000_000_000) { ($1, $0) }
        #expect(holds && value == 7)
        worker.join()
    }

    @Test func aThrownErrorFreesTheLock() {
        struct Failure: Error {}
        let monitor = Monitor(0)
        #expect(throws: Failure.self) { try monitor.withLock { _ throws(Failure) in throw Failure() } }
        #expect(monitor.withLock { $0 } == 0)
    }

    @Test func aHandoverKeepsTheOrderAndEnds() {
        let queue = Handover<Int>(capacity: 3)
        let worker = WorkerThread {
            for number in 0..<1_000 { queue.put(number) }
            queue.finish()
            queue.put(-1)
        }
        var taken: [Int] = []
        while let number = queue.take() { taken.append(number) }
        worker.join()
        #expect(taken == Array(0..<1_000))
        #expect(queue.take() == nil)
    }
}
