import EventModel
import Synchronization

// An event out of order: it is put at its place, taken into what lies above it, and answered as of its own time.
extension EntityWindows {
    @inline(never) mutating func insertOutOfOrder(
        _ header: UnsafeMutablePointer<Int64>, at time: EventTime, earliest: EventTime, _ row: WindowRow,
        _ shape: some EventShape
    ) -> Int64 {
        reserveOne(header, at: time.milliseconds, earliest: earliest, shape)
        let position = position(header, behind: lastEventWord(time.milliseconds, isPacked: shape.isPacked))
        if header[Header.tiers] == 0, header[Header.head] &- position > Tier.size { startTiers(header) }
        if position == header[Header.first] { mark(header, oldest: time.milliseconds) }
        openPlace(header, at: position)
        guard let ring = ring(header) else { return 0 }
        let event = write(header, ring, position, time.milliseconds, row, shape)
        header[Header.head] &+= 1
        markEnd(header, ring, shape)
        for (index, boundary) in boundaries.enumerated()
        where time.milliseconds <= header[Header.time] &- boundary.distance {
            header[Header.boundaries &+ boundary.word] &+= 1
            if shape.isPlain {
                let totals = header + Header.boundaries + boundary.word + 1
                for column in 0..<shape.columns { totals[column] &+= value(event, column, shape) }
            } else {
                pass(event, firstBoundary + index, header)
            }
        }
        if !shape.isPlain { relink(header, ring, at: position) }
        if row.isAnswered {
            moveScratch(header, asOf: time.milliseconds, shape)
            if shape.isPlain {
                answer(from: scratch, row, isInside: true, shape)
            } else {
                answerFully(header, scratch, asOf: time.milliseconds, row, isInside: true)
            }
        }
        return place(header, position, shape)
    }

    /// The position behind all events whose first word is at most `last`.
    /// - Complexity: O(log of the events behind it)
    private func position(_ header: UnsafeMutablePointer<Int64>, behind last: Int64) -> Int64 {
        guard let ring = ring(header) else { return header[Header.head] }
        let first = header[Header.first]
        var (low, high, step) = (first, header[Header.head], 1 as Int64)
        while high &- step >= first {
            if event(header, ring, high &- step)[0] <= last {
                low = high &- step &+ 1
                break
            }
            high &-= step
            step <<= 1
        }
        while low < high {
            let middle = (low &+ high) >> 1
            if event(header, ring, middle)[0] <= last { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    /// Moves the events from a position on up by one.
    private func openPlace(_ header: UnsafeMutablePointer<Int64>, at position: Int64) {
        guard let ring = ring(header) else { return }
        if header[Header.tiers] != 0 { return openPlaceInTiers(header, ring, at: position) }
        var end = header[Header.head]
        lateSteps.add(Int(end &- position), ordering: .relaxed)
        while end > position {
            event(header, ring, end).update(from: event(header, ring, end &- 1), count: eventWords)
            end &-= 1
        }
    }

    /// Copies the key's boundaries to `scratch` and moves the copies to stand as of `time`, earlier or later.
    @inline(__always) func moveScratch(
        _ header: UnsafeMutablePointer<Int64>, asOf time: Int64, _ shape: some EventShape
    ) {
        scratch.update(from: header + Header.boundaries, count: plan.boundaryWords)
        guard let ring = ring(header) else { return }
        let slots = Slots(header, shape)
        let (first, head) = (header[Header.first], header[Header.head])
        @inline(__always) func event(_ position: Int64) -> UnsafeMutablePointer<Int64> {
            ring + slots[position] &* shape.eventWords
        }
        var steps = 0
        for (index, boundary) in boundaries.enumerated() {
            let words = scratch + boundary.word
            let last = lastEventWord(time &- boundary.distance, isPacked: shape.isPacked)
            var position = words[0]
            @inline(__always) func add(_ event: UnsafeMutablePointer<Int64>, _ sign: Int64) {
                if shape.isPlain {
                    self.add(event, to: words, sign: sign, shape)
                } else {
                    accumulate(event, firstBoundary + index, scratch, sign: sign)
                }
            }
            while position < head, event(position)[0] <= last {
                if slots.isTiered, Tier.isStart(position), position &+ Tier.size <= head,
                    event(position &+ Tier.size &- 1)[0] <= last
                {
                    addTier(tier(header, position), to: scratch, boundary, sign: 1)
                    position &+= Tier.size
                } else {
                    add(event(position), 1)
                    position &+= 1
                }
                steps &+= 1
            }
            while position > first, event(position &- 1)[0] > last {
                if slots.isTiered, Tier.isStart(position), position &- Tier.size >= first,
                    event(position &- Tier.size)[0] > last
                {
                    addTier(tier(header, position &- 1), to: scratch, boundary, sign: -1)
                    position &-= Tier.size
                } else {
                    position &-= 1
                    add(event(position), -1)
                }
                steps &+= 1
            }
            words[0] = position
        }
        lateSteps.add(steps, ordering: .relaxed)
    }
}
