import Glibc
import Synchronization

/// A file descriptor, closed once.
final class PosixFile: OpenFile {
    let path: String
    /// −1 once closed.
    private let descriptor: Atomic<Int32>

    init(path: String, opening: FileOpening) throws(FileError) {
        let flags =
            switch opening {
            case .reading: O_RDONLY
            case .writing: O_RDWR | O_CREAT
            case .replacing: O_RDWR | O_CREAT | O_TRUNC
            }
        let descriptor = retrying { Glibc.open(path, flags | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw FileError(lastError: "open", path) }
        self.path = path
        self.descriptor = Atomic(descriptor)
    }

    deinit { close() }

    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError) {
        let descriptor = descriptor.load(ordering: .relaxed)
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = retrying { pwrite(descriptor, rest.baseAddress, rest.count, off_t(position + written)) }
            guard count >= 0 else { throw FileError(lastError: "write", path) }
            guard count > 0 else { throw FileError(operation: "write", path: path, code: .noSpace) }
            written += count
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int {
        let descriptor = descriptor.load(ordering: .relaxed)
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = retrying { pread(descriptor, rest.baseAddress, rest.count, off_t(position + filled)) }
            guard count >= 0 else { throw FileError(lastError: "read", path) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    func size() throws(FileError) -> Int {
        var status = stat()
        guard fstat(descriptor.load(ordering: .relaxed), &status) == 0 else {
            throw FileError(lastError: "stat", path)
        }
        return Int(status.st_size)
    }

    func truncate(to size: Int) throws(FileError) {
        let descriptor = descriptor.load(ordering: .relaxed)
        guard retrying({ ftruncate(descriptor, off_t(size)) }) == 0 else {
            throw FileError(lastError: "truncate", path)
        }
    }

    /// The system begins to write what it is asked to forget.
    func startWritingBack(_ range: Range<Int>) {
        posix_fadvise(
            descriptor.load(ordering: .relaxed), off_t(range.lowerBound), off_t(range.count), POSIX_FADV_DONTNEED)
    }

    func sync() throws(FileError) {
        let descriptor = descriptor.load(ordering: .relaxed)
        guard retrying({ fdatasync(descriptor) }) == 0 else { throw FileError(lastError: "sync", path) }
    }

    func close() {
        let open = descriptor.exchange(-1, ordering: .relaxed)
        if open >= 0 { _ = Glibc.close(open) }
    }

    /// The whole file, mapped; on the heap when it is empty.
    func map() throws(FileError) -> MappedBytes {
        let size = try size()
        if size == 0 { return MappedBytes(copying: UnsafeRawBufferPointer(start: nil, count: 0)) }
        let descriptor = descriptor.load(ordering: .relaxed)
        guard let start = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            throw FileError(lastError: "map", path)
        }
        _ = madvise(start, size, Int32(MADV_SEQUENTIAL))
        return MappedBytes(mapped: UnsafeRawBufferPointer(start: start, count: size))
    }

    /// Takes the exclusive lock of the file; when it is held, waits for it or fails at once.
    func lockExclusively(waiting: Bool) throws(FileError) {
        let descriptor = descriptor.load(ordering: .relaxed)
        while flock(descriptor, waiting ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
            guard errno == EINTR, !Termination.isRequested else { throw FileError(lastError: "lock", path) }
        }
    }

    /// Lets the lock go. Closing would not do: a child process that is just being started may still share the file.
    func unlock() { _ = flock(descriptor.load(ordering: .relaxed), LOCK_UN) }
}

/// An open, locked file; the lock goes with it.
final class PosixFileLock: FileLock {
    private let file: PosixFile
    var path: String { file.path }

    init(path: String, waiting: Bool) throws(FileError) {
        file = try PosixFile(path: path, opening: .writing)
        try file.lockExclusively(waiting: waiting)
    }

    deinit { unlock() }

    func unlock() {
        file.unlock()
        file.close()
    }
}
