import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A running `tidemark`.
final class Program {
    /// The program that was built with these tests, nil if there is none.
    static let path: String? = {
        let beside = [CommandLine.arguments[0], Bundle.main.bundlePath + "/x"].map {
            URL(fileURLWithPath: $0).deletingLastPathComponent().appendingPathComponent("tidemark").path
        }
        return (beside + [repositoryFile(".build/debug/tidemark")]).first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }()

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private let ended = DispatchSemaphore(value: 0)
    private var unread = Data()

    init(_ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: try #require(Self.path))
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
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

    /// Runs the program to its end and gives what it printed.
    @discardableResult static func expect(
        _ code: Int32, _ arguments: [String], _ location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let program = try Program(arguments)
        program.closeInput()
        let text = program.output.fileHandleForReading.readDataToEndOfFile()
        let found = program.wait()
        #expect(found == code, "tidemark \(arguments.joined(separator: " "))", sourceLocation: location)
        return String(decoding: text, as: UTF8.self)
    }

    func send(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    func closeInput() { try? input.fileHandleForWriting.close() }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// The exit code; for a program that a signal ended, minus the signal. One that does not end is killed.
    @discardableResult func wait() -> Int32 {
        if ended.wait(timeout: .now() + 60) == .timedOut {
            send(SIGKILL)
            ended.wait()
        }
        ended.signal()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// The next line that the program prints, nil when it prints none in time.
    func line(seconds: Int) -> String? {
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
}
