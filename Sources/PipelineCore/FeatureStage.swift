import EventModel
import Features
import Windowing

/// The first stage: event time, repetitions, windows, feature vectors, and the join of labels with the vectors as they
/// were scored. It never sees a model.
///
/// Three passes over a block: the control pass decides in log order what each record is; the windows of each entity run
/// through the block; the vectors are kept for their labels, and those of labels taken are laid out for learning.
public final class FeatureStage {
    let specification: TimeSpecification
    let aheadTolerance: EventDuration
    /// Whether the sources of labels are told apart.
    let hasSources: Bool
    /// Whether there are kinds of events besides transactions.
    let hasEvents: Bool
    private let state: FeatureState
    private var control: ControlState

    /// What the control pass keeps; a struct, so that its loop runs without exclusivity checks.
    struct ControlState: ~Copyable {
        var watermark: Watermark
        var table: TransactionTable
        var tally = Tally()
        /// Decisions, all statuses.
        var decisionCount: Int64 = 0
        /// The ids of events of other kinds, by kind; nil where it has none.
        var eventIDs: [EventIDs?] = []
        var tables: ReferenceTables
        /// The watermark's day at the last sweep of all windows, and the time of the next.
        var sweptDay = Int64.min { didSet { nextSweep = (sweptDay &+ 1) &* 86_400_000 } }
        var nextSweep = Int64.min
    }

    /// The events of one kind that are remembered, to tell a repetition.
    final class EventIDs {
        var table: TransactionTable

        init(idIsText: Bool) { table = TransactionTable(placeWords: 0, featureCount: 0, idIsText: idIsText) }
    }

    public init(plan: FeaturePlan, specification: PipelineSpecification) {
        self.specification = specification.time
        aheadTolerance = specification.input.aheadTolerance
        state = FeatureState(plan: plan, labelHorizon: specification.time.labelHorizon)
        control = ControlState(
            watermark: Watermark(
                outOfOrderness: specification.time.outOfOrderness, allowedLateness: specification.time.allowedLateness),
            table: TransactionTable(
                placeWords: state.placeWords, featureCount: plan.count, idIsText: specification.input.idType == .string),
            tables: ReferenceTables(plan))
        let types = Dictionary(specification.input.events.map { ($0.name, $0.idType) }) { first, _ in first }
        hasEvents = plan.kinds.count > 1
        hasSources = !specification.input.labelSources.isEmpty
        control.eventIDs = plan.kinds.map { kind in
            types[kind.name].flatMap { $0 }.map { EventIDs(idIsText: $0 == .string) }
        }
    }

    public var watermark: EventTime { control.watermark.time }
    public var tally: Tally { control.tally }
    /// Windows as of earlier times are no longer whole.
    public var earliestAccepted: EventTime { control.watermark.earliestAccepted }

    /// What an entity's windows hold of a key and answer as of `time`, which is not before `earliestAccepted`.
    public func lookUp(_ key: EntityKey, entity: Int, asOf time: EventTime) -> KeyHolding? {
        state.lookUp(key, entity: entity, asOf: time)
    }

    /// The features that follow from a key alone (a value for each of its columns), and what others of it still need.
    public func knownFeatures(
        entity: Int, key: [ColumnValue], answers: [Double], asOf time: EventTime
    ) -> [KnownFeature] {
        state.knownFeatures(entity: entity, key: key, answers: answers, asOf: time, tables: control.tables)
    }

    /// Takes up the tables' rows as they were before the log begins: only changes are looked at, and nothing is counted.
    public func takeUpTables(_ block: borrowing EventBlock) { takeUpTables(block, &control) }

    /// The change that a row of a table (by its place in the plan) is as of `time` by; nil where it is not there.
    public func change(
        of key: [ColumnValue], in table: Int, asOf time: EventTime
    ) -> (offset: Offset, since: EventTime)? {
        control.tables.change(of: key, in: table, asOf: time)
    }

    /// The digest of all that the stage remembers.
    public var digest: StateDigest {
        var ids: UInt64 = 0
        for (kind, events) in control.eventIDs.enumerated() {
            if let events { ids &+= mixed(UInt64(kind), events.table.digest.sum) }
        }
        return StateDigest(
            sum: state.digest.sum &+ control.table.digest.sum &+ ids &+ control.tables.digest.sum
                &+ mixed(UInt64(bitPattern: control.watermark.time.milliseconds)))
    }

    /// Keys and events in the windows, transactions remembered, bytes of all of them.
    public var size: (keys: Int, events: Int, transactions: Int, bytes: Int) {
        let windows = state.size
        return (
            windows.keys, windows.events, control.table.next - control.table.first,
            windows.bytes + control.table.byteCount + control.tables.byteCount
                + control.eventIDs.reduce(0) { $0 + ($1?.table.byteCount ?? 0) }
        )
    }

    /// Takes in a block that the decoder has filled.
    public func process(_ block: inout EventBlock) {
        classify(&block, &control)
        let plan = state.plan
        block.features.reserve(block.rowCount * plan.width)
        let words = block.words.pointer
        state.process(
            UnsafeBufferPointer(start: block.windowOperations.pointer, count: block.windowOperationCount),
            FeatureRows(
                count: block.rowCount, stride: block.rowWords, times: words + EventBlock.RowWord.time,
                keys: words + EventBlock.RowWord.keys, keyTexts: block.keyTexts, integers: words + block.integerWord,
                doubles: block.doubles.pointer, kinds: block.kinds.pointer, features: block.features.pointer,
                places: control.table.words + TransactionTable.Word.places, placeStride: control.table.rowWords,
                slotMask: control.table.mask))
        keepVectors(&block, control.table)
    }

    // MARK: vectors

    /// In log order: a transaction's vector is kept under its slot, a label's is taken from there.
    private func keepVectors(_ block: inout EventBlock, _ table: borrowing TransactionTable) {
        let width = state.plan.count
        let stride = state.plan.width
        block.vectorCount = 0
        block.vectors.reserve(block.modelOperationCount * width)
        for index in 0..<block.modelOperationCount {
            let operation = block.modelOperations[index]
            switch operation.kind {
            case .score:
                let row = Int(operation.index)
                table.prefetch(vectorOf: block.slots[row] &+ 8)
                table.vector(block.slots[row]).update(from: block.features.pointer + row * stride, count: width)
            case .learn:
                (block.vectors.pointer + block.vectorCount * width)
                    .update(from: table.vector(Int(operation.index)), count: width)
                block.modelOperations[index].index = Int32(truncatingIfNeeded: block.vectorCount)
                block.vectorCount += 1
            }
        }
    }

    // MARK: saved state

    public func encode(into writer: inout ByteWriter) {
        writer.encode(control.watermark.time)
        writer.encode(control.sweptDay)
        control.tally.encode(into: &writer)
        control.table.encode(into: &writer)
        for events in control.eventIDs { events?.table.encode(into: &writer) }
        control.tables.encode(into: &writer)
        state.encode(into: &writer)
    }

    /// Takes up what `encode` wrote for the same specification; the stage must be new.
    public func decode(from reader: inout ByteReader) throws(StateCodingError) {
        control.watermark = Watermark(
            outOfOrderness: specification.outOfOrderness, allowedLateness: specification.allowedLateness,
            time: try reader.decodeEventTime())
        control.sweptDay = try reader.decodeInt64()
        control.tally = try Tally(decoding: &reader)
        control.decisionCount = control.tally.transactions
        try control.table.decode(from: &reader)
        for events in control.eventIDs { try events?.table.decode(from: &reader) }
        try control.tables.decode(from: &reader)
        try state.decode(from: &reader)
    }
}
