import EventModel

// Two structures that lie in the events themselves and serve all windows.
//
// An extreme's links (shown for the maximum): each event knows how far ahead the next event stands whose value is at
// least its own, and how far back the nearest one whose value is greater, in 32 bits each, 0 for none. Those without a
// next one form the stack of a monotonic queue; a new event takes those it is not below from its top. From any event
// the next ones lead through the records up to the greatest before any end: a window needs to keep only the event that
// it has come to, so that an event is passed once by each window, whatever its length and delay.
//
// A decay's state as of each event (`DecayState`), and how many events its period has had, so that the periods before
// it can be found.
extension EntityWindows {
    /// Sets what the newest event holds of links.
    @inline(__always) func link(_ header: UnsafeMutablePointer<Int64>, _ position: Int64) {
        guard let ring = ring(header) else { return }
        for extreme in extremes { link(header, ring, position, extreme) }
        for decay in decays { link(header, ring, position, decay) }
    }

    /// Sets anew what an event put at `start`, and the later ones, hold of links, and what is remembered of positions.
    func relink(_ header: UnsafeMutablePointer<Int64>, from start: Int64) {
        guard let ring = ring(header) else { return }
        for extreme in extremes {
            open(header, ring, before: start, extreme)
            for position in start..<header[Header.head] { link(header, ring, position, extreme) }
        }
        for decay in decays {
            for position in start..<header[Header.head] { link(header, ring, position, decay) }
        }
        for slot in plan.candidateSlots where header[slot] >= start { header[slot] = 0 }
        for slot in plan.lastSlots where header[slot] > start { header[slot] = -1 }
    }

    @inline(__always) func event(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, _ position: Int64
    ) -> UnsafeMutablePointer<Int64> {
        ring + Int(position & header[Header.mask]) &* eventWords
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
        let new = event(header, ring, position)
        let rank = rank(new, extreme)
        let first = header[Header.first]
        var greater = position &- 1
        while greater >= first {
            let other = event(header, ring, greater)
            if isNearer(other, than: new, rank: rank, extreme) { break }
            other[extreme.word] = other[extreme.word] & ~0xFFFF_FFFF | (position &- greater)
            let back = back(other[extreme.word])
            greater = back == 0 ? first &- 1 : greater &- back
        }
        new[extreme.word] = greater >= first ? (position &- greater) << 32 : 0
    }

    /// Puts those events back on the stack that later events, from `start` on, had taken from it.
    private func open(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, before start: Int64,
        _ extreme: WindowPlan.Extreme
    ) {
        var position = start &- 1
        while position >= header[Header.first] {
            let event = event(header, ring, position)
            // Those farther down are greater, and have no next one either.
            if ahead(event[extreme.word]) == 0 { break }
            event[extreme.word] &= ~0xFFFF_FFFF
            let back = back(event[extreme.word])
            if back == 0 { break }
            position &-= back
        }
    }

    /// The event that the links lead to from `start`, before `end`.
    @inline(__always) func follow(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, from start: Int64,
        before end: Int64, _ extreme: WindowPlan.Extreme
    ) -> Int64 {
        var position = start
        while true {
            let ahead = ahead(event(header, ring, position)[extreme.word])
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
            ? event(header, ring, position &- 1)[decay.word &+ 3] &+ 1 : 1
        state.add(weight(new, decay), bucket: bucket)
        state.store(new + decay.word)
        new[decay.word &+ 3] = count
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
        if position > header[Header.first] {
            let event = event(header, ring, position &- 1)
            return DecayState(event + decay.word, bucket: floorDivide(event[0] >> 2, decay.halfLife))
        }
        return droppedState(header, decay)
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
                let last = event(header, ring, position &- 1)
                let period = floorDivide(last[0] >> 2, decay.halfLife)
                if period >= bucket {
                    bucket = period
                    sum = loadWide(last + decay.word)
                    // Less what the period has below the window, which may have been dropped.
                    let start = position &- last[decay.word &+ 3]
                    position = max(start, lower)
                    if position == header[Header.first] {
                        let first = event(header, ring, position)
                        sum &-= loadWide(first + decay.word) &- weight(first, decay)
                    } else if start < lower {
                        sum &-= loadWide(event(header, ring, lower &- 1) + decay.word)
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
