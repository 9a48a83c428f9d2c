import EventModel
import Features
import LinearAlgebra
import LogStorage
import OnlineLearning
import PipelineCore
import Platform

/// One pipeline over one log: it takes up where the newest checkpoint left it, and goes through the input in blocks.
///
///     input log ─▶ decode, control ─▶ windows of each entity ─▶ operators, vectors ─▶ models ─▶ output logs
///                  └─ first thread ─┘ └────────── whichever thread has nothing to do ──────────────────────┘
///
/// What comes out depends on the specification and the input alone: not on the blocks' size, the threads, or where a
/// run was stopped and started again.
public final class PipelineRun {
    public struct Options: Sendable {
        /// Records handled together.
        public var blockRecords = 4096
        /// More than one: the parts of the work on several blocks at the same time.
        public var threads = 1
        /// Input records between two checkpoints of a long replay.
        public var recordsPerCheckpoint = 4_000_000
        /// Forget what was computed and begin at the start of the log.
        public var fresh = false
        /// With `fresh`: let outputs go that cannot be given again since retention has taken their input.
        public var forgetsRemoved = false
        /// A segment of an output is sealed before it grows beyond this.
        public var segmentBytes = TopicOptions.defaultSegmentBytes
        /// Sync the outputs and write checkpoints. Without, nothing is kept (for measuring and comparing).
        public var isDurable = true

        public init() {}
    }

    /// How far a run has come.
    public struct Progress: Sendable {
        public var records: Int64
        public var offset: Offset
        public var end: Offset
        public var eventTime: EventTime
        public var learned: Int
        /// Mean log-loss of labels lately learned, by the models before they learned them.
        public var recentLoss: Double?
    }

    public let specification: PipelineSpecification
    public let plan: FeaturePlan
    public let log: LogDirectory
    public let options: Options
    let fileSystem: any FileSystem
    private let lock: any FileLock
    /// What recovery passed over, a line each.
    public private(set) var recoveryNotes: [String] = []
    let reader: TopicReader
    let schemas: SchemaRegistry
    private let checkpoints: CheckpointStore
    let features: FeatureStage
    let models: ModelStage
    private let document: Document
    private var topics: TopicsBox
    private var decoder: DecoderBox
    /// The first input record not yet taken.
    public private(set) var offset = Offset.zero
    private var lastCheckpoint: Offset?

    /// Makes the JSON document of a model, for its snapshot.
    public typealias Document = (ModelStage, FeaturePlan, PipelineSpecification) -> JSONValue

    final class TopicsBox {
        var topics: OutputTopics

        init(_ topics: consuming OutputTopics) { self.topics = topics }
    }

    final class DecoderBox {
        var decoder: RecordDecoder

        init(_ decoder: consuming RecordDecoder) { self.decoder = decoder }
    }

    /// A block on its way, and the feature stage's state when a checkpoint is due behind it.
    final class Parcel: @unchecked Sendable {
        var block: EventBlock
        var checkpoint: ByteWriter?
        var stateFile: StateFile?
        var watermark = EventTime.distantPast
        var featureDigest = StateDigest()

        init(_ block: consuming EventBlock) { self.block = block }
    }

    /// Opens the pipeline and recovers it: the newest whole checkpoint is taken up, and outputs beyond it are taken
    /// back (they will be produced again, the same).
    /// - Parameter text: the specification as written; it is kept beside the outputs.
    public init(
        log: LogDirectory, specification: PipelineSpecification, text: String, options: Options,
        fileSystem: any FileSystem, document: @escaping Document
    ) throws(RuntimeError) {
        BLAS.useOneThread()
        let plan = try Self.makePlan(specification)
        let directory = log.pipeline(specification.name)
        // First, because it refuses a backup that was not finished.
        let schemas = try Self.openSchemas(log, specification, fileSystem)
        let reader = try Self.openInput(log, fileSystem)
        lock = try Self.takeLock(directory, fileSystem)
        checkpoints = try Self.openCheckpoints(log, specification, schemas, fileSystem)
        topics = try Self.openTopics(log, specification, plan, schemas, options.segmentBytes, fileSystem)
        decoder = DecoderBox(RecordDecoder(plan: plan, input: specification.input) { schemas.schema($0) })
        features = FeatureStage(plan: plan, specification: specification)
        models = ModelStage(plan: plan, specification: specification)
        self.log = log
        self.specification = specification
        self.options = options
        self.fileSystem = fileSystem
        self.document = document
        self.plan = plan
        self.reader = reader
        self.schemas = schemas
        try recover(directory: directory, text: text)
    }

