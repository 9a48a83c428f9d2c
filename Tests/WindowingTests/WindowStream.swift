import EventModel

@testable import Windowing

/// What happens in a stream of one entity.
struct StreamEvent {
    var key = 7
    var time: Int64
    var values: [Int64] = [0, 0]
    var filters: UInt64 = 0
    var isAnswered = true
    /// Whether it has no key of the entity.
    var isAbsent = false
}

enum StreamStep {
    case event(StreamEvent)
    /// The label of the n-th event so far, known at `time` (nil: with the newest event so far).
    case label(event: Int, isPositive: Bool, time: Int64? = nil)
    case sweep
}

/// A stream that runs through the windows and the oracle.
struct WindowStream {
    var steps: [StreamStep]
    var aggregates: [WindowAggregate]
    var keyKind = EntityKeyKind.number
    var outOfOrderness: Int64 = 0
    var lateness: Int64 = 0
    var labelHorizon: Int64 = 1000
    var blockSize = 1
    /// The largest magnitude of a value.
    var largestValue = 0.0
    /// The windows are saved and restored before this step.
    var restart: Int?
    /// The room that a plain plan begins with.
    var room = WindowPlan.Room.packed

    struct Outcome {
        var disagreement: String?
        var digest = StateDigest()
        /// The vectors of accepted events, in log order.
        var vectors: [[Double]] = []
        var keyCount = 0
        var eventCount = 0
        var byteCount = 0
    }

    private struct Row {
        var event: StreamEvent
        var expected: [Double]?
        var step: Int
    }

    private func makeWindows() -> EntityWindows {
        var windows = EntityWindows(
            name: "card", keyKind: keyKind, aggregates: aggregates, targets: Array(aggregates.indices),
            labelHorizon: EventDuration(milliseconds: labelHorizon))
        if room > .packed { windows.widen(to: room) }
        return windows
    }

    /// Runs the stream and stops at the first answer on which windows and oracle disagree.
    func run() throws -> Outcome {
        var outcome = Outcome()
        var windows = makeWindows()
        var oracle = WindowOracle()
        var watermark = Watermark(
            outOfOrderness: EventDuration(milliseconds: outOfOrderness),
            allowedLateness: EventDuration(milliseconds: lateness))
        /// For each event of the stream its place in the oracle, where it was accepted.
        var accepted: [Int?] = []
        var places = SlotRing(stride: 2)
        places.hold(0..<steps.count)
        places.fill(0..<steps.count, with: -1)
        var operations: [WindowOperation] = []
        var rows: [Row] = []
        var newest = Int64.min
        for (index, step) in steps.enumerated() {
            if index == restart {
                outcome.disagreement = runBlock(&windows, &operations, &rows, places, &outcome)
                if outcome.disagreement != nil { return outcome }
                if let problem = try restore(&windows) {
                    outcome.disagreement = "step \(index): \(problem)"
                    return outcome
                }
            }
            switch step {
            case .event(let event):
                let time = EventTime(milliseconds: event.time)
                let isTooLate = watermark.timeliness(of: time) == .tooLate
                if !isTooLate { watermark.advance(past: time, arrival: time) }
                let asOf = isTooLate ? watermark.earliestAccepted : time
                let own = WindowOracle.Event(
                    key: event.key, time: asOf.milliseconds, values: event.values, filters: event.filters)
                let expected =
                    event.isAnswered || isTooLate
                    ? oracle.answers(
                        aggregates, key: event.key, time: asOf.milliseconds, own: event.isAbsent ? nil : own) : nil
                operations.append(
                    WindowOperation(
                        kind: isTooLate ? .answer : .insert, row: rows.count, slot: accepted.count, time: asOf,
                        earliest: watermark.earliestAccepted, isAnswered: event.isAnswered))
                rows.append(Row(event: event, expected: expected, step: index))
                accepted.append(isTooLate || event.isAbsent ? nil : oracle.events.count)
                if !isTooLate && !event.isAbsent { oracle.events.append(own) }
                newest = max(newest, event.time)
            case .label(let event, let isPositive, let labelTime):
                guard event < accepted.count, let place = accepted[event] else { continue }
                let known = oracle.events[place]
                let isInReach = known.time >= watermark.time.milliseconds - labelHorizon
                guard isInReach, known.label != isPositive else { continue }
                oracle.events[place].label = isPositive
                oracle.events[place].labelOrder = index
                oracle.events[place].labelTime = max(labelTime ?? newest, known.time)
                operations.append(
                    WindowOperation(
                        kind: .label, slot: event, time: EventTime(milliseconds: known.time),
                        earliest: watermark.earliestAccepted, isPositive: isPositive, previous: known.label,
                        labelTime: EventTime(milliseconds: labelTime ?? newest)))
            case .sweep:
                operations.append(
                    WindowOperation(kind: .sweep, time: watermark.time, earliest: watermark.earliestAccepted))
            }
            if operations.count >= blockSize {
                outcome.disagreement = runBlock(&windows, &operations, &rows, places, &outcome)
                if outcome.disagreement != nil { return outcome }
            }
        }
        outcome.disagreement = runBlock(&windows, &operations, &rows, places, &outcome)
        outcome.digest = windows.digest
        outcome.keyCount = windows.keyCount
        outcome.eventCount = windows.eventCount
        outcome.byteCount = windows.byteCount
        return outcome
    }

