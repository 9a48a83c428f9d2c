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
    private let state: FeatureState
    private var control: ControlState

    /// What the control pass keeps; a struct, so that its loop runs without exclusivity checks.
    private struct ControlState: ~Copyable {
        var watermark: Watermark
        var table: TransactionTable
        var tally = Tally()
        /// The watermark's day at the last sweep of all windows.
        var sweptDay = Int64.min
    }

    public init(plan: FeaturePlan, specification: PipelineSpecification) {
        self.specification = specification.time
        aheadTolerance = specification.input.aheadTolerance
        state = FeatureState(plan: plan)
        control = ControlState(
            watermark: Watermark(
                outOfOrderness: specification.time.outOfOrderness, allowedLateness: specification.time.allowedLateness),
            table: TransactionTable(
                placeWords: state.placeWords, featureCount: plan.count, idIsText: specification.input.idType == .string)
        )
    }

    public var watermark: EventTime { control.watermark.time }
    public var tally: Tally { control.tally }

    /// The digest of all that the stage remembers.
    public var digest: StateDigest {
        StateDigest(
            sum: state.digest.sum &+ control.table.digest.sum
                &+ mixed(UInt64(bitPattern: control.watermark.time.milliseconds)))
    }

    /// Keys and events in the windows, transactions remembered, bytes of all of them.
    public var size: (keys: Int, events: Int, transactions: Int, bytes: Int) {
        let windows = state.size
        return (
            windows.keys, windows.events, control.table.next - control.table.first,
            windows.bytes + control.table.byteCount
        )
    }

    /// Takes in a block that the decoder has filled.
    public func process(_ block: inout EventBlock) {
        classify(&block, &control)
        let plan = state.plan
        block.features.reserve(block.rowCount * plan.count)
        state.process(
            UnsafeBufferPointer(start: block.windowOperations.pointer, count: block.windowOperationCount),
            FeatureRows(
                count: block.rowCount, keys: block.keys.pointer, keyTexts: block.keyTexts,
                integers: block.integers.pointer, doubles: block.doubles.pointer, times: block.rowTimes.pointer,
                features: block.features.pointer, places: control.table.words + TransactionTable.Word.places,
                placeStride: control.table.rowWords, slotMask: control.table.mask))
        keepVectors(&block, control.table)
    }

    // MARK: control pass

    private func classify(_ block: inout EventBlock, _ control: inout ControlState) {
        // Counted from the watermark, which a transaction may be ahead of by the out-of-orderness.
        let horizon =
            max(specification.duplicateHorizon, specification.labelHorizon) + specification.outOfOrderness
        control.table.beginBlock()
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
            case .label: join(label: Int(record.index), record: index, &block, &control)
            case .heartbeat:
                control.tally.commands += 1
                control.watermark.advance(to: EventTime(milliseconds: record.time))
            case .undecodable: setAside(.undecodable, record: index, &block, &control)
            }
            sweepDaily(&block, &control)
            control.table.forget(before: control.watermark.time.milliseconds - horizon.milliseconds)
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
        let status: DecisionStatus
        if time - aheadTolerance > EventTime(milliseconds: block.arrivals[row]) {
            status = .quarantined
        } else {
            switch control.watermark.timeliness(of: time) {
            case .onTime: status = .onTime
            case .late: status = .late
            case .tooLate: status = .tooLate
            }
        }
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

    @inline(__always) private func join(
        label: Int, record: Int, _ block: inout EventBlock, _ control: inout ControlState
    ) {
        guard let slot = control.table.slot(of: block.labelIDs[label], text: block.labelIDTexts[label]) else {
            return setAside(.labelOfUnknownTransaction, record: record, &block, &control)
        }
        let isPositive = block.labelIsPositive[label]
        let previous = control.table.label(slot)
        let time = EventTime(milliseconds: control.table.row(slot)[TransactionTable.Word.time])
        if !control.table.status(slot).isAccepted {
            return setAside(.labelOfTransactionNotAccepted, record: record, &block, &control)
        }
        if previous == isPositive { return setAside(.sameLabelAgain, record: record, &block, &control) }
        if control.watermark.time - specification.labelHorizon > time {
            return setAside(.labelAfterHorizon, record: record, &block, &control)
        }
        control.table.setLabel(slot, isPositive: isPositive)
        control.tally.labels += 1
        if previous != nil { control.tally.corrections += 1 }
        append(
            WindowOperation(
                kind: .label, slot: slot, time: time, earliest: control.watermark.earliestAccepted,
                isPositive: isPositive, previous: previous),
            &block)
        block.modelOperations[block.modelOperationCount] = EventBlock.ModelOperation(
            kind: .learn, flag: isPositive, index: Int32(truncatingIfNeeded: slot & 0x7FFF_FFFF))
        block.modelOperationCount += 1
    }

    /// Once a day of event time, what no window reaches is dropped from keys that nobody touches any more.
    @inline(__always) private func sweepDaily(_ block: inout EventBlock, _ control: inout ControlState) {
        let day = control.watermark.time.day
        guard day > control.sweptDay else { return }
        if control.sweptDay <= EventTime.distantPast.day {
            control.table.startCounting(from: control.watermark.time.milliseconds)
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
        block.vectorCount = 0
        block.vectors.reserve(block.modelOperationCount * width)
        for index in 0..<block.modelOperationCount {
            let operation = block.modelOperations[index]
            switch operation.kind {
            case .score:
                let row = Int(operation.index)
                table.prefetch(vectorOf: block.slots[row] &+ 8)
                table.vector(block.slots[row]).update(from: block.features.pointer + row * width, count: width)
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
        try state.decode(from: &reader)
    }
}
