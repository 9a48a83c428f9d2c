import Foundation

/// A file's text with its path from the repository's top.
struct TextFile {
    var path: String
    var text: String

    /// `Windowing` of `Sources/Windowing/Watermark.swift`.
    var module: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }

    var lines: [(number: Int, text: Substring)] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { ($0 + 1, $1) }
    }
}

struct Finding: Hashable, CustomStringConvertible {
    var path: String
    var line: Int
    var problem: String

    var description: String { "\(path):\(line): \(problem)" }
}

/// The repository that this file lies in.
struct Repository {
    let root: URL

    static var current: Repository {
        let file = URL(fileURLWithPath: #filePath)
        return Repository(
            root: file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent())
    }

    /// The paths of all files that git knows or would take in; without git all that do not look like build products.
    func paths() throws -> [String] {
        let listed = gitPaths() ?? folderPaths()
        return listed.filter { FileManager.default.fileExists(atPath: root.appendingPathComponent($0).path) }
    }

    func topLevel() throws -> [String] {
        Set(try paths().compactMap { $0.split(separator: "/").first.map(String.init) }).sorted()
    }

    func folders(in folder: String) throws -> [String] {
        let parts = try paths().map { $0.split(separator: "/") }.filter { $0.count > 2 && $0[0] == folder }
        return Set(parts.map { String($0[1]) }).sorted()
    }

    /// The text files with one of `extensions`; `folder` empty: all of them.
    func files(under folder: String, extensions: [String]) throws -> [TextFile] {
        try paths().filter { path in
            (folder.isEmpty || path.hasPrefix(folder + "/"))
                && extensions.contains(URL(fileURLWithPath: path).pathExtension)
        }.compactMap { path in
            let data = try Data(contentsOf: root.appendingPathComponent(path))
            return String(data: data, encoding: .utf8).map { TextFile(path: path, text: $0) }
        }
    }

    private func gitPaths() -> [String]? {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["git", "-C", root.path, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0, !data.isEmpty else { return nil }
        return String(decoding: data, as: UTF8.self).split(separator: "\0").map(String.init)
    }

    private func folderPaths() -> [String] {
        let products = [".build", ".git", ".swiftpm", "Package.resolved", "__pycache__"]
        guard let walk = FileManager.default.enumerator(atPath: root.path) else { return [] }
        var paths: [String] = []
        while let path = walk.nextObject() as? String {
            let name = URL(fileURLWithPath: path).lastPathComponent
            if products.contains(name) {
                walk.skipDescendants()
            } else if walk.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
                paths.append(path)
            }
        }
        return paths
    }
}
