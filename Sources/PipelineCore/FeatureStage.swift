import EventModel
import Features
import Windowing

/// The first stage: event time, repetitions, windows, feature vectors, and the join of labels with the vectors as they
/// were scored. It never sees a model.
///
/// Three passes over a block: the control pass decides in log order what each record is; the windows of each entity run
/// through the block; the vectors are kept for their labels, and those of labels taken are laid out for learning.
public final class FeatureStage {
    private let specification: TimeSpecification
    private let aheadTolerance: EventDuration
    /// Whether the sources of labels are told apart.
    private let hasSources: Bool
    private let state: FeatureState
    private var control: ControlState

    /// What the control pass keeps; a struct, so that its loop runs without exclusivity checks.
    private struct ControlState: ~Copyable {
        var watermark: Watermark
        var table: TransactionTable
        var tally = Tally()
        /// The ids of events of other kinds, by kind; nil where it has none.
        var eventIDs: [EventIDs?] = []
        /// The watermark's day at the last sweep of all windows.
        var sweptDay = Int64.min
    }

    /// The events of one kind that are remembered, to tell a repetition.
    private final class EventIDs {
        var table: TransactionTable

        init(idIsText: Bool) { table = TransactionTable(placeWords: 0, featureCount: 0, idIsText: idIsText) }
    }

