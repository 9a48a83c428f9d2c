import Platform

/// What lies on an in-memory file system, and what was done to it.
struct InMemoryDisk {
    /// By their numbers; a file stays when its last name has gone, for those who have it open.
    var files: [InMemoryFile] = []
    /// By their numbers; the first one is where relative paths begin, the second one where the others do.
    var directories = [InMemoryDirectory(), InMemoryDirectory()]
    /// Numbers of the locked files.
    var locks: Set<Int> = []
    var trace: [String] = []
    var keepsTrace = true
    var callCount = 0
    var faults = InMemoryFaults()

    /// Counts a call and notes it.
    /// - Returns: the failure that it must end in.
    mutating func begin(
        _ operation: InMemoryFileSystem.Operation, _ path: String, as text: String? = nil, takesSpace: Bool = false,
        noting line: @autoclosure () -> String? = nil
    ) -> FileError? {
        let code = faults.code(for: operation, at: path, call: callCount, takesSpace: takesSpace)
        callCount += 1
        if keepsTrace, let line = line() { trace.append(code == nil ? line : line + " fails") }
        return code.map { FileError(operation: text ?? operation.rawValue, path: path, code: $0) }
    }

    /// Counts a call, notes it, and fails it if it is to fail.
    mutating func call(
        _ operation: InMemoryFileSystem.Operation, _ path: String, as text: String? = nil, takesSpace: Bool = false,
        noting line: @autoclosure () -> String? = nil
    ) throws(FileError) {
        if let failure = begin(operation, path, as: text, takesSpace: takesSpace, noting: line()) { throw failure }
    }

    /// Whether the process was dead before the last call that was counted.
    var isHalted: Bool { callCount - 1 > faults.lastCall }
    /// Whether it died in that call, or before it.
    var isHalting: Bool { callCount - 1 >= faults.lastCall }
    /// Decides how the last call that was counted fails.
    var failureRandom: RandomStream { faults.stream(ofCall: ~callCount & Int.max) }

    // MARK: names

    func entry(at path: String) -> InMemoryDirectory.Entry? {
        var entry = InMemoryDirectory.Entry.directory(path.utf8.first == UInt8(ascii: "/") ? 1 : 0)
        for name in path.split(separator: "/") where name != "." {
            guard case .directory(let number) = entry, let next = directories[number].names[String(name)] else {
                return nil
            }
            entry = next
        }
        return entry
    }

    /// The number of the file at `path`.
    func file(at path: String, _ operation: String) throws(FileError) -> Int {
        switch entry(at: path) {
        case .file(let file): return file
        case .directory: throw FileError(operation: operation, path: path, code: .isDirectory)
        case nil: throw FileError(operation: operation, path: path, code: .noSuchFile)
        }
    }

    /// The number of the directory at `path`.
    func directory(at path: String, _ operation: String) throws(FileError) -> Int {
        switch entry(at: path) {
        case .directory(let directory): return directory
        case .file: throw FileError(operation: operation, path: path, code: .notDirectory)
        case nil: throw FileError(operation: operation, path: path, code: .noSuchFile)
        }
    }

    mutating func makeFile(at path: String, _ operation: String) throws(FileError) -> Int {
        if entry(at: path) != nil { return try file(at: path, operation) }
        let directory = try directory(at: parentDirectory(of: path), operation)
        files.append(InMemoryFile())
        directories[directory].change(.setting(lastName(of: path), .file(files.count - 1)))
        return files.count - 1
    }

    mutating func makeDirectory(at path: String) throws(FileError) {
        switch entry(at: path) {
        case .directory: return
        case .file: throw FileError(operation: "make directory", path: path, code: .exists)
        case nil: break
        }
        let parent = try directory(at: parentDirectory(of: path), "make directory")
        directories.append(InMemoryDirectory())
        directories[parent].change(.setting(lastName(of: path), .directory(directories.count - 1)))
    }

    mutating func remove(_ path: String) throws(FileError) {
        guard let entry = entry(at: path) else {
            throw FileError(operation: "remove", path: path, code: .noSuchFile)
        }
        if case .directory(let number) = entry, !directories[number].names.isEmpty {
            throw FileError(operation: "remove", path: path, code: .directoryNotEmpty)
        }
        let parent = try directory(at: parentDirectory(of: path), "remove")
        directories[parent].change(.removal(lastName(of: path)))
    }

    mutating func rename(_ path: String, to newPath: String) throws(FileError) {
        let operation = "rename to \(newPath)"
        let parent = parentDirectory(of: path)
        precondition(parent == parentDirectory(of: newPath), "a file is renamed within its directory only")
        let file = try file(at: path, operation)
        if case .directory = entry(at: newPath) {
            throw FileError(operation: operation, path: path, code: .isDirectory)
        }
        try directories[directory(at: parent, operation)].change(
            .renaming(lastName(of: path), lastName(of: newPath), .file(file)))
    }

    // MARK: changes and crashes

    /// What a path stands for; another one after each change of it.
    struct Version: Equatable {
        var file: Int
        var changeCount: Int
    }

    func version(of path: String) -> Version? {
        guard case .file(let file) = entry(at: path) else { return nil }
        return Version(file: file, changeCount: files[file].changeCount)
    }

    func crashed(leaving remains: InMemoryFileSystem.Remains) -> InMemoryDisk {
        var left = InMemoryDisk()
        left.keepsTrace = keepsTrace
        left.faults.seed = faults.seed
        switch remains {
        case .synced:
            left.files = files.map { InMemoryFile(durable: $0.durable) }
            left.directories = directories.map { InMemoryDirectory(durable: $0.durable) }
        case .all:
            left.files = files
            left.directories = directories
        case .some(let seed):
            var random = RandomStream(seed: seed, purpose: 0x6372_6173_68)
            left.files = files.map { InMemoryFile(durable: $0.crashed(&random)) }
            left.directories = directories.map { InMemoryDirectory(durable: $0.crashed(&random)) }
        }
        return left
    }
}
