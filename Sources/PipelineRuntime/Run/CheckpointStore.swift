import EventModel
import LinearAlgebra
import LogStorage
import Platform

/// A pipeline's whole state at an input offset, with the ends of its outputs then.
struct Checkpoint {
    var inputOffset: Offset
    var watermark: EventTime
    var digest: String
    var fingerprint: String
    var outputEnds: [String: Offset]
    var state: MappedBytes
}

/// A pipeline's checkpoints: a record each in `checkpoints-0`, the state beside it in a file that is written and synced
/// first and named, with length and checksum, in the record.
struct CheckpointStore {
    private let directory: String
    private let fileSystem: any FileSystem
    private let writer: TopicWriter
    private let schema: SchemaID
    private let schemas: SchemaRegistry
    /// State files kept: the newest, and one to fall back on.
    static let kept = 2

    init(directory: String, schemas: SchemaRegistry, fileSystem: any FileSystem) throws(LogError) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.schemas = schemas
        schema = try schemas.register(OutputSchema.checkpoint)
        writer = try TopicWriter(directory: directory, fileSystem: fileSystem)
    }

    /// The file of a state at an input offset, to be written.
    func makeFile(at inputOffset: Offset) -> StateFile {
        StateFile("\(inputOffset).state", in: directory, fileSystem)
    }

    /// Makes a checkpoint durable, then lets state files go that are no longer needed.
    /// - Parameter last: of the state's bytes, those that are not in `file` yet.
    func append(
        inputOffset: Offset, watermark: EventTime, digest: String, fingerprint: String, outputEnds: [String: Offset],
        _ file: StateFile, last: UnsafeRawBufferPointer
    ) throws(RuntimeError) {
        try storage { () throws(LogError) in
            do throws(FileError) { try file.finish(last) } catch { throw .file(error) }
            var value = ByteWriter()
            value.appendEnvelope(schema)
            value.appendVarint(inputOffset.value)
            value.appendVarint(max(watermark, EventTime.range.lowerBound).milliseconds)
            value.appendAvro(digest)
            value.appendAvro(fingerprint)
            value.appendAvro("tidemark \(Program.version)")
            value.appendAvro(BLAS.kernelName)
            value.appendAvro(file.name)
            value.appendVarint(Int64(file.byteCount))
            value.appendVarint(Int64(file.checksum))
            let ends = outputEnds.sorted { $0.key < $1.key }
            value.appendAvro(
                JSONValue.object(ends.map { JSONMember($0.key, .number($0.value.value)) }).description)
            var batch = RecordBatchBuilder()
            batch.append(timestamp: max(watermark, EventTime.range.lowerBound), value: value.bytes)
            try writer.append(&batch)
            try writer.sync()
        }
        try removeStates(besides: inputOffset)
    }

    /// The newest checkpoint whose state is whole, and the state files of newer ones that are not.
    func newest() throws(RuntimeError) -> (checkpoint: Checkpoint?, damagedStates: [String]) {
        try CheckpointReader(directory: directory, schemas: schemas, fileSystem: fileSystem).newest()
    }

    /// Forgets all checkpoints.
    func removeAll() throws(RuntimeError) {
        try storage { () throws(LogError) in try writer.truncate(to: .zero) }
        try removeStates { _ in true }
    }

    /// Keeps the newest checkpoint's state and those just before it; one further on was damaged, or no record names it.
    private func removeStates(besides newest: Offset) throws(RuntimeError) {
        let kept = try stateOffsets().filter { $0 <= newest.value }.sorted().suffix(Self.kept)
        try removeStates { !kept.contains($0) }
    }

    private func stateOffsets() throws(RuntimeError) -> [Int64] {
        try storage { () throws(LogError) in
            do throws(FileError) {
                return try fileSystem.list(directory).filter { $0.hasSuffix(".state") }
                    .compactMap { Int64($0.dropLast(6)) }
            } catch { throw .file(error) }
        }
    }

    private func removeStates(where shouldGo: (Int64) -> Bool) throws(RuntimeError) {
        for offset in try stateOffsets() where shouldGo(offset) {
            try storage { () throws(LogError) in
                do throws(FileError) { try fileSystem.remove("\(directory)/\(offset).state") } catch {
                    throw .file(error)
                }
            }
        }
    }
}

/// Reads a pipeline's checkpoints, whoever writes them meanwhile; it takes no lock and writes nothing.
struct CheckpointReader {
    let directory: String
    let schemas: SchemaRegistry
    let fileSystem: any FileSystem

    /// The newest checkpoint whose state is whole, and the state files of newer ones that are not.
    func newest() throws(RuntimeError) -> (checkpoint: Checkpoint?, damagedStates: [String]) {
        var found: [CheckpointRecord?] = []
        let reader = try storage { () throws(LogError) in
            try TopicReader(directory: directory, fileSystem: fileSystem)
        }
        let cursor = try storage { () throws(LogError) in try reader.cursor(from: reader.startOffset) }
        while let batch = try storage({ () throws(LogError) in try cursor.nextBatch() }) {
            var records = batch.records
            while let record = records.next() { found.append(CheckpointRecord(record.value, schemas: schemas)) }
        }
        var damaged: [String] = []
        for record in found.reversed() {
            guard let record else { continue }
            if let checkpoint = checkpoint(record) { return (checkpoint, damaged) }
            let path = "\(directory)/\(record.stateFile)"
            if damaged.count < CheckpointStore.kept && !damaged.contains(path) { damaged.append(path) }
        }
        return (nil, damaged)
    }

    private func checkpoint(_ record: CheckpointRecord) -> Checkpoint? {
        guard let state = try? fileSystem.map("\(directory)/\(record.stateFile)"),
            withExtendedLifetime(state, { record.isWhole(state.bytes) })
        else { return nil }
        return Checkpoint(
            inputOffset: record.inputOffset, watermark: record.watermark, digest: record.digest,
            fingerprint: record.fingerprint, outputEnds: record.outputEnds, state: state)
    }
}
