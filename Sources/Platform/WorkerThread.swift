import Glibc

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
        let failure = pthread_create(
            &thread, &attributes,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(failure == 0, "cannot start a thread: \(FileError.Code(failure))")
    }

    /// Waits for its end.
    public func join() { pthread_join(thread, nil) }
}
