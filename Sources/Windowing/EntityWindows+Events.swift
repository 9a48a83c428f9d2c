import EventModel

/// What is known of an event's label; the two low bits of an event's first word.
@usableFromInline enum LabelState {
    static let unknown: Int64 = 0
    static let negative: Int64 = 1
    static let positive: Int64 = 2

    @inline(__always) static func of(_ isPositive: Bool?) -> Int64 {
        isPositive.map { $0 ? positive : negative } ?? unknown
    }

    /// What an event in `state` adds to a boundary's labels: known ones in the upper half, positive ones in the lower.
    @inline(__always) static func weight(_ state: Int64) -> Int64 {
        state == unknown ? 0 : 1 << 32 | state >> 1
    }
}

extension EntityWindows {
    /// Adds an accepted event and answers the key's aggregates as of its own time.
    ///
    /// - Parameters:
    ///   - number: the key's dense number (`intern`).
    ///   - earliest: events before this are too late; with it goes what no window can reach any more.
    ///   - values: the row's windowed values, unscaled.
    ///   - features: the row's feature vector; answers go to the aggregates' targets.
    /// - Returns: the event's position, for `setLabel`.
    public mutating func insert(
        _ number: Int, at time: EventTime, earliest: EventTime, values: UnsafePointer<Int64>,
        features: UnsafeMutablePointer<Double>
    ) -> Int64 {
        insert(number, at: time, earliest: earliest, values: values, features: features, shape)
    }

    @inline(__always) mutating func insert(
        _ number: Int, at time: EventTime, earliest: EventTime, values: UnsafePointer<Int64>,
        features: UnsafeMutablePointer<Double>, _ shape: some EventShape
    ) -> Int64 {
        let header = headers + number &* headerWords
        guard time.milliseconds >= header[Header.time] else {
            return insertOutOfOrder(header, at: time, earliest: earliest, values: values, features: features)
        }
        advance(header, to: time.milliseconds, shape)
        expire(header, earliest: earliest, shape)
        let position = header[Header.head]
        reserveOne(header)
        write(header, position, time.milliseconds << 2, values, shape)
        header[Header.head] = position &+ 1
        if distances[0] == 0 {
            let boundary = header + Header.boundaries
            boundary[0] = position &+ 1
            for column in 0..<shape.columns { boundary[1 &+ column] &+= values[valuePlaces[column]] }
        }
        answer(from: header + Header.boundaries, values: values, isInside: true, features: features, shape)
        return position
    }

    @inline(never) private mutating func insertOutOfOrder(
        _ header: UnsafeMutablePointer<Int64>, at time: EventTime, earliest: EventTime, values: UnsafePointer<Int64>,
        features: UnsafeMutablePointer<Double>
    ) -> Int64 {
        expire(header, earliest: earliest, shape)
        reserveOne(header)
        guard let ring = ring(header) else { return 0 }
        let mask = header[Header.mask]
        var position = header[Header.head]
        let last = time.milliseconds << 2 | 3
        while position > header[Header.first] {
            let earlier = ring + Int((position - 1) & mask) * eventWords
            if earlier[0] <= last { break }
            (ring + Int(position & mask) * eventWords).update(from: earlier, count: eventWords)
            position -= 1
        }
        write(header, position, time.milliseconds << 2, values, shape)
        header[Header.head] += 1
        for index in 0..<distances.count where time.milliseconds <= header[Header.time] - distances[index] {
            let boundary = header + Header.boundaries + index * boundaryWords
            boundary[0] += 1
            for column in 0..<valuePlaces.count { boundary[1 + column] &+= values[valuePlaces[column]] }
        }
        moveScratch(header, asOf: time.milliseconds)
        answer(from: scratch, values: values, isInside: true, features: features, shape)
        return position
    }

    /// Answers the aggregates of an event that is not to enter its windows, as of `time`.
    /// - Parameter number: the key's dense number, nil when the key holds no events.
    public mutating func answer(
        _ number: Int?, asOf time: EventTime, values: UnsafePointer<Int64>, features: UnsafeMutablePointer<Double>
    ) {
        if let number {
            moveScratch(headers + number * headerWords, asOf: time.milliseconds)
        } else {
            scratch.update(repeating: 0, count: distances.count * boundaryWords)
        }
        answer(from: scratch, values: values, isInside: false, features: features, shape)
    }

    /// Makes known what the event of `number` at `time` turned out to be.
    ///
    /// Events of one key and one time differ for no aggregate but in their order, so any of them that is in the state
    /// `previous` may stand for the one that is meant.
    /// - Parameters:
    ///   - position: what `insert` gave; events put before it later only move it up.
    ///   - previous: what was known before (nil: nothing).
    public mutating func setLabel(
        _ number: Int, position: Int64, time: EventTime, previous: Bool?, isPositive: Bool
    ) {
        setLabel(number, position: position, time: time, previous: previous, isPositive: isPositive, shape)
    }

