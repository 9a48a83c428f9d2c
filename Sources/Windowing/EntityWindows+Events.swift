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
        ((state &+ 1) >> 1) << 32 | state >> 1
    }

    /// What events in three states add together.
    @inline(__always) static func weight(_ a: Int64, _ b: Int64, _ c: Int64) -> Int64 {
        let positives = a >> 1 &+ b >> 1 &+ c >> 1
        return (a &+ b &+ c &- positives) << 32 &+ positives
    }
}

/// The greatest first word of an event at `time`; also for times so long ago that the product would wrap.
@inline(__always) func lastWord(_ time: Int64) -> Int64 { max(time, -(1 << 61)) << 2 | 3 }

/// A row as an entity's windows see it.
struct WindowRow {
    var values: UnsafePointer<Int64>
    var filters: UInt64
    var features: UnsafeMutablePointer<Double>
    var isAnswered: Bool
    /// Whether the row is an event of the entity at all.
    var hasKey = true
}

extension EntityWindows {
    /// Adds an accepted event and answers the key's aggregates as of its own time.
    ///
    /// - Parameters:
    ///   - number: the key's dense number (`intern`).
    ///   - earliest: events before this are too late; with it goes what no window can reach any more.
    ///   - values: the row's windowed values, unscaled.
    ///   - filters: the filters that the row passes, a bit for each.
    ///   - features: the row's feature vector; answers go to the aggregates' targets.
    ///   - isAnswered: whether they do.
    /// - Returns: the event's place, for `setLabel`.
    @discardableResult public mutating func insert(
        _ number: Int, at time: EventTime, earliest: EventTime, values: UnsafePointer<Int64>, filters: UInt64 = 0,
        features: UnsafeMutablePointer<Double>, isAnswered: Bool = true
    ) -> Int64 {
        let row = WindowRow(values: values, filters: filters, features: features, isAnswered: isAnswered)
        reserve(time: time)
        reserveRange(for: values, stride: 0, count: 1)
        if plan.isPlain { return insert(number, at: time, earliest: earliest, row, plainShape) }
        return insert(number, at: time, earliest: earliest, row, fullShape)
    }

    var plainShape: PlainShape {
        PlainShape(columns: valuePlaces.count, hasLabels: plan.hasLabels, isPacked: plan.isPacked)
    }
    var fullShape: FullShape {
        FullShape(columns: valuePlaces.count, hasLabels: plan.hasLabels, eventWords: eventWords)
    }

    @inline(__always) mutating func insert(
        _ number: Int, at time: EventTime, earliest: EventTime, _ row: WindowRow, _ shape: some EventShape
    ) -> Int64 {
        let header = headers + number &* headerWords
        guard time.milliseconds >= header[Header.time], header[Header.tiers] == 0 else {
            return insertApart(header, at: time, earliest: earliest, row, shape)
        }
        return insertInOrder(header, at: time, earliest: earliest, row, FlatShape(shape: shape))
    }

    @inline(never) private mutating func insertApart(
        _ header: UnsafeMutablePointer<Int64>, at time: EventTime, earliest: EventTime, _ row: WindowRow,
        _ shape: some EventShape
    ) -> Int64 {
        time.milliseconds >= header[Header.time]
            ? insertInOrder(header, at: time, earliest: earliest, row, shape)
            : insertOutOfOrder(header, at: time, earliest: earliest, row, shape)
    }

    @inline(__always) private mutating func insertInOrder(
        _ header: UnsafeMutablePointer<Int64>, at time: EventTime, earliest: EventTime, _ row: WindowRow,
        _ shape: some EventShape
    ) -> Int64 {
        let isFirst = time.milliseconds > header[Header.time]
        advance(header, to: time.milliseconds, shape)
        reserveOne(header, at: time.milliseconds, earliest: earliest, shape)
        guard let ring = ring(header) else { return 0 }
        let position = header[Header.head]
        let event = write(header, ring, position, time.milliseconds, row, shape)
        header[Header.head] = position &+ 1
        markEnd(header, ring, shape)
        if !shape.isPlain { link(header, position) }
        if boundaries[0].distance == 0 {
            let boundary = header + Header.boundaries
            boundary[0] = position &+ 1
            if shape.isPlain {
                for column in 0..<shape.columns { boundary[1 &+ column] &+= row.values[valuePlaces[column]] }
            } else {
                pass(event, firstBoundary, header)
            }
        }
        if row.isAnswered {
            if shape.isPlain {
                answer(from: header + Header.boundaries, row, isInside: true, shape)
            } else {
                answerFully(header, header + Header.boundaries, asOf: time.milliseconds, row, isInside: true)
            }
        }
        return place(header, position, isFirst: isFirst, shape)
    }

