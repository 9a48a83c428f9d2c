import Glibc

/// A call to the file system, or to a stream, that failed.
public struct FileError: Error, Hashable, CustomStringConvertible {
    /// What was tried, as a verb: `open`, `write`, `sync`.
    public var operation: String
    public var path: String
    public var code: Code

    public init(operation: String, path: String, code: Code) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    /// The failure of the system call that has just returned.
    init(lastError operation: String, _ path: String) {
        self.init(operation: operation, path: path, code: Code(errno))
    }

    public var description: String {
        operation == "lock" && code == .wouldBlock
            ? "\(path): another process is writing here (import, train or score); wait for it to end, or stop it"
            : "cannot \(operation) \(path): \(code)"
    }

    /// The system's error number.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public var number: Int32

        public init(_ number: Int32) { self.number = number }

        public static let noSuchFile = Code(ENOENT)
        public static let exists = Code(EEXIST)
        public static let notDirectory = Code(ENOTDIR)
        public static let isDirectory = Code(EISDIR)
        public static let directoryNotEmpty = Code(ENOTEMPTY)
        public static let noSpace = Code(ENOSPC)
        public static let inputOutput = Code(EIO)
        public static let brokenPipe = Code(EPIPE)
        public static let badDescriptor = Code(EBADF)
        public static let accessDenied = Code(EACCES)
        public static let tooLarge = Code(EFBIG)
        /// A request to stop came while the call waited.
        public static let interrupted = Code(EINTR)
        /// A lock is held by somebody else.
        public static let wouldBlock = Code(EWOULDBLOCK)

        public var description: String { "\(String(cString: strerror(number))) (errno \(number))" }
    }
}

/// Repeats a system call while a signal interrupts it.
func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}
