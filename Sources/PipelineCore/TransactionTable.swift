import EventModel
import Windowing

/// The transactions that are remembered, for telling a repetition and for joining a label.
///
/// In the order of the log; each has a slot number that counts up for ever, and is known until the watermark has passed it
/// by the horizon. Its row stays a while longer: rows are given back many at a time. A slot's row of words:
///
///     id │ time │ payload │ decision │ watermark │ flags
struct TransactionTable: ~Copyable, @unchecked Sendable {
    enum Word {
        static let id = 0
        static let time = 1
        static let payload = 2
        /// The offset of its decision.
        static let decision = 3
        /// The watermark when it was taken; it is forgotten a horizon later.
        static let watermark = 4
        /// Bits 0 and 1: the status; bits 2 and 3: the label (0 unknown, 1 negative, 2 positive), the last one of any
        /// source; from bit 8 on and from bit 24 on, a bit for each declared source whose last label is negative, and
        /// positive.
        static let flags = 5
        static let count = 6
    }

    typealias Row = UnsafeMutablePointer<Int64>

    private var rows = SlotRing(stride: Word.count)
    /// The row of the slot before `next`, once there is one.
    private var newest: Row
    /// Slots held: from the oldest to before the next one.
    private(set) var first = 0
    private(set) var next = 0
    private var index = SlotIndex()
    private let idIsText: Bool
    /// By a slot's low bits.
    private var texts: [String] = []

    init(idIsText: Bool) {
        self.idIsText = idIsText
        rows.hold(0..<1)
        newest = rows.row(0)
        if idIsText { texts = [String](repeating: "", count: rows.mask + 1) }
    }

    /// Of the transactions remembered.
    var slots: Range<Int> { first..<next }

    @inline(__always) private var mask: Int { rows.mask }

    @inline(__always) func row(_ slot: Int) -> Row { rows.row(slot) }

    var byteCount: Int { rows.byteCount + index.byteCount }

    // MARK: verbs

    @inline(__always) func prefetch(_ id: Int64) { index.prefetch(id) }

    /// The slot of the transaction `id` (whose text is `text` when ids are text), or nil; those taken at a watermark before
    /// `limit` are forgotten.
    @inline(__always) func slot(of id: Int64, since limit: Int64, text: @autoclosure () -> String) -> Int? {
        if idIsText { return Self.find(id, text(), since: limit, first, rows, texts, index) }
        // A label often follows its transaction at once. Of two with one id no more than the newer one is known.
        if next > first, Self.isKnown(newest, id, since: limit) { return next &- 1 }
        guard let low = index.find(id, isSame: { Self.isKnown(rows.row(Int($0)), id, since: limit) }) else {
            return nil
        }
        return Self.slot(low, from: first)
    }

    /// The slot of which these are the low bits.
    @inline(__always) private static func slot(_ low: UInt32, from first: Int) -> Int {
        first &+ Int(low &- UInt32(truncatingIfNeeded: first))
    }

    @inline(__always) private static func isKnown(
        _ row: Row, _ id: Int64, since limit: Int64
    ) -> Bool {
        row[Word.id] == id && row[Word.watermark] >= limit
    }

    // Not a method of the table: for one that is not inlined the whole table would be copied at each look-up.
    @inline(never) private static func find(
        _ id: Int64, _ text: String, since limit: Int64, _ first: Int, _ rows: borrowing SlotRing, _ texts: [String],
        _ index: borrowing SlotIndex
    ) -> Int? {
        let found = index.find(id) { low in
            isKnown(rows.row(Int(low)), id, since: limit) && texts[Int(low) & rows.mask] == text
        }
        return found.map { slot($0, from: first) }
    }

    /// Remembers a transaction of which these are the words in its block.
    @inline(__always) mutating func append(
        _ words: UnsafePointer<Int64>, text: @autoclosure () -> String, decision: Int64, watermark: Int64,
        status: DecisionStatus
    ) -> Int {
        if rows.rows.startsPiece(next) { makeRoom() } else { newest += Word.count }
        if index.count == index.capacity { growIndex() }
        let slot = next
        let row = newest
        let id = words[EventBlock.RowWord.id]
        row[Word.id] = id
        row[Word.time] = words[EventBlock.RowWord.time]
        row[Word.payload] = words[EventBlock.RowWord.payload]
        row[Word.decision] = decision
        row[Word.watermark] = watermark
        row[Word.flags] = Int64(status.rawValue)
        index.insert(id, slot)
        if idIsText { texts[slot & mask] = text() }
        next &+= 1
        return slot
    }

