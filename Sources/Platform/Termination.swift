import Glibc
import Synchronization

/// A request to stop: SIGTERM, or SIGINT (Ctrl-C).
///
/// The first one sets a flag and wakes a waiting read of standard input, so that the process can finish in order; the
/// second one ends it at once.
public enum Termination {
    private static let requested = Atomic<Bool>(false)
    private static let wakeReader = Atomic<Int32>(-1)
    private static let wakeWriter = Atomic<Int32>(-1)

    public static var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// Begins to watch; once, at the start of the program. Also ignores SIGPIPE.
    public static func install() {
        ignoreBrokenPipes()
        occupyStandardStreams()
        var ends: [Int32] = [-1, -1]
        if pipe(&ends) == 0 {
            for end in ends {
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
                _ = fcntl(end, F_SETFL, O_NONBLOCK)
            }
            wakeReader.store(ends[0], ordering: .relaxed)
            wakeWriter.store(ends[1], ordering: .relaxed)
        }
        _ = isRequested
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Termination.request() }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
        sigaction(SIGTERM, &action, nil)
        sigaction(SIGINT, &action, nil)
        // Whoever started the process may have blocked them, and that is inherited.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// Where a standard stream was closed by whoever started the process, its number would go to the next file opened.
    private static func occupyStandardStreams() {
        while true {
            let descriptor = open("/dev/null", O_RDWR)
            if descriptor < 0 { return }
            if descriptor > StandardStreams.Output.error.rawValue {
                close(descriptor)
                return
            }
        }
    }

    /// A write to a pipe without a reader is then an error (`.brokenPipe`) and not the end of the process.
    public static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

    /// Asks the process to stop, as the signals do.
    public static func request() {
        requested.store(true, ordering: .relaxed)
        let saved = errno
        var byte: UInt8 = 1
        _ = Glibc.write(wakeWriter.load(ordering: .relaxed), &byte, 1)
        errno = saved
    }

    /// Readable once a stop is requested; −1 before `install()`.
    static var wakeDescriptor: Int32 { wakeReader.load(ordering: .relaxed) }
}
