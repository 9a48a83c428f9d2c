import CMemory
import EventModel

/// A row of words for each transaction that is remembered. Slots count up for ever.
///
/// Rows lie in pieces of a power of two of rows. A piece whose slots have all gone takes the next ones, while it is still in
/// the processor's cache, so that there is no more memory than rows are held, and none is copied when there are more.
///
///     slot:  … high bits │ place in the table of pieces │ row in the piece
public struct SlotRing: ~Copyable, @unchecked Sendable {
    /// Where the rows lie, until `hold` is called again.
    public struct Rows: BitwiseCopyable, @unchecked Sendable {
        /// The pieces; one that holds no slots has no value.
        @usableFromInline let pieces: UnsafeMutablePointer<UnsafeMutablePointer<Int64>>
        /// The number of places in the table less one, and of rows in a piece less one: powers of two less one.
        @usableFromInline let pieceMask: Int
        @usableFromInline let rowMask: Int
        @usableFromInline let shift: Int
        @usableFromInline let stride: Int

        @inlinable @inline(__always) init(
            _ pieces: UnsafeMutablePointer<UnsafeMutablePointer<Int64>>, pieceMask: Int, shift: Int, stride: Int
        ) {
            self.pieces = pieces
            self.pieceMask = pieceMask
            self.shift = shift
            rowMask = 1 << shift - 1
            self.stride = stride
        }

        /// The row of a slot that is held, of which the low bits of `mask` are enough.
        @inlinable @inline(__always) public subscript(slot: Int) -> UnsafeMutablePointer<Int64> {
            pieces[slot &>> shift & pieceMask] + slot & rowMask &* stride
        }

        /// Whether the row of `slot` does not lie behind that of the slot before.
        @inlinable @inline(__always) public func startsPiece(_ slot: Int) -> Bool { slot & rowMask == 0 }
    }

    /// Words a row.
    public let stride: Int
    public private(set) var rows: Rows
    /// Pieces that hold slots, numbered for ever as the slots are.
    private var held = 0..<0
    private var free: [UnsafeMutablePointer<Int64>] = []
    /// What the pieces were cut from.
    private var chunks: [UnsafeMutablePointer<Int64>] = []
    private var allocatedPieces = 0

    /// A piece has no more bytes than this, unless a few rows have.
    private static let mostPieceBytes = 1 << 18
    private static let leastPieceRows = 16

    public init(stride: Int) {
        precondition(stride >= 1, "a row has at least one word")
        self.stride = stride
        var shift = Self.leastPieceRows.trailingZeroBitCount
        while stride * 8 << (shift + 1) <= Self.mostPieceBytes { shift += 1 }
        rows = Rows(.allocate(capacity: 1), pieceMask: 0, shift: shift, stride: stride)
    }

    deinit {
        rows.pieces.deallocate()
        for chunk in chunks { chunk.deallocate() }
    }

    /// The number of slots that are told apart by their low bits, less one: a power of two less one.
    @inlinable public var mask: Int { @inline(__always) get { rows.pieceMask << rows.shift | rows.rowMask } }

    /// The row of a slot that is held.
    @inlinable @inline(__always) public func row(_ slot: Int) -> UnsafeMutablePointer<Int64> { rows[slot] }

    /// Writes a value into all words of some rows.
    public func fill(_ slots: Range<Int>, with value: Int64) {
        for slot in slots { row(slot).update(repeating: value, count: stride) }
    }

    private var pieceWords: Int { stride << rows.shift }

    public var byteCount: Int { allocatedPieces * pieceWords * 8 }

    // MARK: holding