    /// Answers the aggregates of an event that is not to enter its windows, as of `time`.
    /// - Parameter number: the key's dense number, nil when the key is not remembered.
    public mutating func answer(
        _ number: Int?, asOf time: EventTime, values: UnsafePointer<Int64>, filters: UInt64 = 0,
        features: UnsafeMutablePointer<Double>
    ) {
        reserveRange(for: values, stride: 0, count: 1)
        answer(number, asOf: time, WindowRow(values: values, filters: filters, features: features, isAnswered: true))
    }

    func answer(_ number: Int?, asOf time: EventTime, _ row: WindowRow) {
        guard let number else {
            scratch.update(repeating: 0, count: plan.boundaryWords)
            return plan.isPlain
                ? answer(from: scratch, row, isInside: false, plainShape)
                : answerFully(nil, scratch, asOf: time.milliseconds, row, isInside: false)
        }
        let header = headers + number * headerWords
        if plan.isPlain {
            moveScratch(header, asOf: time.milliseconds, plainShape)
            answer(from: scratch, row, isInside: false, plainShape)
        } else {
            moveScratch(header, asOf: time.milliseconds, fullShape)
            answerFully(header, scratch, asOf: time.milliseconds, row, isInside: false)
        }
    }

    // MARK: steps

    /// Moves the boundaries to stand as of `time`, which is not earlier than they do.
    @inline(__always) func advance(_ header: UnsafeMutablePointer<Int64>, to time: Int64, _ shape: some EventShape) {
        header[Header.time] = time
        guard let ring = ring(header) else { return }
        let slots = Slots(header, shape)
        if shape.isPlain { return advancePlain(header, to: time, ring, slots, shape) }
        advanceFully(header, to: time, ring, slots, shape)
    }

    /// Adds an event's values and label to a plain boundary's totals.
    @inline(__always) func add(
        _ event: UnsafeMutablePointer<Int64>, to boundary: UnsafeMutablePointer<Int64>, sign: Int64,
        _ shape: some EventShape
    ) {
        for column in 0..<shape.columns { boundary[1 &+ column] &+= value(event, column, shape) &* sign }
        if shape.hasLabels { boundary[shape.boundaryWords &- 1] &+= LabelState.weight(event[0] & 3) &* sign }
    }

    /// Adds an event to a boundary's totals.
    @inline(__always) func accumulate(
        _ event: UnsafeMutablePointer<Int64>, _ boundary: UnsafePointer<WindowPlan.Boundary>,
        _ words: UnsafeMutablePointer<Int64>, sign: Int64
    ) {
        if boundary.pointee.isSimple { return accumulateSimply(event, boundary, words, sign: sign) }
        for index in boundary.pointee.firstAccumulator..<boundary.pointee.endAccumulator {
            let accumulator = accumulators[index]
            guard passes(event, accumulator.filter) else { continue }
            add(event, accumulator, to: words + accumulator.word, sign: sign)
        }
    }

    @inline(__always) private func accumulateSimply(
        _ event: UnsafeMutablePointer<Int64>, _ boundary: UnsafePointer<WindowPlan.Boundary>,
        _ words: UnsafeMutablePointer<Int64>, sign: Int64
    ) {
        if boundary.pointee.labels > 0 {
            words[boundary.pointee.labels] &+= LabelState.weight(event[0] & 3) &* sign
        }
        if boundary.pointee.sum > 0 {
            let total = words + boundary.pointee.sum
            storeWide(loadWide(total) &+ product(event[boundary.pointee.value], sign), total)
        }
        if boundary.pointee.square > 0 {
            let total = words + boundary.pointee.square
            let square = Int192(square: event[boundary.pointee.value])
            (sign > 0 ? Int192(total) + square : Int192(total) - square).store(total)
        }
    }

    /// Adds an event to one total.
    @inline(__always) func add(
        _ event: UnsafeMutablePointer<Int64>, _ accumulator: WindowPlan.Accumulator,
        to total: UnsafeMutablePointer<Int64>, sign: Int64
    ) {
        switch accumulator.operation {
        case .count: total[0] &+= sign
        case .sum where plan.isPlain: total[0] &+= givenWord(event, accumulator.value) &* sign
        case .sum:
            let value = Int128(event[accumulator.value])
            storeWide(sign > 0 ? loadWide(total) &+ value : loadWide(total) &- value, total)
        case .square:
            let square = Int192(square: event[accumulator.value])
            (sign > 0 ? Int192(total) + square : Int192(total) - square).store(total)
        case .labels: total[0] &+= LabelState.weight(event[0] & 3) &* sign
        case .enter, .leave: break
        }
    }