    private static func makePlan(_ specification: PipelineSpecification) throws(RuntimeError) -> FeaturePlan {
        do throws(FeatureError) { return try specification.makePlan() } catch { throw .feature(error) }
    }

    private static func openInput(
        _ log: LogDirectory, _ fileSystem: any FileSystem
    ) throws(RuntimeError) -> TopicReader {
        do throws(LogError) {
            let reader = try TopicReader(directory: log.input, fileSystem: fileSystem)
            reader.stopsAtDurableEnd = true
            return reader
        } catch { throw .log(error) }
    }

    private static func takeLock(
        _ directory: String, _ fileSystem: any FileSystem
    ) throws(RuntimeError) -> any FileLock {
        do throws(FileError) {
            try fileSystem.createDirectory(directory)
            return try fileSystem.lock(directory + "/lock")
        } catch { throw .file(error) }
    }

    /// - Throws: what of the declared columns some schema of the log cannot be read as; otherwise each record that it
    ///   wrote would stand in quarantine.
    private static func openSchemas(
        _ log: LogDirectory, _ specification: PipelineSpecification, _ fileSystem: any FileSystem
    ) throws(RuntimeError) -> SchemaRegistry {
        do throws(LogError) {
            let schemas = try SchemaRegistry(log, fileSystem: fileSystem)
            for reader in specification.input.readerSchemas { try schemas.requireReadable(by: reader) }
            return schemas
        } catch { throw .log(error) }
    }

    private static func openCheckpoints(
        _ log: LogDirectory, _ specification: PipelineSpecification, _ schemas: SchemaRegistry,
        _ fileSystem: any FileSystem
    ) throws(RuntimeError) -> CheckpointStore {
        do throws(LogError) {
            return try CheckpointStore(
                directory: log.topic("checkpoints-0", of: specification.name), schemas: schemas, fileSystem: fileSystem)
        } catch { throw .log(error) }
    }

    private static func openTopics(
        _ log: LogDirectory, _ specification: PipelineSpecification, _ plan: FeaturePlan, _ schemas: SchemaRegistry,
        _ segmentBytes: Int, _ fileSystem: any FileSystem
    ) throws(RuntimeError) -> TopicsBox {
        do throws(LogError) {
            return TopicsBox(
                try OutputTopics.open(
                    log, specification: specification, featureNames: plan.names, schemas: schemas,
                    segmentBytes: segmentBytes, fileSystem: fileSystem))
        } catch { throw .log(error) }
    }

    /// The digest of the whole logical state: windows, remembered transactions, models, decisions.
    public var digest: StateDigest { StateDigest(sum: features.digest.sum &+ models.digest.sum) }
    public var tally: Tally { features.tally }
    /// The bytes of windows, remembered transactions and their vectors.
    public var stateBytes: Int { features.size.bytes }
    public var watermark: EventTime { features.watermark }
    public var durableEnd: Offset { reader.durableEnd }

    /// Where the decision of that number, counted from the run's first, stands in `decisions-0`. A replay from the start
    /// goes on behind what retention has removed there, so the two may differ.
    func offset(ofDecision number: Offset) -> Offset {
        let end = topics.topics.ends["decisions-0"]?.value ?? 0
        return Offset(number.value + end - tally.transactions)
    }

