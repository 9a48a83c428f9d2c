import EventModel
import Windowing

// The control pass: what each record is, in log order.
extension FeatureStage {
    func classify(_ block: inout EventBlock, _ control: inout ControlState) {
        // Counted from the watermark, which a transaction may be ahead of by the out-of-orderness.
        let horizon =
            (max(specification.duplicateHorizon, specification.labelHorizon) + specification.outOfOrderness)
            .milliseconds
        let hasJoins = control.tables.hasJoins
        block.statuses.reserve(block.rowCount)
        block.rowsOfNewSlots.reserve(block.rowCount)
        block.modelOperations.reserve(block.recordCount)
        block.windowOperations.reserve(2 * block.recordCount)
        let count = block.recordCount
        control.limit = control.watermark.time.milliseconds &- horizon
        for index in 0..<count {
            let record = block.records.pointer + index
            if index &+ 12 < count {
                prefetch(record + 12, block, control.table)
                if hasJoins { prefetchRows(record + 12, block, control.tables) }
            }
            switch record.pointee.kind {
            case .transaction: classify(row: Int(record.pointee.index), record: index, &block, &control)
            case .label: join(label: Int(record.pointee.index), record: index, &block, &control)
            case .event: take(event: Int(record.pointee.index), record: index, &block, &control)
            case .change: take(change: Int(record.pointee.index), record: index, &block, &control)
            case .ignored: control.tally.ignoredEvents += 1
            case .heartbeat:
                control.tally.commands += 1
                control.watermark.advance(to: EventTime(milliseconds: record.pointee.time))
            case .undecodable: setAside(.undecodable, record: index, &block, &control)
            }
            if control.watermark.time.milliseconds >= control.nextSweep { sweep(&block, &control) }
            control.limit = control.watermark.time.milliseconds &- horizon
        }
        control.table.forget(before: control.limit)
        for events in control.eventIDs { events?.table.forget(before: control.limit) }
        control.tally.records += Int64(count)
        control.countDecisions()
    }

    @inline(__always) private func prefetch(
        _ record: UnsafePointer<EventBlock.Record>, _ block: borrowing EventBlock, _ table: borrowing TransactionTable
    ) {
        let index = Int(record.pointee.index)
        switch record.pointee.kind {
        case .transaction: table.prefetch(block.row(index)[EventBlock.RowWord.id])
        case .label: table.prefetch(block.labels[index].id)
        default: break
        }
    }

    @inline(__always) private func classify(
        row: Int, record: Int, _ block: inout EventBlock, _ control: inout ControlState
    ) {
        let words = block.row(row)
        if let slot = control.table.slot(
            of: words[EventBlock.RowWord.id], since: control.limit, text: block.idTexts[row])
        {
            return repeated(row: row, record: record, slot: slot, &block, &control)
        }
        let time = EventTime(milliseconds: words[EventBlock.RowWord.time])
        let arrival = EventTime(milliseconds: words[EventBlock.RowWord.arrival])
        let status = status(of: time, arrival: arrival, control.watermark)
        if status.isAccepted { control.watermark.advance(past: time, arrival: arrival) }
        let slot = control.table.append(
            words, text: block.idTexts[row], decision: control.decisionCount,
            watermark: control.watermark.time.milliseconds, status: status)
        control.decisionCount &+= 1
        if status != .onTime { control.noteUnusual(status) }
        block.statuses[row] = status
        block.rowsOfNewSlots[slot &- block.firstNewSlot] = Int32(truncatingIfNeeded: row)
        append(
            WindowOperation(
                kind: .insert, row: row, slot: slot, time: time, earliest: control.watermark.earliestAccepted), &block)
        if !status.isAccepted { answerOnly(status, record: record, &block, &control) }
        if control.tables.hasJoins {
            join(
                row, kind: 0, asOf: block.windowOperations[block.windowOperationCount &- 1].time, &block, control.tables
            )
        }
        append(
            EventBlock.ModelOperation(
                kind: .score, flag: status.isAccepted, index: Int32(truncatingIfNeeded: row)), &block)
    }

    /// A transaction whose id is remembered.
    @inline(never) private func repeated(
        row: Int, record: Int, slot: Int, _ block: inout EventBlock, _ control: inout ControlState
    ) {
        let first = control.table.row(slot)
        let isSame = first[TransactionTable.Word.payload] == block.row(row)[EventBlock.RowWord.payload]
        if isSame { block.repeats.append((record, Offset(first[TransactionTable.Word.decision]))) }
        setAside(isSame ? .sameTransactionAgain : .otherPayloadUnderTheSameID, record: record, &block, &control)
    }

