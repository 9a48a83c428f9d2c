import EventModel
import LogStorage
import Platform

/// Checks a log: all files of its topics against their checksums and each other, each value against its schema, the
/// schemas, and the states that checkpoints name. Writers and readers go on meanwhile.
public struct LogVerification {
    /// What was found.
    public struct Report: Sendable {
        public var topics = 0
        public var records = 0
        public var bytes = 0
        public var found: [LogDamage] = []

        public var damageCount: Int { found.count { $0.severity == .damage } }
        public var noteCount: Int { found.count { $0.severity == .note } }
    }

    private let topics: [LogTopic]
    private let log: LogDirectory
    private let fileSystem: any FileSystem
    private var report = Report()

    public init(_ topics: [LogTopic], of log: LogDirectory, fileSystem: any FileSystem) {
        self.topics = topics
        self.log = log
        self.fileSystem = fileSystem
    }

    /// Goes through everything.
    /// - Parameter progress: told the bytes done and the bytes of all.
    /// - Throws: where the system fails; never for damage.
    public mutating func run(progress: (Int, Int) -> Void = { _, _ in }) throws(RuntimeError) -> Report {
        let schemas = try openSchemas()
        let check = schemas.map(ValueCheck.init)
        let all = try byteCount()
        for topic in topics {
            let before = report.bytes
            var verification = TopicVerification(
                directory: topic.directory, fileSystem: fileSystem, isWrong: { check?.problem($0) })
            report.found += try storage { () throws(LogError) in
                try verification.run { done, _ in progress(before + done, all) }
            }
            report.topics += 1
            report.records += verification.records
            report.bytes += verification.bytes
            if let schemas, let output = topic.output, output.topic == "checkpoints-0" {
                try checkStates(of: output.pipeline, in: topic, schemas)
            }
        }
        return report
    }

    /// - Returns: nil where a schema is damaged; values cannot be checked then.
    private mutating func openSchemas() throws(RuntimeError) -> SchemaRegistry? {
        do throws(LogError) { return try SchemaRegistry(log, fileSystem: fileSystem) } catch {
            guard case .schema(let file, let what) = error else { throw .log(error) }
            report.found.append(
                LogDamage(
                    severity: .damage, file: file, position: 0, offset: nil, what: "\(what); no value was checked"))
            return nil
        }
    }

    private func byteCount() throws(RuntimeError) -> Int {
        var bytes = 0
        for topic in topics {
            do throws(FileError) {
                for file in try fileSystem.list(topic.directory) where file.hasSuffix(".log") {
                    bytes += try fileSystem.size(of: "\(topic.directory)/\(file)")
                }
            } catch {
                // A segment that is replaced meanwhile: this is for the progress only.
                if error.code != .noSuchFile { throw .file(error) }
            }
        }
        return bytes
    }

    private mutating func checkStates(
        of pipeline: String, in topic: LogTopic, _ schemas: SchemaRegistry
    ) throws(RuntimeError) {
        do throws(LogError) {
            let newest = try CheckpointRecord.newest(of: pipeline, in: log, schemas: schemas, fileSystem: fileSystem)
            let kept = try CheckpointRecord.kept(of: pipeline, in: log, schemas: schemas, fileSystem: fileSystem)
            if let newest { try checkEnds(newest, of: pipeline, in: topic) }
            if let newest, kept.last?.offset != newest.offset {
                addState(newest, of: topic, "the state of the newest checkpoint is missing")
            }
            for checkpoint in kept {
                let state: MappedBytes
                do throws(FileError) {
                    state = try fileSystem.map("\(topic.directory)/\(checkpoint.record.stateFile)")
                } catch {
                    // A running pipeline has let the oldest go meanwhile.
                    if error.code == .noSuchFile { continue }
                    throw LogError.file(error)
                }
                defer { withExtendedLifetime(state) {} }
                report.bytes += state.bytes.count
                if !checkpoint.record.isWhole(state.bytes) {
                    addState(checkpoint, of: topic, "the checkpoint's state is not what was saved")
                }
            }
        } catch {
            // Told already: the topic itself is damaged.
            if case .corrupt = error { return }
            throw .log(error)
        }
    }

    /// Whether input and outputs reach as far as a checkpoint says.
    private mutating func checkEnds(
        _ checkpoint: (offset: Offset, record: CheckpointRecord), of pipeline: String, in topic: LogTopic
    ) throws(LogError) {
        var needed = checkpoint.record.outputEnds.map { (log.topic($0.key, of: pipeline), $0.value) }
        needed.append((log.input, checkpoint.record.inputOffset))
        for (directory, needed) in needed.sorted(by: { $0.0 < $1.0 }) {
            let exists: Bool
            do throws(FileError) { exists = try fileSystem.exists(directory) } catch { throw .file(error) }
            let end =
                exists
                ? try TopicReader(directory: directory, fileSystem: fileSystem).contents().offsets.upperBound : .zero
            guard end < needed else { continue }
            report.found.append(
                LogDamage(
                    severity: .damage, file: directory, position: 0, offset: end,
                    what:
                        "records are missing: the newest checkpoint (\(topic.directory), offset \(checkpoint.offset)) "
                        + "was written when it ended at \(needed)"))
        }
    }

    private mutating func addState(
        _ checkpoint: (offset: Offset, record: CheckpointRecord), of topic: LogTopic, _ what: String
    ) {
        report.found.append(
            LogDamage(
                severity: .damage, file: "\(topic.directory)/\(checkpoint.record.stateFile)", position: 0,
                offset: checkpoint.offset, what: "\(what); 'tidemark train' takes an earlier one, or replays the log"))
    }
}
