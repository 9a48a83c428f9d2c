/// How a transaction stood in event time when it was decided.
public enum DecisionStatus: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// At or above the watermark.
    case onTime = 0
    /// Behind the watermark, within the allowed lateness: in the windows at its own time.
    case late = 1
    /// Further behind: answered as of the earliest time still kept, in no window.
    case tooLate = 2
    /// Too far ahead of its arrival: answered as of the watermark, in no window.
    case quarantined = 3

    /// Whether the transaction entered its windows and the models learn from it.
    public var isAccepted: Bool { self == .onTime || self == .late }

    public var name: String {
        switch self {
        case .onTime: "on_time"
        case .late: "late"
        case .tooLate: "too_late"
        case .quarantined: "quarantined"
        }
    }
}

/// Where a record goes that is not (only) processed, and why.
public enum SideReason: UInt8, Sendable, CaseIterable {
    case tooLate = 0
    case aheadOfArrival = 1
    case sameTransactionAgain = 2
    case otherPayloadUnderTheSameID = 3
    case labelOfUnknownTransaction = 4
    case labelAfterHorizon = 5
    case labelOfTransactionNotAccepted = 6
    case sameLabelAgain = 7
    case undecodable = 8
    /// Of an event of another kind than transactions.
    case sameEventAgain = 9
    case otherPayloadUnderTheSameEventID = 10
    case labelOfUnknownSource = 11
    /// Of a change of a reference table.
    case supersededChange = 12
    case sameChangeAgain = 13
    case tableKeyCollision = 14

    public enum Output: String, Sendable, CaseIterable {
        case late = "late-0"
        case quarantine = "quarantine-0"
        case duplicates = "duplicates-0"
    }

    public var output: Output {
        switch self {
        case .tooLate, .supersededChange: .late
        case .sameTransactionAgain, .otherPayloadUnderTheSameID, .sameLabelAgain, .sameEventAgain,
            .otherPayloadUnderTheSameEventID, .sameChangeAgain:
            .duplicates
        case .aheadOfArrival, .labelOfUnknownTransaction, .labelAfterHorizon, .labelOfTransactionNotAccepted,
            .labelOfUnknownSource, .undecodable, .tableKeyCollision:
            .quarantine
        }
    }

    public var text: String {
        switch self {
        case .tooLate: "the event time is behind the watermark by more than the allowed lateness"
        case .aheadOfArrival: "the event time is ahead of the arrival time by more than the tolerance"
        case .sameTransactionAgain: "the transaction id came before, with the same payload"
        case .otherPayloadUnderTheSameID: "the transaction id came before, with another payload"
        case .sameEventAgain: "the event's id came before in its kind, with the same payload"
        case .otherPayloadUnderTheSameEventID: "the event's id came before in its kind, with another payload"
        case .supersededChange: "the row had a newer version already at the earliest time that is still asked for"
        case .sameChangeAgain: "the row's version of that time is the same already"
        case .tableKeyCollision: "the key's hash is that of another row's key; give the row another key"
        case .labelOfUnknownTransaction: "the label names a transaction that is not known or no longer remembered"
        case .labelAfterHorizon: "the label came after the label horizon"
        case .labelOfTransactionNotAccepted: "the label names a transaction that was too late or quarantined"
        case .labelOfUnknownSource: "the label is of a source that the pipeline does not declare"
        case .sameLabelAgain: "the label says what is known already"
        case .undecodable: "the value is not what its schema says, or has a schema that the pipeline does not know"
        }
    }
}

/// A record for a side output.
public struct SideRecord: Sendable {
    public var reason: SideReason
    /// The record's index within the block.
    public var record: Int

    public init(reason: SideReason, record: Int) {
        self.reason = reason
        self.record = record
    }
}
