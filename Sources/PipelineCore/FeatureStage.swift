import EventModel
import Features
import Windowing

/// The first stage: event time, repetitions, windows, feature vectors, and the join of labels with the vectors as they
/// were scored. It never sees a model.
///
/// A block passes through its parts in order: control decides in log order what each record is, and finds the filters; the
/// windows of each entity run through the block; the last part computes the other features, keeps the vectors for their
/// labels, and lays those of labels taken out for learning. Each part has state of its own: several threads may be at
/// different parts with different blocks, as long as each part takes the blocks in order, one at a time.
public final class FeatureStage: @unchecked Sendable {
    let specification: TimeSpecification
    let aheadTolerance: EventDuration
    /// Whether the sources of labels are told apart.
    let hasSources: Bool
    /// Whether there are kinds of events besides transactions.
    let hasEvents: Bool
    private let state: FeatureState
    private var control: ControlState
    /// The vector of each transaction remembered.
    private var vectors: SlotRing

    /// What the control pass keeps; a struct, so that its loop runs without exclusivity checks.
    struct ControlState: ~Copyable {
        var watermark: Watermark
        var table: TransactionTable
        var tally = Tally()
        /// Transactions and events that were taken at a watermark before this are forgotten.
        var limit = Int64.min
        /// Decisions, all statuses; the tally has them at a block's end.
        var decisionCount: Int64 = 0
        /// The ids of events of other kinds, by kind; nil where it has none.
        var eventIDs: [EventIDs?] = []
        var tables: ReferenceTables
        /// The watermark's day at the last sweep of all windows, and the time of the next.
        var sweptDay = Int64.min {
            didSet { nextSweep = sweptDay == .min ? .min : (sweptDay &+ 1) &* 86_400_000 }
        }
        var nextSweep = Int64.min

        @inline(never) mutating func noteUnusual(_ status: DecisionStatus) {
            tally.decisions[Int(status.rawValue)] += 1
        }

        /// What is no other decision was made on time.
        mutating func countDecisions() {
            tally.decisions[Int(DecisionStatus.onTime.rawValue)] += decisionCount - tally.transactions
        }
    }

    /// The events of one kind that are remembered, to tell a repetition.
    final class EventIDs {
        var table: TransactionTable

        init(idIsText: Bool) { table = TransactionTable(idIsText: idIsText) }
    }

