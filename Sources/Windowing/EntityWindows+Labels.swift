import EventModel

/// Where an event stands, so that its label finds it: its position, and below, in 24 bits, its rank among the key's events
/// of the same time. Events that are put before it later move its position up; its rank stays, since they go behind those
/// of the same time. Of ranks that differ by multiples of 2²⁴ the nearest position is meant.
enum EventPlace {
    static let rankBits: Int64 = 24
    static let rankMask: Int64 = 1 << rankBits - 1

    /// The position when the event came.
    @inline(__always) static func position(_ place: Int64) -> Int64 { place >> rankBits }
}

extension EntityWindows {
    /// - Parameter isFirst: whether no event before it is known to be of the same time.
    @inline(__always) func place(
        _ header: UnsafeMutablePointer<Int64>, _ position: Int64, isFirst: Bool = false, _ shape: some EventShape
    ) -> Int64 {
        guard shape.hasLabels, !isFirst, let ring = ring(header) else { return position << EventPlace.rankBits }
        let start = firstOfTime(header, ring, of: position, shape)
        return position << EventPlace.rankBits | (position &- start) & EventPlace.rankMask
    }

    /// The position of the first event of the time that the event at `position` has.
    /// - Complexity: O(1) where times differ, else O(log of events of that time).
    @inline(__always) private func firstOfTime(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, of position: Int64,
        _ shape: some EventShape
    ) -> Int64 {
        let slots = Slots(header, shape)
        let first = header[Header.first]
        func time(_ position: Int64) -> Int64 { ring[slots[position] &* shape.eventWords] >> 2 }
        if position == first || time(position &- 1) != time(position) { return position }
        let sought = time(position)
        var (start, step) = (position &- 1, 1 as Int64)
        while start &- step >= first, time(start &- step) == sought {
            start &-= step
            step <<= 1
        }
        var end = start
        start = max(start &- step &+ 1, first)
        while start < end {
            let middle = (start &+ end) >> 1
            if time(middle) < sought { start = middle &+ 1 } else { end = middle }
        }
        return start
    }

    /// Where the event of that place stands now, and the first event of its time; nil when it is held no longer.
    @inline(__always) private func positions(
        _ header: UnsafeMutablePointer<Int64>, ofPlace place: Int64, time: Int64, state: Int64, _ shape: some EventShape
    ) -> (event: Int64, firstOfTime: Int64)? {
        guard let ring = ring(header) else { return nil }
        let slots = Slots(header, shape)
        let (first, head) = (header[Header.first], header[Header.head])
        func word(_ position: Int64) -> Int64 { ring[slots[position] &* shape.eventWords] }
        let (noted, rank) = (EventPlace.position(place), place & EventPlace.rankMask)
        var start = noted &- rank
        // Nothing was put before it in most cases. If something was, an earlier event stands there now; only where ranks
        // may have lost bits does the event before tell.
        let isFirst =
            start >= first && start < head && word(start) >> 2 == time
            && (header[Header.mask] < EventPlace.rankMask || start == first || word(start &- 1) >> 2 < time)
        if !isFirst {
            start = first
            var end = head
            while start < end {
                let middle = (start &+ end) >> 1
                if word(middle) >> 2 < time { start = middle &+ 1 } else { end = middle }
            }
        }
        var position = start &+ rank
        if position < noted { position &+= (noted &- position &+ EventPlace.rankMask) & ~EventPlace.rankMask }
        return position < head && word(position) == time << 2 | state ? (position, start) : nil
    }

    /// Makes known what the event of `number` at `time` turned out to be.
    ///
    /// - Parameters:
    ///   - place: what `insert` gave.
    ///   - previous: what was known before (nil: nothing).
    ///   - labelTime: when the label became known; no earlier than the event.
    public mutating func setLabel(
        _ number: Int, place: Int64, time: EventTime, previous: Bool?, isPositive: Bool,
        labelTime: EventTime = .distantPast
    ) {
        guard plan.hasLabels else { return }
        if plan.isPlain {
            setLabel(
                number, place: place, time: time, previous: previous, isPositive: isPositive, labelTime: labelTime,
                plainShape)
        } else {
            setLabel(
                number, place: place, time: time, previous: previous, isPositive: isPositive, labelTime: labelTime,
                fullShape)
        }
    }

