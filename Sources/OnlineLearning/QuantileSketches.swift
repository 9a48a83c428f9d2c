import EventModel
import LinearAlgebra

/// Quantiles of some columns of a stream of rows in little memory, the sharper the nearer they lie to the high end: a
/// rank's error is a share of its distance from the end ("Relative Error Streaming Quantiles", 2021). For the low end the
/// negated values are sketched.
///
/// Levels of values lie above one another; a value of level h stands for 2^h values of the stream. Whenever a level is
/// full its lowest values are sorted and every other one is promoted, the first or the second of each pair by a coin.
/// How many are compacted follows a schedule: one section of values at least, two each second time, four each fourth,
/// ..., never more than half a level. So the higher a value, the more rarely it is replaced by a neighbour.
/// As a level is compacted more often its sections become smaller and more.
///
///     level 0, ascending     ▪ ▪ ▪ ▪ ┊ ▪ ▪ ▪ ▪ ┊ ▪ ▪ ▪ ▪ │ ▪ ▪ ▪ ▪ ▪ ▪ ▪ ▪ ▪ ▪ ▪ ▪
///     compacted              always    2nd time  4th time   never: the highest half
///
/// The schedule goes by the number of rows alone, so all columns keep it together and four are sorted as one. Each column
/// has coins of its own, from a seed: the same stream gives the same sketch, bit for bit, whatever stands beside it.
/// - Complexity: O(k·log^1.5(count/k)) values of memory for a column; O(log²(k)) for a value, amortised.
struct QuantileSketches: Sendable {
    struct Level: Sendable {
        var compactions = 0
        var sections = 3
        /// A section's length before it is rounded to an even number.
        var sectionLength: Double
        /// Of each column the coin of the compaction before; each second compaction takes its opposite, so that their
        /// errors cancel.
        var coins: [Bool]

        /// Values of each column.
        var count = 0
        /// How many of them, the first in memory, are not yet in order among the others, which are in ascending order. So
        /// are they among themselves, but in level 0.
        var fresh = 0
        /// The values of each column there is memory for.
        private(set) var room = 0
        /// Of each four columns `room` rows of four values, of which the last `count` are in use.
        var values: [Double] = []

        var section: Int { max(Int((sectionLength / 2).rounded()) * 2, QuantileSketches.leastSection) }
        var capacity: Int { 2 * sections * section }
        private var fours: Int { (coins.count + 3) / 4 }

        init(columns: Int, sectionLength: Int) {
            self.sectionLength = Double(sectionLength)
            coins = Array(repeating: false, count: columns)
        }

        /// Makes room for so many values of each column.
        mutating func reserve(_ rows: Int) {
            guard rows > room else { return }
            var moved: [Double] = []
            moved.reserveCapacity(fours * rows * 4)
            for four in 0..<fours {
                moved += Array(repeating: 0, count: (rows - room) * 4)
                moved += values[four * room * 4..<(four + 1) * room * 4]
            }
            (values, room) = (moved, rows)
        }

        /// Where the first of a column's values lies; each fourth from there on is the column's.
        func start(ofColumn column: Int) -> Int { ((column / 4 + 1) * room - count) * 4 + column % 4 }

        /// A column's values.
        subscript(column: Int) -> [Double] {
            let start = start(ofColumn: column)
            return (0..<count).map { values[start + $0 * 4] }
        }
    }

    static let leastSection = 4

    /// The length of a section at first; even, at least 4. Twice the length halves the error.
    let sectionLength: Int
    /// Rows taken in.
    private(set) var count = 0
    var levels: [Level]
    /// For each column its place in a row, filled up to a multiple of four.
    private let places: [Int]
    private let sign: Double
    private var random: [SplitMix]

