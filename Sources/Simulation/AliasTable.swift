/// Draws an index with a chance in proportion to its weight, in constant time.
///
/// Source: "A Linear Algorithm for Generating Random Numbers with a Given Distribution", Vose, 1991.
struct AliasTable: Sendable {
    private struct Cell {
        /// The chance of staying in this cell.
        var share: Double
        /// Where the rest goes.
        var alias: Int32
    }
    private var cells: [Cell]

    /// - Parameter weights: at least one, finite and above 0.
    init(weights: [Double]) {
        precondition(!weights.isEmpty && weights.allSatisfy { $0 > 0 && $0.isFinite }, "weights are finite and above 0")
        let scale = Double(weights.count) / weights.reduce(0, +)
        cells = weights.enumerated().map { Cell(share: $1 * scale, alias: Int32($0)) }
        var small = cells.indices.filter { cells[$0].share < 1 }
        var large = cells.indices.filter { cells[$0].share >= 1 }
        while let poor = small.popLast(), let rich = large.popLast() {
            cells[poor].alias = Int32(rich)
            cells[rich].share -= 1 - cells[poor].share
            if cells[rich].share < 1 { small.append(rich) } else { large.append(rich) }
        }
    }

    @inline(__always) func draw(_ random: inout RandomStream) -> Int {
        let index = random.below(cells.count)
        let cell = cells[index]
        return random.uniform() < cell.share ? index : Int(cell.alias)
    }
}
