import Glibc

/// The process's standard input, output and error: whole writes, and reads that a request to stop ends.
public enum StandardStreams {
    public enum Output: Int32, Sendable {
        case output = 1
        case error = 2
    }

    /// What a read of standard input gave.
    public enum Input: Equatable, Sendable {
        /// That many bytes stand in the buffer, at least 1.
        case bytes(Int)
        case end
        /// The process was asked to stop (`Termination`) while nothing was there to read.
        case interrupted
    }

    /// Reads what is there, up to `buffer.count` bytes; waits while there is nothing.
    public static func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Input {
        precondition(!buffer.isEmpty, "a read of standard input needs room for at least 1 byte")
        while true {
            guard waitForInput() else { return .interrupted }
            let count = Glibc.read(0, buffer.baseAddress, buffer.count)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            guard errno == EINTR || errno == EAGAIN else { throw FileError(lastError: "read", "standard input") }
        }
    }

    /// Writes all of `bytes`. Throws `.brokenPipe` when the reader has gone (see `Termination.ignoreBrokenPipes`).
    public static func write(_ bytes: UnsafeRawBufferPointer, to output: Output = .output) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = Glibc.write(output.rawValue, rest.baseAddress, rest.count)
            if count >= 0 {
                written += count
            } else if errno == EAGAIN {
                var request = pollfd(fd: output.rawValue, events: Int16(POLLOUT), revents: 0)
                _ = poll(&request, 1, -1)
            } else if errno != EINTR {
                throw FileError(lastError: "write", output == .output ? "standard output" : "standard error")
            }
        }
    }

    public static func write(_ text: String, to output: Output = .output) throws(FileError) {
        var text = text
        var failure: FileError?
        text.withUTF8 { utf8 in
            do throws(FileError) { try write(UnsafeRawBufferPointer(utf8), to: output) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Whether the descriptor (0 input, 1 output, 2 error) is a terminal.
    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// The columns of the terminal at standard output or, failing that, standard error; nil when neither is one.
    public static var terminalWidth: Int? {
        for descriptor in [Int32(1), 2] {
            var size = winsize()
            if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        }
        return nil
    }

    /// Whether within that time there is something to read from standard input, or its end, or a request to stop.
    public static func isInputWaiting(milliseconds: Int32) -> Bool {
        var requests = [
            pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
            pollfd(fd: Termination.wakeDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        return poll(&requests, 2, milliseconds) != 0
    }

    /// Waits until standard input can be read (true) or the process is asked to stop (false).
    private static func waitForInput() -> Bool {
        var requests = [
            pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
            pollfd(fd: Termination.wakeDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&requests, 2, -1) < 0, errno == EINTR, !Termination.isRequested {}
        return requests[0].revents != 0 || !Termination.isRequested
    }
}
