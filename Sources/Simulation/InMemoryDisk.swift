import Platform

/// A file's bytes: those that a crash leaves, and the changes since.
struct InMemoryFile {
    enum Change {
        case write(Int, [UInt8])
        case truncation(Int)
    }

    private(set) var durable: [UInt8]
    private(set) var contents: [UInt8]
    private(set) var unsynced: [Change] = []

    init(durable: [UInt8] = []) {
        self.durable = durable
        contents = durable
    }

    mutating func change(_ change: Change) {
        unsynced.append(change)
        Self.apply(change, to: &contents)
    }

    static func apply(_ change: Change, to contents: inout [UInt8]) {
        switch change {
        case .write(let position, let bytes):
            let end = position + bytes.count
            if contents.count < end { contents += repeatElement(0, count: end - contents.count) }
            contents.replaceSubrange(position..<end, with: bytes)
        case .truncation(let size):
            if size < contents.count {
                contents.removeLast(contents.count - size)
            } else {
                contents += repeatElement(0, count: size - contents.count)
            }
        }
    }
}

/// A directory's names: those that a crash leaves, and the changes since.
struct InMemoryDirectory {
    enum Entry: Equatable {
        case file(Int)
        case directory
    }

    enum Change {
        case setting(String, Entry)
        case removal(String)
        case renaming(String, String, Int)
    }

    var names: [String: Entry] = [:]
    var durable: [String: Entry] = [:]
    var unsynced: [Change] = []

    static func apply(_ change: Change, to names: inout [String: Entry]) {
        switch change {
        case .setting(let name, let entry): names[name] = entry
        case .removal(let name): names[name] = nil
        case .renaming(let old, let new, let file):
            names[old] = nil
            names[new] = .file(file)
        }
    }
}

/// What lies on an in-memory file system, and what was done to it.
struct InMemoryDisk {
    var files: [Int: InMemoryFile] = [:]
    var directories: [String: InMemoryDirectory] = [".": InMemoryDirectory(), "/": InMemoryDirectory()]
    var locks: Set<String> = []
    var trace: [String] = []
    var callCount = 0
    var failingCalls = 0..<0
    var failureCode = FileError.Code.inputOutput

    /// Counts a call, notes it, and fails it if it is to fail.
    mutating func call(_ operation: String, _ path: String, noting line: String? = nil) throws(FileError) {
        let fails = failingCalls.contains(callCount)
        callCount += 1
        if let line { trace.append(fails ? line + " fails" : line) }
        if fails { throw FileError(operation: operation, path: path, code: failureCode) }
    }

    func entry(at path: String) -> InMemoryDirectory.Entry? {
        if directories[path] != nil { return .directory }
        return directories[parentDirectory(of: path)]?.names[lastName(of: path)]
    }

    func file(at path: String, _ operation: String) throws(FileError) -> Int {
        switch entry(at: path) {
        case .file(let file): return file
        case .directory: throw FileError(operation: operation, path: path, code: .isDirectory)
        case nil: throw FileError(operation: operation, path: path, code: .noSuchFile)
        }
    }

    func contents(of file: Int) -> [UInt8] { files[file]?.contents ?? [] }

    mutating func makeFile(at path: String) throws(FileError) -> Int {
        if entry(at: path) != nil { return try file(at: path, "open") }
        let file = files.count
        try change(.setting(lastName(of: path), .file(file)), in: parentDirectory(of: path), "open")
        files[file] = InMemoryFile()
        return file
    }

    mutating func change(
        _ change: InMemoryDirectory.Change, in directory: String, _ operation: String
    ) throws(FileError) {
        guard var found = directories[directory] else {
            throw FileError(operation: operation, path: directory, code: .noSuchFile)
        }
        found.unsynced.append(change)
        InMemoryDirectory.apply(change, to: &found.names)
        directories[directory] = found
    }

    func crashed(leaving remains: InMemoryFileSystem.Remains) -> InMemoryDisk {
        var left = InMemoryDisk()
        switch remains {
        case .synced:
            left.files = files.mapValues { InMemoryFile(durable: $0.durable) }
            left.directories = directories.mapValues { InMemoryDirectory(names: $0.durable, durable: $0.durable) }
        case .all:
            left.files = files
            left.directories = directories
        case .some(let seed):
            var random = RandomStream(seed: seed, purpose: 0x6372_6173_68)
            for (number, file) in files.sorted(by: { $0.key < $1.key }) {
                var bytes = file.durable
                for change in file.unsynced {
                    if let kept = change.part(&random) { InMemoryFile.apply(kept, to: &bytes) }
                }
                left.files[number] = InMemoryFile(durable: bytes)
            }
            for (path, directory) in directories.sorted(by: { $0.key < $1.key }) {
                var names = directory.durable
                let kept = random.below(directory.unsynced.count + 1)
                for change in directory.unsynced.prefix(kept) { InMemoryDirectory.apply(change, to: &names) }
                left.directories[path] = InMemoryDirectory(names: names, durable: names)
            }
        }
        left.removeUnreachableDirectories()
        return left
    }

    private mutating func removeUnreachableDirectories() {
        for path in directories.keys.sorted() where path != "." && path != "/" {
            if directories[parentDirectory(of: path)]?.names[lastName(of: path)] != .directory {
                directories[path] = nil
            }
        }
    }
}

extension InMemoryFile.Change {
    /// What a crash leaves of the change: all of it, nothing, or a part of a write.
    fileprivate func part(_ random: inout RandomStream) -> InMemoryFile.Change? {
        switch (random.below(3), self) {
        case (0, _): return nil
        case (1, .write(let position, let bytes)):
            let count = random.below(bytes.count + 1)
            return count == 0 ? nil : .write(position, Array(bytes[..<count]))
        default: return self
        }
    }
}

/// `c` of `a/b/c`.
func lastName(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