    @inline(__always) mutating func setLabel(
        _ number: Int, position: Int64, time: EventTime, previous: Bool?, isPositive: Bool, _ shape: some EventShape
    ) {
        let header = headers + number &* headerWords
        guard let ring = ring(header) else { return }
        let old = LabelState.of(previous)
        let new = LabelState.of(isPositive)
        let sought = time.milliseconds << 2 | old
        let (head, mask) = (header[Header.head], header[Header.mask])
        var place = max(position, header[Header.first])
        while place < head, ring[Int(place & mask) &* shape.eventWords] != sought { place &+= 1 }
        guard place < head else { return }
        let event = ring + Int(place & mask) &* shape.eventWords
        digest.remove(hash(header, event, shape))
        event[0] = time.milliseconds << 2 | new
        digest.insert(hash(header, event, shape))
        let change = LabelState.weight(new) &- LabelState.weight(old)
        var boundary = header + Header.boundaries
        for _ in 0..<distances.count {
            if boundary[0] > place { boundary[shape.boundaryWords &- 1] &+= change }
            boundary += shape.boundaryWords
        }
    }

    /// Drops what no window can reach any more, in all keys, and the keys that hold nothing then.
    /// - Complexity: O(keys + events dropped).
    public mutating func sweep(earliest: EventTime) {
        let limit = (earliest - plan.retention).milliseconds << 2 | 3
        for number in 0..<headerCount {
            let header = headers + number * headerWords
            if number + 8 < headerCount { prefetch(oldest: number + 8) }
            guard let ring = ring(header) else { continue }
            guard ring[Int(header[Header.first] & header[Header.mask]) * eventWords] <= limit else { continue }
            if header[Header.time] < earliest.milliseconds { advance(header, to: earliest.milliseconds, shape) }
            expire(header, earliest: earliest, shape)
            if header[Header.first] == header[Header.head] {
                ring.deallocate()
                header[Header.ring] = 0
                keys.remove(header[Header.key], number)
                freeNumbers.append(number)
            }
        }
    }

    // MARK: steps

    /// Moves the boundaries to stand as of `time`, which is not earlier than they do.
    @inline(__always) func advance(_ header: UnsafeMutablePointer<Int64>, to time: Int64, _ shape: some EventShape) {
        header[Header.time] = time
        guard let ring = ring(header) else { return }
        let mask = header[Header.mask]
        let head = header[Header.head]
        var boundary = header + Header.boundaries
        for index in 0..<distances.count {
            moveUp(boundary, to: (time &- distances[index]) << 2 | 3, head: head, mask: mask, ring: ring, shape)
            boundary += shape.boundaryWords
        }
    }

    /// Moves a boundary up behind all events whose first word is at most `last`.
    @inline(__always) private func moveUp(
        _ boundary: UnsafeMutablePointer<Int64>, to last: Int64, head: Int64, mask: Int64,
        ring: UnsafeMutablePointer<Int64>, _ shape: some EventShape
    ) {
        var position = boundary[0]
        while position < head {
            let event = ring + Int(position & mask) &* shape.eventWords
            if event[0] > last { break }
            add(event, to: boundary, sign: 1, shape)
            position &+= 1
        }
        boundary[0] = position
    }

    @inline(__always) private func add(
        _ event: UnsafeMutablePointer<Int64>, to boundary: UnsafeMutablePointer<Int64>, sign: Int64,
        _ shape: some EventShape
    ) {
        for column in 0..<shape.columns { boundary[1 &+ column] &+= event[1 &+ column] &* sign }
        if shape.hasLabels { boundary[shape.boundaryWords &- 1] &+= LabelState.weight(event[0] & 3) &* sign }
    }

    /// Copies the key's boundaries to `scratch` and moves the copies to stand as of `time`, earlier or later.
    private func moveScratch(_ header: UnsafeMutablePointer<Int64>, asOf time: Int64) {
        scratch.update(from: header + Header.boundaries, count: distances.count * boundaryWords)
        guard let ring = ring(header) else { return }
        let mask = header[Header.mask]
        for index in 0..<distances.count {
            let boundary = scratch + index * boundaryWords
            let last = (time - distances[index]) << 2 | 3
            moveUp(boundary, to: last, head: header[Header.head], mask: mask, ring: ring, shape)
            while boundary[0] > header[Header.first] {
                let event = ring + Int((boundary[0] - 1) & mask) * eventWords
                if event[0] <= last { break }
                add(event, to: boundary, sign: -1, shape)
                boundary[0] -= 1
            }
        }
    }

