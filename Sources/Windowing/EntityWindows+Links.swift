import EventModel
import Synchronization

// Two structures that lie in the events themselves and serve all windows.
//
// An extreme's links (shown for the maximum): each event knows how far ahead the next event stands whose value is at
// least its own, and how far back the nearest one whose value is greater, in 32 bits each, 0 for none. Those without a
// next one form the stack of a monotonic queue; a new event takes those it is not below from its top. From any event
// the next ones lead through the records up to the greatest before any end: a window needs to keep only the event that
// it has come to, so that an event is passed once by each window, whatever its length and delay.
//
// A decay's state as of each event (`DecayState`), and how many events its period has had, so that the periods before
// it can be found; what there was before the period, only at its first event.
extension EntityWindows {
    /// Sets what the newest event holds of links.
    @inline(__always) func link(_ header: UnsafeMutablePointer<Int64>, _ position: Int64) {
        guard let ring = ring(header) else { return }
        for extreme in extremes { link(header, ring, position, extreme) }
        for decay in decays { link(header, ring, position, decay) }
    }

    /// Sets what an event put at `position` holds of links, and takes it into those of others and into what is remembered of
    /// positions.
    func relink(_ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, at position: Int64) {
        for extreme in extremes { relink(header, ring, at: position, extreme) }
        for decay in decays { relink(header, ring, at: position, decay) }
        for answer in answers where answer.slot > 0 { moveSlot(header, ring, answer, past: position) }
    }

    /// Takes an event put at `position` into what an answer remembers of positions.
    private func moveSlot(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, _ answer: WindowPlan.Answer,
        past position: Int64
    ) {
        let slot = header + answer.slot
        let new = event(header, ring, position)
        switch answer.kind {
        case .extreme where slot[0] >= position:
            let extreme = extremes[answer.part]
            // Before its first answer it has not come to any.
            let hasCome = slot[0] &+ 1 < header[Header.boundaries + answer.upper]
            let best = event(header, ring, slot[0] &+ 1)
            let isBest = !hasCome || isNearer(new, than: best, rank: rank(best, extreme), extreme)
            slot[0] = isBest ? position : slot[0] &+ 1
        case .first where slot[0] >= position:
            slot[0] = passes(new, answer.filter) ? position : slot[0] &+ 1
        case .last where slot[0] > position, .sincePrevious where slot[0] > position:
            slot[0] &+= 1
            if slot[1] >= position {
                slot[1] &+= 1
            } else if passes(new, answer.filter) {
                slot[1] = position
            }
        default: break
        }
    }

    @inline(__always) func event(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, _ position: Int64
    ) -> UnsafeMutablePointer<Int64> {
        ring + slot(header, position) &* eventWords
    }

    // MARK: extremes

    /// The value, turned so that greater is nearer to the extreme.
    @inline(__always) private func rank(_ event: UnsafeMutablePointer<Int64>, _ extreme: WindowPlan.Extreme) -> Int64 {
        extreme.isMaximum ? event[extreme.value] : ~event[extreme.value]
    }

    /// Whether an event is nearer to the extreme than another, whose rank is given; events outside the filter are farther
    /// than all others.
    @inline(__always) private func isNearer(
        _ event: UnsafeMutablePointer<Int64>, than other: UnsafeMutablePointer<Int64>, rank: Int64,
        _ extreme: WindowPlan.Extreme
    ) -> Bool {
        if extreme.filter == 0 { return self.rank(event, extreme) > rank }
        return passes(event, extreme.filter)
            && (self.rank(event, extreme) > rank || !passes(other, extreme.filter))
    }

    @inline(__always) private func ahead(_ links: Int64) -> Int64 { links & 0xFFFF_FFFF }
    @inline(__always) private func back(_ links: Int64) -> Int64 { links >> 32 }

    @inline(__always) private func link(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, _ position: Int64,
        _ extreme: WindowPlan.Extreme
    ) {
        let slots = Slots(header)
        let new = ring + slots[position] &* eventWords
        let rank = rank(new, extreme)
        let first = header[Header.first]
        var greater = position &- 1
        while greater >= first {
            let other = ring + slots[greater] &* eventWords
            if isNearer(other, than: new, rank: rank, extreme) { break }
            other[extreme.word] = other[extreme.word] & ~0xFFFF_FFFF | (position &- greater)
            let back = back(other[extreme.word])
            greater = back == 0 ? first &- 1 : greater &- back
        }
        new[extreme.word] = greater >= first ? (position &- greater) << 32 : 0
    }