    /// The operation last listed is of a transaction that enters no window: it is answered as of a time that can be.
    @inline(never) private func answerOnly(
        _ status: DecisionStatus, record: Int, _ block: inout EventBlock, _ control: inout ControlState
    ) {
        let operation = block.windowOperations.pointer + (block.windowOperationCount - 1)
        operation.pointee.kind = .answer
        operation.pointee.time = status == .tooLate ? control.watermark.earliestAccepted : control.watermark.time
        setAside(status == .tooLate ? .tooLate : .aheadOfArrival, record: record, &block, &control)
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
        let words = block.row(row)
        let time = EventTime(milliseconds: words[EventBlock.RowWord.time])
        let ids = control.eventIDs[Int(block.kinds[row])]
        let id = words[EventBlock.RowWord.id]
        if let ids, let slot = ids.table.slot(of: id, since: control.limit, text: block.idTexts[row]) {
            let isSame = ids.table.row(slot)[TransactionTable.Word.payload] == words[EventBlock.RowWord.payload]
            return setAside(
                isSame ? .sameEventAgain : .otherPayloadUnderTheSameEventID, record: record, &block, &control)
        }
        let arrival = EventTime(milliseconds: words[EventBlock.RowWord.arrival])
        let status = status(of: time, arrival: arrival, control.watermark)
        if let ids {
            _ = ids.table.append(
                words, text: block.idTexts[row], decision: 0, watermark: control.watermark.time.milliseconds,
                status: status)
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
            if control.tables.hasJoins { join(row, kind: block.kinds[row], asOf: time, &block, control.tables) }
            append(
                WindowOperation(
                    kind: .insert, row: row, slot: -1, time: time,
                    earliest: control.watermark.earliestAccepted, isAnswered: false), &block)
        }
    }

    @inline(__always) private func join(
        label: Int, record: Int, _ block: inout EventBlock, _ control: inout ControlState
    ) {
        let (id, isPositive, source) = (
            block.labels[label].id, block.labels[label].isPositive, block.labels[label].source
        )
        let found = control.table.slot(of: id, since: control.limit, text: block.labelIDTexts[label])
        guard let slot = found else {
            return setAside(.labelOfUnknownTransaction, record: record, &block, &control)
        }
        if source == EventBlock.unknownSource {
            return setAside(.labelOfUnknownSource, record: record, &block, &control)
        }
        let row = control.table.row(slot)
        let previous = TransactionTable.label(row)
        let time = EventTime(milliseconds: row[TransactionTable.Word.time])
        if !TransactionTable.status(row).isAccepted {
            return setAside(.labelOfTransactionNotAccepted, record: record, &block, &control)
        }
        let alreadySaid = TransactionTable.sources(row, saying: isPositive)
        if hasSources ? alreadySaid >> UInt64(source) & 1 == 1 : previous == isPositive {
            return setAside(.sameLabelAgain, record: record, &block, &control)
        }
        if control.watermark.time - specification.labelHorizon > time {
            return setAside(.labelAfterHorizon, record: record, &block, &control)
        }
        TransactionTable.setLabel(row, isPositive: isPositive, source: hasSources ? Int(source) : nil)
        control.tally.labels &+= 1
        if previous == !isPositive { control.tally.corrections &+= 1 }
        // Windows count what was said last; a source that says the same as another changes nothing there.
        if previous != isPositive {
            append(
                WindowOperation(
                    kind: .label, slot: slot, time: time, earliest: control.watermark.earliestAccepted,
                    isPositive: isPositive, previous: previous,
                    labelTime: max(EventTime(milliseconds: block.records[record].time), time)),
                &block)
        }
        append(
            EventBlock.ModelOperation(
                kind: .learn, flag: isPositive, index: Int32(truncatingIfNeeded: slot & 0x7FFF_FFFF), source: source,
                alreadySaid: alreadySaid), &block)
    }

    /// Once a day of event time, what no window reaches is dropped from keys that nobody touches any more.
    @inline(never) private func sweep(_ block: inout EventBlock, _ control: inout ControlState) {
        let watermark = control.watermark.time
        if control.sweptDay <= EventTime.distantPast.day {
            control.table.startCounting(from: watermark.milliseconds)
            for events in control.eventIDs { events?.table.startCounting(from: watermark.milliseconds) }
        }
        control.sweptDay = watermark.day
        append(WindowOperation(kind: .sweep, time: watermark, earliest: control.watermark.earliestAccepted), &block)
    }

    @inline(__always) private func append(_ operation: WindowOperation, _ block: inout EventBlock) {
        block.windowOperations[block.windowOperationCount] = operation
        block.windowOperationCount &+= 1
    }

    @inline(__always) private func append(_ operation: EventBlock.ModelOperation, _ block: inout EventBlock) {
        block.modelOperations[block.modelOperationCount] = operation
        block.modelOperationCount &+= 1
    }

    /// Counts a record for a side output and lists it there.
    @inline(never) func setAside(
        _ reason: SideReason, record: Int, _ block: inout EventBlock, _ control: inout ControlState
    ) {
        control.tally.sides[Int(reason.rawValue)] += 1
        block.sideRecords.append(SideRecord(reason: reason, record: record))
    }
}
