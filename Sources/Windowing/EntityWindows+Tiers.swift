import EventModel
import Synchronization

// A key with events far out of order keeps them in tiers. Positions are what they always are; but the events at the 256
// positions of a block lie in its 256 slots turned by the block's rotation, so that it takes an event in before its first
// one, and gives its last one up, by touching one slot. So an event put at its place moves at most 128 events of its own
// block, and one of each later block. A block also has the totals of its events, so that boundaries pass it in one step,
// and what is to be added to all its decay prefixes. Other keys have none of this.
//
//     tiers: words of a block │ block 0 │ block 1 │ ...
//     block: rotation │ totals (`WindowPlan.tierAccumulators`) │ for each decay what to add: sum (2 words), count
//
// Goodrich and Kloss, "Tiered Vectors: Efficient Dynamic Arrays for Rank-Based Sequences", 1999.

enum Tier {
    /// The positions of a block.
    static let size: Int64 = 256

    static func isStart(_ position: Int64) -> Bool { position & (size - 1) == 0 }
}

/// Where a key's events lie in its ring.
struct Slots {
    private let mask: Int64
    private let tiers: UnsafeMutablePointer<Int64>?

    @inline(__always) init(_ header: UnsafeMutablePointer<Int64>) {
        mask = header[EntityWindows.Header.mask]
        tiers = UnsafeMutablePointer(bitPattern: Int(header[EntityWindows.Header.tiers]))
    }

    @inline(__always) init(_ header: UnsafeMutablePointer<Int64>, _ shape: some EventShape) {
        mask = header[EntityWindows.Header.mask]
        tiers =
            shape.isFlat ? nil : UnsafeMutablePointer(bitPattern: Int(header[EntityWindows.Header.tiers]))
    }

    @inline(__always) var isTiered: Bool { tiers != nil }

    @inline(__always) subscript(position: Int64) -> Int {
        let slot = Int(position & mask)
        guard let tiers else { return slot }
        let rotation = Int(tiers[1 &+ (slot >> 8) &* Int(tiers[0])])
        return slot & ~255 | (slot &+ rotation) & 255
    }
}

extension EntityWindows {
    @inline(__always) func slot(_ header: UnsafeMutablePointer<Int64>, _ position: Int64) -> Int {
        Slots(header)[position]
    }

    private func tiers(_ header: UnsafeMutablePointer<Int64>) -> UnsafeMutablePointer<Int64>? {
        UnsafeMutablePointer(bitPattern: Int(header[Header.tiers]))
    }

    /// The words of the block that a position is in.
    /// - Precondition: the key has tiers.
    func tier(_ header: UnsafeMutablePointer<Int64>, _ position: Int64) -> UnsafeMutablePointer<Int64> {
        let block = Int(position & header[Header.mask]) / Int(Tier.size)
        return (tiers(header) ?? header) + 1 + block * plan.tierWords
    }

    func tierByteCount(_ header: UnsafeMutablePointer<Int64>) -> Int {
        tiers(header) == nil ? 0 : tierCapacity(header) * 8
    }

    private func tierCapacity(_ header: UnsafeMutablePointer<Int64>) -> Int {
        1 + Int(header[Header.mask] + 1) / Int(Tier.size) * plan.tierWords
    }

    // MARK: their life

    /// Whether the block of the oldest event is not also that of the newest, one more, and the mark behind it.
    func hasRoomForTiers(_ header: UnsafeMutablePointer<Int64>) -> Bool {
        let blocks = (header[Header.head] + 1) / Tier.size - header[Header.first] / Tier.size
        return blocks < (header[Header.mask] + 1) / Tier.size
    }

    @inline(never) func startTiers(_ header: UnsafeMutablePointer<Int64>) {
        while !hasRoomForTiers(header) { resize(header, capacity: (header[Header.mask] + 1) * 2) }
        makeTiers(header)
    }

    /// - Complexity: O(events of the key)
    func makeTiers(_ header: UnsafeMutablePointer<Int64>) {
        guard let ring = ring(header) else { return }
        let count = tierCapacity(header)
        let tiers = UnsafeMutablePointer<Int64>.allocate(capacity: count)
        tiers.initialize(repeating: 0, count: count)
        tiers[0] = Int64(plan.tierWords)
        header[Header.tiers] = Int64(Int(bitPattern: tiers))
        for position in header[Header.first]..<header[Header.head] {
            addToTier(header, position, event(header, ring, position), sign: 1)
        }
    }

    func dropTiers(_ header: UnsafeMutablePointer<Int64>) {
        tiers(header)?.deallocate()
        header[Header.tiers] = 0
    }

