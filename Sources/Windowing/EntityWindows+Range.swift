import EventModel

// Sums are exact. Totals of one word may wrap and their differences are exact all the same, as long as no window's sum is
// beyond 64 bits. A plain plan has such totals; before a sum could be beyond, by the values seen and the events that a key
// may hold, the windows go over to totals of two words, for good and for all keys. All other plans have two words anyway.
// So no event pays for it but by a look at its values, once a block. Before that, values that fit in less than a word, as
// do most amounts of money, are packed with their times.
extension EntityWindows {
    /// Sees to it that the sums of a block's rows fit, whatever keys they are of.
    @inline(__always) mutating func reserveRange(for rows: WindowRows) {
        reserveRange(for: rows.values, stride: rows.valueStride, count: rows.count)
    }

    @inline(__always) mutating func reserveRange(for values: UnsafePointer<Int64>, stride: Int, count: Int) {
        guard plan.isPlain, !valuePlaces.isEmpty else { return }
        var bits = valueBits
        for place in valuePlaces {
            var value = values + place
            for _ in 0..<count {
                bits |= value.pointee ^ (value.pointee >> 63)
                value += stride
            }
        }
        valueBits = bits
        if plan.isPacked && !PackedEvent.fits(valueBits: bits) { widen(to: .word) }
        if !sumsFit(eventsMore: count) { widen(to: .wide) }
    }

    /// Whether the sum of all values that a key may hold fits in a word, after some events more. No value's magnitude is
    /// above `valueBits` + 1.
    private func sumsFit(eventsMore: Int) -> Bool {
        let count = UInt64(mostEvents) &+ UInt64(eventsMore) &+ 1
        let (bound, overflows) = (UInt64(valueBits) &+ 1).multipliedReportingOverflow(by: count)
        return !overflows && bound <= UInt64(Int64.max)
    }

    /// Goes over to a plan with more room.
    /// - Complexity: O(keys + events held)
    @inline(never) mutating func widen(to room: WindowPlan.Room) {
        var wide = EntityWindows(declaration, keyKind, salt: salt, room)
        wide.take(&self)
        self = wide
    }

    /// Takes over what windows with less room hold, and leaves them without events.
    private mutating func take(_ narrow: inout EntityWindows) {
        swap(&keys, &narrow.keys)
        swap(&texts, &narrow.texts)
        swap(&freeNumbers, &narrow.freeNumbers)
        // Blocks of events come without rotation, as new ones do.
        for number in 0..<narrow.headerCount {
            let header = narrow.headers + number * narrow.headerWords
            if header[Header.tiers] != 0 { narrow.resize(header, capacity: header[Header.mask] + 1) }
        }
        // Events that are neither packed nor behind headers stay where they are.
        let stay = !narrow.hasSmallRings
        if stay { swap(&rings, &narrow.rings) }
        digestBesideEvents = narrow.digestBesideEvents
        eventCount = narrow.eventCount
        valueBits = narrow.valueBits
        mostEvents = narrow.mostEvents
        reserveHeaders(narrow.headerCount)
        for number in 0..<headerCount {
            let (new, old) = (headers + number * headerWords, narrow.headers + number * narrow.headerWords)
            guard isLive(old) else { continue }
            let isTiered = old[Header.tiers] != 0
            narrow.dropTiers(old)
            new.update(from: old, count: Header.boundaries)
            if !stay { copyEvents(of: old, narrow, to: new) }
            old[Header.ring] = 0
            if plan.secondKeyWord > 0 { new[plan.secondKeyWord] = old[narrow.plan.secondKeyWord] }
            if plan.isPlain {
                // The totals are of the same words.
                (new + Header.boundaries).update(from: old + Header.boundaries, count: plan.boundaryWords)
            } else {
                for (boundary, other) in zip(boundaries, narrow.boundaries) {
                    new[Header.boundaries + boundary.word] = old[Header.boundaries + other.word]
                }
                addUp(new)
            }
            if isTiered { makeTiers(new) }
        }
    }

    /// Writes a key's events into a ring of its own.
    private func copyEvents(
        of old: UnsafeMutablePointer<Int64>, _ narrow: borrowing EntityWindows, to new: UnsafeMutablePointer<Int64>
    ) {
        guard let held = narrow.ring(old) else { return }
        let (ring, word) = allocateRing(new, capacity: new[Header.mask] + 1)
        new[Header.ring] = word
        for position in new[Header.first]..<new[Header.head] {
            let (event, given) = (event(new, ring, position), narrow.event(old, held, position))
            for word in 0..<eventWords { event[word] = narrow.givenWord(given, word) }
        }
        markEnd(new, ring, fullShape)
    }

    /// Sets the totals of a key's boundaries anew: over all events held below each.
    private func addUp(_ header: UnsafeMutablePointer<Int64>) {
        guard let ring = ring(header) else { return }
        for (index, boundary) in boundaries.enumerated() {
            for position in header[Header.first]..<header[Header.boundaries + boundary.word] {
                accumulate(
                    event(header, ring, position), firstBoundary + index, header + Header.boundaries, sign: 1)
            }
        }
    }
}
