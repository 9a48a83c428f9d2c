import EventModel
import Features
import LogStorage
import PipelineCore
import Platform
import Windowing

/// Looks up what a pipeline's windows hold of a key, or a row of its reference tables: the newest checkpoint is taken up, and the input behind it goes
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

    /// A feature that is no window of the entity's, but rests on one, or on its key.
    public struct Feature: Hashable, Sendable {
        public var name: String
        public var definition: String
        /// nil where something is not known without a transaction.
        public var value: Double?
        /// What is not.
        public var needs: [String]
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
        /// Empty only where nobody can say as of when: before the first accepted transaction.
        public var windows: [Window] = []
        public var features: [Feature] = []
    }

    /// A row of a reference table.
    public struct Row: Sendable {
        public var keyColumns: [String]
        /// nil before the first accepted transaction.
        public var watermark: EventTime?
        public var asOf: EventTime
        public var offset: Offset
        public var checkpoint: Offset?
        /// Since when the row is so, and where its change stands in the input; nil where the row is not there.
        public var since: EventTime?
        public var change: Offset?
        /// In the table's order.
        public var values: [(column: Column, value: ColumnValue)] = []
    }

    /// A pipeline's feature stage as it stands at the durable end of the input.
    private struct Present {
        var plan: FeaturePlan
        var stage: FeatureStage
        var offset: Offset
        var checkpoint: Offset?

        var watermark: EventTime? { stage.watermark == .distantPast ? nil : stage.watermark }
    }

    /// What the windows of `entity` hold of a key and say as of `time` (nil: the watermark), with all labels known at
    /// the durable end of the input.
    /// - Parameter key: a text for each of the entity's key columns.
    /// - Throws: `RuntimeError.usage` for an entity or key that cannot be, and for a time before what is held.
    public func look(
        up key: [String], of entity: String, asOf time: EventTime? = nil, shouldStop: () -> Bool = { false },
        progress: (PipelineRun.Progress) -> Void = { _ in }
    ) throws(RuntimeError) -> Answer {
        let plan = try makePlan()
        let index = try place(of: entity, in: plan)
        let declared = plan.entities[index]
        let values = try self.values(key, of: declared.keyColumns, "'\(declared.name)'")
        let present = try present(plan, shouldStop, progress)
        var answer = Answer(
            keyColumns: declared.keyColumns.map(\.name), watermark: present.watermark,
            asOf: time ?? present.watermark, offset: present.offset, checkpoint: present.checkpoint)
        try requireHeld(time, present)
        let asOf = answer.asOf ?? EventTime.range.lowerBound
        let found = present.stage.lookUp(self.key(values, of: declared), entity: index, asOf: asOf)
        guard answer.asOf != nil else {
            if found.eventCount == 0 { return answer }
            throw .usage("no transaction was accepted yet, so there is no watermark; say as of which time")
        }
        answer.eventCount = found.eventCount
        answer.latest = found.latest
        answer.windows = zip(declared.targets, declared.aggregates).sorted { $0.0 < $1.0 }.map { target, aggregate in
            Window(name: plan.valueName(target), window: plan.text(aggregate), value: found.answers[target])
        }
        let windows = Set(declared.targets)
        answer.features = present.stage.knownFeatures(
            entity: index, key: values, answers: found.answers, asOf: asOf
        ).filter { !windows.contains($0.position) }.map { feature in
            Feature(
                name: plan.names[feature.position], definition: plan.definitions[feature.position],
                value: feature.value, needs: feature.needs)
        }
        return answer
    }

    /// A row of a reference table as of `time` (nil: the watermark; before there is one, the end of all times), by all
    /// changes up to the durable end of the input.
    /// - Parameter key: a text for each of the table's key columns.
    public func lookUpRow(
        of table: String, key: [String], asOf time: EventTime? = nil, shouldStop: () -> Bool = { false },
        progress: (PipelineRun.Progress) -> Void = { _ in }
    ) throws(RuntimeError) -> Row {
        let plan = try makePlan()
        guard let index = plan.tables.firstIndex(where: { $0.name == table }) else {
            let known = plan.tables.map(\.name).joined(separator: ", ")
            throw .usage(
                "pipeline '\(specification.name)' declares no table '\(table)'; "
                    + (known.isEmpty ? "there are none" : "there are \(known)"))
        }
        let declared = specification.input.tables[index]
        let columns = declared.keyIndices.map { declared.columns[$0] }
        let values = try self.values(key, of: columns, "'\(table)'")
        let present = try present(plan, shouldStop, progress)
        try requireHeld(time, present)
        var row = Row(
            keyColumns: declared.keyColumns, watermark: present.watermark,
            asOf: time ?? present.watermark ?? EventTime.range.upperBound, offset: present.offset,
            checkpoint: present.checkpoint)
        guard let change = present.stage.change(of: values, in: index, asOf: row.asOf) else { return row }
        row.since = change.since
        row.change = change.offset
        let found = try storage { () throws(LogError) in
            try self.values(ofChange: change.offset, declared)
        }
        row.values = Array(zip(declared.columns, found.dropFirst(2)))
        return row
    }

    /// The reader's fields of a change, from the input or, where retention has removed it there, the table's topic.
    private func values(
        ofChange offset: Offset, _ table: TableSpecification
    ) throws(LogError) -> [ColumnValue] {
        let schemas = try SchemaRegistry(log, fileSystem: fileSystem)
        func read(_ value: UnsafeRawBufferPointer) -> [ColumnValue]? {
            var reader = ByteReader(value)
            guard let id = reader.readEnvelope(), let writer = schemas.schema(id),
                let resolution = try? SchemaResolution(writer: writer, reader: table.readerSchema)
            else { return nil }
            return resolution.values(reading: &reader)
        }
        var found: [ColumnValue]?
        let input = try TopicReader(directory: log.input, fileSystem: fileSystem)
        if offset >= input.startOffset {
            let cursor = try input.cursor(from: offset)
            if let batch = try cursor.nextBatch() {
                var records = batch.records
                if let record = records.next(), record.offset == offset { found = read(record.value) }
            }
        } else {
            try TableTopics.forEachChange(
                of: table.name, in: log, before: Offset(offset.value + 1), fileSystem: fileSystem
            ) { record, inputOffset, _ in
                if inputOffset == offset { found = read(record.value) }
            }
        }
        return found ?? []
    }

    private func makePlan() throws(RuntimeError) -> FeaturePlan {
        do throws(FeatureError) { return try specification.makePlan() } catch { throw .feature(error) }
    }

    private func present(
        _ plan: FeaturePlan, _ shouldStop: () -> Bool, _ progress: (PipelineRun.Progress) -> Void
    ) throws(RuntimeError) -> Present {
        let stage = FeatureStage(plan: plan, specification: specification)
        let checkpoint = try takeUpCheckpoint(stage)
        if checkpoint == nil {
            try takeUpTables(stage, of: log, plan: plan, input: specification.input, fileSystem: fileSystem)
        }
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
        return Present(plan: plan, stage: stage, offset: offset, checkpoint: checkpoint)
    }

    private func requireHeld(_ time: EventTime?, _ present: Present) throws(RuntimeError) {
        guard let time, present.watermark != nil, time < present.stage.earliestAccepted else { return }
        throw .usage(
            "windows and rows as of \(time) are no longer whole: what only they reach is dropped; give a time from "
                + "\(present.stage.earliestAccepted) on (the watermark less the allowed lateness)")
    }

    private func place(of entity: String, in plan: FeaturePlan) throws(RuntimeError) -> Int {
        if let index = plan.entities.firstIndex(where: { $0.name == entity }) { return index }
        guard !plan.entities.isEmpty else { throw .usage("pipeline '\(specification.name)' has no windows") }
        throw .usage(
            "there is no entity '\(entity)' with windows; there are \(plan.entities.map(\.name).joined(separator: ", "))"
        )
    }

    /// A key's values from their texts.
    private func values(
        _ texts: [String], of columns: [Column], _ whose: String
    ) throws(RuntimeError) -> [ColumnValue] {
        guard texts.count == columns.count else {
            throw .usage(
                "\(whose) is told apart by \(columns.map(\.name).joined(separator: " and ")): give as many keys, "
                    + "not \(texts.count)")
        }
        var values: [ColumnValue] = []
        for (text, column) in zip(texts, columns) {
            if column.type == .string {
                values.append(.text(text))
            } else if let number = Int64(text) {
                values.append(.integer(number))
            } else {
                throw .usage("\(column.name) is a whole number, but the key is '\(text)'")
            }
        }
        return values
    }

    /// The key as the windows know it.
    private func key(_ values: [ColumnValue], of entity: FeaturePlan.Entity) -> EntityKey {
        let texts = values.map { value in
            switch value {
            case .integer(let number): String(number)
            case .double(let number): "\(number)"
            case .text(let text): text
            }
        }
        let numbers = values.compactMap { if case .integer(let number) = $0 { number } else { nil } }
        if texts.count == 2 {
            return entity.keysAreText
                ? .text(EntityKey.text(ofPair: texts[0], texts[1])) : .pair(numbers[0], numbers[1])
        }
        return entity.keysAreText ? .text(texts[0]) : .number(numbers[0])
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
