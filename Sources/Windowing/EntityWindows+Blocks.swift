import CMemory
import EventModel

/// One thing that happens to an entity's windows, as the control pass over a block lists them in log order.
public struct WindowOperation: Sendable, BitwiseCopyable {
    public enum Kind: UInt8, Sendable, BitwiseCopyable {
        /// An accepted event enters its windows and is answered.
        case insert
        /// An event is answered as of `time` but changes nothing.
        case answer
        /// The event of a transaction seen before turns out to be `isPositive`.
        case label
        /// What no window reaches any more is dropped in all keys.
        case sweep
    }

    public var kind: Kind
    /// For `insert`: whether the row's features are wanted.
    public var isAnswered: Bool
    /// For `label`: what it says, and what was known before.
    public var isPositive: Bool
    public var previous: Bool?
    /// The row within the block.
    public var row: Int32
    /// The transaction's place in the table of transactions; below 0 for an event that can get no label.
    public var slot: Int
    /// The event's time; for `answer`, the time as of which it is answered.
    public var time: EventTime
    /// Events before this are too late from here on.
    public var earliest: EventTime
    /// For `label`: when it became known.
    public var labelTime: EventTime

    public init(
        kind: Kind, row: Int = 0, slot: Int = 0, time: EventTime, earliest: EventTime, isPositive: Bool = false,
        previous: Bool? = nil, labelTime: EventTime = .distantPast, isAnswered: Bool = true
    ) {
        self.kind = kind
        self.labelTime = labelTime
        self.isAnswered = isAnswered
        self.isPositive = isPositive
        self.previous = previous
        self.row = Int32(truncatingIfNeeded: row)
        self.slot = slot
        self.time = time
        self.earliest = earliest
    }
}

/// The rows of a block as an entity's windows see them. It borrows the memory.
public struct WindowRows {
    /// A key for each row, `keyStride` words apart, of a pair both words; for text keys, `texts` has them.
    public var keys: UnsafePointer<Int64>
    public var keyStride: Int
    /// The number of rows.
    public var count: Int
    public var texts: [String]
    /// `valueStride` windowed values a row, unscaled.
    public var values: UnsafePointer<Int64>
    public var valueStride: Int
    /// `featureStride` features a row.
    public var features: UnsafeMutablePointer<Double>
    public var featureStride: Int
    /// For each slot: where the transaction's event stands (key number, position), so that its label finds it.
    public var places: SlotRing.Rows
    /// Slots from here on are of this block's rows, whose events are close anyway.
    public var firstSlot: Int
    /// For each row the filters that it passes, a bit for each; nil: none has to.
    public var filters: UnsafePointer<UInt64>?
    /// For each row the entities, a bit for each, that it has no key of; nil: it has all. Such a row enters no window of
    /// the entity with `absenceBit`, and finds them empty.
    public var absence: UnsafePointer<UInt64>?
    public var absenceBit: Int

    public init(
        count: Int, keys: UnsafePointer<Int64>, keyStride: Int, texts: [String], values: UnsafePointer<Int64>,
        valueStride: Int, features: UnsafeMutablePointer<Double>, featureStride: Int,
        places: SlotRing.Rows, firstSlot: Int = .max, filters: UnsafePointer<UInt64>? = nil,
        absence: UnsafePointer<UInt64>? = nil, absenceBit: Int = 0
    ) {
        self.count = count
        self.keys = keys
        self.keyStride = keyStride
        self.texts = texts
        self.values = values
        self.valueStride = valueStride
        self.features = features
        self.featureStride = featureStride
        self.places = places
        self.firstSlot = firstSlot
        self.filters = filters
        self.absence = absence
        self.absenceBit = absenceBit
    }

    @inline(__always) func place(_ slot: Int) -> UnsafeMutablePointer<Int64> { places[slot] }

    /// Notes where a transaction's event stands; -1: nowhere.
    @inline(__always) func notePlace(_ slot: Int, number: Int, _ place: Int64) {
        let words = self.place(slot)
        words[0] = Int64(number)
        words[1] = place
    }

    @inline(__always) func key(_ row: Int) -> Int64 { keys[row &* keyStride] }

    @inline(__always) func isAbsent(_ row: Int) -> Bool {
        guard let absence else { return false }
        return absence[row] >> UInt64(absenceBit) & 1 == 1
    }

