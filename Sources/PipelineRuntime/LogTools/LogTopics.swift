import EventModel
import LogStorage
import Platform

/// A topic of a log, as its tools name it.
public struct LogTopic: Hashable, Sendable {
    /// Relative to the log's directory: `input-0`, `pipelines/card-fraud/decisions-0`.
    public let name: String
    public let directory: String

    public var isInput: Bool { name == "input-0" }

    /// The reference table whose rows it holds.
    public var table: String? {
        let parts = name.split(separator: "/")
        return parts.count == 2 && parts[0] == "tables" ? String(parts[1].dropLast(2)) : nil
    }

    /// The pipeline that writes it and the topic's name there; nil where it belongs to no pipeline.
    public var output: (pipeline: String, topic: String)? {
        let parts = name.split(separator: "/").map(String.init)
        return parts.count == 3 ? (parts[1], parts[2]) : nil
    }

    /// How far the reader of that name has come. One process at a time is that reader.
    public func storedOffset(
        of reader: String, fileSystem: any FileSystem
    ) throws(RuntimeError) -> StoredOffset {
        do throws(LogError) {
            return try StoredOffset(reader: reader, of: directory, fileSystem: fileSystem)
        } catch {
            if case .file(let failure) = error, failure.operation == "lock", failure.code == .wouldBlock {
                throw .usage(
                    "\(name): another process is reader \(reader) now; wait for it to end, or take another name")
            }
            throw .log(error)
        }
    }

    /// What puts the topic in order.
    public func repair(in log: LogDirectory, fileSystem: any FileSystem) throws(RuntimeError) -> TopicRepair {
        try storage { () throws(LogError) in
            // Without schemas nobody knows what checkpoints say.
            let schemas = try? SchemaRegistry(log, fileSystem: fileSystem)
            let known = schemas.map {
                CheckpointRecord.knownEnd(of: self, in: log, schemas: $0, fileSystem: fileSystem)
            }
            return try TopicRepair(directory: directory, fileSystem: fileSystem, knownEnd: known ?? .zero)
        }
    }

    /// Whether what stands there must stay as it is: the truth, or what was decided and set aside, a record each.
    public var isHistory: Bool {
        isInput || ["decisions-0", "alerts-0", "late-0", "quarantine-0", "duplicates-0"].contains(output?.topic)
    }
}

/// The topics of a log: the input, what stands beside it, then each pipeline's.
public struct LogTopics: Sendable {
    public let log: LogDirectory
    public let all: [LogTopic]

    /// - Throws: `.noTopic` where there is no log, `.refused` for a backup that was not finished.
    public init(of log: LogDirectory, fileSystem: any FileSystem) throws(RuntimeError) {
        self.log = log
        try storage { () throws(LogError) in try log.checkIsWhole(fileSystem) }
        let pipelines = try storage { () throws(LogError) in try log.pipelineNames(fileSystem) }
        var names = ["input-0"]
        let hasInput: Bool
        do throws(FileError) { hasInput = try fileSystem.exists(log.input) } catch { throw .file(error) }
        guard hasInput else { throw .log(.noTopic(directory: log.path)) }
        do throws(FileError) {
            names += try fileSystem.list(log.path).filter { $0.hasSuffix("-0") && $0 != "input-0" }
            if try fileSystem.exists(log.tables) {
                names += try fileSystem.list(log.tables).filter { $0.hasSuffix("-0") }.map { "tables/\($0)" }
            }
            for pipeline in pipelines {
                names += try fileSystem.list(log.pipeline(pipeline)).filter { $0.hasSuffix("-0") }
                    .map { "pipelines/\(pipeline)/\($0)" }
            }
        } catch { throw .file(error) }
        all = names.map { LogTopic(name: $0, directory: "\(log.path)/\($0)") }
    }

    /// The topic of that name; the ends of names will do where they tell enough (`decisions-0`).
    public func topic(_ name: String) throws(RuntimeError) -> LogTopic {
        if let topic = all.first(where: { $0.name == name }) { return topic }
        let found = all.filter { $0.name.hasSuffix("/" + name) }
        if found.count == 1 { return found[0] }
        let names = (found.isEmpty ? all : found).map(\.name).joined(separator: ", ")
        throw .usage("\(log.path) has \(found.isEmpty ? "no" : "more than one") topic '\(name)'; name one of \(names)")
    }

    /// The topic of that name alone, or all.
    public func chosen(_ name: String?) throws(RuntimeError) -> [LogTopic] {
        if let name { [try topic(name)] } else { all }
    }
}