    private func recover(directory: String, text: String) throws(RuntimeError) {
        let ends = topics.topics.ends
        if options.fresh {
            if reader.startOffset > .zero && !options.forgetsRemoved && ends.contains(where: { $0.value > .zero }) {
                throw .inputRemoved(pipeline: specification.name, before: reader.startOffset)
            }
            try checkpoints.removeAll()
        }
        let (newest, damagedStates) = try checkpoints.newest()
        recoveryNotes = damagedStates.map {
            "\($0) is damaged or missing; an earlier state is taken, or the log replayed"
        }
        if let checkpoint = newest {
            for (topic, needed) in checkpoint.outputEnds.sorted(by: { $0.key < $1.key }) {
                let end = ends[topic] ?? .zero
                if end < needed {
                    throw .outputMissing(topic: "\(directory)/\(topic)", end: end, needed: needed)
                }
            }
            if checkpoint.inputOffset > reader.durableEnd {
                throw .inputMissing(end: reader.durableEnd, needed: checkpoint.inputOffset)
            }
            guard checkpoint.fingerprint == specification.fingerprint else {
                throw .otherSpecification(
                    pipeline: specification.name, stored: checkpoint.fingerprint, given: specification.fingerprint)
            }
            var state = ByteReader(checkpoint.state.bytes)
            do throws(StateCodingError) {
                try features.decode(from: &state)
                try models.decode(from: &state, specification: specification)
                guard state.remaining == 0, digest.description == checkpoint.digest else {
                    throw StateCodingError("the digest is not the one that was saved")
                }
            } catch { throw .state(error, file: "\(directory)/checkpoints-0/\(checkpoint.inputOffset).state") }
            offset = checkpoint.inputOffset
            lastCheckpoint = offset
            try storage { () throws(LogError) in try topics.topics.truncate(to: checkpoint.outputEnds) }
        } else {
            if reader.startOffset > .zero && !damagedStates.isEmpty {
                throw .noWholeState(files: damagedStates, before: reader.startOffset)
            }
            // Retention may have taken the log's beginning.
            offset = reader.startOffset
            try takeUpTables(
                features, of: log, plan: plan, input: specification.input, fileSystem: fileSystem)
            try storage { () throws(LogError) in try topics.topics.truncate(to: [:]) }
        }
        let copy = Array(text.utf8).withUnsafeBytes { MappedBytes(copying: $0) }
        do throws(FileError) { try fileSystem.replace(directory + "/pipeline.yaml", with: copy) } catch {
            throw .file(error)
        }
    }

    // MARK: running

    /// Whether `observe` finds the reasons of every decision in the block.
    public var explainsEveryDecision: Bool {
        get { models.explainsEveryDecision }
        set { models.explainsEveryDecision = newValue }
    }

    /// Goes through the input up to `end` (the durable end, if that is less), then writes a checkpoint.
    ///
    /// - Parameters:
    ///   - withCheckpoint: false where many short runs follow each other.
    ///   - shouldStop: asked between blocks; when it says so the run ends early, with a checkpoint.
    ///   - progress: told now and then, on the thread that calls.
    ///   - observe: sees each block with its decisions, in order.
    /// - Returns: the records taken.
    @discardableResult public func run(
        until end: Offset? = nil, withCheckpoint: Bool = true, shouldStop: () -> Bool = { false },
        progress: (Progress) -> Void = { _ in },
        observe: @escaping (borrowing EventBlock) -> Void = { _ in }
    ) throws(RuntimeError) -> Int64 {
        try storage { () throws(LogError) in try reader.refresh() }
        let end = min(end ?? reader.durableEnd, reader.durableEnd)
        let start = offset
        let line: any StageLine =
            options.threads > 1
            ? ThreadedStageLine(self, threads: options.threads, observe) : DirectStageLine(self, observe)
        do throws(RuntimeError) {
            try feed(line, until: end, shouldStop: shouldStop, progress: progress)
        } catch {
            line.abandon()
            throw error
        }
        try line.finish()
        try storage { () throws(LogError) in try topics.topics.flush(sync: false) }
        if withCheckpoint && options.isDurable && lastCheckpoint != offset { try checkpoint() }
        return offset.value - start.value
    }

    /// Reads, decodes and computes features, and hands the blocks on.
    private func feed(
        _ line: any StageLine, until end: Offset, shouldStop: () -> Bool, progress: (Progress) -> Void
    ) throws(RuntimeError) {
        guard offset < end else { return }
        let cursor = try storage { () throws(LogError) in try reader.cursor(from: offset) }
        var parcel = line.emptyParcel()
        var sinceCheckpoint = 0
        while let batch = try storage({ () throws(LogError) in try cursor.nextBatch() }), offset < end {
            var records = batch.records
            parcel.block.retain(batch.owner)
            while offset < end {
                let room = min(options.blockRecords - parcel.block.recordCount, Int(end.value - offset.value))
                let count = decoder.decoder.append(&records, atMost: room, to: &parcel.block)
                if count == 0 { break }
                offset = offset.advanced(by: count)
                sinceCheckpoint += count
                guard parcel.block.recordCount >= options.blockRecords else { continue }
                let isDue = options.isDurable && sinceCheckpoint >= options.recordsPerCheckpoint
                if isDue { sinceCheckpoint = 0 }
                try hand(&parcel, to: line, withCheckpoint: isDue)
                parcel.block.retain(batch.owner)
                progress(
                    Progress(
                        records: features.tally.records, offset: offset, end: end, eventTime: features.watermark,
                        learned: line.learned, recentLoss: line.recentLoss))
                if shouldStop() { return }
            }
            if records.isMalformed { throw .log(batch.malformedRecord(at: offset)) }
            // A repaired batch has fewer records than offsets.
            offset = max(offset, min(batch.endOffset, end))
        }
        if parcel.block.recordCount > 0 { try hand(&parcel, to: line, withCheckpoint: false) }
    }