    /// Makes room for the rows of `slots`; those that were held keep their words.
    /// - Precondition: the ranges asked for never begin earlier than the one before.
    public mutating func hold(_ slots: Range<Int>) {
        let wanted = slots.lowerBound >> rows.shift..<(slots.upperBound + rows.rowMask) >> rows.shift
        if held == wanted { return }
        precondition(wanted.lowerBound >= held.lowerBound, "slots from \(slots.lowerBound) on are held no longer")
        for piece in held.prefix(while: { $0 < wanted.lowerBound }) { free.append(rows.pieces[piece & rows.pieceMask]) }
        let kept = held.clamped(to: wanted.lowerBound..<max(held.upperBound, wanted.lowerBound))
        let end = max(kept.upperBound, wanted.upperBound)
        if end - wanted.lowerBound > rows.pieceMask + 1 { growTable(to: end - wanted.lowerBound, kept) }
        for piece in max(kept.upperBound, wanted.lowerBound)..<end {
            (rows.pieces + piece & rows.pieceMask).initialize(to: takePiece())
        }
        held = wanted.lowerBound..<end
    }

    private mutating func growTable(to count: Int, _ kept: Range<Int>) {
        let old = rows
        var pieceMask = old.pieceMask
        while count > pieceMask + 1 { pieceMask = pieceMask * 2 + 1 }
        rows = Rows(.allocate(capacity: pieceMask + 1), pieceMask: pieceMask, shift: old.shift, stride: stride)
        for piece in kept { (rows.pieces + piece & pieceMask).initialize(to: old.pieces[piece & old.pieceMask]) }
        old.pieces.deallocate()
    }

    private mutating func takePiece() -> UnsafeMutablePointer<Int64> {
        if free.isEmpty { addChunk() }
        return free.removeLast()
    }

    /// Adds as many pieces as there are while they are few, later an eighth of them.
    private mutating func addChunk() {
        let bytes = LargeMemory.wantedBytes(beside: byteCount)
        let count = max(1, bytes / (pieceWords * 8))
        let chunk = LargeMemory.allocateWords(count * pieceWords)
        chunks.append(chunk)
        allocatedPieces += count
        for piece in (0..<count).reversed() { free.append(chunk + piece * pieceWords) }
    }

    // MARK: saved state

    /// Writes the rows of `slots`, which are held.
    public func encode(_ slots: Range<Int>, into writer: inout ByteWriter) {
        forEachRun(slots) { words, count in
            writer.encode(raw: UnsafeRawBufferPointer(start: words, count: count * 8))
        }
    }

    /// Takes up what `encode` wrote of the same slots; the ring must be new.
    public mutating func decode(_ slots: Range<Int>, from reader: inout ByteReader) throws(StateCodingError) {
        guard reader.remaining / 8 / stride >= slots.count else { throw StateCodingError("ends early") }
        hold(slots)
        forEachRun(slots) { words, count in
            UnsafeMutableRawBufferPointer(start: words, count: count * 8).copyMemory(from: reader.readBytes(count * 8))
        }
    }

    /// Calls `body` with the words of rows that lie one behind the other.
    private func forEachRun(_ slots: Range<Int>, _ body: (UnsafeMutablePointer<Int64>, _ words: Int) -> Void) {
        var slots = slots
        while !slots.isEmpty {
            let count = min(slots.count, rows.rowMask + 1 - slots.lowerBound & rows.rowMask)
            body(row(slots.lowerBound), count * stride)
            slots = slots.lowerBound + count..<slots.upperBound
        }
    }
}

/// Memory for tables that are read at random places.
enum LargeMemory {
    /// Whole large pages are asked for, since a processor keeps few places of small ones in mind; also where half of one
    /// is enough.
    private static let largePageBytes = 2 << 20

    /// How much to ask for at once beside what there is: as much again while it is little, later whole large pages, an
    /// eighth of it.
    static func wantedBytes(beside bytes: Int) -> Int {
        bytes < largePageBytes / 4 ? bytes : max(largePageBytes, bytes / 8 / largePageBytes * largePageBytes)
    }

    /// Words without a value yet; `deallocate()` gives them back.
    static func allocateWords(_ count: Int) -> UnsafeMutablePointer<Int64> {
        var bytes = max(count, 1) * 8
        let isLarge = bytes >= largePageBytes / 2
        if isLarge { bytes = (bytes + largePageBytes - 1) / largePageBytes * largePageBytes }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? largePageBytes : 64)
        if isLarge { tidemark_prefer_large_pages(memory, bytes) }
        return memory.bindMemory(to: Int64.self, capacity: max(count, 1))
    }
}
