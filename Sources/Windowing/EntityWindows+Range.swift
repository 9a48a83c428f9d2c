import EventModel

// Sums are exact. Totals of one word may wrap and their differences are exact all the same, as long as no window's sum is
// beyond 64 bits. A plain plan has such totals; before a sum could be beyond, by the values seen and the events that a key
// may hold, the windows go over to totals of two words, for good and for all keys. All other plans have two words anyway.
// So no event pays for it but by a look at its values, once a block.
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
        if !sumsFit(eventsMore: count) { widen() }
    }

    /// Whether the sum of all values that a key may hold fits in a word, after some events more. No value's magnitude is
    /// above `valueBits` + 1.
    private func sumsFit(eventsMore: Int) -> Bool {
        let count = UInt64(mostEvents) &+ UInt64(eventsMore) &+ 1
        let (bound, overflows) = (UInt64(valueBits) &+ 1).multipliedReportingOverflow(by: count)
        return !overflows && bound <= UInt64(Int64.max)
    }

    /// Goes over to totals of two words.
    /// - Complexity: O(keys + events held)
    @inline(never) mutating func widen() {
        var wide = EntityWindows(declaration, keyKind, salt: salt, isWide: true)
        wide.take(&self)
        self = wide
    }

    /// Takes over what plain windows hold, and leaves them without events.
    private mutating func take(_ plain: inout EntityWindows) {
        swap(&keys, &plain.keys)
        swap(&texts, &plain.texts)
        swap(&freeNumbers, &plain.freeNumbers)
        swap(&rings, &plain.rings)
        digestBesideEvents = plain.digestBesideEvents
        eventCount = plain.eventCount
        reserveHeaders(plain.headerCount)
        for number in 0..<headerCount {
            let (new, old) = (headers + number * headerWords, plain.headers + number * plain.headerWords)
            guard isLive(old) else { continue }
            new.update(from: old, count: Header.boundaries)
            old[Header.ring] = 0
            old[Header.tiers] = 0
            if plan.secondKeyWord > 0 { new[plan.secondKeyWord] = old[plain.plan.secondKeyWord] }
            for (boundary, other) in zip(boundaries, plain.boundaries) {
                new[Header.boundaries + boundary.word] = old[Header.boundaries + other.word]
            }
            if new[Header.tiers] != 0 {
                dropTiers(new)
                makeTiers(new)
            }
            addUp(new)
        }
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