    /// What the windows read of a row and write.
    @inline(__always) func row(_ row: Int, isAnswered: Bool) -> WindowRow {
        WindowRow(
            values: values + row &* valueStride, filters: filters.map { $0[row] } ?? 0,
            features: features + row &* featureStride, isAnswered: isAnswered)
    }
}

extension EntityWindows {
    /// Carries out a block's operations in order.
    ///
    /// The common shapes of events have code of their own, chosen here, once a block.
    public mutating func process(_ operations: UnsafeBufferPointer<WindowOperation>, _ rows: WindowRows) {
        reserveRange(for: rows)
        var left = operations
        while true {
            let done = processWhilePlanFits(left, rows)
            if done == left.count { return }
            left = UnsafeBufferPointer(rebasing: left[done...])
            reserve(time: left[0].time)
        }
    }

    /// - Returns: how many operations were carried out: up to an event whose time does not fit, or to a change of the plan.
    private mutating func processWhilePlanFits(
        _ operations: UnsafeBufferPointer<WindowOperation>, _ rows: WindowRows
    ) -> Int {
        guard plan.isPlain else {
            return plan.hasLabels && eventWords == 1
                ? process(operations, rows, FullLabels()) : process(operations, rows, fullShape)
        }
        return switch (plainShape.columns, plainShape.hasLabels) {
        case (1, false) where plan.isPacked: process(operations, rows, PackedValue())
        case (1, false): process(operations, rows, OneValue())
        case (0, true): process(operations, rows, OnlyLabels())
        default: process(operations, rows, plainShape)
        }
    }

    /// The dense number of a row's key.
    private func number(_ row: Int, _ rows: WindowRows) -> Int? {
        if rows.isAbsent(row) { return nil }
        return switch keyKind {
        case .number: number(of: rows.key(row))
        case .text: number(of: rows.texts[row])
        case .pair: number(of: rows.key(row), rows.keys[row &* rows.keyStride &+ 1])
        }
    }

    /// The dense number of a row's key, given now if it has none.
    private mutating func intern(_ row: Int, _ rows: WindowRows) -> Int {
        switch keyKind {
        case .number: intern(rows.key(row))
        case .text: intern(rows.texts[row])
        case .pair: intern(rows.key(row), rows.keys[row &* rows.keyStride &+ 1])
        }
    }

    /// Whether the number found for a row is its key's, which is sure but for keys that are numbers.
    @inline(__always) private func isNumber(_ number: Int, ofRow row: Int, _ rows: WindowRows) -> Bool {
        keyKind != .number || headers[number &* headerWords &+ Header.key] == rows.key(row)
    }

    /// Looks rows' keys up, from the first one that was not up to `row`, and fetches what is looked at for those behind.
    @inline(__always) private func findNumbers(upTo row: Int, from found: inout Int, _ rows: WindowRows) {
        let ahead = 24
        let end = min(row, rows.count)
        while found < end {
            if found &+ ahead < rows.count { prefetch(key: rows.key(found &+ ahead)) }
            rowNumbers[found] = Int32(truncatingIfNeeded: likelyNumber(of: rows.key(found)) ?? -1)
            found &+= 1
        }
    }

    /// Looks the first rows' keys up; those of all where that is cheap, or where they are no numbers or missing.
    /// - Returns: how many.
    private mutating func findFirstNumbers(_ rows: WindowRows) -> Int {
        reserveRowNumbers(rows.count)
        guard keyKind == .number, rows.absence == nil else {
            for row in 0..<rows.count { rowNumbers[row] = Int32(truncatingIfNeeded: number(row, rows) ?? -1) }
            return rows.count
        }
        for row in 0..<min(24, rows.count) { prefetch(key: rows.key(row)) }
        var found = 0
        // An index that is near is asked for all rows in one go; a large one would drive out what is fetched for the first
        // rows.
        findNumbers(upTo: keys.isNear ? rows.count : 32, from: &found, rows)
        return found
    }

