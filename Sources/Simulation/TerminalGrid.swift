/// Terminals on a square, sorted into square cells at least as wide as the radius, so that all terminals within the
/// radius of a point lie in its cell and the eight around it: three runs of the sorted terminals.
struct TerminalGrid: Sendable {
    struct Terminal: Sendable {
        var x: Double
        var y: Double
        var number: Int32
    }
    private let terminals: [Terminal]
    /// Where each cell's terminals start, row by row, and the end.
    private let cellStarts: [Int32]
    private let cellsPerSide: Int
    private let cellWidth: Double
    private let squaredRadius: Double

    /// - Parameters:
    ///   - side: the square's side; the places lie in 0 ... side.
    ///   - radius: how far a point sees terminals; nearer than this, not at it.
    init(places: [(x: Double, y: Double)], side: Double, radius: Double) {
        let widest = (Double(places.count).squareRoot()).rounded(.up)
        let cellsPerSide = Int(max(1, min(widest, (side / radius).rounded(.down))))
        let cellWidth = side / Double(cellsPerSide)
        self.cellsPerSide = cellsPerSide
        self.cellWidth = cellWidth
        squaredRadius = radius * radius
        func cell(_ place: (x: Double, y: Double)) -> Int {
            min(Int(place.y / cellWidth), cellsPerSide - 1) * cellsPerSide
                + min(Int(place.x / cellWidth), cellsPerSide - 1)
        }
        var starts = [Int32](repeating: 0, count: cellsPerSide * cellsPerSide + 1)
        for place in places { starts[cell(place) + 1] += 1 }
        for index in starts.indices.dropFirst() { starts[index] += starts[index - 1] }
        cellStarts = starts
        var sorted = [Terminal](repeating: Terminal(x: 0, y: 0, number: 0), count: places.count)
        for (number, place) in places.enumerated() {
            let cell = cell(place)
            sorted[Int(starts[cell])] = Terminal(x: place.x, y: place.y, number: Int32(number))
            starts[cell] += 1
        }
        terminals = sorted
    }

    /// The three runs of terminals around a point, and how many lie in them.
    struct Neighbourhood {
        var runs: (Range<Int>, Range<Int>, Range<Int>)
        var count: Int { runs.0.count + runs.1.count + runs.2.count }

        /// The place of the `index`-th of them among the sorted terminals.
        @inline(__always) func position(_ index: Int) -> Int {
            if index < runs.0.count { return runs.0.lowerBound + index }
            let index = index - runs.0.count
            return index < runs.1.count ? runs.1.lowerBound + index : runs.2.lowerBound + index - runs.1.count
        }
    }

    func neighbourhood(x: Double, y: Double) -> Neighbourhood {
        let column = min(Int(x / cellWidth), cellsPerSide - 1)
        let row = min(Int(y / cellWidth), cellsPerSide - 1)
        func run(_ row: Int) -> Range<Int> {
            guard (0..<cellsPerSide).contains(row) else { return 0..<0 }
            let first = row * cellsPerSide + max(column - 1, 0)
            let last = row * cellsPerSide + min(column + 1, cellsPerSide - 1)
            return Int(cellStarts[first])..<Int(cellStarts[last + 1])
        }
        return Neighbourhood(runs: (run(row - 1), run(row), run(row + 1)))
    }

    @inline(__always) private func isWithinRadius(_ terminal: Terminal, _ x: Double, _ y: Double) -> Bool {
        let dx = terminal.x - x
        let dy = terminal.y - y
        return dx * dx + dy * dy < squaredRadius
    }

    func hasTerminal(nearX x: Double, y: Double) -> Bool {
        let near = neighbourhood(x: x, y: y)
        return (0..<near.count).contains { isWithinRadius(terminals[near.position($0)], x, y) }
    }

    /// One of the terminals within the radius, each as likely; nil when there is none.
    ///
    /// Draws among the nine cells until one is within the radius; after 64 misses it counts instead, which does not
    /// change the chances.
    @inline(__always) func draw(_ near: Neighbourhood, x: Double, y: Double, _ random: inout RandomStream) -> Int32? {
        let count = near.count
        if count == 0 { return nil }
        for _ in 0..<64 {
            let terminal = terminals[near.position(random.below(count))]
            if isWithinRadius(terminal, x, y) { return terminal.number }
        }
        return drawByCounting(near, x, y, &random)
    }

    @inline(never) private func drawByCounting(
        _ near: Neighbourhood, _ x: Double, _ y: Double, _ random: inout RandomStream
    ) -> Int32? {
        let within = (0..<near.count).filter { isWithinRadius(terminals[near.position($0)], x, y) }
        return within.isEmpty ? nil : terminals[near.position(within[random.below(within.count)])].number
    }
}
