import Glibc
import Platform
import Testing

struct PosixFileTests {
    let scratch: Scratch
    var path: String { scratch.path + "/file" }

    init() throws { scratch = try Scratch() }

    @Test func whatIsWrittenIsRead() throws {
        let file = try scratch.files.open(path, .writing)
        try "hello".utf8.map { $0 }.withUnsafeBytes { try file.write($0, at: 3) }
        try file.sync()
        #expect(try file.size() == 8)
        var found = [UInt8](repeating: 7, count: 10)
        #expect(try found.withUnsafeMutableBytes { try file.read(into: $0, at: 2) } == 6)
        #expect(found == [0] + Array("hello".utf8) + [7, 7, 7, 7])
        #expect(try found.withUnsafeMutableBytes { try file.read(into: $0, at: 8) } == 0)
        try file.truncate(to: 4)
        try file.truncate(to: 6)
        #expect(try scratch.files.read(path) == [0, 0, 0, UInt8(ascii: "h"), 0, 0])
        let map = try scratch.files.map(path)
        let mapped = withExtendedLifetime(map) { Array(map.bytes) }
        #expect(try mapped == scratch.files.read(path))
        #expect(try scratch.files.size(of: path) == 6)
    }

    @Test func openingKeepsOrEmpties() throws {
        #expect(code { () throws(FileError) in _ = try scratch.files.open(path, .reading) } == .noSuchFile)
        try scratch.write("text", to: "file")
        _ = try scratch.files.open(path, .writing)
        #expect(try scratch.text(of: "file") == "text")
        _ = try scratch.files.open(path, .replacing)
        #expect(try scratch.text(of: "file") == "")
    }

    @Test func aClosedFileRefusesCalls() throws {
        let file = try scratch.files.open(path, .writing)
        file.close()
        file.close()
        #expect(code { () throws(FileError) in try file.sync() } == .badDescriptor)
        #expect(code { () throws(FileError) in _ = try file.size() } == .badDescriptor)
        #expect(code { () throws(FileError) in try file.truncate(to: 0) } == .badDescriptor)
    }

    /// The system writes the bytes up to the limit and says how many these were; only the next try fails.
    @Test func aWriteAcrossTheSizeLimitIsAnErrorAfterAllThatFits() throws {
        let limit = 1 << 30 + 123
        let file = try scratch.files.open(path, .writing)
        let bytes = [UInt8](repeating: 1, count: 300)
        let failure = try withFileSizeLimit(limit) {
            bytes.withUnsafeBytes { bytes in
                code { () throws(FileError) in try file.write(bytes, at: limit - 100) }
            }
        }
        #expect(failure == .tooLarge)
        #expect(try file.size() == limit)
        try bytes.withUnsafeBytes { try file.write($0, at: limit - 100) }
        #expect(try file.size() == limit + 200)
        var found = [UInt8](repeating: 0, count: 301)
        #expect(try found.withUnsafeMutableBytes { try file.read(into: $0, at: limit - 100) } == 300)
        #expect(found.dropLast() == bytes[...])
    }

    /// The limit holds for the whole process, so it is far above what other tests write.
    private func withFileSizeLimit<Result>(_ limit: Int, _ body: () throws -> Result) throws -> Result {
        let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
        var before = rlimit()
        try #require(getrlimit(resource, &before) == 0)
        var lowered = before
        lowered.rlim_cur = rlim_t(limit)
        let handler = signal(SIGXFSZ, SIG_IGN)
        try #require(setrlimit(resource, &lowered) == 0)
        defer {
            setrlimit(resource, &before)
            signal(SIGXFSZ, handler)
        }
        return try body()
    }
}