    /// Drops events that lie beyond every window of every event that may still be accepted.
    @inline(__always) private mutating func expire(
        _ header: UnsafeMutablePointer<Int64>, earliest: EventTime, _ shape: some EventShape
    ) {
        guard let ring = ring(header) else { return }
        let limit = (earliest - plan.retention).milliseconds << 2 | 3
        let mask = header[Header.mask]
        let head = header[Header.head]
        let oldest = header[Header.first]
        var first = oldest
        while first < head {
            let event = ring + Int(first & mask) &* shape.eventWords
            if event[0] > limit { break }
            digest.remove(hash(header, event, shape))
            first &+= 1
        }
        eventCount &-= Int(first &- oldest)
        header[Header.first] = first
    }

    @inline(__always) private mutating func write(
        _ header: UnsafeMutablePointer<Int64>, _ position: Int64, _ firstWord: Int64, _ values: UnsafePointer<Int64>,
        _ shape: some EventShape
    ) {
        guard let ring = ring(header) else { return }
        let event = ring + Int(position & header[Header.mask]) &* shape.eventWords
        event[0] = firstWord
        for column in 0..<shape.columns { event[1 &+ column] = values[valuePlaces[column]] }
        digest.insert(hash(header, event, shape))
        eventCount &+= 1
    }

    @inline(__always) func hash(
        _ header: UnsafeMutablePointer<Int64>, _ event: UnsafeMutablePointer<Int64>, _ shape: some EventShape
    ) -> UInt64 {
        var hash = mixed(UInt64(bitPattern: header[Header.hash]), UInt64(bitPattern: event[0]))
        for column in 0..<shape.columns { hash = mixed(hash, UInt64(bitPattern: event[1 &+ column])) }
        return hash
    }

    /// Makes room for one more event of the key.
    @inline(__always) private mutating func reserveOne(_ header: UnsafeMutablePointer<Int64>) {
        if header[Header.head] &- header[Header.first] > header[Header.mask] { grow(header) }
    }

    @inline(never) private func grow(_ header: UnsafeMutablePointer<Int64>) {
        let capacity = max((header[Header.mask] + 1) * 2, 4)
        let larger = UnsafeMutablePointer<Int64>.allocate(capacity: Int(capacity) * eventWords)
        if let ring = ring(header) {
            for position in header[Header.first]..<header[Header.head] {
                (larger + Int(position & (capacity - 1)) * eventWords)
                    .update(from: ring + Int(position & header[Header.mask]) * eventWords, count: eventWords)
            }
            ring.deallocate()
        }
        header[Header.ring] = Int64(Int(bitPattern: larger))
        header[Header.mask] = capacity - 1
    }

    @inline(__always) private func answer(
        from boundaries: UnsafeMutablePointer<Int64>, values: UnsafePointer<Int64>, isInside: Bool,
        features: UnsafeMutablePointer<Double>, _ shape: some EventShape
    ) {
        for answer in answers {
            let upper = boundaries + answer.upper
            let lower = boundaries + answer.lower
            let own = isInside ? answer.ownWhenInside : answer.ownWhenOutside
            let count = upper[0] &- lower[0] &+ own
            let result: Double
            switch answer.kind {
            case .count: result = Double(count)
            case .sum: result = Double(sum(answer, upper, lower, own, values)) / answer.divisor
            case .mean:
                result =
                    count == 0
                    ? answer.ifEmpty : Double(sum(answer, upper, lower, own, values)) / (Double(count) * answer.divisor)
            case .labelCount: result = Double(labels(upper, lower, shape) & 0xFFFF_FFFF)
            case .labelRate:
                result = count == 0 ? 0 : Double(labels(upper, lower, shape) & 0xFFFF_FFFF) / Double(count)
            case .knownLabelRate:
                let labels = labels(upper, lower, shape)
                result = labels == 0 ? 0 : Double(labels & 0xFFFF_FFFF) / Double(labels >> 32)
            }
            features[answer.target] = result
        }
    }

    @inline(__always) private func sum(
        _ answer: WindowPlan.Answer, _ upper: UnsafeMutablePointer<Int64>, _ lower: UnsafeMutablePointer<Int64>,
        _ own: Int64, _ values: UnsafePointer<Int64>
    ) -> Int64 {
        let column = 1 &+ answer.column
        return upper[column] &- lower[column] &+ own &* values[valuePlaces[answer.column]]
    }

    @inline(__always) private func labels(
        _ upper: UnsafeMutablePointer<Int64>, _ lower: UnsafeMutablePointer<Int64>, _ shape: some EventShape
    ) -> Int64 {
        upper[shape.boundaryWords &- 1] &- lower[shape.boundaryWords &- 1]
    }
}
