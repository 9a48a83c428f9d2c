/// What a durable log needs of a file system; `PosixFileSystem` is the real one.
///
/// Laws: bytes written are seen by every later read; they survive a crash of the machine once `OpenFile.sync()` has
/// returned, and a name (made, renamed or removed) once `syncDirectory(_:)` of its directory has.
public protocol FileSystem: AnyObject, Sendable {
    func open(_ path: String, _ opening: FileOpening) throws(FileError) -> any OpenFile
    /// The whole file.
    func read(_ path: String) throws(FileError) -> [UInt8]
    /// The whole file, in place where the system can. Nobody may shorten the file while it is mapped.
    func map(_ path: String) throws(FileError) -> MappedBytes
    /// The size in bytes.
    func size(of path: String) throws(FileError) -> Int
    /// Whether there is a file or directory of that name.
    func exists(_ path: String) throws(FileError) -> Bool
    /// The names in a directory, sorted by their bytes; without `.` and `..`.
    func list(_ directory: String) throws(FileError) -> [String]
    /// Makes one directory; no error when it is there already.
    func makeDirectory(_ path: String) throws(FileError)
    /// Removes a file or an empty directory.
    func remove(_ path: String) throws(FileError)
    /// Renames a file, replacing what had the new name in one step.
    func rename(_ path: String, to newPath: String) throws(FileError)
    func syncDirectory(_ path: String) throws(FileError)
    /// Takes the lock that the file `path` stands for, making the file if it is missing. The lock is free again when
    /// the result is released or the process dies. When somebody else holds it, waits for it, or throws `.wouldBlock`
    /// where `waiting` is false. A request to stop (`Termination`) may end the waiting: `.interrupted`.
    func lock(_ path: String, waiting: Bool) throws(FileError) -> any FileLock
    /// Looks out for changes of the file `path`, which need not be there yet; its directory must.
    func watch(_ path: String) throws(FileError) -> any FileWatch
}

/// How a file is opened.
public enum FileOpening: Sendable {
    /// To be read; it must exist.
    case reading
    /// To be read and written; made when it is missing.
    case writing
    /// To be read and written; made when it is missing, emptied when it is there.
    case replacing
}

/// An open file, closed at the latest when it is released.
public protocol OpenFile: AnyObject, Sendable {
    var path: String { get }
    /// Writes all of `bytes` at `position`. After an error any part of them may have been written.
    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError)
    /// Reads from `position` on; gives the number of bytes read, fewer than asked for only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int
    func size() throws(FileError) -> Int
    func truncate(to size: Int) throws(FileError)
    /// Returns when the file's bytes are on the device. After an error they may be lost, and trying again proves
    /// nothing.
    func sync() throws(FileError)
    /// Has the system begin to write these bytes to the device, so that a later `sync()` waits for less. It promises
    /// nothing.
    func startWritingBack(_ range: Range<Int>)
    /// Further calls fail; closing twice is no error.
    func close()
}

extension OpenFile {
    public func startWritingBack(_ range: Range<Int>) {}
}

extension OpenFile {
    public func write(_ bytes: MappedBytes, at position: Int) throws(FileError) {
        defer { withExtendedLifetime(bytes) {} }
        try write(bytes.bytes, at: position)
    }

    /// Bytes from `position` on, fewer than `count` only at the end of the file.
    public func bytes(from position: Int, count: Int) throws(FileError) -> MappedBytes {
        try MappedBytes(capacity: count) { (buffer) throws(FileError) in try read(into: buffer, at: position) }
    }
}

/// A lock held while this object lives.
public protocol FileLock: AnyObject, Sendable {
    var path: String { get }
    func unlock()
}

extension FileSystem {
    /// Takes a lock, or throws `.wouldBlock` when somebody else holds it.
    public func lock(_ path: String) throws(FileError) -> any FileLock { try lock(path, waiting: false) }

    /// Makes a directory and its missing parents, durably.
    ///
    /// A directory that is there may have been made just now by somebody who has not come to sync its name, or never
    /// will. A name is synced before anything is made below it, so only the last one that is there needs it again.
    public func createDirectory(_ path: String) throws(FileError) {
        let parent = parentDirectory(of: path)
        if try exists(path) {
            if path == "." || parent == path { return }
            do throws(FileError) { try syncDirectory(parent) } catch  where error.code == .accessDenied {
                // Whoever may not read the parent did not make the directory either: it belongs to the machine's setup.
            }
            return
        }
        if parent != path { try createDirectory(parent) }
        try makeDirectory(path)
        try syncDirectory(parent)
    }

    /// Removes a file that may be gone already, or that somebody else may be removing too.
    public func removeIfThere(_ path: String) throws(FileError) {
        do throws(FileError) { try remove(path) } catch {
            if error.code != .noSuchFile { throw error }
        }
    }

    /// Replaces the file `path` in one step: after a crash it has the old contents or the new.
    public func replace(_ path: String, with bytes: UnsafeRawBufferPointer) throws(FileError) {
        let temporary = path + ".tmp"
        let file = try open(temporary, .replacing)
        try file.write(bytes, at: 0)
        try file.sync()
        file.close()
        try rename(temporary, to: path)
        try syncDirectory(parentDirectory(of: path))
    }

    public func replace(_ path: String, with bytes: MappedBytes) throws(FileError) {
        defer { withExtendedLifetime(bytes) {} }
        try replace(path, with: bytes.bytes)
    }
}

/// `a/b` of `a/b/c`, `.` of `c`, `/` of `/c`.
public func parentDirectory(of path: String) -> String {
    var parts = path[...]
    while parts.count > 1, parts.last == "/" { parts.removeLast() }
    guard let slash = parts.lastIndex(of: "/") else { return "." }
    parts = parts[..<slash]
    while parts.last == "/" { parts.removeLast() }
    return parts.isEmpty ? "/" : String(parts)
}

/// `c` of `a/b/c`.
public func lastName(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
