import Platform
import Simulation
import Testing

struct SlowSyncFileSystemTests {
    @Test func syncsTakeTheirTimeAndAreCounted() throws {
        let fileSystem = SlowSyncFileSystem(base: InMemoryFileSystem(), syncNanoseconds: 10_000_000)
        let file = try fileSystem.open("a", .writing)
        let clock = SystemClock()
        let start = clock.monotonicNanoseconds
        try file.sync()
        try fileSystem.syncDirectory(".")
        #expect(clock.monotonicNanoseconds - start >= 20_000_000)
        #expect(fileSystem.syncCount == 2)
    }
}
