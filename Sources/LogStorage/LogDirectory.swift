import EventModel
import Platform

/// Where things lie in a log's directory.
///
///     DIR/input-0/                  the input: transactions, labels, commands
///     DIR/malformed-0/              rows that could not become records, with the reason
///     DIR/schemas/1.avsc, ...       the schemas of all values
///     DIR/pipelines/NAME/           one pipeline's outputs: decisions-0, alerts-0, ..., checkpoints-0, models-0
public struct LogDirectory: Hashable, Sendable {
    public var path: String

    public init(_ path: String) { self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path }

    public var input: String { path + "/input-0" }
    public var malformed: String { path + "/malformed-0" }
    public var schemas: String { path + "/schemas" }
    public var pipelines: String { path + "/pipelines" }
    public func pipeline(_ name: String) -> String { "\(pipelines)/\(name)" }
    public func topic(_ topic: String, of pipeline: String) -> String { "\(self.pipeline(pipeline))/\(topic)" }

    /// Names of the pipelines that have run over this log.
    public func pipelineNames(_ fileSystem: any FileSystem) throws(LogError) -> [String] {
        try files { () throws(FileError) in
            try fileSystem.exists(pipelines) ? try fileSystem.list(pipelines) : []
        }
    }
}

/// A segment's files, named by the offset of its first record.
struct SegmentName: Hashable, Comparable {
    var base: Offset

    init(_ base: Offset) { self.base = base }

    /// The segment whose log file has this name, or nil.
    init?(file: String) {
        guard file.hasSuffix(".log"), file.utf8.count == 24, let base = Int64(file.dropLast(4)), base >= 0 else {
            return nil
        }
        self.base = Offset(base)
        if log != file { return nil }
    }

    private var digits: String {
        let digits = String(base.value)
        return String(repeating: "0", count: 20 - digits.count) + digits
    }

    var log: String { digits + ".log" }
    /// See `SegmentIndex`.
    var index: String { digits + ".index" }
    var timeIndex: String { digits + ".timeindex" }
    /// Once sealed: the CRC-32C of the log file and its length, four and eight bytes.
    var sum: String { digits + ".sum" }

    static func < (a: SegmentName, b: SegmentName) -> Bool { a.base < b.base }

    /// The segments in a directory, oldest first.
    static func all(in directory: String, _ fileSystem: any FileSystem) throws(LogError) -> [SegmentName] {
        guard try files({ () throws(FileError) in try fileSystem.exists(directory) }) else {
            throw .noTopic(directory: directory)
        }
        return try files { () throws(FileError) in try fileSystem.list(directory) }.compactMap(SegmentName.init(file:))
            .sorted()
    }
}
