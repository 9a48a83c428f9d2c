import EventModel
import Windowing

/// The transactions that are remembered: for telling a repetition, for joining a label, for finding the events that a
/// label changes.
///
/// A ring in the order of the log; each transaction has a slot number that counts up for ever, and stays until the
/// watermark has passed it by the horizon. A slot's row of words, and apart from it its feature vector:
///
///     id │ time │ payload │ decision │ watermark │ flags │ places of its events
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
        static let places = 6
    }

    private(set) var words: UnsafeMutablePointer<Int64>
    let rowWords: Int
    private var vectors: UnsafeMutablePointer<Double>
    private let featureCount: Int
    private(set) var mask: Int
    /// Slots held: from the oldest to before the next one.
    private(set) var first = 0
    private(set) var next = 0
    /// Rows from here on stay as they are until the next block, though their transactions may be forgotten: the later
    /// passes over a block still read them.
    private var pinned = 0
    private var index = KeyIndex()
    private let idIsText: Bool
    private var texts: [String] = []

    init(placeWords: Int, featureCount: Int, idIsText: Bool) {
        self.featureCount = featureCount
        self.idIsText = idIsText
        rowWords = Word.places + placeWords
        mask = 1023
        words = .allocate(capacity: 1024 * rowWords)
        vectors = .allocate(capacity: 1024 * featureCount)
        if idIsText { texts = [String](repeating: "", count: 1024) }
    }

    deinit {
        words.deallocate()
        vectors.deallocate()
    }

    @inline(__always) func row(_ slot: Int) -> UnsafeMutablePointer<Int64> { words + (slot & mask) &* rowWords }

    @inline(__always) func vector(_ slot: Int) -> UnsafeMutablePointer<Double> {
        vectors + (slot & mask) &* featureCount
    }

    var byteCount: Int { (mask + 1) * (rowWords + featureCount) * 8 + (next - first) * 64 }

    // MARK: verbs

    /// Lets go of the rows forgotten in the block before.
    mutating func beginBlock() { pinned = first }

    @inline(__always) func prefetch(_ id: Int64) { index.prefetch(id) }

    /// Brings the place of a vector close, up to four cache lines of it.
    @inline(__always) func prefetch(vectorOf slot: Int) {
        let start = UnsafeRawPointer(vector(slot))
        var byte = 0
        while byte < min(featureCount &* 8, 256) {
            fetchEarly(start + byte)
            byte &+= 64
        }
    }

    /// The slot of the transaction `id` (whose text is `text` when ids are text), or nil.
    @inline(__always) func slot(of id: Int64, text: @autoclosure () -> String) -> Int? {
        let place = idIsText ? findText(id, text()) : index.find(id) { _ in true }
        guard let place else { return nil }
        return first + ((place - first) & mask)
    }

    private func findText(_ id: Int64, _ text: String) -> Int? { index.find(id) { texts[$0] == text } }

    /// Remembers a transaction of which these are the words in its block.
    @inline(__always) mutating func append(
        _ words: UnsafePointer<Int64>, text: @autoclosure () -> String, decision: Int64, watermark: Int64,
        status: DecisionStatus
    ) -> Int {
        if next &- pinned > mask { grow() }
        let slot = next
        let row = row(slot)
        let id = words[EventBlock.RowWord.id]
        row[Word.id] = id
        row[Word.time] = words[EventBlock.RowWord.time]
        row[Word.payload] = words[EventBlock.RowWord.payload]
        row[Word.decision] = decision
        row[Word.watermark] = watermark
        row[Word.flags] = Int64(status.rawValue)
        for place in Word.places..<rowWords { row[place] = 0 }
        index.insert(id, slot & mask)
        if idIsText { texts[slot & mask] = text() }
        next &+= 1
        return slot
    }

    /// Transactions taken before there was a watermark count as taken at the first one.
    func startCounting(from watermark: Int64) {
        for slot in first..<next { row(slot)[Word.watermark] = max(row(slot)[Word.watermark], watermark) }
    }

    /// Forgets the transactions taken at a watermark before `limit`.
    @inline(__always) mutating func forget(before limit: Int64) {
        while first < next, row(first)[Word.watermark] < limit {
            if first &+ 8 < next {
                index.prefetch(row(first &+ 8)[Word.id])
            }
            let row = row(first)
            index.remove(row[Word.id], first & mask)
            first &+= 1
        }
    }

    func status(_ slot: Int) -> DecisionStatus {
        DecisionStatus(rawValue: UInt8(truncatingIfNeeded: row(slot)[Word.flags] & 3)) ?? .onTime
    }

    func label(_ slot: Int) -> Bool? {
        let state = row(slot)[Word.flags] >> 2 & 3
        return state == 0 ? nil : state == 2
    }

    /// A bit for each declared source whose last label says so.
    @inline(__always) func sources(_ slot: Int, saying isPositive: Bool) -> UInt64 {
        UInt64(bitPattern: row(slot)[Word.flags]) >> (isPositive ? 24 : 8) & 0xFFFF
    }

    /// `source`: who says so, where sources are told apart.
    mutating func setLabel(_ slot: Int, isPositive: Bool, source: Int?) {
        let row = row(slot)
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

    @inline(__always) private func hash(_ row: UnsafeMutablePointer<Int64>) -> UInt64 {
        let identity = mixed(UInt64(bitPattern: row[Word.id]), UInt64(bitPattern: row[Word.time]))
        let content = mixed(UInt64(bitPattern: row[Word.payload]), UInt64(bitPattern: row[Word.decision]))
        return mixed(identity ^ UInt64(bitPattern: row[Word.flags]), content)
    }

    private mutating func grow() {
        let oldMask = mask
        let (old, oldVectors) = (words, vectors)
        mask = mask * 2 + 1
        words = .allocate(capacity: (mask + 1) * rowWords)
        vectors = .allocate(capacity: (mask + 1) * featureCount)
        let oldTexts = texts
        if idIsText { texts = [String](repeating: "", count: mask + 1) }
        index = KeyIndex()
        for slot in pinned..<next {
            row(slot).update(from: old + (slot & oldMask) * rowWords, count: rowWords)
            vector(slot).update(from: oldVectors + (slot & oldMask) * featureCount, count: featureCount)
            guard slot >= first else { continue }
            index.insert(row(slot)[Word.id], slot & mask)
            if idIsText { texts[slot & mask] = oldTexts[slot & oldMask] }
        }
        old.deallocate()
        oldVectors.deallocate()
    }

    // MARK: saved state

    func encode(into writer: inout ByteWriter) {
        writer.encode(rowWords + featureCount)
        writer.encode(first)
        writer.encode(next - first)
        for slot in first..<next {
            writer.encode(raw: UnsafeRawBufferPointer(start: row(slot), count: rowWords * 8))
            writer.encode(raw: UnsafeRawBufferPointer(start: vector(slot), count: featureCount * 8))
            if idIsText { writer.encode(texts[slot & mask]) }
        }
    }

    /// Takes up what `encode` wrote; the table must be new.
    mutating func decode(from reader: inout ByteReader) throws(StateCodingError) {
        precondition(next == 0, "a table that holds transactions cannot take up saved ones")
        guard try reader.decodeInt() == rowWords + featureCount else {
            throw StateCodingError("pending transactions with another number of features")
        }
        first = try reader.decodeInt()
        let count = try reader.decodeCount(size: (rowWords + featureCount) * 8)
        guard first >= 0, first < Int.max / 2 else {
            throw StateCodingError("the slot number \(first) is out of range")
        }
        next = first
        pinned = first
        for _ in 0..<count {
            if next - first > mask { grow() }
            let row = row(next)
            UnsafeMutableRawBufferPointer(start: row, count: rowWords * 8)
                .copyMemory(from: reader.readBytes(rowWords * 8))
            UnsafeMutableRawBufferPointer(start: vector(next), count: featureCount * 8)
                .copyMemory(from: reader.readBytes(featureCount * 8))
            if idIsText { texts[next & mask] = try reader.decodeString() }
            index.insert(row[Word.id], next & mask)
            next += 1
        }
    }
}
