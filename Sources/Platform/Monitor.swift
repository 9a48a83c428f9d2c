import Glibc

/// State behind a lock, and a condition to wait for changes of it.
///
/// What leaves the lock must not be reached through the state any more, unless it is `Sendable`. Waiting hands the state
/// to other threads, so it happens between calls of a closure and never inside one: within a closure nobody else
/// changes the state.
public final class Monitor<State>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    public init(_ state: sending State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        changed = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` with the state, alone. Whoever may wait for the change that it makes needs a `broadcast()`.
    public func withLock<Result, Failure>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Waits until `predicate` holds, then runs `body` with the state, without anybody in between.
    public func withLock<Result, Failure>(
        when predicate: (inout State) -> Bool, _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !predicate(&state) { pthread_cond_wait(changed, mutex) }
        return try body(&state)
    }

    /// Waits until `predicate` holds, at most `nanoseconds`, then runs `body` with the state and whether it holds,
    /// without anybody in between.
    public func withLock<Result, Failure>(
        when predicate: (inout State) -> Bool, nanoseconds: Int,
        _ body: (inout State, Bool) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var deadline = Self.deadline(in: nanoseconds)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        var holds = predicate(&state)
        var isOver = false
        while !holds && !isOver {
            isOver = pthread_cond_timedwait(changed, mutex, &deadline) == ETIMEDOUT
            holds = predicate(&state)
        }
        return try body(&state, holds)
    }

    /// Waits until `predicate` holds; it may change the state, to take what it has waited for.
    public func wait(until predicate: (inout State) -> Bool) { withLock(when: predicate) { _ in } }

    /// Waits until `predicate` holds, at most `nanoseconds`.
    /// - Returns: whether it holds.
    public func wait(until predicate: (inout State) -> Bool, nanoseconds: Int) -> Bool {
        withLock(when: predicate, nanoseconds: nanoseconds) { $1 }
    }

    /// Has all who wait look again; inside the lock or after it.
    public func broadcast() { pthread_cond_broadcast(changed) }

    private static func deadline(in nanoseconds: Int) -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let (seconds, rest) = max(nanoseconds, 0).quotientAndRemainder(dividingBy: 1_000_000_000)
        time.tv_sec += seconds
        time.tv_nsec += rest
        if time.tv_nsec >= 1_000_000_000 {
            time.tv_sec += 1
            time.tv_nsec -= 1_000_000_000
        }
        return time
    }
}
