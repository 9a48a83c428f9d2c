import Glibc

/// Processing time. Only the runtime and the edges read it; results never depend on it.
public protocol Clock: Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z; it may jump when the machine's clock is set.
    var processingTimeMilliseconds: Int64 { get }
    /// Nanoseconds since some moment of the past; never goes back.
    var monotonicNanoseconds: Int64 { get }
}

/// The machine's clock.
public struct SystemClock: Clock {
    public init() {}

    public var processingTimeMilliseconds: Int64 { nanoseconds(CLOCK_REALTIME) / 1_000_000 }
    public var monotonicNanoseconds: Int64 { nanoseconds(CLOCK_MONOTONIC) }

    private func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