    /// Has the windows carry out a block, and says where they disagree with the oracle.
    private func runBlock(
        _ windows: inout EntityWindows, _ operations: inout [WindowOperation], _ rows: inout [Row],
        _ places: borrowing SlotRing, _ outcome: inout Outcome
    ) -> String? {
        let width = aggregates.count
        var features = [Double](repeating: .nan, count: max(rows.count, 1) * width)
        let keys: [Int64] = rows.flatMap { row in
            keyKind == .pair ? [Int64(row.event.key / 3), Int64(row.event.key % 3)] : [Int64(row.event.key), -1]
        }
        let values: [Int64] = rows.flatMap(\.event.values) + [0]
        let filters = rows.map(\.event.filters) + [0]
        // Without a row that has no key, keys are looked up some rows ahead of their events.
        let isAnyAbsent = rows.contains { $0.event.isAbsent }
        let absence = rows.map { $0.event.isAbsent ? UInt64(1 << 5) : 0 } + [0]
        let placeRows = places.rows
        let texts = keyKind == .text ? rows.map { "key number \($0.event.key)" } : []
        features.withUnsafeMutableBufferPointer { features in
            operations.withUnsafeBufferPointer { operations in
                withPointers(keys + [0], values, filters, absence) { keys, values, filters, absence in
                    guard let features = features.baseAddress else { return }
                    windows.process(
                        operations,
                        WindowRows(
                            count: rows.count, keys: keys, keyStride: 2, texts: texts, values: values,
                            valueStride: 2, features: features, featureStride: width, places: placeRows,
                            filters: filters, absence: isAnyAbsent ? absence : nil, absenceBit: 5))
                }
            }
        }
        defer {
            operations = []
            rows = []
        }
        for (index, row) in rows.enumerated() {
            let answered = Array(features[index * width..<(index + 1) * width])
            outcome.vectors.append(answered)
            guard let expected = row.expected else { continue }
            for (position, aggregate) in aggregates.enumerated()
            where !agrees(answered[position], expected[position], aggregate.kind) {
                return
                    "step \(row.step): \(aggregate) gives \(answered[position]), expected \(expected[position])"
            }
        }
        return nil
    }

