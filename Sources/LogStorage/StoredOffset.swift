import EventModel
import Platform

/// How far a reader with a name has come in a topic, kept in `readers/NAME.offset` (two slots, as the durable end).
///
/// A reader stores its offset when it has done with the records below, so after a crash it may see some again, and
/// misses none. One process at a time can be the reader of a name. Retention keeps what stored offsets still need.
public final class StoredOffset {
    private static let suffix = ".offset"

    public let name: String
    private let path: String
    private let fileSystem: any FileSystem
    private let lock: any FileLock
    private var file: SlotFile?

    /// - Parameter name: letters, digits, `-` and `_`, at most 100.
    /// - Throws: `LogError.file` with a lock error where another process is that reader now.
    public init(reader name: String, of topic: String, fileSystem: any FileSystem) throws(LogError) {
        guard Self.isValid(name) else {
            throw .refused("the reader's name \(name) has to be 1 to 100 letters, digits, '-' or '_'")
        }
        self.name = name
        self.fileSystem = fileSystem
        let directory = Self.directory(of: topic)
        path = "\(directory)/\(name)\(Self.suffix)"
        lock = try files { () throws(FileError) in
            try fileSystem.createDirectory(directory)
            return try fileSystem.lock("\(directory)/\(name).lock")
        }
        if let slot = try SlotFile.read(path, fileSystem) {
            file = try SlotFile(path, first: slot.offset, fileSystem)
        }
    }

    /// The first record not yet done with; nil when nothing was stored.
    public var offset: Offset? { file?.offset }

    /// Makes it durable that all records below are done with.
    public func store(_ offset: Offset) throws(LogError) {
        if let file {
            if file.offset != offset { try files { () throws(FileError) in try file.store(offset) } }
        } else {
            file = try SlotFile(path, first: offset, fileSystem)
        }
    }

    /// Removes what is stored, durably: the reader begins anew, and retention waits for it no more.
    public func forget() throws(LogError) {
        file?.close()
        file = nil
        try files { () throws(FileError) in
            guard try fileSystem.exists(path) else { return }
            try fileSystem.remove(path)
            try fileSystem.syncDirectory(parentDirectory(of: path))
        }
    }

    public func close() {
        file?.close()
        lock.unlock()
    }

    /// The readers of a topic that have stored their offset, by name.
    public static func all(
        of topic: String, fileSystem: any FileSystem
    ) throws(LogError) -> [(name: String, offset: Offset)] {
        let directory = directory(of: topic)
        let names = try files { () throws(FileError) in
            try fileSystem.exists(directory) ? try fileSystem.list(directory) : []
        }
        var found: [(name: String, offset: Offset)] = []
        for name in names where name.hasSuffix(suffix) {
            guard let slot = try SlotFile.read("\(directory)/\(name)", fileSystem) else { continue }
            found.append((String(name.dropLast(suffix.count)), slot.offset))
        }
        return found
    }

    static func directory(of topic: String) -> String { topic + "/readers" }

    private static func isValid(_ name: String) -> Bool {
        1...100 ~= name.utf8.count
            && name.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                    || byte == 95
            }
    }
}
