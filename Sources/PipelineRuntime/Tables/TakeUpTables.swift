import EventModel
import Features
import LogStorage
import PipelineCore
import Platform

/// Gives a stage that begins at the log's start the rows that reference tables had there, where retention has removed
/// the input before.
func takeUpTables(
    _ stage: FeatureStage, of log: LogDirectory, plan: FeaturePlan, input: InputSpecification,
    fileSystem: any FileSystem
) throws(RuntimeError) {
    guard !input.tables.isEmpty else { return }
    try storage { () throws(LogError) in
        let start = try TopicReader(directory: log.input, fileSystem: fileSystem).startOffset
        guard start > .zero else { return }
        let schemas = try SchemaRegistry(log, fileSystem: fileSystem)
        var decoder = RecordDecoder(plan: plan, input: input) { schemas.schema($0) }
        var block = EventBlock(plan: plan, idType: input.idType)
        for table in input.tables {
            try TableTopics.forEachChange(of: table.name, in: log, before: start, fileSystem: fileSystem) {
                record, offset, owner in
                block.retain(owner)
                decoder.append(offset: offset, timestamp: record.timestamp, value: record.value, to: &block)
                if block.recordCount >= 4096 {
                    stage.takeUpTables(block)
                    block.removeAll()
                }
            }
            stage.takeUpTables(block)
            block.removeAll()
        }
    }
}