    /// Links an event put at `position`. Other links change where they lead across it: ahead from those before it that
    /// none outranks up to there, back from those behind it that outrank all from there on.
    /// - Complexity: O(those), which is O(log events) where values are not in order.
    private func relink(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, at position: Int64,
        _ extreme: WindowPlan.Extreme
    ) {
        let new = event(header, ring, position)
        let rank = rank(new, extreme)
        var (backward, forward) = (0 as Int64, 0 as Int64)
        var steps = 0
        var other = position &- 1
        while other >= header[Header.first] {
            steps &+= 1
            let before = event(header, ring, other)
            let links = before[extreme.word]
            if !isNearer(before, than: new, rank: rank, extreme) {
                before[extreme.word] = links & ~0xFFFF_FFFF | (position &- other)
            } else {
                if backward == 0 { backward = position &- other }
                // Those farther back are nearer still to the extreme, and have no next one either.
                if ahead(links) == 0 { break }
                before[extreme.word] = links &+ 1
            }
            if back(links) == 0 { break }
            other &-= back(links)
        }
        other = position &+ 1
        while other < header[Header.head] {
            steps &+= 1
            let behind = event(header, ring, other)
            let links = behind[extreme.word]
            if isNearer(new, than: behind, rank: self.rank(behind, extreme), extreme) {
                behind[extreme.word] = (other &- position) << 32 | ahead(links)
            } else {
                if forward == 0 { forward = other &- position }
                if back(links) == 0 { break }
                behind[extreme.word] = links &+ 1 << 32
            }
            if ahead(links) == 0 { break }
            other &+= ahead(links)
        }
        new[extreme.word] = backward << 32 | forward
        lateSteps.add(steps, ordering: .relaxed)
    }

    /// The event that the links lead to from `start`, before `end`.
    @inline(__always) func follow(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, from start: Int64,
        before end: Int64, _ extreme: WindowPlan.Extreme
    ) -> Int64 {
        let slots = Slots(header)
        var position = start
        while true {
            let ahead = ahead(ring[slots[position] &* eventWords &+ extreme.word])
            if ahead == 0 || position &+ ahead >= end { return position }
            position &+= ahead
        }
    }

    // MARK: decays

    @inline(__always) private func link(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, _ position: Int64,
        _ decay: WindowPlan.Decay
    ) {
        let new = event(header, ring, position)
        let bucket = floorDivide(new[0] >> 2, decay.halfLife)
        var state = decayState(header, ring, before: position, decay)
        let count =
            position > header[Header.first] && state.bucket == bucket
            ? prefix(header, position &- 1, decay).count &+ 1 : 1
        state.add(weight(new, decay), bucket: bucket)
        store(state, count: count, header, position, decay)
    }

    /// Takes an event put at `position` into the prefixes of its half-life period, and into what the periods after it have
    /// of those before.
    /// - Complexity: O(later events of the period, or blocks of them, + later periods while anything changes)
    private func relink(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, at position: Int64,
        _ decay: WindowPlan.Decay
    ) {
        let bucket = floorDivide(event(header, ring, position)[0] >> 2, decay.halfLife)
        let end = endOfPeriod(header, ring, bucket, from: position &+ 1, decay)
        let weight = weight(event(header, ring, position), decay)
        if position == header[Header.first], end > position &+ 1 {
            // Those of its period before it were dropped: it stands where the next one stood.
            let next = event(header, ring, position &+ 1)
            let stood = prefix(header, position &+ 1, decay)
            var state = DecayState()
            state.sum = stood.sum &- self.weight(next, decay) &+ weight
            state.older = Double(bitPattern: UInt64(bitPattern: next[decay.word + 2]))
            store(state, count: stood.count, header, position, decay)
        } else {
            link(header, ring, position, decay)
        }
        add(weight, header, ring, position &+ 1..<end, decay)
        guard decay.base >= 0 else { return }
        var start = end
        while start < header[Header.head] {
            let first = event(header, ring, start)
            let bucket = floorDivide(first[0] >> 2, decay.halfLife)
            var state = decayState(header, ring, before: start, decay)
            state.add(0, bucket: bucket)
            let older = Int64(bitPattern: state.older.bitPattern)
            lateSteps.add(1, ordering: .relaxed)
            if first[decay.word + 2] == older { break }
            first[decay.word + 2] = older
            start = endOfPeriod(header, ring, bucket, from: start &+ 1, decay)
        }
    }

    /// The first position, from `start` on, of a later period.
    private func endOfPeriod(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, _ bucket: Int64, from start: Int64,
        _ decay: WindowPlan.Decay
    ) -> Int64 {
        let head = header[Header.head]
        func isLater(_ position: Int64) -> Bool {
            floorDivide(event(header, ring, position)[0] >> 2, decay.halfLife) > bucket
        }
        var (low, step) = (start, 1 as Int64)
        while low &+ step <= head, !isLater(low &+ step &- 1) {
            low &+= step
            step <<= 1
        }
        var high = min(low &+ step &- 1, head)
        while low < high {
            let middle = (low &+ high) >> 1
            if isLater(middle) { high = middle } else { low = middle &+ 1 }
        }
        return low
    }

