import Features
import Platform

/// The system's time zones: files of the tz database, by name.
struct TimeZoneDatabase {
    /// Where POSIX systems keep it.
    private static let directory = "/usr/share/zoneinfo"

    /// nil: none is known but UTC.
    let fileSystem: (any FileSystem)?

    /// - Throws: a text that says why there is none of that name.
    func zone(_ name: String) throws(TimeZoneProblem) -> TimeZoneTable {
        if name == TimeZoneTable.utc.name { return .utc }
        let expected = "expected UTC or a name such as Europe/Paris"
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isName = parts.allSatisfy { part in
            !part.isEmpty && part.first != "."
                && part.utf8.allSatisfy { byte in
                    byte != 0 && byte < 128
                        && (Character(Unicode.Scalar(byte)).isLetter || "0123456789_+-.".utf8.contains(byte))
                }
        }
        guard isName, let fileSystem else {
            throw TimeZoneProblem(description: "\(quoted(name)) is no time zone; \(expected)")
        }
        let bytes: [UInt8]?
        do throws(FileError) { bytes = try read("\(Self.directory)/\(name)", fileSystem) } catch {
            throw TimeZoneProblem(description: "\(error)")
        }
        guard let bytes else {
            throw TimeZoneProblem(
                description: "the system has no time zone \(quoted(name)) (package tzdata); \(expected)")
        }
        do { return try TimeZoneTable(name: name, tzif: bytes) } catch {
            throw TimeZoneProblem(description: "time zone \(quoted(name)): \(error)")
        }
    }

    private func read(_ path: String, _ fileSystem: any FileSystem) throws(FileError) -> [UInt8]? {
        try fileSystem.exists(path) ? try fileSystem.read(path) : nil
    }
}

struct TimeZoneProblem: Error, CustomStringConvertible {
    var description: String
}
