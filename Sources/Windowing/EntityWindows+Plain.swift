import EventModel

// Boundaries on their way up. How many events each passes cannot be foreseen: mostly none, one or two. A
// branch on that would be taken wrongly at every second boundary, so the first events are looked at without one, and
// count where they are passed.
extension EntityWindows {
    /// How many events a boundary looks at without a branch.
    static var lookedAt: Int64 { 3 }

    /// Moves the boundaries to stand as of `time`. One at distance 0 stands behind the newest event at all times.
    @inline(__always) func advancePlain(
        _ header: UnsafeMutablePointer<Int64>, to time: Int64, _ ring: UnsafeMutablePointer<Int64>, _ slots: Slots,
        _ shape: some EventShape
    ) {
        let base = shape.isPacked ? timeBase : 0
        var words = header + Header.boundaries
        var index = 0
        if boundaries[0].distance == 0 {
            words += shape.boundaryWords
            index = 1
        }
        while index < boundaries.count {
            let distance = boundaries[index].distance
            let last =
                shape.isPacked ? PackedEvent.last(time &- base, before: distance) : (time &- distance) << 2 | 3
            if shape.isFlat {
                stepUp(words, last: last, ring, slots, shape)
            } else {
                walkUp(words, last: last, ring, slots, shape)
            }
            words += shape.boundaryWords
            index &+= 1
        }
    }

    /// Moves the boundaries of a plan that is not plain.
    @inline(__always) func advanceFully(
        _ header: UnsafeMutablePointer<Int64>, to time: Int64, _ ring: UnsafeMutablePointer<Int64>, _ slots: Slots,
        _ shape: some EventShape
    ) {
        var next = firstBoundary
        let end = next + boundaries.count
        // One at distance 0 stands behind the newest event at all times.
        if next.pointee.distance == 0 { next += 1 }
        while next < end {
            let boundary = next
            next += 1
            let last = (time &- boundary.pointee.distance) << 2 | 3
            let words = header + Header.boundaries
            if shape.isFlat, boundary.pointee.isStepped,
                !stepUp(words, boundary, last: last, ring, slots, shape)
            {
                continue
            }
            var position = words[boundary.pointee.word]
            while true {
                let event = ring + slots[position] &* shape.eventWords
                if event[0] > last { break }
                pass(event, boundary, header)
                position &+= 1
            }
            words[boundary.pointee.word] = position
        }
    }

    /// Moves a boundary whose totals are over all events up by a few events, as `stepUp` does.
    /// - Returns: whether there may be more.
    @inline(__always) private func stepUp(
        _ words: UnsafeMutablePointer<Int64>, _ boundary: UnsafePointer<WindowPlan.Boundary>, last: Int64,
        _ ring: UnsafeMutablePointer<Int64>, _ slots: Slots, _ shape: some EventShape
    ) -> Bool {
        let position = words[boundary.pointee.word]
        let (one, two, three) = events(from: position, ring, slots, shape)
        let (passesOne, passesTwo, passesThree) = Self.passes(one, two, three, last: last)
        words[boundary.pointee.word] = position &- passesOne &- passesTwo &- passesThree
        if shape.columns > 0, boundary.pointee.sum > 0 {
            let (total, value) = (words + boundary.pointee.sum, boundary.pointee.value)
            let sum =
                Int128(one[value] & passesOne) &+ Int128(two[value] & passesTwo)
                &+ Int128(three[value] & passesThree)
            storeWide(loadWide(total) &+ sum, total)
        }
        if boundary.pointee.labels > 0 {
            words[boundary.pointee.labels] &+= LabelState.weight(
                one[0] & 3 & passesOne, two[0] & 3 & passesTwo, three[0] & 3 & passesThree)
        }
        return passesThree != 0
    }

    /// Moves a boundary up behind all events whose first word is at most `last`, by a few events without a branch and on
    /// from there by one after the other.
    ///
    /// What lies behind the mark at the events' end is read, and counts for nothing, since the mark does not pass.
    @inline(__always) private func stepUp(
        _ words: UnsafeMutablePointer<Int64>, last: Int64, _ ring: UnsafeMutablePointer<Int64>, _ slots: Slots,
        _ shape: some EventShape
    ) {
        let position = words[0]
        let (one, two, three) = events(from: position, ring, slots, shape)
        let (passesOne, passesTwo, passesThree) = Self.passes(one, two, three, last: last)
        for column in 0..<shape.columns {
            // Each sum is needed for the next one too, or the compiler would load it behind a branch.
            let ofOne = value(one, column, shape)
            let ofTwo = ofOne &+ value(two, column, shape)
            let ofThree = ofTwo &+ value(three, column, shape)
            var sum = passesOne != 0 ? ofOne : 0
            sum = passesTwo != 0 ? ofTwo : sum
            sum = passesThree != 0 ? ofThree : sum
            words[1 &+ column] &+= sum
        }
        if shape.hasLabels {
            words[shape.boundaryWords &- 1] &+= LabelState.weight(
                one[0] & 3 & passesOne, two[0] & 3 & passesTwo, three[0] & 3 & passesThree)
        }
        words[0] = position &- passesOne &- passesTwo &- passesThree
        if passesThree != 0 { walkUp(words, last: last, ring, slots, shape) }
    }

    /// Moves a boundary up behind all events whose first word is at most `last`; the mark behind the newest event is above
    /// it.
    @inline(__always) private func walkUp(
        _ words: UnsafeMutablePointer<Int64>, last: Int64, _ ring: UnsafeMutablePointer<Int64>, _ slots: Slots,
        _ shape: some EventShape
    ) {
        var position = words[0]
        while true {
            let event = ring + slots[position] &* shape.eventWords
            if event[0] > last { break }
            add(event, to: words, sign: 1, shape)
            position &+= 1
        }
        words[0] = position
    }

    /// The events that a boundary looks at.
    @inline(__always) private func events(
        from position: Int64, _ ring: UnsafeMutablePointer<Int64>, _ slots: Slots, _ shape: some EventShape
    ) -> (UnsafeMutablePointer<Int64>, UnsafeMutablePointer<Int64>, UnsafeMutablePointer<Int64>) {
        (
            ring + slots[position] &* shape.eventWords, ring + slots[position &+ 1] &* shape.eventWords,
            ring + slots[position &+ 2] &* shape.eventWords
        )
    }

    /// For each, -1 where it and those before it are passed, else 0.
    @inline(__always) private static func passes(
        _ one: UnsafePointer<Int64>, _ two: UnsafePointer<Int64>, _ three: UnsafePointer<Int64>, last: Int64
    ) -> (Int64, Int64, Int64) {
        let passesOne = allBits(one[0] <= last)
        let passesTwo = allBits(two[0] <= last) & passesOne
        return (passesOne, passesTwo, allBits(three[0] <= last) & passesTwo)
    }

    /// -1 where it holds, else 0.
    @inline(__always) private static func allBits(_ holds: Bool) -> Int64 { holds ? -1 : 0 }
}
