/// Which customers or terminals are compromised: each day some are drawn, without replacement, for a number of days.
struct CompromiseSpells: Sendable {
    private let drawsPerDay: Int
    private let length: Int
    /// For each entity the first day after its last spell.
    private var end: [Int]

    init(entityCount: Int, drawsPerDay: Int, length: Int) {
        precondition(drawsPerDay <= entityCount, "\(drawsPerDay) draws a day from \(entityCount)")
        self.drawsPerDay = drawsPerDay
        self.length = length
        end = [Int](repeating: 0, count: entityCount)
    }

    /// Draws the day's entities (Floyd's algorithm, "Programming Pearls: A Sample of Brilliance", Bentley, 1987).
    /// Days are 0 or more and are drawn in ascending order.
    mutating func draw(day: Int, _ random: inout RandomStream) {
        for last in end.count - drawsPerDay..<end.count {
            let entity = random.below(last + 1)
            let isDrawnToday = end[entity] == day + length
            end[isDrawnToday ? last : entity] = day + length
        }
    }

    /// Whether a spell covers the day, which is the one drawn last.
    @inline(__always) func isCompromised(_ entity: Int, day: Int) -> Bool { end[entity] > day }
}
