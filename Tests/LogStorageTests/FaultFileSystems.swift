import Platform

@testable import LogStorage

/// A file system that passes all calls on: what planted bugs and interleaved calls are made of.
class PassingFileSystem: FileSystem, @unchecked Sendable {
    let base: any FileSystem

    init(_ base: any FileSystem) { self.base = base }

    func open(_ path: String, _ opening: FileOpening) throws(FileError) -> any OpenFile {
        try base.open(path, opening)
    }
    func read(_ path: String) throws(FileError) -> [UInt8] { try base.read(path) }
    func map(_ path: String) throws(FileError) -> MappedBytes { try base.map(path) }
    func size(of path: String) throws(FileError) -> Int { try base.size(of: path) }
    func exists(_ path: String) throws(FileError) -> Bool { try base.exists(path) }
    func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }
    func makeDirectory(_ path: String) throws(FileError) { try base.makeDirectory(path) }
    func remove(_ path: String) throws(FileError) { try base.remove(path) }
    func rename(_ path: String, to newPath: String) throws(FileError) { try base.rename(path, to: newPath) }
    func syncDirectory(_ path: String) throws(FileError) { try base.syncDirectory(path) }
    func lock(_ path: String, waiting: Bool) throws(FileError) -> any FileLock {
        try base.lock(path, waiting: waiting)
    }
    func watch(_ path: String) throws(FileError) -> any FileWatch { try base.watch(path) }
}

class PassingFile: OpenFile, @unchecked Sendable {
    let base: any OpenFile
    var path: String { base.path }

    init(_ base: any OpenFile) { self.base = base }

    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError) {
        try base.write(bytes, at: position)
    }
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int {
        try base.read(into: buffer, at: position)
    }
    func size() throws(FileError) -> Int { try base.size() }
    func truncate(to size: Int) throws(FileError) { try base.truncate(to: size) }
    func sync() throws(FileError) { try base.sync() }
    func close() { base.close() }
}

/// Lets others act between the calls that change or list something.
final class InterleavedFileSystem: PassingFileSystem, @unchecked Sendable {
    private let others: () -> Void

    init(_ base: any FileSystem, _ others: @escaping () -> Void) {
        self.others = others
        super.init(base)
    }

    override func open(_ path: String, _ opening: FileOpening) throws(FileError) -> any OpenFile {
        others()
        return try super.open(path, opening)
    }
    override func list(_ directory: String) throws(FileError) -> [String] {
        others()
        return try super.list(directory)
    }
    override func remove(_ path: String) throws(FileError) {
        others()
        try super.remove(path)
    }
    override func rename(_ path: String, to newPath: String) throws(FileError) {
        others()
        try super.rename(path, to: newPath)
    }
    override func syncDirectory(_ path: String) throws(FileError) {
        others()
        try super.syncDirectory(path)
    }
}

/// Planted bug: names are not made durable.
final class SkippingDirectorySync: PassingFileSystem, @unchecked Sendable {
    override func syncDirectory(_ path: String) throws(FileError) {}
}

/// Planted bug: a log file's sync is left out, so that records are acknowledged before they are durable.
final class AcknowledgingBeforeSync: PassingFileSystem, @unchecked Sendable {
    private final class File: PassingFile, @unchecked Sendable {
        override func sync() throws(FileError) {}
    }

    override func open(_ path: String, _ opening: FileOpening) throws(FileError) -> any OpenFile {
        let file = try super.open(path, opening)
        return path.hasSuffix(".log") ? File(file) : file
    }
}

/// Planted bug: a write or sync of a log file that fails is taken for done.
final class SwallowingFailures: PassingFileSystem, @unchecked Sendable {
    private final class File: PassingFile, @unchecked Sendable {
        override func sync() throws(FileError) { try? super.sync() }
    }

    override func open(_ path: String, _ opening: FileOpening) throws(FileError) -> any OpenFile {
        let file = try super.open(path, opening)
        return path.hasSuffix(".log") ? File(file) : file
    }
}

/// Planted bug: a torn batch is taken for a whole one. Each batch of a log file that has all its bytes is read with the
/// checksum that fits them.
final class TakingTornBatchesForWhole: PassingFileSystem, @unchecked Sendable {
    private final class File: PassingFile, @unchecked Sendable {
        override func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int {
            let count = try super.read(into: buffer, at: position)
            fixChecksums(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
            return count
        }
    }

    override func open(_ path: String, _ opening: FileOpening) throws(FileError) -> any OpenFile {
        let file = try super.open(path, opening)
        return path.hasSuffix(".log") ? File(file) : file
    }
}

/// Gives each batch that `bytes` begin with the checksum that fits its bytes.
private func fixChecksums(_ bytes: UnsafeMutableRawBufferPointer) {
    var start = 0
    while start + BatchLayout.records <= bytes.count {
        let length = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: start + BatchLayout.length, as: Int32.self))
        let end = start + BatchLayout.leaderEpoch + Int(length)
        guard length >= BatchLayout.records - BatchLayout.leaderEpoch, end <= bytes.count else { return }
        let checksum = BatchLayout.checksum(of: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        bytes.storeBytes(of: checksum.bigEndian, toByteOffset: start + BatchLayout.checksum, as: UInt32.self)
        start = end
    }
}