    public init(plan: FeaturePlan, specification: PipelineSpecification) {
        self.specification = specification.time
        aheadTolerance = specification.input.aheadTolerance
        hasSources = !specification.input.labelSources.isEmpty
        state = FeatureState(plan: plan, labelHorizon: specification.time.labelHorizon)
        control = ControlState(
            watermark: Watermark(
                outOfOrderness: specification.time.outOfOrderness, allowedLateness: specification.time.allowedLateness),
            table: TransactionTable(
                placeWords: state.placeWords, featureCount: plan.count, idIsText: specification.input.idType == .string)
        )
        let types = Dictionary(specification.input.events.map { ($0.name, $0.idType) }) { first, _ in first }
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

    /// The digest of all that the stage remembers.
    public var digest: StateDigest {
        var ids: UInt64 = 0
        for (kind, events) in control.eventIDs.enumerated() {
            if let events { ids &+= mixed(UInt64(kind), events.table.digest.sum) }
        }
        return StateDigest(
            sum: state.digest.sum &+ control.table.digest.sum &+ ids
                &+ mixed(UInt64(bitPattern: control.watermark.time.milliseconds)))
    }

    /// Keys and events in the windows, transactions remembered, bytes of all of them.
    public var size: (keys: Int, events: Int, transactions: Int, bytes: Int) {
        let windows = state.size
        return (
            windows.keys, windows.events, control.table.next - control.table.first,
            windows.bytes + control.table.byteCount + control.eventIDs.reduce(0) { $0 + ($1?.table.byteCount ?? 0) }
        )
    }

    /// Takes in a block that the decoder has filled.
    public func process(_ block: inout EventBlock) {
        classify(&block, &control)
        let plan = state.plan
        block.features.reserve(block.rowCount * plan.width)
        state.process(
            UnsafeBufferPointer(start: block.windowOperations.pointer, count: block.windowOperationCount),
            FeatureRows(
                count: block.rowCount, keys: block.keys.pointer, keyTexts: block.keyTexts,
                integers: block.integers.pointer, doubles: block.doubles.pointer, kinds: block.kinds.pointer,
                times: block.rowTimes.pointer, features: block.features.pointer,
                places: control.table.words + TransactionTable.Word.places,
                placeStride: control.table.rowWords, slotMask: control.table.mask))
        keepVectors(&block, control.table)
    }

    // MARK: control pass

    private func classify(_ block: inout EventBlock, _ control: inout ControlState) {
        // Counted from the watermark, which a transaction may be ahead of by the out-of-orderness.
        let horizon =
            max(specification.duplicateHorizon, specification.labelHorizon) + specification.outOfOrderness
        control.table.beginBlock()
        for events in control.eventIDs { events?.table.beginBlock() }
        let hasEvents = control.eventIDs.contains { $0 != nil }
        block.statuses.reserve(block.rowCount)
        block.slots.reserve(block.rowCount)
        block.modelOperations.reserve(block.recordCount)
        block.windowOperations.reserve(2 * block.recordCount)
        for index in 0..<block.recordCount {
            let record = block.records[index]
            if index + 12 < block.recordCount { prefetch(block.records[index + 12], block, control.table) }
            control.tally.records += 1
            switch record.kind {
            case .transaction: classify(row: Int(record.index), record: index, &block, &control)
            case .event: take(event: Int(record.index), record: index, &block, &control)
            case .ignored: control.tally.ignoredEvents += 1
            case .label: join(label: Int(record.index), record: index, &block, &control)
            case .heartbeat:
                control.tally.commands += 1
                control.watermark.advance(to: EventTime(milliseconds: record.time))
            case .undecodable: setAside(.undecodable, record: index, &block, &control)
            }
            sweepDaily(&block, &control)
            let limit = control.watermark.time.milliseconds - horizon.milliseconds
            control.table.forget(before: limit)
            if hasEvents { for events in control.eventIDs { events?.table.forget(before: limit) } }
        }
    }

    @inline(__always) private func prefetch(
        _ record: EventBlock.Record, _ block: borrowing EventBlock, _ table: borrowing TransactionTable
    ) {
        switch record.kind {
        case .transaction: table.prefetch(block.ids[Int(record.index)])
        case .label: table.prefetch(block.labelIDs[Int(record.index)])
        default: break
        }
    }

    @inline(__always) private func classify(
        row: Int, record: Int, _ block: inout EventBlock, _ control: inout ControlState
    ) {
        let id = block.ids[row]
        if let slot = control.table.slot(of: id, text: block.idTexts[row]) {
            let first = control.table.row(slot)
            let isSame = first[TransactionTable.Word.payload] == Int64(bitPattern: block.payloads[row])
            if isSame {
                block.repeats.append((record, Offset(first[TransactionTable.Word.decision])))
            }
            setAside(isSame ? .sameTransactionAgain : .otherPayloadUnderTheSameID, record: record, &block, &control)
            return
        }
        let time = EventTime(milliseconds: block.rowTimes[row])
        let status = status(of: time, arrival: EventTime(milliseconds: block.arrivals[row]), control.watermark)
        let decision = control.tally.transactions
        control.tally.decisions[Int(status.rawValue)] += 1
        var operation = WindowOperation(
            kind: .insert, row: row, slot: control.table.next, time: time, earliest: control.watermark.earliestAccepted)
        switch status {
        case .onTime, .late:
            control.watermark.advance(past: time)
            operation.earliest = control.watermark.earliestAccepted
        case .tooLate:
            operation.kind = .answer
            operation.time = control.watermark.earliestAccepted
            setAside(.tooLate, record: record, &block, &control)
        case .quarantined:
            operation.kind = .answer
            operation.time = control.watermark.time
            setAside(.aheadOfArrival, record: record, &block, &control)
        }
        let slot = control.table.append(
            id: id, text: block.idTexts[row], time: time.milliseconds, payload: block.payloads[row], decision: decision,
            watermark: control.watermark.time.milliseconds, status: status)
        block.statuses[row] = status
        block.slots[row] = slot
        append(operation, &block)
        block.modelOperations[block.modelOperationCount] = EventBlock.ModelOperation(
            kind: .score, flag: status.isAccepted, index: Int32(truncatingIfNeeded: row))
        block.modelOperationCount += 1
    }

    @inline(__always) private func status(
        of time: EventTime, arrival: EventTime, _ watermark: Watermark
    ) -> DecisionStatus {
        if time - aheadTolerance > arrival { return .quarantined }
        switch watermark.timeliness(of: time) {
        case .onTime: return .onTime
        case .late: return .late
        case .tooLate: return .tooLate
        }
    }

    /// An event of another kind: like a transaction it is told from a repetition (where it has an id), late, too late
    /// or quarantined, and enters windows at its own time. It is not scored and never moves the watermark.
    @inline(never) private func take(
        event row: Int, record: Int, _ block: inout EventBlock, _ control: inout ControlState
    ) {
        let time = EventTime(milliseconds: block.rowTimes[row])
        let ids = control.eventIDs[Int(block.kinds[row])]
        if let ids, let slot = ids.table.slot(of: block.ids[row], text: block.idTexts[row]) {
            let isSame = ids.table.row(slot)[TransactionTable.Word.payload] == Int64(bitPattern: block.payloads[row])
            return setAside(
                isSame ? .sameEventAgain : .otherPayloadUnderTheSameEventID, record: record, &block, &control)
        }
        let status = status(of: time, arrival: EventTime(milliseconds: block.arrivals[row]), control.watermark)
        if let ids {
            _ = ids.table.append(
                id: block.ids[row], text: block.idTexts[row], time: time.milliseconds, payload: block.payloads[row],
                decision: 0, watermark: control.watermark.time.milliseconds, status: status)
        }
        switch status {
        case .tooLate:
            control.tally.lateEvents += 1
            setAside(.tooLate, record: record, &block, &control)
        case .quarantined:
            control.tally.quarantinedEvents += 1
            setAside(.aheadOfArrival, record: record, &block, &control)
        case .onTime, .late:
            control.tally.events += 1
            append(
                WindowOperation(
                    kind: .insert, row: row, slot: -1, time: time,
                    earliest: control.watermark.earliestAccepted, isAnswered: false), &block)
        }
    }

    @inline(__always) private func join(
        label: Int, record: Int, _ block: inout EventBlock, _ control: inout ControlState
    ) {
        guard let slot = control.table.slot(of: block.labelIDs[label], text: block.labelIDTexts[label]) else {
            return setAside(.labelOfUnknownTransaction, record: record, &block, &control)
        }
        let isPositive = block.labelIsPositive[label]
        let source = block.labelSources[label]
        if source == EventBlock.unknownSource {
            return setAside(.labelOfUnknownSource, record: record, &block, &control)
        }
        let previous = control.table.label(slot)
        let time = EventTime(milliseconds: control.table.row(slot)[TransactionTable.Word.time])
        if !control.table.status(slot).isAccepted {
            return setAside(.labelOfTransactionNotAccepted, record: record, &block, &control)
        }
        let alreadySaid = control.table.sources(slot, saying: isPositive)
        if hasSources ? alreadySaid >> UInt64(source) & 1 == 1 : previous == isPositive {
            return setAside(.sameLabelAgain, record: record, &block, &control)
        }
        if control.watermark.time - specification.labelHorizon > time {
            return setAside(.labelAfterHorizon, record: record, &block, &control)
        }
        control.table.setLabel(slot, isPositive: isPositive, source: hasSources ? Int(source) : nil)
        control.tally.labels += 1
        if previous == !isPositive { control.tally.corrections += 1 }
        // Windows count what was said last; a source that says the same as another changes nothing there.
        if previous != isPositive {
            append(
                WindowOperation(
                    kind: .label, slot: slot, time: time, earliest: control.watermark.earliestAccepted,
                    isPositive: isPositive, previous: previous,
                    labelTime: max(EventTime(milliseconds: block.records[record].time), time)),
                &block)
        }
        block.modelOperations[block.modelOperationCount] = EventBlock.ModelOperation(
            kind: .learn, flag: isPositive, index: Int32(truncatingIfNeeded: slot & 0x7FFF_FFFF), source: source,
            alreadySaid: alreadySaid)
        block.modelOperationCount += 1
    }

    /// Once a day of event time, what no window reaches is dropped from keys that nobody touches any more.
    @inline(__always) private func sweepDaily(_ block: inout EventBlock, _ control: inout ControlState) {
        let day = control.watermark.time.day
        guard day > control.sweptDay else { return }
        if control.sweptDay <= EventTime.distantPast.day {
            control.table.startCounting(from: control.watermark.time.milliseconds)
            for events in control.eventIDs { events?.table.startCounting(from: control.watermark.time.milliseconds) }
        }
        control.sweptDay = day
        append(
            WindowOperation(
                kind: .sweep, time: control.watermark.time, earliest: control.watermark.earliestAccepted), &block)
    }

    @inline(__always) private func append(_ operation: WindowOperation, _ block: inout EventBlock) {
        block.windowOperations[block.windowOperationCount] = operation
        block.windowOperationCount += 1
    }

    /// Counts a record for a side output and lists it there.
    private func setAside(
        _ reason: SideReason, record: Int, _ block: inout EventBlock, _ control: inout ControlState
    ) {
        control.tally.sides[Int(reason.rawValue)] += 1
        block.sideRecords.append(SideRecord(reason: reason, record: record))
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
        state.encode(into: &writer)
    }

    /// Takes up what `encode` wrote for the same specification; the stage must be new.
    public func decode(from reader: inout ByteReader) throws(StateCodingError) {
        control.watermark = Watermark(
            outOfOrderness: specification.outOfOrderness, allowedLateness: specification.allowedLateness,
            time: try reader.decodeEventTime())
        control.sweptDay = try reader.decodeInt64()
        control.tally = try Tally(decoding: &reader)
        try control.table.decode(from: &reader)
        for events in control.eventIDs { try events?.table.decode(from: &reader) }
        try state.decode(from: &reader)
    }
}
