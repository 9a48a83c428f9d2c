import CPrefetch
import Glibc

/// What this process uses and what the machine has.
public enum ProcessResources {
    /// Bytes of memory in use now (resident set); nil where /proc is missing.
    public static var residentBytes: Int? {
        guard let text = try? PosixFileSystem().read("/proc/self/statm") else { return nil }
        let fields = String(decoding: text, as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// The most bytes of memory that were in use at once so far.
    public static var peakResidentBytes: Int {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1_024
    }

    /// Lets the heap lie in large pages where the system has them: a processor keeps few places of small ones in mind, and
    /// windows of many keys are looked at in no order. To be called once, before much is allocated.
    public static func preferLargePages() { tidemark_prefer_large_pages_for_heap() }

    /// Processor time of all threads so far, in nanoseconds.
    public static var processorNanoseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// A directory for temporary files of this process, not yet made.
    public static func temporaryDirectory(_ purpose: String) -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
        return "\(parent)/tidemark-\(purpose)-\(getpid())"
    }

    /// Processors that are switched on, at least 1.
    public static var coreCount: Int { max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1) }
}
