import Platform

/// A file system whose syncs take their time, as those of a disk do, and are counted.
public final class SlowSyncFileSystem: FileSystem {
    private let base: any FileSystem
    private let syncs: SyncCounter

    /// - Parameter syncNanoseconds: how long a sync of a file or a directory takes at least.
    public init(base: any FileSystem, syncNanoseconds: Int) {
        self.base = base
        syncs = SyncCounter(nanoseconds: syncNanoseconds)
    }

    /// The syncs of files and directories that have begun.
    public var syncCount: Int { syncs.count.withLock { $0 } }

    public func open(_ path: String, _ opening: FileOpening) throws(FileError) -> any OpenFile {
        SlowSyncFile(base: try base.open(path, opening), syncs: syncs)
    }

    public func syncDirectory(_ path: String) throws(FileError) {
        try syncs.sync { () throws(FileError) in try base.syncDirectory(path) }
    }

    public func read(_ path: String) throws(FileError) -> [UInt8] { try base.read(path) }
    public func map(_ path: String) throws(FileError) -> MappedBytes { try base.map(path) }
    public func size(of path: String) throws(FileError) -> Int { try base.size(of: path) }
    public func exists(_ path: String) throws(FileError) -> Bool { try base.exists(path) }
    public func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }
    public func makeDirectory(_ path: String) throws(FileError) { try base.makeDirectory(path) }
    public func remove(_ path: String) throws(FileError) { try base.remove(path) }
    public func rename(_ path: String, to newPath: String) throws(FileError) { try base.rename(path, to: newPath) }
    public func lock(_ path: String, waiting: Bool) throws(FileError) -> any FileLock {
        try base.lock(path, waiting: waiting)
    }
    public func watch(_ path: String) throws(FileError) -> any FileWatch { try base.watch(path) }
}

private final class SlowSyncFile: OpenFile {
    private let base: any OpenFile
    private let syncs: SyncCounter
    var path: String { base.path }

    init(base: any OpenFile, syncs: SyncCounter) {
        self.base = base
        self.syncs = syncs
    }

    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError) {
        try base.write(bytes, at: position)
    }
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int {
        try base.read(into: buffer, at: position)
    }
    func size() throws(FileError) -> Int { try base.size() }
    func truncate(to size: Int) throws(FileError) { try base.truncate(to: size) }
    func sync() throws(FileError) { try syncs.sync { () throws(FileError) in try base.sync() } }
    func close() { base.close() }
}

private final class SyncCounter: Sendable {
    let count = Monitor(0)
    private let nanoseconds: Int

    init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    /// Runs `body`, then waits until the time of a sync is over. Syncs of several threads may overlap.
    func sync(_ body: () throws(FileError) -> Void) throws(FileError) {
        let clock = SystemClock()
        let start = clock.monotonicNanoseconds
        count.withLock { $0 += 1 }
        try body()
        let rest = Int64(nanoseconds) - (clock.monotonicNanoseconds - start)
        _ = count.wait(until: { _ in false }, nanoseconds: Int(rest))
    }
}