    /// Makes room for one more event of a key with tiers, and the mark behind it.
    @inline(never) func reserveTier(_ header: UnsafeMutablePointer<Int64>) {
        if !hasRoomForTiers(header) { resize(header, capacity: (header[Header.mask] + 1) * 2) }
        let next = header[Header.head] &+ 1
        if header[Header.tiers] != 0, Tier.isStart(next) {
            tier(header, next).update(repeating: 0, count: plan.tierWords)
        }
    }

    /// Takes into the decay prefixes what their blocks have to add to them.
    func settleTiers(_ header: UnsafeMutablePointer<Int64>) {
        guard let ring = ring(header), header[Header.tiers] != 0 else { return }
        for decay in decays {
            for position in header[Header.first]..<header[Header.head] {
                let prefix = prefix(header, position, decay)
                let words = event(header, ring, position) + decay.word
                storeWide(prefix.sum, words)
                words[3] = prefix.count
            }
            for block in 0..<(header[Header.mask] + 1) / Tier.size {
                (tier(header, block * Tier.size) + decay.tierWord).update(repeating: 0, count: 3)
            }
        }
    }

    // MARK: totals

    /// Adds an event to the totals of its position's block.
    @inline(never) func addToTier(
        _ header: UnsafeMutablePointer<Int64>, _ position: Int64, _ event: UnsafeMutablePointer<Int64>, sign: Int64
    ) {
        let tier = tier(header, position)
        for accumulator in plan.tierAccumulators where passes(event, accumulator.filter) {
            add(event, accumulator, to: tier + accumulator.tierWord, sign: sign)
        }
    }

    /// Adds what became known of an event's label.
    @inline(never) func addToTier(
        _ header: UnsafeMutablePointer<Int64>, _ position: Int64, _ event: UnsafeMutablePointer<Int64>, labels: Int64
    ) {
        let tier = tier(header, position)
        for accumulator in plan.tierAccumulators
        where accumulator.operation == .labels && passes(event, accumulator.filter) {
            tier[accumulator.tierWord] &+= labels
        }
    }

    /// Adds all events of a block to a boundary's totals.
    func addTier(
        _ tier: UnsafeMutablePointer<Int64>, to words: UnsafeMutablePointer<Int64>, _ boundary: WindowPlan.Boundary,
        sign: Int64
    ) {
        for index in boundary.firstAccumulator..<boundary.endAccumulator {
            let accumulator = accumulators[index]
            let (total, part) = (words + accumulator.word, tier + accumulator.tierWord)
            switch accumulator.operation {
            case .sum where !plan.isPlain:
                storeWide(
                    sign > 0 ? loadWide(total) &+ loadWide(part) : loadWide(total) &- loadWide(part), total)
            case .square: (sign > 0 ? Int192(total) + Int192(part) : Int192(total) - Int192(part)).store(total)
            case .count, .sum, .labels: total[0] &+= part[0] &* sign
            case .enter, .leave: break
            }
        }
    }

    // MARK: moving

    /// Moves the events from a position on up by one.
    func openPlaceInTiers(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, at position: Int64
    ) {
        let head = header[Header.head]
        let start = position & ~(Tier.size - 1)
        var next = head & ~(Tier.size - 1)
        // The free place of the position's block.
        let end = next > start ? start + Tier.size - 1 : head
        while next > start {
            let (below, above) = (tier(header, next - 1), tier(header, next))
            let last = event(header, ring, next - 1)
            addToTier(header, next - 1, last, sign: -1)
            addToTier(header, next, last, sign: 1)
            above[0] = (above[0] - 1) & (Tier.size - 1)
            let moved = event(header, ring, next)
            moved.update(from: last, count: eventWords)
            for decay in decays {
                let (sum, count) = (loadWide(below + decay.tierWord), below[decay.tierWord + 2])
                let words = moved + decay.word
                storeWide(loadWide(words) &+ sum &- loadWide(above + decay.tierWord), words)
                words[3] &+= count &- above[decay.tierWord + 2]
            }
            next -= Tier.size
            lateSteps.add(1, ordering: .relaxed)
        }
        func move(_ from: Int64, to: Int64) {
            event(header, ring, to).update(from: event(header, ring, from), count: eventWords)
        }
        if position - start < end - position {
            // The block's free place comes to its front, and those below the position move down.
            let tier = tier(header, start)
            tier[0] = (tier[0] - 1) & (Tier.size - 1)
            for other in start..<position { move(other + 1, to: other) }
            lateSteps.add(Int(position - start), ordering: .relaxed)
        } else {
            for other in (position..<end).reversed() { move(other, to: other + 1) }
            lateSteps.add(Int(end - position), ordering: .relaxed)
        }
    }
}
