import Platform
import Testing

struct LockTests {
    let scratch: Scratch
    var path: String { scratch.path + "/lock" }

    init() throws { scratch = try Scratch() }

    @Test func aLockExcludesOtherHoldersUntilItIsFree() throws {
        let lock = try PosixFileSystem().lock(path)
        #expect(code { () throws(FileError) in _ = try PosixFileSystem().lock(path) } == .wouldBlock)
        lock.unlock()
        lock.unlock()
        var second: (any FileLock)? = try PosixFileSystem().lock(path)
        #expect(second?.path == path)
        #expect(code { () throws(FileError) in _ = try PosixFileSystem().lock(path) } == .wouldBlock)
        second = nil
        _ = try PosixFileSystem().lock(path, waiting: true)
    }

    @Test func aWaitingLockComesWhenTheHolderLetsGo() throws {
        let events = Monitor<[String]>([])
        let first = try PosixFileSystem().lock(path)
        let worker = WorkerThread { [path] in
            let second = try? PosixFileSystem().lock(path, waiting: true)
            events.withLock { $0.append(second == nil ? "failed" : "second holds") }
            events.broadcast()
            second?.unlock()
        }
        #expect(!events.wait(until: { !$0.isEmpty }, nanoseconds: 30_000_000))
        events.withLock { $0.append("first lets go") }
        first.unlock()
        worker.join()
        #expect(events.withLock { $0 } == ["first lets go", "second holds"])
    }

    @Test func aLockInAMissingDirectoryIsAnError() {
        #expect(code { () throws(FileError) in _ = try PosixFileSystem().lock("\(path)/x/y") } == .noSuchFile)
    }
}