    @inline(__always) mutating func setLabel(
        _ number: Int, place: Int64, time: EventTime, previous: Bool?, isPositive: Bool, labelTime: EventTime,
        _ shape: some EventShape
    ) {
        guard number >= 0, number < headerCount else { return }
        let header = headers + number &* headerWords
        let (old, new) = (LabelState.of(previous), LabelState.of(isPositive))
        guard
            let found = positions(header, ofPlace: place, time: time.milliseconds, state: old, shape),
            let ring = ring(header)
        else { return }
        let event = ring + slot(header, found.event) &* shape.eventWords
        event[0] = time.milliseconds << 2 | new
        if !shape.isPlain {
            moveInTracks(
                header, event, rank: found.event &- found.firstOfTime, from: old,
                labelTime: max(labelTime, time).milliseconds)
        }
        let change = LabelState.weight(new) &- LabelState.weight(old)
        if header[Header.tiers] != 0 { addToTier(header, found.event, event, labels: change) }
        if !shape.isPlain { return addToBoundaries(header, event, found.event, labels: change) }
        var words = header + Header.boundaries
        for _ in 0..<boundaries.count {
            if words[0] > found.event { words[shape.boundaryWords &- 1] &+= change }
            words += shape.boundaryWords
        }
    }

    /// Adds what became known of a label to the boundaries above its event, in a plan that is not plain.
    @inline(__always) private func addToBoundaries(
        _ header: UnsafeMutablePointer<Int64>, _ event: UnsafeMutablePointer<Int64>, _ position: Int64, labels: Int64
    ) {
        let words = header + Header.boundaries
        var boundary = firstBoundary
        let end = boundary + boundaries.count
        while boundary < end {
            let passed = boundary
            boundary += 1
            // Boundaries stand in the order of their distances.
            if words[passed.pointee.word] <= position { break }
            if passed.pointee.isSimple {
                if passed.pointee.labels > 0 { words[passed.pointee.labels] &+= labels }
                continue
            }
            for index in passed.pointee.firstAccumulator..<passed.pointee.endAccumulator {
                let accumulator = accumulators[index]
                guard accumulator.operation == .labels, passes(event, accumulator.filter) else { continue }
                words[accumulator.word] &+= labels
            }
        }
    }

    /// Takes an event that has its new label from where it stood among the labels to where it belongs.
    /// - Parameter rank: the event's among those of its time.
    @inline(never) private mutating func moveInTracks(
        _ header: UnsafeMutablePointer<Int64>, _ event: UnsafeMutablePointer<Int64>, rank: Int64, from old: Int64,
        labelTime: Int64
    ) {
        let time = event[0] >> 2
        let oldLabelTime = plan.labelTimeWord > 0 ? event[plan.labelTimeWord] : 0
        if plan.labelTimeWord > 0 { event[plan.labelTimeWord] = labelTime }
        for index in tracks.indices where passes(event, tracks[index].filter) {
            let track = tracks[index]
            let isByArrival = track.basis == .labelArrival
            let labels = self.track(track, header)
            // Labels that arrive at the same time are in log order; the event is only to be found again.
            let order = isByArrival ? Int64(bitPattern: mixed(UInt64(bitPattern: time)) &+ UInt64(rank)) : rank
            if old != LabelState.unknown {
                let word = (isByArrival ? oldLabelTime : time) << 2 | old
                if labels.remove(LabelTrack.Entry(word: word, order: order), isSorted: !isByArrival), isByArrival {
                    digestBesideEvents.remove(hash(header, track: index, word))
                }
            }
            let word = (isByArrival ? labelTime : time) << 2 | event[0] & 3
            labels.insert(LabelTrack.Entry(word: word, order: order), isSorted: !isByArrival)
            if isByArrival { digestBesideEvents.insert(hash(header, track: index, word)) }
        }
    }
}