    /// Takes an event past a boundary of its key: into the totals, and into and out of the windows that end there.
    @inline(__always) func pass(
        _ event: UnsafeMutablePointer<Int64>, _ boundary: UnsafePointer<WindowPlan.Boundary>,
        _ header: UnsafeMutablePointer<Int64>
    ) {
        guard boundary.pointee.isSimple else { return passWithFilters(event, boundary, header) }
        accumulateSimply(event, boundary, header + Header.boundaries, sign: 1)
    }

    @inline(never) private func passWithFilters(
        _ event: UnsafeMutablePointer<Int64>, _ boundary: UnsafePointer<WindowPlan.Boundary>,
        _ header: UnsafeMutablePointer<Int64>
    ) {
        accumulate(event, boundary, header + Header.boundaries, sign: 1)
        guard !valueWindows.isEmpty else { return }
        for index in boundary.pointee.firstAccumulator..<boundary.pointee.endAccumulator {
            let accumulator = accumulators[index]
            guard accumulator.operation == .enter || accumulator.operation == .leave,
                passes(event, accumulator.filter)
            else { continue }
            count(event[accumulator.value], window: accumulator.word, isIn: accumulator.operation == .enter, header)
        }
    }

    /// Whether an event passes a filter (0: every event does).
    @inline(__always) func passes(_ event: UnsafePointer<Int64>, _ filter: UInt64) -> Bool {
        filter == 0 || UInt64(bitPattern: event[plan.maskWord]) & filter != 0
    }

    /// Writes an event at a position of the key's ring.
    @inline(__always) mutating func write(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, _ position: Int64,
        _ time: Int64, _ row: WindowRow, _ shape: some EventShape
    ) -> UnsafeMutablePointer<Int64> {
        let event = ring + Slots(header, shape)[position] &* shape.eventWords
        if shape.isPacked {
            event[0] = PackedEvent.word(time &- timeBase, row.values[valuePlaces[0]])
        } else {
            event[0] = time << 2
            for column in 0..<shape.columns { event[1 &+ column] = row.values[valuePlaces[column]] }
        }
        if !shape.isPlain {
            if plan.maskWord > 0 { event[plan.maskWord] = Int64(bitPattern: row.filters) }
            if plan.labelTimeWord > 0 { event[plan.labelTimeWord] = 0 }
        }
        eventCount &+= 1
        if !shape.isFlat, header[Header.tiers] != 0 { addToTier(header, position, event, sign: 1) }
        return event
    }

    /// Puts a mark behind the newest event that is later than all events.
    @inline(__always) func markEnd(
        _ header: UnsafeMutablePointer<Int64>, _ ring: UnsafeMutablePointer<Int64>, _ shape: some EventShape
    ) {
        ring[Slots(header, shape)[header[Header.head]] &* shape.eventWords] = Int64.max
    }

    /// Makes room for one more event of the key, at `time`, and the mark behind it, by dropping what no window reaches, or else by
    /// a larger ring. Whether it drops depends on the number of events alone, so that no layout shows.
    @inline(__always) mutating func reserveOne(
        _ header: UnsafeMutablePointer<Int64>, at time: Int64, earliest: EventTime, _ shape: some EventShape
    ) {
        let count = header[Header.head] &- header[Header.first]
        if count & (count &+ 1) == 0 { makeRoom(header, at: time, earliest: earliest, shape) }
        if !shape.isFlat, header[Header.tiers] != 0 { reserveTier(header) }
    }

    @inline(never) private mutating func makeRoom(
        _ header: UnsafeMutablePointer<Int64>, at time: Int64, earliest: EventTime, _ shape: some EventShape
    ) {
        // Until it is called again for this key.
        mostEvents = max(mostEvents, 2 &* (header[Header.head] &- header[Header.first]) &+ 2)
        expire(header, limit: expiryLimit(earliest, isPacked: shape.isPacked), shape)
        if header[Header.head] == header[Header.first] { mark(header, oldest: time) }
        if header[Header.head] &- header[Header.first] >= header[Header.mask] {
            resize(header, capacity: max((header[Header.mask] + 1) * 2, Int64(leastCapacity)))
        }
    }
}
