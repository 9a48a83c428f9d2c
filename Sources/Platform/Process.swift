import Glibc
import Synchronization

/// Time as the outside has it. Only the runtime reads it.
public protocol Clock: Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    var processingTime: Int64 { get }
    /// Nanoseconds since some fixed moment.
    var nanoseconds: Int64 { get }
}

public struct SystemClock: Clock {
    public init() {}

    public var processingTime: Int64 { read(CLOCK_REALTIME) / 1_000_000 }
    public var nanoseconds: Int64 { read(CLOCK_MONOTONIC) }

    private func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// A request from outside to come to an end.
public enum Termination {
    private static let requested = Atomic<Bool>(false)

    /// Whether SIGTERM or SIGINT has arrived.
    public static var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// From now on SIGTERM and SIGINT are remembered instead of ending the process (a second one ends it), they
    /// interrupt a blocked read, and a closed pipe is an error of the write and no signal.
    public static func handleSignals() {
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGTERM, SIGINT] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                if Termination.isRequested { _exit(128 + number) }
                Termination.requested.store(true, ordering: .relaxed)
            }
            sigaction(number, &action, nil)
        }
    }
}

/// Standard input, output and error as bytes.
public enum StandardStream: Int32, Sendable {
    case input = 0
    case output = 1
    case error = 2

    /// Whether a person sits at the other end.
    public var isTerminal: Bool { isatty(rawValue) == 1 }

    /// The terminal's width in characters, 80 where there is none.
    public var width: Int {
        var size = winsize()
        guard ioctl(rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Writes all of `bytes`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var written = 0
        while let start = bytes.baseAddress, written < bytes.count {
            let count = Glibc.write(rawValue, start + written, bytes.count - written)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw FileError(.write, "standard stream \(rawValue)", code: errno, text: String(cString: strerror(errno)))
            }
            written += count
        }
    }

    public func write(_ text: String) throws(FileError) {
        let copy = MappedBytes(copying: Array(text.utf8))
        try write(copy.bytes)
    }
}

/// A stream of bytes that is read from its start to its end: a file, or standard input.
public final class InputStream: @unchecked Sendable {
    private let descriptor: Int32
    private let path: String
    private let ownsDescriptor: Bool

    /// Standard input.
    public init() {
        descriptor = 0
        path = "standard input"
        ownsDescriptor = false
    }

    public init(path: String) throws(FileError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        self.path = path
        ownsDescriptor = true
        if descriptor < 0 { throw FileError(.open, path, code: errno, text: String(cString: strerror(errno))) }
    }

    deinit {
        if ownsDescriptor && descriptor >= 0 { close(descriptor) }
    }

    /// The file's size in bytes, nil where it is not known (a pipe).
    public var size: Int? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// Fills the start of `buffer` with what there is, waiting for at least one byte.
    /// - Returns: the number of bytes; 0 at the end, or when a termination was requested while waiting.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno == EINTR {
                if Termination.isRequested { return 0 }
                continue
            }
            throw FileError(.read, path, code: errno, text: String(cString: strerror(errno)))
        }
    }
}

/// What the machine gives.
public enum Machine {
    /// Resident memory of the process in bytes; 0 where it is not known.
    public static var residentBytes: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    public static var coreCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// A directory for temporary files, unique to this process and `name`.
    public static func temporaryDirectory(_ name: String) -> String {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
        return "\(base)/tidemark-\(name)-\(getpid())"
    }
}
