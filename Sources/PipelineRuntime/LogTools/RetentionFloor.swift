import EventModel
import Features
import LogStorage
import PipelineCore
import Platform

/// Who still needs a topic's records from an offset on.
public struct RetentionFloor: Hashable, Sendable {
    public var offset: Offset
    /// `pipeline card-fraud`, `reader hourly-report`.
    public var who: String
    /// What for: `windows`, `pending labels`, `its checkpoint`, ...
    public var why: String

    public init(offset: Offset, who: String, why: String) {
        self.offset = offset
        self.who = who
        self.why = why
    }
}

/// Finds out what is still needed of a topic.
///
/// A pipeline needs of the input what lies behind its oldest kept checkpoint, and before it the events that its
/// windows, waiting labels and remembered ids reach, so that a replay from the log's new start comes to the same
/// windows. Of its own topics it needs what recovery cuts back to, and the decisions that a repeated transaction is
/// answered by.
struct RetentionFloors {
    private let log: LogDirectory
    private let fileSystem: any FileSystem
    private let schemas: SchemaRegistry

    init(_ log: LogDirectory, fileSystem: any FileSystem) throws(RuntimeError) {
        self.log = log
        self.fileSystem = fileSystem
        schemas = try storage { () throws(LogError) in try SchemaRegistry(log, fileSystem: fileSystem) }
    }

    /// The floors of a topic, the lowest first.
    func floors(of topic: LogTopic, ignoringReaders: Bool) throws(RuntimeError) -> [RetentionFloor] {
        var floors: [RetentionFloor] = []
        if topic.isInput {
            for name in try storage({ () throws(LogError) in try log.pipelineNames(fileSystem) }) {
                floors.append(try inputFloor(of: try pipeline(name)))
            }
        } else if let output = topic.output {
            floors.append(try outputFloor(of: try pipeline(output.pipeline), output.topic, topic))
        }
        let readers = try storage { () throws(LogError) in
            try StoredOffset.all(of: topic.directory, fileSystem: fileSystem)
        }
        // What the tables' topics have not taken yet would be lost to every replay.
        let tables = readers.first { topic.isInput && $0.name == TableTopics.reader }
        if let tables {
            floors.append(
                RetentionFloor(offset: tables.offset, who: "the tables' topics", why: "they have come so far"))
        }
        if !ignoringReaders {
            floors += readers.filter { $0.name != tables?.name }.map {
                RetentionFloor(offset: $0.offset, who: "reader \($0.name)", why: "it has come so far")
            }
        }
        return floors.sorted { $0.offset < $1.offset }
    }

    /// A pipeline with its oldest checkpoint that may yet be taken up.
    private struct Pipeline {
        var name: String
        /// nil: it has no checkpoint.
        var oldest: (offset: Offset, record: CheckpointRecord)?
        var memory: PipelineMemory

        var who: String { "pipeline \(name)" }

        func everything(_ start: Offset) -> RetentionFloor {
            RetentionFloor(offset: start, who: who, why: "it has no checkpoint, so it needs everything")
        }
    }

    private func pipeline(_ name: String) throws(RuntimeError) -> Pipeline {
        let kept = try storage { () throws(LogError) in
            try CheckpointRecord.kept(of: name, in: log, schemas: schemas, fileSystem: fileSystem)
        }
        guard let oldest = kept.first else { return Pipeline(name: name, oldest: nil, memory: PipelineMemory()) }
        let path = "\(log.pipeline(name))/pipeline.yaml"
        let text: [UInt8]
        do throws(FileError) { text = try fileSystem.read(path) } catch { throw .file(error) }
        do {
            let specification = try PipelineSpecification(
                yaml: String(decoding: text, as: UTF8.self), file: path, fileSystem: fileSystem)
            return Pipeline(name: name, oldest: oldest, memory: try PipelineMemory(specification))
        } catch {
            throw .usage("what pipeline '\(name)' still needs is not known: \(error)")
        }
    }

    private func inputFloor(of pipeline: Pipeline) throws(RuntimeError) -> RetentionFloor {
        let reader = try open(log.input)
        guard let (_, checkpoint) = pipeline.oldest else { return pipeline.everything(reader.startOffset) }
        if let offset = try firstEvent(reader, checkpoint, within: pipeline.memory.longest, pipeline.memory) {
            return RetentionFloor(offset: offset, who: pipeline.who, why: pipeline.memory.why)
        }
        return RetentionFloor(offset: checkpoint.inputOffset, who: pipeline.who, why: "its checkpoint")
    }