    /// Sketches of the columns at `places` of a row, or of their negated values; a seed for each.
    init(places: [Int], negated: Bool = false, sectionLength: Int = 32, seeds: [UInt64]) {
        precondition(
            sectionLength >= Self.leastSection && sectionLength % 2 == 0, "a section has an even length from 4 on")
        precondition(places.count == seeds.count, "\(seeds.count) seeds for \(places.count) columns")
        self.sectionLength = sectionLength
        self.places = places + Array(repeating: places.last ?? 0, count: -places.count & 3)
        sign = negated ? -1 : 1
        random = seeds.map { SplitMix(state: $0) }
        levels = [Level(columns: places.count, sectionLength: sectionLength)]
    }

    /// The columns sketched.
    var columnCount: Int { random.count }

    /// A level is not full before there is much to sort, although its error would let it be compacted sooner.
    private var leastToSort: Int { 16 &* sectionLength }

    /// Takes in a row whose values at the places are finite.
    mutating func insert(_ row: UnsafePointer<Double>) {
        if levels[0].count == levels[0].room { levels[0].reserve(max(levels[0].capacity, leastToSort)) }
        levels[0].count &+= 1
        levels[0].fresh &+= 1
        let (first, room) = ((levels[0].room &- levels[0].count) &* 4, levels[0].room &* 4)
        levels[0].values.withUnsafeMutableBufferPointer { values in
            places.withUnsafeBufferPointer { places in
                for place in 0..<places.count {
                    assert(row[places[place]].isFinite)
                    // Both zeros are one value.
                    values[place / 4 &* room &+ first &+ place % 4] = sign * row[places[place]] + 0
                }
            }
        }
        count &+= 1
        if levels[0].count >= leastToSort { compact() }
    }

    private mutating func compact() {
        var height = 0
        while height < levels.count, levels[height].count >= max(levels[height].capacity, leastToSort) {
            if height + 1 == levels.count {
                levels.append(Level(columns: columnCount, sectionLength: sectionLength))
            }
            promote(from: height)
            height += 1
        }
    }

    /// Compacts a level's lowest values and promotes half of them to the level above.
    private mutating func promote(from height: Int) {
        let schedule = levels[height]
        let compacted = min(schedule.compactions.trailingOneBits + 1, schedule.sections)
        let kept = schedule.capacity / 2 + (schedule.sections - compacted) * schedule.section
        let end = (schedule.count - kept) & ~1
        for column in random.indices {
            let isSecond = schedule.compactions & 1 == 1
            levels[height].coins[column] = isSecond ? !schedule.coins[column] : random[column].next() & 1 == 1
        }
        levels[height + 1].reserve(levels[height + 1].count + end / 2)
        levels.withUnsafeMutableBufferPointer {
            Self.move(from: &$0[height], isLowest: height == 0, end: end, to: &$0[height + 1])
        }
        levels[height].compactions += 1
        levels[height].refineSections()
    }

    /// Sorts the columns of `lower` and takes the `end` lowest values away: every other one goes to `upper`, which has
    /// room. While few are fresh they are sorted among as many of the lowest as go, and stay fresh.
    private static func move(from lower: inout Level, isLowest: Bool, end: Int, to upper: inout Level) {
        let (fresh, freshAbove, coins) = (lower.fresh, upper.fresh, lower.coins)
        let sorted = fresh < lower.count / 6 ? min(fresh + end, lower.count) : lower.count
        upper.count += end / 2
        upper.fresh += end / 2
        for four in stride(from: 0, to: coins.count, by: 4) {
            let (start, target) = (lower.start(ofColumn: four), upper.start(ofColumn: four))
            lower.values.withUnsafeMutableBufferPointer { lower in
                upper.values.withUnsafeMutableBufferPointer { upper in
                    guard let lower = lower.baseAddress, let upper = upper.baseAddress else { return }
                    if isLowest { RowKernel.sortFourColumns(lower + start, count: fresh) }
                    RowKernel.mergeFourColumns(lower + start, first: fresh, count: sorted)
                    for column in 0..<min(coins.count - four, 4) {
                        let source = lower + (start + (coins[four + column] ? 4 : 0) + column)
                        let target = upper + (target + column)
                        for pair in 0..<end / 2 { target[pair &* 4] = source[pair &* 8] }
                    }
                    RowKernel.mergeFourColumns(upper + target, first: end / 2, count: end / 2 + freshAbove)
                }
            }
        }
        if sorted == lower.count { lower.fresh = 0 }
        lower.count -= end
    }

