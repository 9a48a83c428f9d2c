import EventModel
import Features
import Windowing

/// A run of input records handled together, and what the stages make of it. Its size shows in no result.
///
/// The decoder fills the records and rows; the feature stage the statuses, features, labels to learn and side records;
/// the model stage the scores. Then the block is used again.
public struct EventBlock: ~Copyable {
    /// `event`: of another kind than transactions; `ignored`: of a kind that is not declared.
    enum RecordKind: UInt8 { case transaction, event, ignored, label, change, heartbeat, undecodable }

    struct Record: BitwiseCopyable {
        var kind: RecordKind
        /// Among the rows, the labels or the changes.
        var index: Int32
        var offset: Int64
        var time: Int64
        var value: UnsafeRawBufferPointer
    }

    /// The words of a row: these, the keys (`plan.keyWords` words; for text keys their hash, and the text in `keyTexts` by
    /// entity), the unscaled values of the plan's integer columns, and a last one that nobody reads.
    enum RowWord {
        /// The event time, in milliseconds.
        static let time = 0
        static let arrival = 1
        static let id = 2
        static let payload = 3
        /// The record's offset.
        static let offset = 4
        static let keys = 5
    }

    struct Label: BitwiseCopyable {
        /// The number of its transaction's id, or the text's hash.
        var id: Int64
        var isPositive: Bool
        /// The source's place among the declared ones; 0 where none is declared.
        var source: UInt8
    }

    struct ModelOperation: BitwiseCopyable {
        enum Kind: UInt8 { case score, learn }

        var kind: Kind
        /// For `score`: whether the models observe the row; for `learn`: whether the label is positive.
        var flag: Bool
        /// The row, or the place among the label vectors; below 0: the row with that number's bits inverted, whose features are
        /// the label's vector.
        var index: Int32
        /// For `learn`: who says so, and a bit for each source that had said the same.
        var source: UInt8 = 0
        var alreadySaid: UInt64 = 0
    }

    let plan: FeaturePlan
    let idIsText: Bool

    // Records as they stand in the log.
    public internal(set) var recordCount = 0
    var records = BlockBuffer<Record>()
    /// What keeps the records' bytes alive.
    private var owners: [AnyObject] = []

    // Transactions and events of other kinds, one row each.
    public internal(set) var rowCount = 0
    var words = BlockBuffer<Int64>()
    let rowWords: Int
    /// Where a row's integer values begin.
    let integerWord: Int
    /// One a row where any kind has text ids; empty otherwise.
    var idTexts: [String] = []
    /// Written where there are kinds besides transactions.
    var kinds = BlockBuffer<UInt8>()
    var keyTexts: [[String]]
    var doubles = BlockBuffer<Double>()
    var statuses = BlockBuffer<DecisionStatus>()
    var features = BlockBuffer<Double>()
    /// Memory for the features' filters and operators.
    var masks = BlockBuffer<UInt64>()
    var registers = BlockBuffer<Double>()
    /// Of the transactions that labels of this block or its rows may name; those from `firstNewSlot` on are its rows'.
    var reachableSlots = 0..<0
    var firstNewSlot = 0
    /// The rows of these, in the slots' order.
    var rowsOfNewSlots = BlockBuffer<Int32>()
    /// Of the transactions remembered at the block's end.
    public internal(set) var heldSlots = 0..<0

    // Labels.
    var labelCount = 0
    var labels = BlockBuffer<Label>()
    var labelIDTexts: [String] = []
    static let unknownSource = UInt8.max
    /// The raw vectors of labels that are learned and whose transactions are of blocks before.
    var vectorCount = 0
    var vectors = BlockBuffer<Double>()

    // Changes of reference tables.
    var changes: [TableChange] = []
    /// The values of all changes, one behind the other.
    var changeValues = BlockBuffer<Int64>()
    var changeValueCount = 0

    // What follows.
    var windowOperations = BlockBuffer<WindowOperation>()
    var windowOperationCount = 0
    var modelOperations = BlockBuffer<ModelOperation>()
    var modelOperationCount = 0
    public internal(set) var sideRecords: [SideRecord] = []
    /// Transactions that came again with the same payload: the record's index, and the first decision's offset.
    public internal(set) var repeats: [(record: Int, decision: Offset)] = []
    var probabilities = BlockBuffer<Double>()
    var anomalies = BlockBuffer<Double>()
    /// Where there are several classifiers: their number and, a row after the other, their probabilities.
    public internal(set) var classifierCount = 0
    var classifierScores = BlockBuffer<Double>()
    public internal(set) var alerts: [Alert] = []
    /// The reasons of every decision, if the model stage was asked for them.
    public internal(set) var explanations: [Alert] = []