    private mutating func process(
        _ operations: UnsafeBufferPointer<WindowOperation>, _ rows: WindowRows, _ shape: some EventShape
    ) -> Int {
        // Keys are looked up some rows ahead, so that what their windows will touch can be fetched early. The numbers
        // found so far hold until keys go.
        var found = findFirstNumbers(rows)
        var staleRows = 0
        guard var next = operations.baseAddress else { return 0 }
        let end = next + operations.count
        while next < end {
            // Members are read where they lie.
            let operation = next
            next += 1
            if shape.hasLabels { fetchLabels(operation, before: end, rows, shape) }
            let row = Int(operation.pointee.row)
            let slot = operation.pointee.slot
            switch operation.pointee.kind {
            case .insert:
                if shape.isPacked, !PackedEvent.fits(operation.pointee.time.milliseconds, base: timeBase) {
                    return operations.count - (end - operation)
                }
                findNumbers(upTo: row &+ 32, from: &found, rows)
                fetchAhead(of: row, rows, shape)
                if rows.isAbsent(row) {
                    if operation.pointee.isAnswered { answer(operation.pointee, row, rows) }
                    if shape.hasLabels, slot >= 0 { rows.notePlace(slot, number: -1, -1) }
                    continue
                }
                var number = Int(rowNumbers[row])
                if number < 0 || row < staleRows || !isNumber(number, ofRow: row, rows) { number = intern(row, rows) }
                let place = insert(
                    number, at: operation.pointee.time, earliest: operation.pointee.earliest,
                    rows.row(row, isAnswered: operation.pointee.isAnswered), shape)
                if shape.hasLabels, slot >= 0 { rows.notePlace(slot, number: number, place) }
            case .answer:
                answer(operation.pointee, row, rows)
                if shape.hasLabels, slot >= 0 { rows.notePlace(slot, number: -1, -1) }
            case .label:
                guard shape.hasLabels, operation.pointee.time > operation.pointee.earliest - retention else { continue }
                let words = rows.place(slot)
                setLabel(
                    Int(words[0]), place: words[1], time: operation.pointee.time,
                    previous: operation.pointee.previous, isPositive: operation.pointee.isPositive,
                    labelTime: operation.pointee.labelTime, shape)
            case .sweep:
                sweep(earliest: operation.pointee.earliest, onlyIdleKeys: true)
                staleRows = found
                // It may have gone over to a plan with more room.
                if shape.isPacked != plan.isPacked { return operations.count - (end - next) }
            }
        }
        return operations.count
    }

    /// Brings close what labels ahead will touch: first the event's place, then the key's header, then the event.
    @inline(__always) private func fetchLabels(
        _ operation: UnsafePointer<WindowOperation>, before end: UnsafePointer<WindowOperation>, _ rows: WindowRows,
        _ shape: some EventShape
    ) {
        let far = operation + 32, middle = operation + 20, near = operation + 8
        @inline(__always) func isFetched(_ label: UnsafePointer<WindowOperation>) -> Bool {
            label < end && label.pointee.kind == .label && label.pointee.slot < rows.firstSlot
        }
        if isFetched(far) { tidemark_prefetch(rows.place(far.pointee.slot)) }
        if isFetched(middle) {
            let number = rows.place(middle.pointee.slot)[0]
            if number >= 0, number < headerCount { prefetch(header: Int(number), shape) }
        }
        if isFetched(near) {
            let words = rows.place(near.pointee.slot)
            if words[0] >= 0, words[0] < headerCount {
                prefetch(event: EventPlace.position(words[1]), of: Int(words[0]), shape)
                if !shape.isPlain { prefetch(labels: Int(words[0])) }
            }
        }
    }

    /// Brings close what rows ahead will touch: first the key's header, then its events.
    @inline(__always) private func fetchAhead(of row: Int, _ rows: WindowRows, _ shape: some EventShape) {
        let far = 24, near = 12, next = 4
        if row &+ far < rows.count, rowNumbers[row &+ far] >= 0 { prefetch(header: Int(rowNumbers[row &+ far]), shape) }
        if row &+ near < rows.count, rowNumbers[row &+ near] >= 0 {
            prefetch(events: Int(rowNumbers[row &+ near]), shape)
        }
        guard !shape.isPlain, shape.columns > 0, !extremes.isEmpty else { return }
        if row &+ next < rows.count, rowNumbers[row &+ next] >= 0 { prefetch(linked: Int(rowNumbers[row &+ next])) }
    }

    @inline(never) private mutating func answer(_ operation: WindowOperation, _ row: Int, _ rows: WindowRows) {
        var asked = rows.row(row, isAnswered: true)
        asked.hasKey = !rows.isAbsent(row)
        answer(number(row, rows), asOf: operation.time, asked)
    }
}
