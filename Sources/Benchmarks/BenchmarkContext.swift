import EventModel
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform
import Simulation

/// What benchmarks share: a directory for temporary files, the pipeline of workload W, and its logs, each made once.
///
/// One thread uses it.
public final class BenchmarkContext {
    public let directory: String
    let fileSystem = PosixFileSystem()
    let specification: PipelineSpecification
    let specificationText: String
    private var tables: [WorkloadSize: String] = [:]
    private var logs: [WorkloadSize: LogDirectory] = [:]
    private var nameCount = 0

    /// Rows of workload W, and its customers and terminals together.
    private struct WorkloadSize: Hashable {
        var rows: Int
        var keys: Int
    }
    /// A third of the keys are customers.
    private static let usualKeys = 15_000

    /// - Parameters:
    ///   - models: the directory with `workload-w.yaml`.
    ///   - directory: where temporary files go; it is made, and removed by `close()`.
    public init(
        models: String, directory: String = ProcessResources.temporaryDirectory("bench")
    ) throws {
        let text = String(decoding: try fileSystem.read("\(models)/workload-w.yaml"), as: UTF8.self)
        specificationText = text
        specification = try PipelineSpecification(yaml: text, file: "workload-w.yaml")
        self.directory = directory
        try fileSystem.createDirectory(directory)
    }

    /// Removes the temporary files.
    public func close() throws(FileError) { try fileSystem.removeAll(directory) }

    /// A path of its own for one run's files.
    func newPath(_ purpose: String) -> String {
        nameCount += 1
        return "\(directory)/\(purpose)-\(nameCount)"
    }

    /// Workload W as a CSV table.
    func table(rows: Int, keys: Int = usualKeys) throws -> String {
        let size = WorkloadSize(rows: rows, keys: keys)
        if let path = tables[size] { return path }
        let path = newPath("w.csv")
        var options = WorkloadOptions()
        options.rowCount = rows
        options.customerCount = keys / 3
        options.terminalCount = keys - keys / 3
        var simulation = try WorkloadW(options)
        let file = try fileSystem.open(path, .replacing)
        let csv = WorkloadCSV()
        var text = ByteWriter(capacity: 1 << 20)
        var position = 0
        csv.appendHeader(to: &text)
        var day: [SimulatedTransaction] = []
        while !simulation.isFinished {
            day.removeAll(keepingCapacity: true)
            simulation.appendNextDay(to: &day)
            for row in day { csv.append(row, to: &text) }
            try file.write(text.bytes, at: position)
            position += text.count
            text.removeAll()
        }
        file.close()
        tables[size] = path
        return path
    }

    /// A log with workload W as its input.
    func log(rows: Int, keys: Int = usualKeys) throws -> LogDirectory {
        let size = WorkloadSize(rows: rows, keys: keys)
        if let log = logs[size] { return log }
        let log = LogDirectory(newPath("log"))
        _ = try importTable(try table(rows: rows, keys: keys), into: log)
        logs[size] = log
        return log
    }

    func importTable(_ path: String, into log: LogDirectory) throws -> Importer.Report {
        try Importer(log: log, input: specification.input, fileSystem: fileSystem).importTable(
            from: try InputStream(path: path, fileSystem: fileSystem), name: path, flushLabels: true)
    }

    /// Goes through a log's input in blocks, decoded.
    func forEachBlock(
        of log: LogDirectory, records blockRecords: Int, _ body: (inout EventBlock) throws -> Void
    ) throws {
        let plan = try specification.makePlan()
        let schemas = try SchemaRegistry(log, fileSystem: fileSystem)
        let reader = try TopicReader(directory: log.input, fileSystem: fileSystem)
        let cursor = try reader.cursor(from: reader.startOffset)
        var decoder = RecordDecoder(plan: plan, input: specification.input) { schemas.schema($0) }
        var block = EventBlock(plan: plan, idType: specification.input.idType)
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            block.retain(batch.owner)
            while decoder.append(&records, atMost: blockRecords - block.recordCount, to: &block) > 0 {
                guard block.recordCount >= blockRecords else { continue }
                try body(&block)
                block.removeAll()
                block.retain(batch.owner)
            }
        }
        if block.recordCount > 0 { try body(&block) }
    }
}

extension FileSystem {
    /// Removes a file, or a directory's files and the files of its directories.
    ///
    /// Empty directories stay where the file system cannot remove them.
    func removeAll(_ path: String) throws(FileError) {
        guard try exists(path) else { return }
        let names: [String]
        do throws(FileError) { names = try list(path) } catch  where error.code == .notDirectory {
            return try remove(path)
        }
        for name in names { try removeAll("\(path)/\(name)") }
        do throws(FileError) { try remove(path) } catch  where error.code == .isDirectory {}
    }
}
