import Glibc

/// A queue of bounded length between two threads.
public final class Handover<Element>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var elements: [Element] = []
    private let capacity: Int
    private var isFinished = false

    public init(capacity: Int) {
        self.capacity = capacity
        mutex = .allocate(capacity: 1)
        changed = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Puts an element in, waiting while the queue is full. After `finish` it is let go.
    public func put(_ element: sending Element) {
        pthread_mutex_lock(mutex)
        while elements.count >= capacity && !isFinished { pthread_cond_wait(changed, mutex) }
        if !isFinished { elements.append(element) }
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    /// Takes the oldest element out, waiting for one; nil once the queue is finished and empty.
    public func take() -> sending Element? {
        pthread_mutex_lock(mutex)
        while elements.isEmpty && !isFinished { pthread_cond_wait(changed, mutex) }
        let element = elements.isEmpty ? nil : elements.removeFirst()
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
        return element
    }

    /// No element comes any more.
    public func finish() {
        pthread_mutex_lock(mutex)
        isFinished = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }
}

/// A thread of its own for one piece of work.
public final class WorkerThread {
    private var thread = pthread_t()
    private final class Work {
        let body: () -> Void

        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Starts `body`, with a stack of 8 MiB.
    public init(_ body: @escaping () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 8 << 20)
        let work = Unmanaged.passRetained(Work(body))
        pthread_create(
            &thread, &attributes,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        pthread_attr_destroy(&attributes)
    }

    /// Waits for its end.
    public func join() { pthread_join(thread, nil) }
}