    public init(plan: FeaturePlan, idType: ColumnType) {
        self.plan = plan
        idIsText = idType == .string
        keyTexts = plan.entities.map { _ in [] }
        integerWord = RowWord.keys + plan.keyWords
        rowWords = integerWord + plan.integerColumns.count + 1
    }

    /// The words of a row.
    @inline(__always) func row(_ row: Int) -> UnsafeMutablePointer<Int64> { words.pointer + row &* rowWords }

    /// The offset after the last record, nil while the block is empty.
    public var endOffset: Offset? { recordCount == 0 ? nil : Offset(records[recordCount - 1].offset + 1) }

    /// Empties the block and keeps its memory.
    public mutating func removeAll() {
        recordCount = 0
        rowCount = 0
        labelCount = 0
        changes.removeAll(keepingCapacity: true)
        changeValueCount = 0
        vectorCount = 0
        windowOperationCount = 0
        modelOperationCount = 0
        decisionCount = 0
        owners.removeAll(keepingCapacity: true)
        idTexts.removeAll(keepingCapacity: true)
        labelIDTexts.removeAll(keepingCapacity: true)
        sideRecords.removeAll(keepingCapacity: true)
        repeats.removeAll(keepingCapacity: true)
        alerts.removeAll(keepingCapacity: true)
        explanations.removeAll(keepingCapacity: true)
        for entity in keyTexts.indices { keyTexts[entity].removeAll(keepingCapacity: true) }
    }

    /// Keeps `owner` alive as long as the block holds records whose bytes are the owner's.
    public mutating func retain(_ owner: AnyObject) {
        if owners.last !== owner { owners.append(owner) }
    }

    /// Makes room for more records, whatever they are, with so many doubles a row.
    @inline(__always) mutating func reserve(records count: Int, doubles doubleCount: Int) {
        records.reserve(recordCount &+ count)
        words.reserve((rowCount &+ count) &* rowWords)
        doubles.reserve((rowCount &+ count) &* doubleCount)
        labels.reserve(labelCount &+ count)
    }

    // MARK: what the runtime reads

    /// A record's place in the input log, its event time and its value.
    public func input(_ record: Int) -> (offset: Offset, time: EventTime, value: UnsafeRawBufferPointer) {
        let record = records[record]
        return (Offset(record.offset), EventTime(milliseconds: record.time), record.value)
    }

    /// The number of decisions; `decision(_:)` gives them in log order.
    public internal(set) var decisionCount = 0
    var decidedRows = BlockBuffer<Int32>()

    public func decision(_ index: Int) -> Decision { decision(row: Int(decidedRows[index])) }

    public func decision(row: Int) -> Decision {
        let words = self.row(row)
        return Decision(
            row: row, transactionID: words[RowWord.id], eventTime: EventTime(milliseconds: words[RowWord.time]),
            inputOffset: Offset(words[RowWord.offset]), probability: probabilities[row], anomaly: anomalies[row],
            status: statuses[row])
    }

    /// The text of a row's id when ids are text.
    public func idText(row: Int) -> String? { idIsText ? idTexts[row] : nil }

    public func transactionID(row: Int) -> TransactionID {
        idIsText ? .text(idTexts[row]) : .number(self.row(row)[RowWord.id])
    }

    /// What each classifier says of a row, where there are several.
    public func classifierScores(row: Int) -> UnsafeBufferPointer<Double> {
        UnsafeBufferPointer(start: classifierScores.pointer + row * classifierCount, count: classifierCount)
    }

    /// A row's features.
    public func features(row: Int) -> UnsafeBufferPointer<Double> {
        UnsafeBufferPointer(start: features.pointer + row * plan.width, count: plan.count)
    }
}

/// A score that leaves the system.
public struct Decision: Sendable {
    /// The row within its block.
    public var row: Int
    /// The number of the transaction's id; its hash when ids are text.
    public var transactionID: Int64
    public var eventTime: EventTime
    public var inputOffset: Offset
    /// Of fraud, within [0, 1].
    public var probability: Double
    /// Distance to the nearest cluster, in deviations.
    public var anomaly: Double
    public var status: DecisionStatus
}

/// A decision at or above the threshold, with what weighed most.
public struct Alert: Sendable {
    public var row: Int
    public var reasons: [Reason]
}

/// What one feature adds to a decision.
public struct Reason: Sendable {
    /// The feature's position, or nil for the clusters.
    public var feature: Int?
    /// In units of the logit; positive towards fraud.
    public var contribution: Double
    public var value: Double

    public init(feature: Int?, contribution: Double, value: Double) {
        self.feature = feature
        self.contribution = contribution
        self.value = value
    }
}