    private func outputFloor(
        of pipeline: Pipeline, _ name: String, _ topic: LogTopic
    ) throws(RuntimeError) -> RetentionFloor {
        let reader = try open(topic.directory)
        guard let (position, checkpoint) = pipeline.oldest else { return pipeline.everything(reader.startOffset) }
        let end = checkpoint.outputEnds[name] ?? reader.startOffset
        switch name {
        case "checkpoints-0":
            return RetentionFloor(offset: position, who: pipeline.who, why: "its oldest checkpoint with a state")
        case "models-0":
            return RetentionFloor(
                offset: max(reader.startOffset, Offset(end.value - 1)), who: pipeline.who, why: "the newest snapshot")
        case "decisions-0":
            let input = try open(log.input)
            let first = try firstEvent(input, checkpoint, within: pipeline.memory.ids, pipeline.memory)
            let decision = try firstDecision(of: pipeline.name, at: first ?? checkpoint.inputOffset, reader)
            if let decision, decision < end {
                return RetentionFloor(offset: decision, who: pipeline.who, why: "answers to repeated transactions")
            }
        default: break
        }
        return RetentionFloor(offset: end, who: pipeline.who, why: "its checkpoint")
    }

    private func open(_ directory: String) throws(RuntimeError) -> TopicReader {
        let reader = try storage { () throws(LogError) in
            try TopicReader(directory: directory, fileSystem: fileSystem)
        }
        reader.stopsAtDurableEnd = true
        return reader
    }

    /// The first record before a checkpoint whose time lies within `length` of its watermark; records later than any
    /// that was accepted have a wrong clock and do not count.
    private func firstEvent(
        _ reader: TopicReader, _ checkpoint: CheckpointRecord, within length: EventDuration, _ memory: PipelineMemory
    ) throws(RuntimeError) -> Offset? {
        let times = checkpoint.watermark - length...checkpoint.watermark + memory.outOfOrderness
        // Tables' rows are kept by their own topics, and their times say since when they hold.
        let tables = Set(
            schemas.all.filter { $0.schema.name.hasPrefix(RecordSchema.tablePrefix) }.map(\.id.number))
        func isChange(_ record: RecordView) -> Bool {
            var value = ByteReader(record.value)
            return value.readEnvelope().map { tables.contains($0.number) } ?? false
        }
        let end = checkpoint.inputOffset
        return try storage { () throws(LogError) in
            let cursor = try reader.cursor(from: try reader.offset(atOrAfter: times.lowerBound))
            while cursor.offset < end, let batch = try cursor.nextBatch() {
                if batch.maxTimestamp < times.lowerBound { continue }
                var records = batch.records
                while let record = records.next(), record.offset < end {
                    if times.contains(record.timestamp), !isChange(record) { return record.offset }
                }
            }
            return nil
        }
    }

    /// Where the first decision about the input from an offset on stands; nil where there is none.
    private func firstDecision(
        of pipeline: String, at input: Offset, _ reader: TopicReader
    ) throws(RuntimeError) -> Offset? {
        // Decisions stand in the order of the input.
        var low = reader.startOffset.value
        var high = reader.durableEnd.value
        while low < high {
            let middle = (low + high) / 2
            let decisions = try DecisionLog(log, pipeline: pipeline, from: Offset(middle), fileSystem: fileSystem)
            guard let decision = try decisions.next(), decision.offset.value < high else {
                high = middle
                continue
            }
            if decision.inputOffset < input { low = decision.offset.value + 1 } else { high = middle }
        }
        return low < reader.durableEnd.value ? Offset(low) : nil
    }
}

/// How far back a pipeline remembers, in event time before its watermark.
struct PipelineMemory {
    /// Events that windows reach.
    var windows = EventDuration.zero
    /// Transactions that a label may yet come for.
    var labels = EventDuration.zero
    /// Transactions whose ids are remembered.
    var ids = EventDuration.zero
    var outOfOrderness = EventDuration.zero

    init() {}

    init(_ specification: PipelineSpecification) throws(FeatureError) {
        let time = specification.time
        windows =
            FeatureState(plan: try specification.makePlan(), labelHorizon: time.labelHorizon).retention
            + time.allowedLateness
        labels = time.labelHorizon + time.outOfOrderness
        // An id is remembered for the longer of the two.
        ids = max(time.labelHorizon, time.duplicateHorizon) + time.outOfOrderness
        outOfOrderness = time.outOfOrderness
    }

    var longest: EventDuration { max(windows, ids) }

    var why: String { windows >= ids ? "windows" : labels >= ids ? "pending labels" : "remembered ids" }
}
