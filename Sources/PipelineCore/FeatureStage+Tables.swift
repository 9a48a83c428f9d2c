import EventModel
import Features

// Reference tables in the control pass: rows are joined, and change, in log order.
extension FeatureStage {
    @inline(__always) func prefetchRows(
        _ record: UnsafePointer<EventBlock.Record>, _ block: borrowing EventBlock, _ tables: borrowing ReferenceTables
    ) {
        guard record.pointee.kind == .transaction else { return }
        tables.prefetch(integers: block.row(Int(record.pointee.index)) + block.integerWord)
    }

    /// Fills in what a row reads of the tables as of a time, by the changes before it.
    @inline(never) func join(
        _ row: Int, kind: UInt8, asOf time: EventTime, _ block: inout EventBlock, _ tables: borrowing ReferenceTables
    ) {
        tables.join(
            kind: kind, asOf: time, integers: block.row(row) + block.integerWord,
            doubles: block.doubles.pointer + row &* block.plan.doubleColumns.count)
    }

    /// A change takes effect for the records behind it. It moves no watermark, and may be of a time to come.
    @inline(never) func take(
        change index: Int, record: Int, _ block: inout EventBlock, _ control: inout ControlState
    ) {
        switch apply(block.changes[index], block, &control) {
        case .taken: control.tally.changes += 1
        case .sameAgain: setAside(.sameChangeAgain, record: record, &block, &control)
        case .superseded: setAside(.supersededChange, record: record, &block, &control)
        case .keyCollision: setAside(.tableKeyCollision, record: record, &block, &control)
        }
    }

    private func apply(
        _ change: TableChange, _ block: borrowing EventBlock, _ control: inout ControlState
    ) -> ReferenceTable.Outcome {
        control.tables.take(
            change.change, of: Int(change.table), text: change.text,
            values: block.changeValues.pointer + Int(change.valueStart), earliest: control.watermark.earliestAccepted)
    }

    func takeUpTables(_ block: borrowing EventBlock, _ control: inout ControlState) {
        for index in 0..<block.recordCount where block.records[index].kind == .change {
            _ = apply(block.changes[Int(block.records[index].index)], block, &control)
        }
    }
}
