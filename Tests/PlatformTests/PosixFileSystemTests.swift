import Platform
import Testing

struct PosixFileSystemTests {
    let scratch: Scratch
    var files: PosixFileSystem { scratch.files }
    var path: String { scratch.path }

    init() throws { scratch = try Scratch() }

    @Test func namesAreListedByTheirBytes() throws {
        for name in ["b", "a", "é", "z", ".hidden", "B", "e\u{301}"] { try scratch.write("", to: name) }
        #expect(
            try files.list(path).map { Array($0.utf8) }
                == [".hidden", "B", "a", "b", "e\u{301}", "z", "é"].map { Array($0.utf8) })
        #expect(code { () throws(FileError) in _ = try files.list(path + "/x") } == .noSuchFile)
        #expect(code { () throws(FileError) in _ = try files.list(path + "/a") } == .notDirectory)
    }

    @Test func renamingReplaces() throws {
        try scratch.write("old", to: "a")
        try scratch.write("new", to: "b")
        try files.rename(path + "/b", to: path + "/a")
        #expect(try scratch.text(of: "a") == "new")
        #expect(try files.list(path) == ["a"])
        #expect(code { () throws(FileError) in try files.rename(path + "/x", to: path + "/a") } == .noSuchFile)
    }

    @Test func replacingLeavesNothingElseBehind() throws {
        for text in ["first", "2"] {
            try Array(text.utf8).withUnsafeBytes { try files.replace(path + "/a", with: $0) }
            #expect(try scratch.text(of: "a") == text)
            #expect(try files.list(path) == ["a"])
        }
    }

    @Test func directoriesAreMadeWithTheirParents() throws {
        #expect(try !files.exists(path + "/a/b"))
        for _ in 0..<2 { try files.createDirectory(path + "/a/b//c/") }
        #expect(try files.list(path + "/a/b") == ["c"])
        try files.makeDirectory(path + "/a")
        try files.createDirectory(".")
        try files.createDirectory("/")
        #expect(code { () throws(FileError) in try files.makeDirectory(path + "/x/y") } == .noSuchFile)
    }

    @Test func aFileIsNoDirectory() throws {
        try scratch.write("", to: "a")
        #expect(code { () throws(FileError) in try files.makeDirectory(path + "/a") } == .exists)
        #expect(code { () throws(FileError) in try files.createDirectory(path + "/a/b") } == .notDirectory)
        #expect(code { () throws(FileError) in try files.syncDirectory(path + "/a") } == .notDirectory)
        #expect(code { () throws(FileError) in _ = try files.open(path, .writing) } == .isDirectory)
        #expect(try !files.exists(path + "/a/b"))
    }

    @Test func removingTakesFilesAndEmptyDirectories() throws {
        try files.createDirectory(path + "/a")
        try scratch.write("", to: "a/b")
        #expect(code { () throws(FileError) in try files.remove(path + "/a") } == .directoryNotEmpty)
        try files.remove(path + "/a/b")
        try files.remove(path + "/a")
        #expect(code { () throws(FileError) in try files.remove(path + "/a") } == .noSuchFile)
        #expect(code { () throws(FileError) in _ = try files.size(of: path + "/a") } == .noSuchFile)
    }

    @Test func anErrorSaysWhatFailedAndWhere() {
        let error = FileError(operation: "open", path: "a/b", code: .noSuchFile)
        #expect(error.description == "cannot open a/b: No such file or directory (errno 2)")
    }

    @Test(arguments: [
        ("a/b/c", "a/b", "c"), ("c", ".", "c"), ("/c", "/", "c"), ("a//b/", "a", "b"), ("/", "/", "/"), (".", ".", "."),
    ])
    func pathsAreTakenApart(path: String, parent: String, last: String) {
        #expect(parentDirectory(of: path) == parent)
        #expect(lastName(of: path) == last)
    }
}
