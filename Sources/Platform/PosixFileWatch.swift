import Glibc

/// Watches the file's directory, so that it sees the file being made or replaced (inotify(7)).
final class PosixFileWatch: FileWatch {
    private let path: String
    private let name: [UInt8]
    private let descriptor: Int32
    /// What concerns a name of the directory, and what ends the watch.
    private static let events =
        UInt32(IN_MODIFY) | UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM)

    init(path: String) throws(FileError) {
        self.path = path
        let directory = parentDirectory(of: path)
        name = Array(lastName(of: path).utf8)
        descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard descriptor >= 0 else { throw FileError(lastError: "watch", path) }
        guard inotify_add_watch(descriptor, directory, Self.events | UInt32(IN_ONLYDIR)) >= 0 else {
            let failure = FileError(lastError: "watch", path)
            close(descriptor)
            throw failure
        }
    }

    deinit { close(descriptor) }

    func wait(milliseconds: Int) throws(FileError) -> Bool {
        let clock = SystemClock()
        let deadline = clock.monotonicNanoseconds + Int64(max(milliseconds, 0)) * 1_000_000
        while !Termination.isRequested {
            if try takeEvents() { return true }
            let rest = (deadline - clock.monotonicNanoseconds + 999_999) / 1_000_000
            if rest <= 0 { return false }
            var requests = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: Termination.wakeDescriptor, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&requests, 2, Int32(min(rest, 1 << 30))) >= 0 || errno == EINTR else {
                throw FileError(lastError: "watch", path)
            }
        }
        return false
    }

    /// Takes all events that have come; whether one of them concerns the file.
    private func takeEvents() throws(FileError) -> Bool {
        var concerns = false
        while true {
            let bytes = try readEvents()
            if bytes.isEmpty { return concerns }
            var rest = bytes[...]
            while let event = Event(&rest) {
                if event.mask & UInt32(IN_IGNORED) != 0 {
                    throw FileError(operation: "watch", path: path, code: .noSuchFile)
                }
                if event.mask & UInt32(IN_Q_OVERFLOW) != 0 || event.name == name[...] { concerns = true }
            }
        }
    }

    private func readEvents() throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
            let found = retrying { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
            if found < 0 && errno != EAGAIN { failure = FileError(lastError: "watch", path) }
            count = max(found, 0)
        }
        if let failure { throw failure }
        return bytes
    }

    /// `struct inotify_event`: watch, mask, cookie and the length of the name, four bytes each; the name, zeros behind.
    private struct Event {
        var mask: UInt32
        var name: ArraySlice<UInt8>

        /// Takes the next event out of `bytes`; nil when there is none left.
        init?(_ bytes: inout ArraySlice<UInt8>) {
            guard bytes.count >= 16 else { return nil }
            let numbers = bytes.prefix(16).withUnsafeBytes {
                [
                    $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
                    $0.loadUnaligned(fromByteOffset: 12, as: UInt32.self),
                ]
            }
            mask = numbers[0]
            name = bytes.dropFirst(16).prefix(Int(numbers[1])).prefix { $0 != 0 }
            bytes = bytes.dropFirst(16 + Int(numbers[1]))
        }
    }
}
