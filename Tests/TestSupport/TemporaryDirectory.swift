import Foundation

/// A new directory on the real file system, removed with all in it when this object goes.
///
/// Where the environment's `TIDEMARK_KEEP_LOGS` names a directory, it is made there and stays, so that other programs
/// can judge the logs that tests write.
public final class TemporaryDirectory {
    public let path: String
    private let isKept: Bool

    /// - Parameter isKeepable: false where the test damages what it writes.
    public init(isKeepable: Bool = true) throws {
        let kept = isKeepable ? ProcessInfo.processInfo.environment["TIDEMARK_KEEP_LOGS"] : nil
        let parent = kept.map { URL(fileURLWithPath: $0) } ?? FileManager.default.temporaryDirectory
        let url = parent.appendingPathComponent("tidemark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
        isKept = kept != nil
    }

    deinit {
        if !isKept { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Writes a file and gives its path.
    public func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    public func write(_ text: String, to name: String) throws -> String { try write(text.utf8, to: name) }
}

/// A file of the repository by its path from the top level.
public func repositoryFile(_ path: String, from file: StaticString = #filePath) -> String {
    var top = URL(fileURLWithPath: "\(file)")
    while top.path != "/", !FileManager.default.fileExists(atPath: top.appendingPathComponent("Package.swift").path) {
        top.deleteLastPathComponent()
    }
    return top.appendingPathComponent(path).path
}
