import Platform
import Simulation
import Testing

struct InMemoryFileSystemTests {
    private let disk = InMemoryFileSystem()

    private func write(_ text: String, to path: String, at position: Int = 0, of disk: InMemoryFileSystem) throws {
        let file = try disk.open(path, .writing)
        try file.write(Array(text.utf8), at: position)
    }

    private func text(_ path: String, of disk: InMemoryFileSystem) throws -> String {
        String(decoding: try disk.read(path), as: UTF8.self)
    }

    private func code(_ body: () throws(FileError) -> Void) -> FileError.Code? {
        do throws(FileError) { try body() } catch { return error.code }
        return nil
    }

    // MARK: names

    /// Contents by name.
    private func tree(_ disk: InMemoryFileSystem, _ directory: String = ".") throws -> [String: String] {
        var found: [String: String] = [:]
        for name in try disk.list(directory) { found[name] = try text("\(directory)/\(name)", of: disk) }
        return found
    }

    @Test func aReplacedFileIsTheOldOneOrTheNewAfterACrash() throws {
        func replace(with text: String, on disk: InMemoryFileSystem) throws {
            try Array(text.utf8).withUnsafeBytes { try disk.replace("a", with: $0) }
        }
        try replace(with: "old", on: disk)
        var found: Set<[String: String]> = []
        for last in 0..<6 {
            let disk = disk.crash()
            disk.halt(atCall: last)
            _ = try? replace(with: "new", on: disk)
            for seed in 0..<100 {
                let left = disk.crash(leaving: .some(seed: UInt64(seed)))
                found.insert(["a": try text("a", of: left)])
            }
        }
        #expect(found == [["a": "old"], ["a": "new"]])
    }

    @Test func aRenameIsAtomicAndSurvivesOrNot() throws {
        try write("old", to: "a", of: disk)
        try disk.open("a", .writing).sync()
        try disk.syncDirectory(".")
        let file = try disk.open("a.tmp", .replacing)
        try file.write(Array("new".utf8), at: 0)
        try file.sync()
        try disk.rename("a.tmp", to: "a")
        try write("", to: "b", of: disk)
        var found: Set<[String: String]> = []
        for seed in 0..<400 { found.insert(try tree(disk.crash(leaving: .some(seed: UInt64(seed))))) }
        let withoutB: [[String: String]] = [["a": "old"], ["a": "old", "a.tmp": "new"], ["a": "new"]]
        #expect(found == Set(withoutB + withoutB.map { $0.merging(["b": ""]) { $1 } }))
        #expect(try tree(disk.crash()) == ["a": "old"])
        #expect(try tree(disk.crash(leaving: .all)) == ["a": "new", "b": ""])
    }

    @Test func changesOfOneNameSurviveInTheirOrder() throws {
        try write("1", to: "a", of: disk)
        try disk.open("a", .writing).sync()
        try disk.remove("a")
        try write("2", to: "a", of: disk)
        try disk.open("a", .writing).sync()
        var found: Set<[String: String]> = []
        for seed in 0..<200 { found.insert(try tree(disk.crash(leaving: .some(seed: UInt64(seed))))) }
        #expect(found == [[:], ["a": "1"], ["a": "2"]])
    }

    @Test func aNameIsNotMadeAgainBeforeItWasRenamedAway() throws {
        for text in ["1", "2"] {
            let file = try disk.open("a.tmp", .writing)
            try file.write(Array(text.utf8), at: 0)
            try file.sync()
            if text == "1" { try disk.rename("a.tmp", to: "a") }
        }
        var found: Set<[String: String]> = []
        for seed in 0..<400 { found.insert(try tree(disk.crash(leaving: .some(seed: UInt64(seed))))) }
        #expect(found == [[:], ["a.tmp": "1"], ["a": "1"], ["a": "1", "a.tmp": "2"]])
    }

    @Test func aLostDirectoryTakesItsFilesAlong() throws {
        try disk.createDirectory("d/e")
        try disk.makeDirectory("d/e/f")
        try write("x", to: "d/e/f/g", of: disk)
        try disk.open("d/e/f/g", .writing).sync()
        try disk.syncDirectory("d/e/f")
        let crashed = disk.crash()
        #expect(try crashed.exists("d/e") && !crashed.exists("d/e/f") && !crashed.exists("d/e/f/g"))
        try disk.syncDirectory("d/e")
        #expect(try text("d/e/f/g", of: disk.crash()) == "x")
        #expect(code { () throws(FileError) in try disk.remove("d/e/f") } == .directoryNotEmpty)
        try disk.remove("d/e/f/g")
        try disk.remove("d/e/f")
        try disk.makeDirectory("d/e/f")
        #expect(try disk.list("d/e/f") == [])
        #expect(try disk.crash().list("d/e/f") == ["g"])
    }

