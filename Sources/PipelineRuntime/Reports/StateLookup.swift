import EventModel
import Features
import LogStorage
import PipelineCore
import Platform
import Windowing

/// Looks up what a pipeline's windows hold of a key: the newest checkpoint is taken up, and the input behind it goes
/// through the feature stage in memory. Nothing is locked and nothing written, so a running pipeline is not disturbed.
public struct StateLookup {
    private let log: LogDirectory
    private let specification: PipelineSpecification
    private let fileSystem: any FileSystem

    public init(log: LogDirectory, specification: PipelineSpecification, fileSystem: any FileSystem) {
        self.log = log
        self.specification = specification
        self.fileSystem = fileSystem
    }

    /// One aggregate of the entity.
    public struct Window: Hashable, Sendable {
        /// The feature's; `v0`, ... for one that only expressions read.
        public var name: String
        /// In words.
        public var window: String
        public var value: Double
    }

    public struct Answer: Sendable {
        public var keyColumns: [String]
        /// The events held of the key, and the time of the newest; nil without any.
        public var eventCount = 0
        public var latest: EventTime?
        /// nil before the first accepted transaction.
        public var watermark: EventTime?
        public var asOf: EventTime?
        /// The input up to here is in the windows; up to `checkpoint`, where there is one, it was so already.
        public var offset: Offset
        public var checkpoint: Offset?
        /// Empty for a key that nothing is held of.
        public var windows: [Window] = []
    }

    /// What the windows of `entity` hold of a key and say as of `time` (nil: the watermark), with all labels known at
    /// the durable end of the input.
    /// - Parameter key: a text for each of the entity's key columns.
    /// - Throws: `RuntimeError.usage` for an entity or key that cannot be, and for a time before what is held.
    public func look(
        up key: [String], of entity: String, asOf time: EventTime? = nil, shouldStop: () -> Bool = { false },
        progress: (PipelineRun.Progress) -> Void = { _ in }
    ) throws(RuntimeError) -> Answer {
        let plan: FeaturePlan
        do throws(FeatureError) { plan = try specification.makePlan() } catch { throw .feature(error) }
        let index = try place(of: entity, in: plan)
        let declared = plan.entities[index]
        let key = try self.key(key, of: declared)
        let stage = FeatureStage(plan: plan, specification: specification)
        let checkpoint = try takeUpCheckpoint(stage)
        var offset = checkpoint ?? .zero
        try forEachBlock(
            of: log, from: checkpoint, plan: plan, input: specification.input, fileSystem: fileSystem
        ) { block, end throws(RuntimeError) in
            stage.process(&block)
            offset = block.endOffset ?? offset
            progress(
                PipelineRun.Progress(
                    records: stage.tally.records, offset: offset, end: end, eventTime: stage.watermark, learned: 0,
                    recentLoss: nil))
            return !shouldStop()
        }
        let watermark = stage.watermark == .distantPast ? nil : stage.watermark
        var answer = Answer(
            keyColumns: declared.keyColumns.map(\.name), watermark: watermark, asOf: time ?? watermark, offset: offset,
            checkpoint: checkpoint)
        if let time, watermark != nil, time < stage.earliestAccepted {
            throw .usage(
                "windows as of \(time) are no longer whole: what only they reach is dropped; give a time from "
                    + "\(stage.earliestAccepted) on (the watermark less the allowed lateness)")
        }
        guard let found = stage.lookUp(key, entity: index, asOf: answer.asOf ?? EventTime.range.lowerBound) else {
            return answer
        }
        guard answer.asOf != nil else {
            throw .usage("no transaction was accepted yet, so there is no watermark; say as of which time")
        }
        answer.eventCount = found.eventCount
        answer.latest = found.latest
        answer.windows = zip(declared.targets, declared.aggregates).sorted { $0.0 < $1.0 }.map { target, aggregate in
            Window(name: plan.valueName(target), window: plan.text(aggregate), value: found.answers[target])
        }
        return answer
    }

    private func place(of entity: String, in plan: FeaturePlan) throws(RuntimeError) -> Int {
        if let index = plan.entities.firstIndex(where: { $0.name == entity }) { return index }
        guard !plan.entities.isEmpty else { throw .usage("pipeline '\(specification.name)' has no windows") }
        throw .usage(
            "there is no entity '\(entity)' with windows; there are \(plan.entities.map(\.name).joined(separator: ", "))"
        )
    }

    /// The key as the windows know it.
    private func key(_ texts: [String], of entity: FeaturePlan.Entity) throws(RuntimeError) -> EntityKey {
        let columns = entity.keyColumns
        guard texts.count == columns.count else {
            throw .usage(
                "'\(entity.name)' is told apart by \(columns.map(\.name).joined(separator: " and ")): give as many keys, "
                    + "not \(texts.count)")
        }
        var numbers: [Int64] = []
        var parts: [String] = []
        for (text, column) in zip(texts, columns) {
            guard column.type != .string else {
                parts.append(text)
                continue
            }
            guard let number = Int64(text) else {
                throw .usage("\(column.name) is a whole number, but the key is '\(text)'")
            }
            numbers.append(number)
            parts.append(String(number))
        }
        if parts.count == 2 {
            return entity.keysAreText
                ? .text(EntityKey.text(ofPair: parts[0], parts[1])) : .pair(numbers[0], numbers[1])
        }
        return entity.keysAreText ? .text(parts[0]) : .number(numbers[0])
    }

    /// - Returns: the offset up to which `stage` stands then; nil without a checkpoint.
    private func takeUpCheckpoint(_ stage: FeatureStage) throws(RuntimeError) -> Offset? {
        let schemas = try storage { () throws(LogError) in try SchemaRegistry(log, fileSystem: fileSystem) }
        let directory = log.topic("checkpoints-0", of: specification.name)
        let reader = CheckpointReader(directory: directory, schemas: schemas, fileSystem: fileSystem)
        let checkpoint: Checkpoint
        do throws(RuntimeError) {
            guard let newest = try reader.newest().checkpoint else { return nil }
            checkpoint = newest
        } catch {
            if case .log(.noTopic) = error { return nil }
            throw error
        }
        guard checkpoint.fingerprint == specification.fingerprint else {
            throw .otherSpecification(
                pipeline: specification.name, stored: checkpoint.fingerprint, given: specification.fingerprint)
        }
        var state = ByteReader(checkpoint.state.bytes)
        do throws(StateCodingError) { try stage.decode(from: &state) } catch {
            throw .state(error, file: "\(directory)/\(checkpoint.inputOffset).state")
        }
        return checkpoint.inputOffset
    }
}
