/// Memory for the rings of an entity's keys, out of pieces on large pages: a processor keeps in mind where few small pages
/// are, and rings by themselves would be on as many as there are keys.
///
/// A ring is a run of units, a power of two of them (its order). A buddy system: a run of twice the size is split for one
/// where none is free, and a run given back becomes one with the other half as soon as both are free. What lies where shows
/// in no result.
///
///     piece: units                              pairs: a bit for each two halves of a run
///     free run: next free run │ previous │ ...  whether just one of them is free and whole
///
/// Knowlton, "A Fast Storage Allocator", 1965.
struct RingMemory: ~Copyable {
    typealias Run = UnsafeMutablePointer<Int64>

    private struct Piece {
        var start: Run
        var order: Int
        /// By order, the greatest first, then by place.
        var pairs: UnsafeMutablePointer<UInt64>

        /// Notes that the run of an order that begins at a unit is free and whole now, or is so no longer.
        /// - Returns: whether the other half of its pair is.
        @inline(__always) func turn(_ unit: Int, order: Int) -> Bool {
            let pair = (1 << self.order | unit) >> (order + 1)
            let bit: UInt64 = 1 << UInt64(pair & 63)
            pairs[pair >> 6] ^= bit
            return pairs[pair >> 6] & bit == 0
        }
    }

    private struct State {
        /// By address.
        var pieces: [Piece] = []
        /// Bytes of all pieces, and of their pairs.
        var byteCount = 0
        /// The place of the piece last looked for.
        var lastPiece = 0
    }

    private let unitWords: Int
    /// The first free run of each order.
    private let free: UnsafeMutablePointer<Run?>
    private let state: UnsafeMutablePointer<State>

    private static let orders = 56
    /// From this size on a piece is a piece of large pages.
    private static let largeBytes = 2 << 20

    /// - Parameter unitWords: at least two.
    init(unitWords: Int) {
        precondition(unitWords >= 2, "a unit of \(unitWords) words has no room for the links of free runs")
        self.unitWords = unitWords
        free = .allocate(capacity: Self.orders)
        free.initialize(repeating: nil, count: Self.orders)
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit {
        for piece in state.pointee.pieces { release(piece) }
        state.deinitialize(count: 1)
        state.deallocate()
        free.deallocate()
    }

    var byteCount: Int { state.pointee.byteCount }

    /// A run of 2^`order` units, without a value yet.
    /// - Complexity: O(orders + log pieces)
    func allocate(order: Int) -> Run {
        var found = order
        while found < Self.orders, free[found] == nil { found += 1 }
        if found == Self.orders { found = addPiece(atLeast: order) }
        guard let run = free[found] else { preconditionFailure("a piece was added, but no run is free") }
        take(run, order: found)
        let piece = state.pointee.pieces[piece(of: run)]
        let unit = (run - piece.start) / unitWords
        if found < piece.order { _ = piece.turn(unit, order: found) }
        while found > order {
            found -= 1
            _ = piece.turn(unit, order: found)
            give(run + unitWords << found, order: found)
        }
        return run
    }

    /// Takes back a run that `allocate` gave for the same order.
    func deallocate(_ run: Run, order: Int) {
        let index = piece(of: run)
        let piece = state.pointee.pieces[index]
        var (unit, order) = ((run - piece.start) / unitWords, order)
        while order < piece.order, piece.turn(unit, order: order) {
            take(piece.start + (unit ^ 1 << order) * unitWords, order: order)
            unit &= ~(1 << order)
            order += 1
        }
        if order == piece.order, bytes(order: order) > Self.largeBytes {
            state.pointee.pieces.remove(at: index)
            release(piece)
        } else {
            give(piece.start + unit * unitWords, order: order)
        }
    }

    // MARK: free runs

    private func give(_ run: Run, order: Int) {
        let next = free[order]
        run[0] = Int64(Int(bitPattern: next))
        run[1] = 0
        next?[1] = Int64(Int(bitPattern: run))
        free[order] = run
    }

    private func take(_ run: Run, order: Int) {
        let (next, previous) = (Run(bitPattern: Int(run[0])), Run(bitPattern: Int(run[1])))
        next?[1] = run[1]
        if let previous { previous[0] = run[0] } else { free[order] = next }
    }

    // MARK: pieces

    private func bytes(order: Int) -> Int { unitWords * 8 << order }

    /// The place of the piece that a run is in: the last one that does not begin behind it.
    private func piece(of run: Run) -> Int {
        let last = state.pointee.lastPiece
        if last < state.pointee.pieces.count {
            let piece = state.pointee.pieces[last]
            if piece.start <= run, run < piece.start + unitWords << piece.order { return last }
        }
        var (low, high) = (0, state.pointee.pieces.count)
        while low < high {
            let middle = (low + high) / 2
            if state.pointee.pieces[middle].start <= run { low = middle + 1 } else { high = middle }
        }
        state.pointee.lastPiece = max(low - 1, 0)
        return low - 1
    }

    /// Adds a free piece: as large as all before it together while they are small, later an eighth of them.
    /// - Returns: its order.
    private func addPiece(atLeast least: Int) -> Int {
        let wanted = LargeMemory.wantedBytes(beside: byteCount)
        var order = least
        while bytes(order: order) < wanted { order += 1 }
        let piece = Piece(
            start: LargeMemory.allocateWords(unitWords << order), order: order,
            pairs: .allocate(capacity: pairWords(order: order)))
        piece.pairs.initialize(repeating: 0, count: pairWords(order: order))
        state.pointee.byteCount += byteCount(of: piece)
        state.pointee.pieces.insert(piece, at: self.piece(of: piece.start) + 1)
        give(piece.start, order: order)
        return order
    }

    private func pairWords(order: Int) -> Int { (1 << order + 63) / 64 }

    private func byteCount(of piece: Piece) -> Int { bytes(order: piece.order) + pairWords(order: piece.order) * 8 }

    private func release(_ piece: Piece) {
        state.pointee.byteCount -= byteCount(of: piece)
        piece.pairs.deallocate()
        piece.start.deallocate()
    }
}
