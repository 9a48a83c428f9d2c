import Glibc

/// The machine's file system.
public final class PosixFileSystem: FileSystem {
    public init() {}

    public func open(_ path: String, _ opening: FileOpening) throws(FileError) -> any OpenFile {
        try PosixFile(path: path, opening: opening)
    }

    public func read(_ path: String) throws(FileError) -> [UInt8] {
        let file = try PosixFile(path: path, opening: .reading)
        // Files of /proc say that they are empty: read until the end, whatever the size was.
        var bytes = [UInt8](repeating: 0, count: max(try file.size(), 4_096))
        var filled = 0
        while true {
            var failure: FileError?
            let count = bytes.withUnsafeMutableBytes { buffer in
                do throws(FileError) {
                    return try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]), at: filled)
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            filled += count
            if filled < bytes.count { break }
            bytes.append(contentsOf: repeatElement(0, count: bytes.count))
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    public func map(_ path: String) throws(FileError) -> MappedBytes {
        try PosixFile(path: path, opening: .reading).map()
    }

    public func size(of path: String) throws(FileError) -> Int {
        var status = Glibc.stat()
        guard stat(path, &status) == 0 else { throw FileError(lastError: "stat", path) }
        return Int(status.st_size)
    }

    public func exists(_ path: String) throws(FileError) -> Bool {
        var status = Glibc.stat()
        if stat(path, &status) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw FileError(lastError: "stat", path) }
        return false
    }

    public func list(_ directory: String) throws(FileError) -> [String] {
        guard let stream = opendir(directory) else { throw FileError(lastError: "list", directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw FileError(lastError: "list", directory) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    public func makeDirectory(_ path: String) throws(FileError) {
        if mkdir(path, 0o755) == 0 { return }
        let failure = FileError(lastError: "make directory", path)
        guard failure.code == .exists else { throw failure }
        var status = Glibc.stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { throw failure }
    }

    public func remove(_ path: String) throws(FileError) {
        guard Glibc.remove(path) == 0 else { throw FileError(lastError: "remove", path) }
    }

    public func rename(_ path: String, to newPath: String) throws(FileError) {
        guard Glibc.rename(path, newPath) == 0 else { throw FileError(lastError: "rename to \(newPath)", path) }
    }

    public func syncDirectory(_ path: String) throws(FileError) {
        let descriptor = retrying { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileError(lastError: "sync directory", path) }
        defer { close(descriptor) }
        guard retrying({ fsync(descriptor) }) == 0 else { throw FileError(lastError: "sync directory", path) }
    }

    public func lock(_ path: String, waiting: Bool) throws(FileError) -> any FileLock {
        try PosixFileLock(path: path, waiting: waiting)
    }

    public func watch(_ path: String) throws(FileError) -> any FileWatch { try PosixFileWatch(path: path) }
}
