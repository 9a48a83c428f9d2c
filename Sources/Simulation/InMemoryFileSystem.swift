import Platform
import Synchronization

/// A file system in memory for tests of durability: it writes down each call that changes something, loses what was not
/// synced when asked to crash, and fails where it is told to.
public final class InMemoryFileSystem: FileSystem {
    let state: Mutex<InMemoryDisk>

    public init() { state = Mutex(InMemoryDisk()) }

    init(_ disk: consuming InMemoryDisk) { state = Mutex(disk) }

    /// The calls so far that change something or make it durable, one a line, as `write input-0/a.log 61+100`
    /// (position and bytes), `truncate input-0/a.log 61` or `syncdir input-0`.
    public var trace: [String] { state.withLock { $0.trace } }

    public func clearTrace() { state.withLock { $0.trace = [] } }

    /// The number of calls so far, with those that only read.
    public var callCount: Int { state.withLock { $0.callCount } }

    /// From now on the calls with these numbers (0: the first call ever) fail with `code`; a write that fails leaves
    /// half of its bytes.
    public func fail(calls: Range<Int>, with code: FileError.Code = .inputOutput) {
        state.withLock {
            $0.failingCalls = calls
            $0.failureCode = code
        }
    }

    /// What a crash of the machine leaves of changes that were not synced.
    public enum Remains: Sendable {
        /// Nothing: files as of their last sync, names as of the last sync of their directory.
        case synced
        /// Everything, still not synced: only the process has died.
        case all
        /// Of each file and each directory a part of its changes, chosen at random; writes may be there in any order,
        /// or in part.
        case some(seed: UInt64)
    }

    /// The file system as it is after a crash: unlocked, with an empty trace. This one goes on untouched.
    public func crash(leaving remains: Remains = .synced) -> InMemoryFileSystem {
        InMemoryFileSystem(state.withLock { $0.crashed(leaving: remains) })
    }

    /// Changes bytes behind everybody's back, durably.
    public func overwrite(_ path: String, with bytes: [UInt8]) throws(FileError) {
        try state.withLock { disk throws(FileError) in
            let file = try disk.file(at: path, "overwrite")
            disk.files[file] = InMemoryFile(durable: bytes)
        }
    }

    public func open(_ path: String, _ opening: FileOpening) throws(FileError) -> any OpenFile {
        let file = try state.withLock { disk throws(FileError) in
            switch opening {
            case .reading:
                try disk.call("open", path)
                return try disk.file(at: path, "open")
            case .writing:
                try disk.call("open", path, noting: "open \(path)")
                return try disk.makeFile(at: path)
            case .replacing:
                try disk.call("open", path, noting: "open \(path) emptied")
                let file = try disk.makeFile(at: path)
                disk.files[file]?.change(.truncation(0))
                return file
            }
        }
        return InMemoryOpenFile(path: path, file: file, of: self)
    }

    public func read(_ path: String) throws(FileError) -> [UInt8] {
        try state.withLock { disk throws(FileError) in
            try disk.call("read", path)
            return try disk.contents(of: disk.file(at: path, "read"))
        }
    }

    public func map(_ path: String) throws(FileError) -> MappedBytes {
        try read(path).withUnsafeBytes { MappedBytes(copying: $0) }
    }

    public func size(of path: String) throws(FileError) -> Int { try read(path).count }

    public func exists(_ path: String) throws(FileError) -> Bool {
        try state.withLock { disk throws(FileError) in
            try disk.call("stat", path)
            return disk.entry(at: path) != nil
        }
    }

