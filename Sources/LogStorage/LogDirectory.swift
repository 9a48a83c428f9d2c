import EventModel
import Platform

/// Where things lie in a log's directory.
///
///     DIR/input-0/                  the input: transactions, labels, commands
///     DIR/malformed-0/              rows that could not become records, with the reason
///     DIR/tables/NAME-0/            the rows of a reference table, compacted
///     DIR/schemas/1.avsc, ...       the schemas of all values
///     DIR/pipelines/NAME/           one pipeline's outputs: decisions-0, alerts-0, ..., checkpoints-0, models-0
public struct LogDirectory: Hashable, Sendable {
    public var path: String

    public init(_ path: String) { self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path }

    public var input: String { path + "/input-0" }
    public var malformed: String { path + "/malformed-0" }
    public var tables: String { path + "/tables" }
    public func table(_ name: String) -> String { "\(tables)/\(name)-0" }
    public var schemas: String { path + "/schemas" }
    public var pipelines: String { path + "/pipelines" }
    public func pipeline(_ name: String) -> String { "\(pipelines)/\(name)" }
    public func topic(_ topic: String, of pipeline: String) -> String { "\(self.pipeline(pipeline))/\(topic)" }

    /// Names of the reference tables that have topics.
    public func tableNames(_ fileSystem: any FileSystem) throws(LogError) -> [String] {
        try files { () throws(FileError) in
            guard try fileSystem.exists(tables) else { return [] }
            return try fileSystem.list(tables).filter { $0.hasSuffix("-0") }.map { String($0.dropLast(2)) }
        }
    }

    /// Makes an empty input where there is none; one that is there stays as it is.
    public func makeInput(_ fileSystem: any FileSystem) throws(LogError) {
        try TopicWriter(directory: input, fileSystem: fileSystem).close()
    }

    /// Names of the pipelines that have run over this log.
    public func pipelineNames(_ fileSystem: any FileSystem) throws(LogError) -> [String] {
        try files { () throws(FileError) in
            try fileSystem.exists(pipelines) ? try fileSystem.list(pipelines) : []
        }
    }
}