    public init(plan: FeaturePlan, specification: PipelineSpecification) {
        self.specification = specification.time
        aheadTolerance = specification.input.aheadTolerance
        state = FeatureState(plan: plan, labelHorizon: specification.time.labelHorizon)
        control = ControlState(
            watermark: Watermark(
                outOfOrderness: specification.time.outOfOrderness, allowedLateness: specification.time.allowedLateness),
            table: TransactionTable(idIsText: specification.input.idType == .string), tables: ReferenceTables(plan))
        vectors = SlotRing(stride: plan.count)
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
    public func lookUp(_ key: EntityKey, entity: Int, asOf time: EventTime) -> KeyHolding {
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

    // MARK: parts

    /// Control, an entity each, operators and vectors.
    public var partCount: Int { state.plan.entities.count + 2 }

    /// Takes in a block that the decoder has filled.
    public func process(_ block: inout EventBlock) {
        process(&block, part: 0)
        fetchWindows(of: block)
        for part in 1..<partCount { process(&block, part: part) }
    }

    /// More rows than that have rows ahead for which to fetch.
    private static let smallBlockRows = 8

    /// Brings close what the windows of a small block will touch: in a large one that is done for the rows ahead. For where
    /// the parts are done by one thread, between the first and the second.
    public func fetchWindows(of block: borrowing EventBlock) {
        guard block.rowCount <= Self.smallBlockRows else { return }
        state.fetchWindows(
            keys: block.words.pointer + EventBlock.RowWord.keys, stride: block.rowWords, count: block.rowCount)
    }

    /// Does one part's work on a block that the parts before have been through.
    public func process(_ block: inout EventBlock, part: Int) {
        let plan = state.plan
        switch part {
        case 0:
            block.firstNewSlot = control.table.next
            let oldest = control.table.first
            classify(&block, &control)
            block.reachableSlots = oldest..<control.table.next
            block.heldSlots = control.table.slots
            block.features.reserve(block.rowCount * plan.width)
            block.masks.reserve(plan.filters.isEmpty ? 0 : block.rowCount)
            block.registers.reserve(FeatureRows.registerLength(block.rowCount) * plan.registerCount)
            state.applyFilters(rows(of: block))
        case partCount - 1:
            state.applyOperators(rows(of: block))
            keepVectors(&block, &vectors)
        default:
            state.process(
                entity: part - 1,
                UnsafeBufferPointer(start: block.windowOperations.pointer, count: block.windowOperationCount),
                rows(of: block), slots: block.reachableSlots, firstNew: block.firstNewSlot)
        }
    }

    private func rows(of block: borrowing EventBlock) -> FeatureRows {
        let words = block.words.pointer
        return FeatureRows(
            count: block.rowCount, stride: block.rowWords, times: words + EventBlock.RowWord.time,
            keys: words + EventBlock.RowWord.keys, keyTexts: block.keyTexts, integers: words + block.integerWord,
            doubles: block.doubles.pointer, kinds: block.kinds.pointer, features: block.features.pointer,
            masks: block.masks.pointer, registers: block.registers.pointer)
    }

    /// The digest of all that the stage remembers.
    public var digest: StateDigest {
        StateDigest(sum: (0..<partCount).reduce(0) { $0 &+ digest(part: $1).sum })
    }

    /// The digest of what one part remembers; the digest of all is their sum.
    public func digest(part: Int) -> StateDigest {
        switch part {
        case 0:
            var ids: UInt64 = 0
            for (kind, events) in control.eventIDs.enumerated() {
                if let events { ids &+= mixed(UInt64(kind), events.table.digest.sum) }
            }
            return StateDigest(
                sum: control.table.digest.sum &+ ids &+ control.tables.digest.sum
                    &+ mixed(UInt64(bitPattern: control.watermark.time.milliseconds)))
        case partCount - 1: return StateDigest()
        default: return state.digest(entity: part - 1)
        }
    }

    /// Keys and events in the windows, transactions remembered, bytes of all of them.
    public var size: (keys: Int, events: Int, transactions: Int, bytes: Int) {
        let windows = state.size
        return (
            windows.keys, windows.events, control.table.next - control.table.first,
            windows.bytes + vectors.byteCount + control.table.byteCount + control.tables.byteCount
                + control.eventIDs.reduce(0) { $0 + ($1?.table.byteCount ?? 0) }
        )
    }

    // MARK: vectors

    /// Keeps the vectors of the block's transactions under their slots, and finds those of its labels.
    private func keepVectors(_ block: inout EventBlock, _ vectors: inout SlotRing) {
        let width = state.plan.count
        let newSlots = block.firstNewSlot..<block.reachableSlots.upperBound
        vectors.hold(block.reachableSlots)
        keepVectors(of: newSlots, block, vectors)
        block.vectorCount = 0
        block.vectors.reserve(block.modelOperationCount * width)
        func number(_ slot: Int) -> Int { (slot &- newSlots.lowerBound) & 0x7FFF_FFFF }
        let count = block.modelOperationCount
        for index in 0..<count {
            let ahead = index &+ 24
            if ahead < count, block.modelOperations[ahead].kind == .learn {
                let slot = Int(block.modelOperations[ahead].index)
                if number(slot) >= newSlots.count { fetch(vectors.row(slot), words: width) }
            }
            if block.modelOperations[index].kind == .score { continue }
            let slot = Int(block.modelOperations[index].index)
            let number = number(slot)
            // A label that follows its transaction closely is learned from the row itself.
            if number < newSlots.count {
                block.modelOperations[index].index = ~block.rowsOfNewSlots[number]
            } else {
                (block.vectors.pointer + block.vectorCount &* width)
                    .update(from: Self.vector(vectors.row(slot)), count: width)
                block.modelOperations[index].index = Int32(truncatingIfNeeded: block.vectorCount)
                block.vectorCount &+= 1
            }
        }
    }

    /// Copies many vectors at once where the rows are as close as the slots.
    private func keepVectors(of slots: Range<Int>, _ block: borrowing EventBlock, _ vectors: borrowing SlotRing) {
        let (width, stride) = (state.plan.count, state.plan.width)
        let rows = block.rowsOfNewSlots.pointer
        var number = 0
        while number < slots.count {
            let start = number
            let row = Int(rows[start])
            number &+= 1
            while width == stride, number < slots.count, Int(rows[number]) == row &+ number &- start,
                !vectors.rows.startsPiece(slots.lowerBound &+ number)
            { number &+= 1 }
            Self.vector(vectors.row(slots.lowerBound &+ start))
                .update(from: block.features.pointer + row &* stride, count: (number &- start) &* width)
        }
    }

    @inline(__always) private func fetch(_ row: UnsafePointer<Int64>, words: Int) {
        for word in stride(from: 0, to: words, by: 8) { fetchEarly(row + word) }
    }

    @inline(__always) private static func vector(_ words: UnsafeMutablePointer<Int64>) -> UnsafeMutablePointer<Double> {
        UnsafeMutableRawPointer(words).assumingMemoryBound(to: Double.self)
    }

    // MARK: saved state

    /// - Returns: the digest.
    @discardableResult public func encode(into writer: inout ByteWriter) -> StateDigest {
        var digest = StateDigest()
        for part in 0..<partCount {
            digest.insert(encode(part: part, slots: control.table.slots, into: &writer).sum)
        }
        return digest
    }

    /// Writes what one part remembers behind what the parts before remember.
    /// - Parameter slots: of the transactions remembered.
    /// - Returns: the part's digest.
    public func encode(part: Int, slots: Range<Int>, into writer: inout ByteWriter) -> StateDigest {
        switch part {
        case 0:
            writer.encode(control.watermark.time)
            writer.encode(control.sweptDay)
            control.tally.encode(into: &writer)
            control.table.encode(into: &writer)
            for events in control.eventIDs { events?.table.encode(into: &writer) }
            control.tables.encode(into: &writer)
        case partCount - 1:
            writer.encode(vectors.stride)
            vectors.encode(slots, into: &writer)
        // Events held are added up once for both.
        default: return state.encode(entity: part - 1, slots: slots, into: &writer)
        }
        return digest(part: part)
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
        let slots = control.table.slots
        for entity in state.plan.entities.indices { try state.decode(entity: entity, slots: slots, from: &reader) }
        guard try reader.decodeInt() == vectors.stride else {
            throw StateCodingError("pending transactions with another number of features")
        }
        try vectors.decode(slots, from: &reader)
    }
}
