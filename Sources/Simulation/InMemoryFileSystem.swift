import Platform

/// A file system in memory for tests of durability: it writes down each call that changes something, loses what was not
/// synced when asked to crash, and fails where it is told to. The same calls and seeds give the same bytes.
public final class InMemoryFileSystem: FileSystem {
    let state: Monitor<InMemoryDisk>

    /// - Parameters:
    ///   - faultSeed: decides what a call that fails leaves behind.
    ///   - keepsTrace: without it `trace` stays empty, and calls are faster.
    public init(faultSeed: UInt64 = 0, keepsTrace: Bool = true) {
        var disk = InMemoryDisk()
        disk.faults.seed = faultSeed
        disk.keepsTrace = keepsTrace
        state = Monitor(disk)
    }

    private init(_ disk: sending InMemoryDisk) { state = Monitor(disk) }

    /// The calls so far that change something or make it durable, one a line, as `write input-0/a.log 61+100`
    /// (position and bytes), `truncate input-0/a.log 61` or `syncdir input-0`.
    public var trace: [String] { state.withLock { $0.trace } }

    public func clearTrace() { state.withLock { $0.trace = [] } }

    /// The number of calls so far, with those that only read.
    public var callCount: Int { state.withLock { $0.callCount } }

    /// What a crash of the machine leaves of changes that were not synced.
    public enum Remains: Sendable {
        /// Nothing: files as of their last sync, names as of the last sync of their directory.
        case synced
        /// Everything, still not synced: only the process has died.
        case all
        /// Any part of them, as the device came to write it: sectors of 512 bytes in any order, perhaps torn; a file's
        /// size on its own, so that bytes are missing at its end or zeros or old bytes stand in its middle; some names,
        /// changes of the same one in their order.
        case some(seed: UInt64)
    }

    /// The file system as it is after a crash: unlocked, with an empty trace, and nothing fails. This one goes on
    /// untouched.
    public func crash(leaving remains: Remains = .synced) -> InMemoryFileSystem {
        InMemoryFileSystem(state.withLock { $0.crashed(leaving: remains) })
    }

    /// Changes a file's bytes behind everybody's back, durably.
    public func overwrite(_ path: String, with bytes: [UInt8]) throws(FileError) {
        try change { disk throws(FileError) in
            try disk.files[disk.file(at: path, "overwrite")].overwrite(with: bytes)
        }
    }

    /// Flips a bit of a file behind everybody's back, durably: bit 8 is the lowest one of byte 1.
    public func corrupt(_ path: String, bit: Int) throws(FileError) {
        try change { disk throws(FileError) in
            let file = try disk.file(at: path, "corrupt")
            precondition(
                (0..<disk.files[file].contents.count * 8).contains(bit), "\(path) has no bit \(bit)")
            disk.files[file].flip(bit: bit)
        }
    }

    public func open(_ path: String, _ opening: FileOpening) throws(FileError) -> any OpenFile {
        let file = try change { disk throws(FileError) in
            if case .reading = opening {
                try disk.call(.open, path)
                return try disk.file(at: path, "open")
            }
            var isEmptied = false
            if case .replacing = opening { isEmptied = true }
            try disk.call(
                .open, path, takesSpace: disk.entry(at: path) == nil,
                noting: isEmptied ? "open \(path) emptied" : "open \(path)")
            let file = try disk.makeFile(at: path, "open")
            if isEmptied { disk.files[file].truncate(to: 0) }
            return file
        }
        return InMemoryOpenFile(path: path, file: file, of: self)
    }

    public func read(_ path: String) throws(FileError) -> [UInt8] {
        try state.withLock { disk throws(FileError) in
            try disk.call(.read, path)
            return try disk.files[disk.file(at: path, "read")].contents
        }
    }

    public func map(_ path: String) throws(FileError) -> MappedBytes {
        try read(path).withUnsafeBytes { MappedBytes(copying: $0) }
    }

    public func size(of path: String) throws(FileError) -> Int {
        try state.withLock { disk throws(FileError) in
            try disk.call(.stat, path)
            return try disk.files[disk.file(at: path, "stat")].contents.count
        }
    }

    public func exists(_ path: String) throws(FileError) -> Bool {
        try state.withLock { disk throws(FileError) in
            try disk.call(.stat, path)
            return disk.entry(at: path) != nil
        }
    }

    public func list(_ directory: String) throws(FileError) -> [String] {
        let names = try state.withLock { disk throws(FileError) in
            try disk.call(.list, directory)
            return try disk.directories[disk.directory(at: directory, "list")].names.keys
        }
        return names.sorted()
    }

    public func makeDirectory(_ path: String) throws(FileError) {
        try change { disk throws(FileError) in
            try disk.call(
                .makeDirectory, path, takesSpace: disk.entry(at: path) == nil, noting: "mkdir \(path)")
            try disk.makeDirectory(at: path)
        }
    }

    public func remove(_ path: String) throws(FileError) {
        try change { disk throws(FileError) in
            try disk.call(.remove, path, noting: "remove \(path)")
            try disk.remove(path)
        }
    }

    public func rename(_ path: String, to newPath: String) throws(FileError) {
        try change { disk throws(FileError) in
            try disk.call(
                .rename, path, as: "rename to \(newPath)", takesSpace: true, noting: "rename \(path) \(newPath)")
            try disk.rename(path, to: newPath)
        }
    }

    public func syncDirectory(_ path: String) throws(FileError) {
        try state.withLock { disk throws(FileError) in
            try disk.call(.syncDirectory, path, noting: "syncdir \(path)")
            try disk.directories[disk.directory(at: path, "sync directory")].sync()
        }
    }

    /// Waits for a lock for 5 s, then throws `.wouldBlock`: nobody seems to be left to free it.
    public func lock(_ path: String, waiting: Bool) throws(FileError) -> any FileLock {
        let file = try change { disk throws(FileError) in
            try disk.call(.lock, path, takesSpace: disk.entry(at: path) == nil, noting: "lock \(path)")
            return try disk.makeFile(at: path, "lock")
        }
        guard state.wait(until: { $0.locks.insert(file).inserted }, nanoseconds: waiting ? 5_000_000_000 : 0) else {
            throw FileError(operation: "lock", path: path, code: .wouldBlock)
        }
        return InMemoryFileLock(path: path, file: file, of: self)
    }

    public func watch(_ path: String) throws(FileError) -> any FileWatch {
        try state.withLock { disk throws(FileError) in
            try disk.call(.watch, path)
            guard case .directory = disk.entry(at: parentDirectory(of: path)) else {
                throw FileError(operation: "watch", path: path, code: .noSuchFile)
            }
        }
        return InMemoryFileWatch(path: path, of: self)
    }

    /// Runs `body` and wakes those who watch.
    func change<Result>(
        _ body: (inout InMemoryDisk) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        defer { state.broadcast() }
        return try state.withLock(body)
    }
}