    /// A column's values in ascending order, with their weights.
    func ranking(_ column: Int) -> QuantileRanking {
        var items: [(value: Double, weight: Int)] = []
        for (height, level) in levels.enumerated() { items += level[column].map { ($0, 1 << height) } }
        return QuantileRanking(items)
    }
}

extension QuantileSketches.Level {
    /// After enough compactions, twice as many sections, shorter by √2: what keeps the error the same share however
    /// long the stream becomes.
    fileprivate mutating func refineSections() {
        let shorter = sectionLength / 2.0.squareRoot()
        guard sections < 63, compactions >= 1 << (sections - 1), shorter >= Double(QuantileSketches.leastSection) else {
            return
        }
        sectionLength = shorter
        sections *= 2
    }
}

extension Int {
    fileprivate var trailingOneBits: Int { (~self).trailingZeroBitCount }
}

// MARK: saved state

extension QuantileSketches {
    /// A column as if it stood alone. All columns have to be written, in order.
    func encode(_ column: Int, into writer: inout ByteWriter) {
        writer.encode(sectionLength)
        writer.encode(count)
        writer.encode(random[column].state)
        writer.encode(levels.count)
        for level in levels {
            writer.encode(level.compactions)
            writer.encode(level.sections)
            writer.encode(level.sectionLength)
            writer.encode(level.coins[column])
            // In which order they lie says nothing.
            writer.encode(level[column].sorted())
        }
    }

    /// Takes up what `encode` wrote for a column; the columns before it must have been taken up.
    mutating func decode(_ column: Int, from reader: inout ByteReader) throws(StateCodingError) {
        try reader.expect(sectionLength, "quantile sketch: length of a section")
        let rows = try reader.decodeCounter("quantile sketch: values", below: 1 << 56)
        random[column].state = try reader.decodeUInt64()
        let height = try reader.decodeCounter("quantile sketch: levels", below: 57)
        if column == 0 {
            count = rows
            levels = (0..<height).map { _ in Level(columns: columnCount, sectionLength: sectionLength) }
        }
        var total = 0
        for index in 0..<min(height, levels.count) {
            total &+= try levels[index].decode(column, from: &reader, sectionLength: sectionLength) << index
        }
        guard height >= 1, height == levels.count, rows == count, total == count else {
            throw StateCodingError(
                "quantile sketch: values for \(total) in \(height) levels are saved, \(count) were taken in")
        }
    }
}

extension QuantileSketches.Level {
    /// - Returns: the number of values.
    fileprivate mutating func decode(
        _ column: Int, from reader: inout ByteReader, sectionLength: Int
    ) throws(StateCodingError) -> Int {
        let before = (compactions, sections, self.sectionLength, count)
        compactions = try reader.decodeCounter("quantile sketch: compactions", below: 1 << 56)
        sections = try reader.decodeCounter("quantile sketch: sections", below: 1 << 8)
        self.sectionLength = try reader.decodeDouble()
        guard sections >= 3, self.sectionLength >= Double(QuantileSketches.leastSection),
            self.sectionLength <= Double(sectionLength)
        else { throw StateCodingError("quantile sketch: \(sections) sections of \(self.sectionLength)") }
        coins[column] = try reader.decodeBool()
        let saved = try reader.decodeDoubles()
        guard saved.count < max(capacity, 16 * sectionLength), saved.allSatisfy(\.isFinite) else {
            throw StateCodingError("quantile sketch: a level holds \(saved.count) values")
        }
        if column == 0 {
            reserve(saved.count)
            (count, fresh) = (saved.count, saved.count)
        } else if before != (compactions, sections, self.sectionLength, saved.count) {
            throw StateCodingError("quantile sketch: columns of one stream have levels of different sizes")
        }
        let start = start(ofColumn: column)
        for (place, value) in saved.enumerated() { values[start + place * 4] = value }
        return saved.count
    }
}
