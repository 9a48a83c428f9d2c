import EventModel
import Features
import LogStorage
import PipelineCore
import Platform

/// Writes the feature vectors as they were scored: a replay of the feature stage alone, which depends on no model.
public struct FeatureExport {
    private let log: LogDirectory
    private let specification: PipelineSpecification
    private let fileSystem: any FileSystem

    public init(log: LogDirectory, specification: PipelineSpecification, fileSystem: any FileSystem) {
        self.log = log
        self.specification = specification
        self.fileSystem = fileSystem
    }

    /// Writes `transaction_id` and a column for each feature in the plan's order, a row for each transaction in the
    /// order of the log.
    /// - Parameters:
    ///   - withContext: whether `event_time`, `status` and `input_offset` stand behind the id. A transaction too late or
    ///     quarantined has a vector as of another time than its own, which no model learns.
    ///   - forgetsRemoved: where retention has taken the input's beginning, write what follows from the rest.
    /// - Returns: the rows written.
    /// - Throws: `RuntimeError.vectorsRemoved` where retention has taken the input's beginning, unless `forgetsRemoved`.
    public func write(
        to path: String, withContext: Bool = false, forgetsRemoved: Bool = false, shouldStop: () -> Bool = { false },
        progress: (PipelineRun.Progress) -> Void = { _ in }
    ) throws(RuntimeError) -> Int64 {
        let start = try storage { () throws(LogError) in
            try TopicReader(directory: log.input, fileSystem: fileSystem).startOffset
        }
        if start > .zero && !forgetsRemoved { throw .vectorsRemoved(before: start) }
        var file = try TextFile(path: path, fileSystem: fileSystem)
        let plan: FeaturePlan
        do throws(FeatureError) { plan = try specification.makePlan() } catch { throw .feature(error) }
        let context = withContext ? ["event_time", "status", "input_offset"] : []
        file.append((["transaction_id"] + context + plan.names.map(csvField)).joined(separator: ",") + "\n")
        let stage = FeatureStage(plan: plan, specification: specification)
        var count: Int64 = 0
        try takeUpTables(stage, of: log, plan: plan, input: specification.input, fileSystem: fileSystem)
        try forEachBlock(of: log, plan: plan, input: specification.input, fileSystem: fileSystem) {
            block, end throws(RuntimeError) in
            stage.process(&block)
            for row in block.decidedRowsInOrder {
                file.append(csvField(block.transactionID(row: row).description))
                if withContext {
                    let row = block.context(row: row)
                    file.append(",\(row.eventTime),\(row.status.name),\(row.offset)")
                }
                for value in block.features(row: row) {
                    file.append(UInt8(ascii: ","))
                    file.append("\(value)")
                }
                file.append(UInt8(ascii: "\n"))
                count += 1
            }
            try file.flush(atLeast: 1 << 16)
            progress(
                PipelineRun.Progress(
                    records: stage.tally.records, offset: block.endOffset ?? .zero, end: end,
                    eventTime: stage.watermark, learned: 0, recentLoss: nil))
            return !shouldStop()
        }
        try file.finish()
        return count
    }
}

/// Goes through the input log in blocks, decoded, from `start` (nil: its beginning) up to its durable end; `body` says
/// whether to go on.
func forEachBlock(
    of log: LogDirectory, from start: Offset? = nil, plan: FeaturePlan, input: InputSpecification,
    fileSystem: any FileSystem,
    _ body: (inout EventBlock, Offset) throws(RuntimeError) -> Bool
) throws(RuntimeError) {
    let reader: TopicReader
    let schemas: SchemaRegistry
    let cursor: TopicCursor
    do throws(LogError) {
        reader = try TopicReader(directory: log.input, fileSystem: fileSystem)
        reader.stopsAtDurableEnd = true
        schemas = try SchemaRegistry(log, fileSystem: fileSystem)
        for reader in input.readerSchemas { try schemas.requireReadable(by: reader) }
        cursor = try reader.cursor(from: start ?? reader.startOffset)
    } catch { throw .log(error) }
    let blockRecords = 4096
    var decoder = RecordDecoder(plan: plan, input: input) { schemas.schema($0) }
    var block = EventBlock(plan: plan, idType: input.idType)
    while let batch = try storage({ () throws(LogError) in try cursor.nextBatch() }) {
        var records = batch.records
        block.retain(batch.owner)
        while decoder.append(&records, atMost: blockRecords - block.recordCount, to: &block) > 0 {
            if block.recordCount < blockRecords { continue }
            if !(try body(&block, reader.durableEnd)) { return }
            block.removeAll()
            block.retain(batch.owner)
        }
        if records.isMalformed { throw .log(batch.malformedRecord(at: cursor.offset)) }
    }
    if block.recordCount > 0 { _ = try body(&block, reader.durableEnd) }
}
