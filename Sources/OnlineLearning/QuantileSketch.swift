import EventModel

/// Quantiles of a stream in little memory, the sharper the nearer they lie to the high end: a rank's error is a share
/// of its distance from the end ("Relative Error Streaming Quantiles", 2021). For the low end sketch the negated values.
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
/// The coins come from a seed, so the same stream gives the same sketch, bit for bit.
/// - Complexity: O(k·log^1.5(count/k)) values of memory; O(log(count)) for a value, amortised.
public struct QuantileSketch: Sendable {
    struct Level: Sendable {
        var values: [Double] = []
        var compactions = 0
        var sections = 3
        /// A section's length before it is rounded to an even number.
        var sectionLength: Double
        /// The coin of the compaction before; each second compaction takes its opposite, so that their errors cancel.
        var coin = false

        var section: Int { max(Int((sectionLength / 2).rounded()) * 2, QuantileSketch.leastSection) }
        var capacity: Int { 2 * sections * section }
    }

    static let leastSection = 4

    /// The length of a section at first; even, at least 4. Twice the length halves the error.
    public let sectionLength: Int
    /// Values taken in.
    public private(set) var count = 0
    var levels: [Level]
    private var random: SplitMix

    public init(sectionLength: Int = 32, seed: UInt64) {
        precondition(
            sectionLength >= Self.leastSection && sectionLength % 2 == 0, "a section has an even length from 4 on")
        self.sectionLength = sectionLength
        levels = [Level(sectionLength: Double(sectionLength))]
        random = SplitMix(state: seed)
    }

    /// Takes in a finite value.
    public mutating func insert(_ value: Double) {
        assert(value.isFinite)
        // Both zeros are one value.
        levels[0].values.append(value + 0)
        count &+= 1
        if levels[0].values.count >= 16 &* sectionLength { compact() }
    }

    /// Whether a level is full: not before there is much to sort, although its error would let it be compacted sooner.
    private func isFull(_ level: Int) -> Bool {
        levels[level].values.count >= max(levels[level].capacity, 16 * sectionLength)
    }

    private mutating func compact() {
        var level = 0
        while level < levels.count, isFull(level) {
            if level + 1 == levels.count { levels.append(Level(sectionLength: Double(sectionLength))) }
            levels[level + 1].values += promote(from: level)
            level += 1
        }
    }

    /// Compacts a level's lowest values.
    /// - Returns: what goes to the level above.
    private mutating func promote(from index: Int) -> [Double] {
        var level = levels[index]
        levels[index].values = []
        level.values.sort()
        let compacted = min(level.compactions.trailingOneBits + 1, level.sections)
        let kept = level.capacity / 2 + (level.sections - compacted) * level.section
        let end = (level.values.count - kept) & ~1
        level.coin = level.compactions & 1 == 1 ? !level.coin : random.next() & 1 == 1
        let promoted = stride(from: level.coin ? 1 : 0, to: end, by: 2).map { level.values[$0] }
        level.values.removeFirst(end)
        level.compactions += 1
        level.refineSections()
        levels[index] = level
        return promoted
    }

    /// The values kept in ascending order, with their weights.
    public var ranking: QuantileRanking { QuantileRanking(self) }
}

extension QuantileSketch.Level {
    /// After enough compactions, twice as many sections, shorter by √2: what keeps the error the same share however
    /// long the stream becomes.
    fileprivate mutating func refineSections() {
        let shorter = sectionLength / 2.0.squareRoot()
        guard sections < 63, compactions >= 1 << (sections - 1), shorter >= Double(QuantileSketch.leastSection) else {
            return
        }
        sectionLength = shorter
        sections *= 2
    }
}

extension Int {
    fileprivate var trailingOneBits: Int { (~self).trailingZeroBitCount }
}

/// What a sketch knows, sorted.
public struct QuantileRanking: Sendable {
    /// In ascending order, each once.
    public private(set) var values: [Double] = []
    /// For each value how many of the stream it and those below it stand for; the last is `count`.
    public private(set) var weights: [Int] = []

    public var count: Int { weights.last ?? 0 }

