import Glibc
import Platform

/// A directory of its own below the system's temporary one, removed with all that is in it.
final class Scratch: Sendable {
    let path: String
    let files = PosixFileSystem()

    init() throws {
        var name = Array("\(P_tmpdir)/platform-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else {
            throw FileError(operation: "make directory", path: P_tmpdir, code: FileError.Code(errno))
        }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { remove(path) }

    func write(_ text: String, to name: String) throws {
        let file = try files.open("\(path)/\(name)", .replacing)
        var text = text
        try text.withUTF8 { try file.write(UnsafeRawBufferPointer($0), at: 0) }
    }

    func text(of name: String) throws -> String { String(decoding: try files.read("\(path)/\(name)"), as: UTF8.self) }

    private func remove(_ path: String) {
        if let names = try? files.list(path) { for name in names { remove("\(path)/\(name)") } }
        try? files.remove(path)
    }
}

/// The code of the file error that `body` throws, nil when it throws none.
func code(_ body: () throws(FileError) -> Void) -> FileError.Code? {
    do throws(FileError) { try body() } catch { return error.code }
    return nil
}
