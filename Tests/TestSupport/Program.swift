import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A running program of this package.
public final class Program {
    /// The program of that name that was built with these tests, nil if there is none.
    public static func find(_ name: String) -> String? {
        let beside = [CommandLine.arguments[0], Bundle.main.bundlePath + "/x"].map {
            URL(fileURLWithPath: $0).deletingLastPathComponent().appendingPathComponent(name).path
        }
        return (beside + [repositoryFile(".build/debug/\(name)")]).first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private let ended = DispatchSemaphore(value: 0)
    private var unread = Data()

    /// Starts it; what it says on standard error is thrown away unless there is a handle for it.
    public init(path: String, _ arguments: [String], standardError: FileHandle = .nullDevice) throws {
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        process.standardError = standardError
        process.terminationHandler = { [ended] _ in ended.signal() }
        for pipe in [input, output] {
            for end in [pipe.fileHandleForReading, pipe.fileHandleForWriting] {
                // Another program started meanwhile must not keep this one's pipes open.
                _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
            }
        }
        // A write to a program that has ended is an error, not the end of the tests.
        signal(SIGPIPE, SIG_IGN)
        try process.run()
    }

    deinit {
        if process.isRunning { send(SIGKILL) }
    }

    public func send(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    public func closeInput() { try? input.fileHandleForWriting.close() }

    public func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// The exit code; for a program that a signal ended, minus the signal. One that does not end is killed.
    @discardableResult public func wait() -> Int32 {
        if ended.wait(timeout: .now() + 60) == .timedOut {
            send(SIGKILL)
            ended.wait()
        }
        ended.signal()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// The next line that the program prints, nil when it prints none in time.
    public func line(seconds: Int) -> String? {
        let descriptor = output.fileHandleForReading.fileDescriptor
        while true {
            if let end = unread.firstIndex(of: 10) {
                defer { unread = Data(unread[(end + 1)...]) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, Int32(seconds * 1000)) == 1 else { return nil }
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { return nil }
            unread += more
        }
    }

    /// All that the program prints from here to its end.
    public func rest() -> String {
        defer { unread = Data() }
        return String(decoding: unread + output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
}
