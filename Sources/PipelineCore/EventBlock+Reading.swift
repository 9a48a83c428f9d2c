import EventModel

/// What a record of a block is, once decoded.
public enum DecodedRecord: Sendable {
    case transaction(row: Int)
    /// Of another kind, by its place among `plan.kinds`; -1: of one that the plan does not know.
    case event(kind: Int, row: Int)
    case label(TransactionID, isPositive: Bool)
    /// Of a reference table, by its place among the plan's.
    case change(table: Int)
    case heartbeat
    case undecodable
}

// For those who read the log without running a pipeline over it.
extension EventBlock {
    /// The record at an index, as the decoder read it.
    public func decoded(_ index: Int) -> DecodedRecord {
        let record = records[index]
        let place = Int(record.index)
        switch record.kind {
        case .transaction: return .transaction(row: place)
        case .event: return .event(kind: Int(kinds[place]), row: place)
        case .ignored: return .event(kind: -1, row: -1)
        case .label:
            let label = labels[place]
            return .label(idIsText ? .text(labelIDTexts[place]) : .number(label.id), isPositive: label.isPositive)
        case .change: return .change(table: Int(changes[place].table))
        case .heartbeat: return .heartbeat
        case .undecodable: return .undecodable
        }
    }

    public func eventTime(row: Int) -> EventTime { EventTime(milliseconds: self.row(row)[RowWord.time]) }

    /// A decided row's event time, how it stood in time, and where its record is in the input.
    public func context(row: Int) -> (eventTime: EventTime, status: DecisionStatus, offset: Offset) {
        (eventTime(row: row), statuses[row], Offset(self.row(row)[RowWord.offset]))
    }

    /// The key of one of the plan's entities; a pair of numbers as the text `12|34`.
    public func key(row: Int, entity: Int) -> TransactionID {
        let declared = plan.entities[entity]
        if declared.keysAreText { return .text(keyTexts[entity][row]) }
        let words = self.row(row) + RowWord.keys + declared.keyWord
        return declared.keyWords == 2 ? .text("\(words[0])|\(words[1])") : .number(words[0])
    }

    /// The unscaled value of one of the plan's integer columns.
    public func integer(row: Int, column: Int) -> Int64 { self.row(row)[integerWord + column] }

    /// The value of one of the plan's double columns.
    public func double(row: Int, column: Int) -> Double { doubles[row * plan.doubleColumns.count + column] }
}

extension EventBlock {
    /// Rows that get a decision, in log order, once the feature stage has been through.
    public var decidedRowsInOrder: [Int] {
        (0..<modelOperationCount).compactMap { index in
            modelOperations[index].kind == .score ? Int(modelOperations[index].index) : nil
        }
    }
}