    /// Decayed sums are recomputed by another formula, and so are variances of large values; all else has to be exact.
    private func agrees(_ answer: Double, _ expected: Double, _ kind: AggregateKind) -> Bool {
        switch kind {
        case .decayedCount, .decayedSum:
            abs(answer - expected) <= 1e-8 * max(1, abs(expected), abs(answer), largestValue)
        case .variance where largestValue > 0x1p31: abs(answer - expected) <= 1e-13 * abs(expected)
        default: answer == expected
        }
    }

    /// Saves the windows and goes on with new ones.
    private func restore(_ windows: inout EntityWindows) throws -> String? {
        var writer = ByteWriter()
        windows.encode(into: &writer)
        let (digest, events, keys) = (windows.digest, windows.eventCount, windows.keyCount)
        windows = makeWindows()
        var reader = ByteReader(writer.bytes)
        try windows.decode(from: &reader)
        if reader.remaining != 0 || !reader.isValid { return "saved state not read whole" }
        if windows.digest != digest { return "digest after restart" }
        if windows.eventCount != events || windows.keyCount != keys { return "size after restart" }
        return nil
    }
}

private func withPointers(
    _ keys: [Int64], _ values: [Int64], _ filters: [UInt64], _ absence: [UInt64],
    _ body: (UnsafePointer<Int64>, UnsafePointer<Int64>, UnsafePointer<UInt64>, UnsafePointer<UInt64>) -> Void
) {
    keys.withUnsafeBufferPointer { keys in
        values.withUnsafeBufferPointer { values in
            filters.withUnsafeBufferPointer { filters in
                absence.withUnsafeBufferPointer { absence in
                    guard let keys = keys.baseAddress, let values = values.baseAddress,
                        let filters = filters.baseAddress, let absence = absence.baseAddress
                    else { return }
                    body(keys, values, filters, absence)
                }
            }
        }
    }
}

extension AggregateKind {
    static let ofEvents: [AggregateKind] = [
        .count, .sum(column: 0, divisor: 100), .mean(column: 0, divisor: 100, ifEmpty: -1),
        .variance(column: 1, divisor: 10, ifEmpty: -2), .minimum(column: 0, divisor: 100, ifEmpty: -3),
        .maximum(column: 0, divisor: 100, ifEmpty: -4), .maximum(column: 1, divisor: 1, ifEmpty: 0),
        .first(column: 0, divisor: 1, ifEmpty: -5), .last(column: 1, divisor: 1, ifEmpty: -6), .distinct(column: 0),
        .distinct(column: 1), .decayedCount(halfLife: EventDuration(milliseconds: 2)),
        .decayedSum(column: 0, divisor: 100, halfLife: EventDuration(milliseconds: 7)), .sincePrevious(ifNone: -7),
        .previous(column: 0, divisor: 1, ifEmpty: -8),
    ]

    static let ofLabels: [AggregateKind] = [
        .labelCount, .labelRate, .knownLabelRate, .smoothedLabelRate(prior: 0.25, strength: 2, over: .all),
        .smoothedLabelRate(prior: 0.25, strength: 2, over: .labelled), .fraudRun, .sinceFirstFraud(ifNone: -1),
        .sinceLastFraud(ifNone: -2),
    ]
}

/// Every kind over every window, with and without the current event and a filter.
func everyAggregate(
    _ kinds: [AggregateKind], lengths: [Int64?], delays: [Int64], filters: [Int?] = [nil, 1],
    bases: [WindowBasis] = [.eventTime]
) -> [WindowAggregate] {
    var all: [WindowAggregate] = []
    for kind in kinds {
        for length in lengths {
            for delay in delays {
                for filter in filters {
                    for basis in bases {
                        for includesCurrent in delay == 0 ? [true, false] : [true] {
                            all.append(
                                WindowAggregate(
                                    length: length.map { EventDuration(milliseconds: $0) },
                                    delay: EventDuration(milliseconds: delay), kind: kind,
                                    includesCurrent: includesCurrent, filter: filter, basis: basis))
                        }
                    }
                }
            }
        }
    }
    return all
}