    private func hand(_ parcel: inout Parcel, to line: any StageLine, withCheckpoint: Bool) throws(RuntimeError) {
        if withCheckpoint {
            let file = checkpoints.makeFile(at: parcel.block.endOffset ?? offset)
            parcel.checkpoint = file.makeWriter()
            parcel.stateFile = file
            parcel.featureDigest = StateDigest()
        }
        processFeatures(parcel, part: 0)
        parcel.watermark = features.watermark
        try line.take(parcel)
        parcel = line.emptyParcel()
    }

    /// One part of the feature stage's work, and its share of a checkpoint.
    private func processFeatures(_ parcel: Parcel, part: Int) {
        features.process(&parcel.block, part: part)
        guard var state = parcel.checkpoint.take() else { return }
        let digest = features.encode(part: part, slots: parcel.block.heldSlots, into: &state)
        parcel.featureDigest.insert(digest.sum)
        parcel.checkpoint = consume state
    }

    /// The parts that the work on a block has: those of the feature stage from 0 on, and the model stage with the outputs.
    var lastPart: Int { features.partCount }

    /// Does one part's work on a block; each part takes the blocks in log order.
    func work(
        on parcel: Parcel, part: Int, _ observe: (borrowing EventBlock) -> Void
    ) throws(RuntimeError) {
        if part < lastPart { processFeatures(parcel, part: part) } else { try consume(parcel, observe) }
    }

    // MARK: the model stage's side

    /// Scores, learns, writes; on the model stage's thread.
    private func consume(_ parcel: Parcel, _ observe: (borrowing EventBlock) -> Void) throws(RuntimeError) {
        models.process(&parcel.block)
        observe(parcel.block)
        try storage { () throws(LogError) in try topics.topics.append(parcel.block) }
        if var state = parcel.checkpoint.take(), let file = parcel.stateFile.take(), let end = parcel.block.endOffset {
            models.encode(into: &state)
            let digest = StateDigest(sum: parcel.featureDigest.sum &+ models.digest.sum)
            try writeCheckpoint(at: end, watermark: parcel.watermark, digest: digest, state, in: file)
        }
    }

    /// Makes the outputs durable up to here.
    func syncOutputs() throws(RuntimeError) {
        try storage { () throws(LogError) in try topics.topics.flush(sync: true) }
    }

    /// Writes a checkpoint of the state as it is, and the models' snapshot with it.
    public func checkpoint() throws(RuntimeError) {
        let file = checkpoints.makeFile(at: offset)
        var state = file.makeWriter()
        var digest = features.encode(into: &state)
        digest.insert(models.digest.sum)
        models.encode(into: &state)
        try writeCheckpoint(at: offset, watermark: features.watermark, digest: digest, state, in: file)
    }

    private func writeCheckpoint(
        at offset: Offset, watermark: EventTime, digest: StateDigest, _ state: borrowing ByteWriter, in file: StateFile
    ) throws(RuntimeError) {
        let snapshot = ModelSnapshot(
            name: specification.name, version: offset.value, fingerprint: specification.fingerprint,
            inputOffset: offset, eventTime: max(watermark, EventTime.range.lowerBound),
            document: document(models, plan, specification).description)
        try storage { () throws(LogError) in
            try topics.topics.append(snapshot)
            try topics.topics.flush(sync: true)
        }
        try checkpoints.append(
            inputOffset: offset, watermark: watermark, digest: digest.description,
            fingerprint: specification.fingerprint, outputEnds: topics.topics.ends, file, last: state.bytes)
        lastCheckpoint = offset
    }
}
