/// A queue of bounded length between two threads.
public final class Handover<Element>: Sendable {
    private struct Queue {
        var elements: [Element] = []
        var isFinished = false
    }

    private let queue = Monitor(Queue())
    private let capacity: Int

    public init(capacity: Int) { self.capacity = capacity }

    /// Puts an element in, waiting while the queue is full. After `finish` it is let go.
    public func put(_ element: sending Element) {
        queue.withLock(when: { $0.elements.count < capacity || $0.isFinished }) { queue in
            if !queue.isFinished { queue.elements.append(element) }
        }
        queue.broadcast()
    }

    /// Takes the oldest element out, waiting for one; nil once the queue is finished and empty.
    public func take() -> sending Element? {
        let element = queue.withLock(when: { !$0.elements.isEmpty || $0.isFinished }) { queue in
            queue.elements.isEmpty ? nil : queue.elements.removeFirst()
        }
        queue.broadcast()
        return element
    }

    /// No element comes any more.
    public func finish() {
        queue.withLock { $0.isFinished = true }
        queue.broadcast()
    }
}
