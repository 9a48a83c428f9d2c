import Platform
import Testing

struct WatchTests {
    let scratch: Scratch
    var path: String { scratch.path + "/watched" }

    init() throws { scratch = try Scratch() }

    @Test func eachKindOfChangeIsSeenOnce() throws {
        let watch = try scratch.files.watch(path)
        let file = try scratch.files.open(path, .writing)
        #expect(try watch.wait(milliseconds: 0), "made")
        #expect(try !watch.wait(milliseconds: 0))
        try [1, 2, 3].withUnsafeBytes { try file.write($0, at: 0) }
        #expect(try watch.wait(milliseconds: 0), "written")
        #expect(try !watch.wait(milliseconds: 0))
        try file.truncate(to: 1)
        #expect(try watch.wait(milliseconds: 0), "cut")
        try scratch.write("new", to: "other")
        #expect(try !watch.wait(milliseconds: 0), "another file")
        try scratch.files.rename(scratch.path + "/other", to: path)
        #expect(try watch.wait(milliseconds: 0), "replaced")
        try scratch.write("newer", to: "watched")
        #expect(try watch.wait(milliseconds: 0), "written in its new place")
        try scratch.files.remove(path)
        #expect(try watch.wait(milliseconds: 0), "removed")
        #expect(try !watch.wait(milliseconds: 0))
    }

    @Test func waitingEndsAfterItsTime() throws {
        let watch = try scratch.files.watch(path)
        let clock = SystemClock()
        let start = clock.monotonicNanoseconds
        #expect(try !watch.wait(milliseconds: 30))
        #expect(clock.monotonicNanoseconds - start >= 30_000_000)
    }

    @Test func waitingEndsWithTheChange() throws {
        let watch = try scratch.files.watch(path)
        let clock = SystemClock()
        let start = clock.monotonicNanoseconds
        let worker = WorkerThread { [scratch] in
            _ = Monitor(0).wait(until: { _ in false }, nanoseconds: 20_000_000)
            try? scratch.write("x", to: "other")
            try? scratch.write("x", to: "watched")
        }
        #expect(try watch.wait(milliseconds: 60_000))
        #expect(clock.monotonicNanoseconds - start < 30_000_000_000)
        worker.join()
    }

    @Test func aMissingDirectoryIsAnError() throws {
        #expect(code { () throws(FileError) in _ = try scratch.files.watch(path + "/x") } == .noSuchFile)
        try scratch.files.createDirectory(scratch.path + "/d")
        let watch = try scratch.files.watch(scratch.path + "/d/x")
        try scratch.files.remove(scratch.path + "/d")
        #expect(code { () throws(FileError) in _ = try watch.wait(milliseconds: 60_000) } == .noSuchFile)
    }
}