    /// Whoever finds a directory makes it durable, whatever its maker came to do.
    @Test func aDirectoryThatWasMadeIsDurableWhoeverBegan() throws {
        let whole = InMemoryFileSystem()
        try whole.createDirectory("a/b/c")
        for last in 0..<whole.callCount {
            let disk = InMemoryFileSystem()
            disk.halt(atCall: last)
            #expect(throws: FileError.self) { try disk.createDirectory("a/b/c") }
            let again = disk.crash(leaving: .all)
            try again.createDirectory("a/b/c")
            #expect(try again.crash().exists("a/b/c"), "died at call \(last)")
        }
        let made = whole.crash(leaving: .all)
        try made.createDirectory("a/b/c/d")
        #expect(made.trace == ["syncdir a/b", "mkdir a/b/c/d", "syncdir a/b/c"])
        made.clearTrace()
        made.fail(.syncDirectory, with: .accessDenied)
        try made.createDirectory("a/b/c")
        #expect(made.trace == ["syncdir a/b fails"])
    }

    // MARK: failures

    @Test func aFailingWriteLeavesAFirstPartBySeed() throws {
        func left(_ seed: UInt64) throws -> String {
            let disk = InMemoryFileSystem(faultSeed: seed)
            disk.fail(.write, with: .noSpace)
            #expect(throws: FileError(operation: "write", path: "a", code: .noSpace)) {
                try write("hello", to: "a", of: disk)
            }
            try write("!", to: "b", of: disk)
            return try text("a", of: disk)
        }
        let found = try (0..<100).map { try left($0) }
        #expect(Set(found) == ["", "h", "he", "hel", "hell", "hello"])
        #expect(try (0..<100).map { try left($0) } == found)
    }

    @Test func aSyncAfterAFailedOneProvesNothing() throws {
        let disks = try (0..<40).map { (seed: UInt64) in
            let disk = InMemoryFileSystem(faultSeed: seed)
            try write("hello", to: "a", of: disk)
            try disk.syncDirectory(".")
            let file = try disk.open("a", .writing)
            disk.fail(.sync)
            #expect(throws: FileError.self) { try file.sync() }
            try file.sync()
            #expect(try text("a", of: disk) == "hello" && text("a", of: disk.crash(leaving: .all)) == "hello")
            return disk
        }
        #expect(Set(try disks.map { try text("a", of: $0.crash()) }) == ["hello", "\0\0\0\0\0"])
        for disk in disks {
            try write("hello", to: "a", of: disk)
            try disk.open("a", .writing).sync()
            #expect(try text("a", of: disk.crash()) == "hello")
        }
    }

    @Test func failuresAreAimedByKindPathAndNumber() throws {
        disk.fail(.sync, pathSuffix: "/b", after: 1, times: 2)
        try disk.makeDirectory("d")
        let (a, b) = (try disk.open("d/a", .writing), try disk.open("d/b", .writing))
        func fails(_ file: any OpenFile) -> Bool { code { () throws(FileError) in try file.sync() } != nil }
        #expect(
            [fails(a), fails(b), fails(b), fails(a), fails(b), fails(b)] == [false, false, true, false, true, false])
    }

    @Test func aFullDiskConcernsOnlyWhatTakesSpace() throws {
        try write("hello", to: "a", of: disk)
        let file = try disk.open("a", .writing)
        disk.fail(calls: 0..<Int.max, with: .noSpace)
        try file.truncate(to: 3)
        try file.sync()
        _ = try disk.open("a", .replacing)
        try disk.makeDirectory(".")
        #expect(try disk.read("a") == [])
        #expect(code { () throws(FileError) in try file.truncate(to: 4) } == .noSpace)
        #expect(code { () throws(FileError) in _ = try disk.open("b", .writing) } == .noSpace)
        #expect(code { () throws(FileError) in _ = try disk.lock("b") } == .noSpace)
        #expect(code { () throws(FileError) in try disk.rename("a", to: "b") } == .noSpace)
        #expect(code { () throws(FileError) in try disk.makeDirectory("b") } == .noSpace)
        try disk.remove("a")
        #expect(try disk.list(".") == [])
    }

    @Test func randomFailuresFollowTheirSeed() throws {
        func run(_ seed: UInt64) throws -> (failures: [FileError], names: [String: String]) {
            let disk = InMemoryFileSystem()
            let file = try disk.open("a", .writing)
            disk.failRandomly(seed: seed, perTenThousand: 2_000)
            var failures: [FileError] = []
            for number in 0..<300 {
                do throws(FileError) {
                    try file.write([UInt8(48 + number % 10)], at: number)
                    _ = try disk.read("a")
                    try file.sync()
                } catch { failures.append(error) }
            }
            disk.failRandomly(seed: seed, perTenThousand: 0)
            try disk.syncDirectory(".")
            return (failures, try tree(disk.crash()))
        }
        let (first, again, other) = (try run(1), try run(1), try run(2))
        #expect(first.failures == again.failures && first.names == again.names)
        #expect(first.failures != other.failures)
        #expect((100..<200).contains(first.failures.count))
        let kinds = Set(first.failures.map { "\($0.operation) \($0.code.number)" })
        #expect(kinds == ["write 5", "write 28", "read 5", "sync 5"])
    }

    @Test func afterTheLastCallNothingHappensAnyMore() throws {
        for last in 0...4 {
            let disk = InMemoryFileSystem(faultSeed: UInt64(last))
            disk.halt(atCall: last)
            _ = code { () throws(FileError) in
                let file = try disk.open("a", .writing)
                for position in 0..<9 {
                    _ = code { () throws(FileError) in try file.truncate(to: position + 1) }
                    _ = code { () throws(FileError) in try file.sync() }
                }
            }
            let expected = [0: nil, 1: 0, 2: 1, 3: 1, 4: 2][last] ?? nil
            let left = disk.crash(leaving: .all)
            #expect(try left.exists("a") == (expected != nil))
            if let expected { #expect(try left.size(of: "a") == expected) }
        }
    }

    @Test func dyingInASyncLosesNothingOfWhatReadsSee() throws {
        for seed in 0..<20 {
            let disk = InMemoryFileSystem(faultSeed: UInt64(seed))
            try write("hello", to: "a", of: disk)
            try disk.syncDirectory(".")
            let file = try disk.open("a", .writing)
            disk.halt(atCall: disk.callCount)
            #expect(throws: FileError.self) { try file.sync() }
            #expect(throws: FileError.self) { try file.write([0, 0, 0, 0, 0], at: 0) }
            let killed = disk.crash(leaving: .all)
            try killed.open("a", .writing).sync()
            #expect(try text("a", of: killed.crash()) == "hello")
        }
    }

    @Test func aFlippedBitStays() throws {
        try write("a", to: "f", of: disk)
        try disk.open("f", .writing).sync()
        try disk.syncDirectory(".")
        try disk.corrupt("f", bit: 1)
        #expect(try text("f", of: disk) == "c" && text("f", of: disk.crash()) == "c")
    }

    // MARK: crashes

    @Test func theSameSeedLeavesTheSameBytes() throws {
        for number in 0..<20 { try write(String(repeating: "\(number)", count: 700), to: "f\(number % 5)", of: disk) }
        func left(_ seed: UInt64) throws -> [String: String] { try tree(disk.crash(leaving: .some(seed: seed))) }
        let found = try (0..<50).map { try left($0) }
        #expect(try (0..<50).map { try left($0) } == found)
        #expect(Set(found).count > 25)
    }

    // MARK: locks and watches

    @Test func aLockIsFreeAfterACrashAndWhenLetGo() throws {
        let lock = try disk.lock("l")
        #expect(code { () throws(FileError) in _ = try disk.lock("l") } == .wouldBlock)
        _ = try disk.crash(leaving: .all).lock("l")
        let taken = Monitor(false)
        let worker = WorkerThread { [disk] in
            guard let lock = try? disk.lock("l", waiting: true) else { return }
            taken.withLock { $0 = true }
            lock.unlock()
        }
        #expect(!taken.wait(until: { $0 }, nanoseconds: 20_000_000))
        lock.unlock()
        worker.join()
        #expect(taken.withLock { $0 })
    }

    @Test func aWatchSeesEachChangeOnce() throws {
        let watch = try disk.watch("a")
        #expect(try !watch.wait(milliseconds: 1))
        try write("x", to: "a", of: disk)
        #expect(try watch.wait(milliseconds: 0))
        #expect(try !watch.wait(milliseconds: 0))
        try write("y", to: "b", of: disk)
        #expect(try !watch.wait(milliseconds: 0))
        try disk.rename("b", to: "a")
        #expect(try watch.wait(milliseconds: 0))
        try disk.remove("a")
        #expect(try watch.wait(milliseconds: 0))
        #expect(code { () throws(FileError) in _ = try disk.watch("d/a") } == .noSuchFile)
        let worker = WorkerThread { [disk] in
            _ = Monitor(0).wait(until: { _ in false }, nanoseconds: 10_000_000)
            _ = try? disk.open("a", .writing)
        }
        #expect(try watch.wait(milliseconds: 60_000))
        worker.join()
    }
}

extension OpenFile {
    fileprivate func write(_ bytes: [UInt8], at position: Int) throws(FileError) {
        try bytes.withUnsafeBufferPointer { bytes throws(FileError) in
            try write(UnsafeRawBufferPointer(bytes), at: position)
        }
    }
}
