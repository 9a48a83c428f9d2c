import Platform
import Synchronization

final class InMemoryOpenFile: OpenFile {
    let path: String
    private let file: Int
    private let fileSystem: InMemoryFileSystem
    private let isClosed = Atomic(false)

    init(path: String, file: Int, of fileSystem: InMemoryFileSystem) {
        self.path = path
        self.file = file
        self.fileSystem = fileSystem
    }

    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError) {
        try checkOpen(.write)
        try fileSystem.change { disk throws(FileError) in
            let failure = disk.begin(
                .write, path, takesSpace: true, noting: "write \(path) \(position)+\(bytes.count)")
            guard let failure else { return disk.files[file].write(bytes, at: position) }
            var random = disk.failureRandom
            if !disk.isHalted { disk.files[file].write(bytes.prefix(random.below(bytes.count + 1)), at: position) }
            throw failure
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int {
        try checkOpen(.read)
        return try fileSystem.state.withLock { disk throws(FileError) in
            try disk.call(.read, path)
            let found = disk.files[file].contents.dropFirst(position).prefix(buffer.count)
            buffer.copyBytes(from: found)
            return found.count
        }
    }

    func size() throws(FileError) -> Int {
        try checkOpen(.stat)
        return try fileSystem.state.withLock { disk throws(FileError) in
            try disk.call(.stat, path)
            return disk.files[file].contents.count
        }
    }

    func truncate(to size: Int) throws(FileError) {
        try checkOpen(.truncate)
        try fileSystem.change { disk throws(FileError) in
            let grows = disk.files[file].contents.count < size
            try disk.call(.truncate, path, takesSpace: grows, noting: "truncate \(path) \(size)")
            disk.files[file].truncate(to: size)
        }
    }

    func sync() throws(FileError) {
        try checkOpen(.sync)
        try fileSystem.state.withLock { disk throws(FileError) in
            guard let failure = disk.begin(.sync, path, noting: "sync \(path)") else {
                return disk.files[file].sync()
            }
            var random = disk.failureRandom
            if !disk.isHalting { disk.files[file].failSync(&random) }
            throw failure
        }
    }

    func close() { isClosed.store(true, ordering: .relaxed) }

    private func checkOpen(_ operation: InMemoryFileSystem.Operation) throws(FileError) {
        if isClosed.load(ordering: .relaxed) {
            throw FileError(operation: operation.rawValue, path: path, code: .badDescriptor)
        }
    }
}

final class InMemoryFileLock: FileLock {
    let path: String
    private let file: Int
    private let fileSystem: InMemoryFileSystem
    private let isHeld = Atomic(true)

    init(path: String, file: Int, of fileSystem: InMemoryFileSystem) {
        self.path = path
        self.file = file
        self.fileSystem = fileSystem
    }

    deinit { unlock() }

    func unlock() {
        guard isHeld.exchange(false, ordering: .relaxed) else { return }
        fileSystem.state.withLock { _ = $0.locks.remove(file) }
        fileSystem.state.broadcast()
    }
}

/// Compares what the path stands for with what it stood for at the last wait.
final class InMemoryFileWatch: FileWatch {
    private let path: String
    private let fileSystem: InMemoryFileSystem
    private let seen: Mutex<InMemoryDisk.Version?>

    init(path: String, of fileSystem: InMemoryFileSystem) {
        self.path = path
        self.fileSystem = fileSystem
        seen = Mutex(fileSystem.state.withLock { $0.version(of: path) })
    }

    func wait(milliseconds: Int) throws(FileError) -> Bool {
        let clock = SystemClock()
        let deadline = clock.monotonicNanoseconds + Int64(max(milliseconds, 0)) * 1_000_000
        while !Termination.isRequested {
            // No condition wakes it for a request to stop, so it looks every 50 ms.
            let rest = min(max(Int(deadline - clock.monotonicNanoseconds), 0), 50_000_000)
            if fileSystem.state.wait(until: hasChanged, nanoseconds: rest) { return true }
            if rest == 0 { return false }
        }
        return false
    }

    private func hasChanged(_ disk: inout InMemoryDisk) -> Bool {
        let version = disk.version(of: path)
        return seen.withLock { seen in
            defer { seen = version }
            return seen != version
        }
    }
}