    public func list(_ directory: String) throws(FileError) -> [String] {
        try state.withLock { disk throws(FileError) in
            try disk.call("list", directory)
            guard let found = disk.directories[directory] else {
                throw FileError(operation: "list", path: directory, code: .noSuchFile)
            }
            return found.names.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
    }

    public func makeDirectory(_ path: String) throws(FileError) {
        try state.withLock { disk throws(FileError) in
            try disk.call("make directory", path, noting: "mkdir \(path)")
            if disk.directories[path] != nil { return }
            try disk.change(.setting(lastName(of: path), .directory), in: parentDirectory(of: path), "make directory")
            disk.directories[path] = InMemoryDirectory()
        }
    }

    public func remove(_ path: String) throws(FileError) {
        try state.withLock { disk throws(FileError) in
            try disk.call("remove", path, noting: "remove \(path)")
            _ = try disk.file(at: path, "remove")
            try disk.change(.removal(lastName(of: path)), in: parentDirectory(of: path), "remove")
        }
    }

    public func rename(_ path: String, to newPath: String) throws(FileError) {
        try state.withLock { disk throws(FileError) in
            try disk.call("rename to \(newPath)", path, noting: "rename \(path) \(newPath)")
            let directory = parentDirectory(of: path)
            precondition(directory == parentDirectory(of: newPath), "a file is renamed within its directory only")
            let file = try disk.file(at: path, "rename to \(newPath)")
            try disk.change(.renaming(lastName(of: path), lastName(of: newPath), file), in: directory, "rename")
        }
    }

    public func syncDirectory(_ path: String) throws(FileError) {
        try state.withLock { disk throws(FileError) in
            try disk.call("sync directory", path, noting: "syncdir \(path)")
            guard var directory = disk.directories[path] else {
                throw FileError(operation: "sync directory", path: path, code: .noSuchFile)
            }
            directory.durable = directory.names
            directory.unsynced = []
            disk.directories[path] = directory
        }
    }

    public func lock(_ path: String) throws(FileError) -> any FileLock {
        try state.withLock { disk throws(FileError) in
            try disk.call("lock", path, noting: "lock \(path)")
            _ = try disk.makeFile(at: path)
            guard disk.locks.insert(path).inserted else {
                throw FileError(operation: "lock", path: path, code: .wouldBlock)
            }
        }
        return InMemoryFileLock(path: path, of: self)
    }
}

final class InMemoryOpenFile: OpenFile {
    let path: String
    private let file: Int
    private let fileSystem: InMemoryFileSystem
    private let isClosed = Mutex(false)

    init(path: String, file: Int, of fileSystem: InMemoryFileSystem) {
        self.path = path
        self.file = file
        self.fileSystem = fileSystem
    }

    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError) {
        let copy = Array(bytes)
        try call("write", noting: "write \(path) \(position)+\(bytes.count)") { (disk, failure) throws(FileError) in
            let part = failure == nil ? copy : Array(copy[..<(copy.count / 2)])
            if !part.isEmpty { disk.files[self.file]?.change(.write(position, part)) }
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int {
        var contents: [UInt8] = []
        try call("read") { (disk, _) throws(FileError) in contents = disk.contents(of: self.file) }
        let found = contents.dropFirst(position).prefix(buffer.count)
        buffer.copyBytes(from: found)
        return found.count
    }

    func size() throws(FileError) -> Int {
        var size = 0
        try call("stat") { (disk, _) throws(FileError) in size = disk.contents(of: self.file).count }
        return size
    }

    func truncate(to size: Int) throws(FileError) {
        try call("truncate", noting: "truncate \(path) \(size)") { (disk, failure) throws(FileError) in
            if failure == nil { disk.files[self.file]?.change(.truncation(size)) }
        }
    }

    func sync() throws(FileError) {
        try call("sync", noting: "sync \(path)") { (disk, failure) throws(FileError) in
            guard failure == nil, let file = disk.files[self.file] else { return }
            disk.files[self.file] = InMemoryFile(durable: file.contents)
        }
    }

    func close() { isClosed.withLock { $0 = true } }

    /// Runs `body` with the failure that the call ends in, if it is to fail.
    private func call(
        _ operation: String, noting line: String? = nil,
        _ body: (inout InMemoryDisk, FileError?) throws(FileError) -> Void
    ) throws(FileError) {
        if isClosed.withLock({ $0 }) { throw FileError(operation: operation, path: path, code: .badDescriptor) }
        try fileSystem.state.withLock { disk throws(FileError) in
            var failure: FileError?
            do throws(FileError) { try disk.call(operation, path, noting: line) } catch { failure = error }
            try body(&disk, failure)
            if let failure { throw failure }
        }
    }
}

final class InMemoryFileLock: FileLock {
    let path: String
    private let fileSystem: InMemoryFileSystem
    private let isHeld = Mutex(true)

    init(path: String, of fileSystem: InMemoryFileSystem) {
        self.path = path
        self.fileSystem = fileSystem
    }

    deinit { unlock() }

    func unlock() {
        let wasHeld = isHeld.withLock { held in
            defer { held = false }
            return held
        }
        if wasHeld { fileSystem.state.withLock { _ = $0.locks.remove(path) } }
    }
}