    init() {}

    init(_ sketch: QuantileSketch) {
        var items: [(value: Double, weight: Int)] = []
        for (height, level) in sketch.levels.enumerated() { items += level.values.map { ($0, 1 << height) } }
        self.init(items)
    }

    private init(_ items: [(value: Double, weight: Int)]) {
        var total = 0
        for item in items.sorted(by: { $0.value < $1.value }) {
            total += item.weight
            append(item.value, weight: total)
        }
    }

    /// Appends a value not below the last one, with the weight of all up to it.
    mutating func append(_ value: Double, weight: Int) {
        if values.last == value {
            weights[weights.count - 1] = weight
        } else {
            values.append(value)
            weights.append(weight)
        }
    }

    /// The smallest value such that it and those below are at least the share `rank` of the stream; nil of an empty one.
    public func quantile(_ rank: Double) -> Double? { place(ofRank: rank).map { values[$0] } }

    /// How many values of the stream are at most `value`.
    public func weight(upTo value: Double) -> Int {
        let place = firstPlace { values[$0] > value }
        return place == 0 ? 0 : weights[place - 1]
    }

    /// The place of `quantile(rank)` among the values.
    func place(ofRank rank: Double) -> Int? {
        guard count > 0 else { return nil }
        let target = rank * Double(count)
        return min(firstPlace { Double(weights[$0]) >= target }, values.count - 1)
    }

    /// The first place for which `isBehind` holds, which then holds for all later ones; `values.count` when for none.
    private func firstPlace(_ isBehind: (Int) -> Bool) -> Int {
        var (low, high) = (0, values.count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The same of the negated values.
    var negated: QuantileRanking {
        var items: [(value: Double, weight: Int)] = []
        var below = 0
        for (value, weight) in zip(values, weights) {
            items.append((0 - value, weight - below))
            below = weight
        }
        return QuantileRanking(items)
    }
}

// MARK: saved state

extension QuantileSketch: LearnedState {
    public func encode(into writer: inout ByteWriter) {
        writer.encode(sectionLength)
        writer.encode(count)
        writer.encode(random.state)
        writer.encode(levels.count)
        for level in levels {
            writer.encode(level.compactions)
            writer.encode(level.sections)
            writer.encode(level.sectionLength)
            writer.encode(level.coin)
            writer.encode(level.values)
        }
    }

    /// Restores what `encode` wrote.
    public init(decoding reader: inout ByteReader, sectionLength: Int) throws(StateCodingError) {
        self.init(sectionLength: sectionLength, seed: 0)
        try reader.expect(sectionLength, "quantile sketch: length of a section")
        count = try reader.decodeCounter("quantile sketch: values", below: 1 << 56)
        random.state = try reader.decodeUInt64()
        let height = try reader.decodeCounter("quantile sketch: levels", below: 57)
        levels = []
        var total = 0
        for index in 0..<height {
            let level = try Level(decoding: &reader, sectionLength: sectionLength)
            total &+= level.values.count << index
            levels.append(level)
        }
        guard height >= 1, total == count else {
            throw StateCodingError("quantile sketch: values for \(total) are saved, \(count) were taken in")
        }
    }
}

extension QuantileSketch.Level {
    fileprivate init(decoding reader: inout ByteReader, sectionLength: Int) throws(StateCodingError) {
        compactions = try reader.decodeCounter("quantile sketch: compactions", below: 1 << 56)
        sections = try reader.decodeCounter("quantile sketch: sections", below: 1 << 8)
        self.sectionLength = try reader.decodeDouble()
        guard sections >= 3, self.sectionLength >= Double(QuantileSketch.leastSection),
            self.sectionLength <= Double(sectionLength)
        else { throw StateCodingError("quantile sketch: \(sections) sections of \(self.sectionLength)") }
        coin = try reader.decodeBool()
        values = try reader.decodeDoubles()
        guard values.count < max(capacity, 16 * sectionLength), values.allSatisfy(\.isFinite) else {
            throw StateCodingError("quantile sketch: a level holds \(values.count) values")
        }
    }
}
