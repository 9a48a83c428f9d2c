import EventModel

// An event's place is its position, times 1,024, plus its rank among the events of the same time (up to 1,023). Events
// that are put before it later move it up; its rank stays, since they go behind those of the same time.
extension EntityWindows {
    @inline(__always) func place(
        _ header: UnsafeMutablePointer<Int64>, _ position: Int64, _ shape: some EventShape
    ) -> Int64 {
        guard shape.hasLabels, let ring = ring(header) else { return position << 10 }
        let mask = header[Header.mask]
        let time = ring[Int(position & mask) &* shape.eventWords] >> 2
        var earlier = position
        while earlier > header[Header.first], position &- earlier < 1023,
            ring[Int((earlier &- 1) & mask) &* shape.eventWords] >> 2 == time
        {
            earlier &-= 1
        }
        return position << 10 | (position &- earlier)
    }

    /// Where the event of that place stands now; nil when it is held no longer.
    @inline(__always) private func position(
        _ header: UnsafeMutablePointer<Int64>, ofPlace place: Int64, time: Int64, state: Int64, _ shape: some EventShape
    ) -> Int64? {
        guard let ring = ring(header) else { return nil }
        let mask = header[Header.mask]
        let (first, head) = (header[Header.first], header[Header.head])
        func word(_ position: Int64) -> Int64 { ring[Int(position & mask) &* shape.eventWords] }
        var start = max(place >> 10, first)
        if start < head, word(start) >> 2 == time {
            while start > first, word(start &- 1) >> 2 == time { start &-= 1 }
        } else {
            var end = head
            while start < end {
                let middle = (start &+ end) >> 1
                if word(middle) >> 2 < time { start = middle &+ 1 } else { end = middle }
            }
        }
        var position = start &+ (place & 1023)
        let sought = time << 2 | state
        while position < head, word(position) != sought, word(position) >> 2 == time { position &+= 1 }
        return position < head && word(position) == sought ? position : nil
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
            let position = position(header, ofPlace: place, time: time.milliseconds, state: old, shape),
            let ring = ring(header)
        else { return }
        let event = ring + Int(position & header[Header.mask]) &* shape.eventWords
        event[0] = time.milliseconds << 2 | new
        if !shape.isPlain { moveInTracks(header, event, from: old, labelTime: max(labelTime, time).milliseconds) }
        let change = LabelState.weight(new) &- LabelState.weight(old)
        var words = header + Header.boundaries
        for boundary in boundaries {
            if shape.isPlain {
                if words[0] > position { words[shape.boundaryWords &- 1] &+= change }
                words += shape.boundaryWords
            } else if header[Header.boundaries &+ boundary.word] > position {
                for index in boundary.firstAccumulator..<boundary.endAccumulator {
                    let accumulator = accumulators[index]
                    guard accumulator.operation == .labels, passes(event, accumulator.filter) else { continue }
                    header[Header.boundaries &+ accumulator.word] &+= change
                }
            }
        }
    }

    /// Takes an event that has its new label from where it stood among the labels to where it belongs.
    @inline(never) private mutating func moveInTracks(
        _ header: UnsafeMutablePointer<Int64>, _ event: UnsafeMutablePointer<Int64>, from old: Int64, labelTime: Int64
    ) {
        let time = event[0] >> 2
        let oldLabelTime = plan.labelTimeWord > 0 ? event[plan.labelTimeWord] : 0
        if plan.labelTimeWord > 0 { event[plan.labelTimeWord] = labelTime }
        for (index, track) in tracks.enumerated() where passes(event, track.filter) {
            let isByArrival = track.basis == .labelArrival
            let labels = LabelTrack(header + track.word)
            if old != LabelState.unknown {
                let word = (isByArrival ? oldLabelTime : time) << 2 | old
                if labels.remove(word), isByArrival { digestBesideEvents.remove(hash(header, track: index, word)) }
            }
            let word = (isByArrival ? labelTime : time) << 2 | event[0] & 3
            labels.insert(word)
            if isByArrival { digestBesideEvents.insert(hash(header, track: index, word)) }
        }
    }
}