    /// Transactions taken before there was a watermark count as taken at the first one.
    func startCounting(from watermark: Int64) {
        for slot in first..<next { row(slot)[Word.watermark] = max(row(slot)[Word.watermark], watermark) }
    }

    /// Gives back the rows of transactions taken at a watermark before `limit`.
    mutating func forget(before limit: Int64) {
        var slot = first
        while slot < next {
            let row = row(slot)
            if row[Word.watermark] >= limit { break }
            index.prefetch(self.row(min(slot &+ 16, next &- 1))[Word.id])
            index.remove(row[Word.id], slot)
            slot &+= 1
        }
        first = slot
    }

    @inline(__always) static func status(_ row: Row) -> DecisionStatus {
        DecisionStatus(rawValue: UInt8(truncatingIfNeeded: row[Word.flags] & 3)) ?? .onTime
    }

    @inline(__always) static func label(_ row: Row) -> Bool? {
        let state = row[Word.flags] >> 2 & 3
        return state == 0 ? nil : state == 2
    }

    /// A bit for each declared source whose last label says so.
    @inline(__always) static func sources(_ row: Row, saying isPositive: Bool) -> UInt64 {
        UInt64(bitPattern: row[Word.flags]) >> (isPositive ? 24 : 8) & 0xFFFF
    }

    /// `source`: who says so, where sources are told apart.
    @inline(__always) static func setLabel(_ row: Row, isPositive: Bool, source: Int?) {
        row[Word.flags] = row[Word.flags] & ~0xC | (isPositive ? 2 : 1) << 2
        if let source {
            let (positive, negative): (Int64, Int64) = (1 << Int64(24 + source), 1 << Int64(8 + source))
            row[Word.flags] &= ~(positive | negative)
            row[Word.flags] |= isPositive ? positive : negative
        }
    }

    /// The digest of all transactions remembered, added up when it is asked for.
    /// - Complexity: O(transactions)
    var digest: StateDigest {
        var sum: UInt64 = 0
        for slot in first..<next { sum &+= hash(row(slot)) }
        return StateDigest(sum: sum)
    }

    @inline(__always) private func hash(_ row: Row) -> UInt64 {
        let identity = mixed(UInt64(bitPattern: row[Word.id]), UInt64(bitPattern: row[Word.time]))
        let content = mixed(UInt64(bitPattern: row[Word.payload]), UInt64(bitPattern: row[Word.decision]))
        return mixed(identity ^ UInt64(bitPattern: row[Word.flags]), content)
    }

    @inline(never) private mutating func makeRoom() {
        let (oldTexts, oldMask) = (texts, mask)
        rows.hold(first..<next + 1)
        newest = row(next)
        guard idIsText, mask > oldMask else { return }
        texts = [String](repeating: "", count: mask + 1)
        for slot in slots { texts[slot & mask] = oldTexts[slot & oldMask] }
    }

    @inline(never) private mutating func growIndex() {
        index = SlotIndex(capacity: 2 * index.capacity)
        for slot in slots { index.insert(row(slot)[Word.id], slot) }
    }

    // MARK: saved state

    func encode(into writer: inout ByteWriter) {
        writer.encode(first)
        writer.encode(next - first)
        rows.encode(slots, into: &writer)
        if idIsText { for slot in slots { writer.encode(texts[slot & mask]) } }
    }

    /// Takes up what `encode` wrote; the table must be new.
    mutating func decode(from reader: inout ByteReader) throws(StateCodingError) {
        precondition(next == 0, "a table that holds transactions cannot take up saved ones")
        first = try reader.decodeInt()
        let count = try reader.decodeCount(size: Word.count * 8)
        guard first >= 0, first < Int.max / 2, count < Int(UInt32.max) else {
            throw StateCodingError("the slot number \(first) is out of range")
        }
        next = first + count
        try rows.decode(slots, from: &reader)
        if count > 0 || !rows.rows.startsPiece(next) { newest = row(next - 1) }
        if idIsText {
            texts = [String](repeating: "", count: mask + 1)
            for slot in slots { texts[slot & mask] = try reader.decodeString() }
        }
        index = SlotIndex(capacity: count)
        for slot in slots { index.insert(row(slot)[Word.id], slot) }
    }
}