    /// Adds one more event's weight to the prefixes in a range.
    private func add(
        _ weight: Int128, _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>,
        _ range: Range<Int64>, _ decay: WindowPlan.Decay
    ) {
        let isTiered = header[Header.tiers] != 0
        var position = range.lowerBound
        while position < range.upperBound {
            let isBlock = isTiered && Tier.isStart(position) && position &+ Tier.size <= range.upperBound
            let words =
                isBlock ? tier(header, position) + decay.tierWord : event(header, ring, position) + decay.word
            storeWide(loadWide(words) &+ weight, words)
            words[isBlock ? 2 : 3] &+= 1
            position &+= isBlock ? Tier.size : 1
            lateSteps.add(1, ordering: .relaxed)
        }
    }

    /// The sum of an event's period up to it, and how many events these are.
    @inline(__always) func prefix(
        _ header: UnsafeMutablePointer<Int64>, _ position: Int64, _ decay: WindowPlan.Decay
    ) -> (sum: Int128, count: Int64) {
        guard let ring = ring(header) else { return (0, 0) }
        let words = event(header, ring, position) + decay.word
        if header[Header.tiers] == 0 { return (loadWide(words), words[3]) }
        let more = tier(header, position) + decay.tierWord
        return (loadWide(words) &+ loadWide(more), words[3] &+ more[2])
    }

    @inline(__always) private func store(
        _ state: DecayState, count: Int64, _ header: UnsafeMutablePointer<Int64>, _ position: Int64,
        _ decay: WindowPlan.Decay
    ) {
        guard let ring = ring(header) else { return }
        let words = event(header, ring, position) + decay.word
        state.store(words)
        words[3] = count
        if header[Header.tiers] == 0 { return }
        let more = tier(header, position) + decay.tierWord
        storeWide(state.sum &- loadWide(more), words)
        words[3] &-= more[2]
    }

    /// What an event adds to its period.
    @inline(__always) private func weight(_ event: UnsafeMutablePointer<Int64>, _ decay: WindowPlan.Decay) -> Int128 {
        guard passes(event, decay.filter) else { return 0 }
        return DecayState.weight(
            of: decay.value > 0 ? event[decay.value] : 1, at: event[0] >> 2, halfLife: decay.halfLife)
    }

    /// The state as of the event before a position.
    @inline(__always) func decayState(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, before position: Int64,
        _ decay: WindowPlan.Decay
    ) -> DecayState {
        guard position > header[Header.first] else { return droppedState(header, decay) }
        let prefix = prefix(header, position &- 1, decay)
        var state = DecayState()
        state.bucket = floorDivide(event(header, ring, position &- 1)[0] >> 2, decay.halfLife)
        state.sum = prefix.sum
        // Only windows without end have any use for what was before, which stands at the period's first event.
        if decay.base >= 0 {
            let start = position &- prefix.count
            let words =
                start >= header[Header.first] ? event(header, ring, start) + decay.word : header + decay.base + 1
            state.older = Double(bitPattern: UInt64(bitPattern: words[2]))
        }
        return state
    }

    /// The state as of the last event dropped.
    func droppedState(_ header: UnsafeMutablePointer<Int64>, _ decay: WindowPlan.Decay) -> DecayState {
        decay.base < 0 ? DecayState() : DecayState(header + decay.base + 1, bucket: header[decay.base])
    }

    /// The decayed sum of the events from `lower` to before `upper`, as of `time`: that of each period is exact, and
    /// they are added from the newest to the oldest, up to 128 periods.
    func decayed(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, from lower: Int64,
        before upper: Int64, at time: Int64, own: (weight: Int128, bucket: Int64)?, _ decay: WindowPlan.Decay
    ) -> Double {
        var position = upper
        var pending = own
        guard position > lower || pending != nil else { return 0 }
        let newest = pending?.bucket ?? floorDivide(event(header, ring, position &- 1)[0] >> 2, decay.halfLife)
        var total = 0.0
        while position > lower || pending != nil {
            var sum: Int128 = 0
            var bucket = pending?.bucket ?? Int64.min
            if position > lower {
                let period = floorDivide(event(header, ring, position &- 1)[0] >> 2, decay.halfLife)
                if period >= bucket {
                    bucket = period
                    let last = prefix(header, position &- 1, decay)
                    sum = last.sum
                    // Less what the period has below the window, which may have been dropped.
                    let start = position &- last.count
                    position = max(start, lower)
                    if position == header[Header.first] {
                        let first = prefix(header, position, decay)
                        sum &-= first.sum &- weight(event(header, ring, position), decay)
                    } else if start < lower {
                        sum &-= prefix(header, lower &- 1, decay).sum
                    }
                }
            }
            if let own = pending, own.bucket == bucket {
                sum &+= own.weight
                pending = nil
            }
            if newest - bucket > 128 { break }
            total += scaled(nearDouble(sum), byPowerOfTwo: bucket - newest)
        }
        return DecayState.value(total, bucket: newest, at: time, halfLife: decay.halfLife)
    }
}
