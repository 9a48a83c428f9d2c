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
    /// For `label`: what it says, and what was known before.
    public var isPositive: Bool
    public var previous: Bool?
    /// The row within the block.
    public var row: Int32
    /// The transaction's place in the table of transactions.
    public var slot: Int
    /// The event's time; for `answer`, the time as of which it is answered.
    public var time: EventTime
    /// Events before this are too late from here on.
    public var earliest: EventTime

    public init(
        kind: Kind, row: Int = 0, slot: Int = 0, time: EventTime, earliest: EventTime, isPositive: Bool = false,
        previous: Bool? = nil
    ) {
        self.kind = kind
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
    /// A key for each row, `keyStride` words apart; for text keys, `texts` has them.
    public var keys: UnsafePointer<Int64>
    public var keyStride: Int
    public var texts: [String]
    /// `valueStride` windowed values a row, unscaled.
    public var values: UnsafePointer<Int64>
    public var valueStride: Int
    /// `featureStride` features a row.
    public var features: UnsafeMutablePointer<Double>
    public var featureStride: Int
    /// For each slot, `placeStride` words apart: where the transaction's event stands (key number, position), so that
    /// its label finds it.
    public var places: UnsafeMutablePointer<Int64>
    public var placeStride: Int
    /// A slot's place is at its number's low bits.
    public var slotMask: Int

    public init(
        keys: UnsafePointer<Int64>, keyStride: Int, texts: [String], values: UnsafePointer<Int64>, valueStride: Int,
        features: UnsafeMutablePointer<Double>, featureStride: Int, places: UnsafeMutablePointer<Int64>,
        placeStride: Int, slotMask: Int
    ) {
        self.keys = keys
        self.keyStride = keyStride
        self.texts = texts
        self.values = values
        self.valueStride = valueStride
        self.features = features
        self.featureStride = featureStride
        self.places = places
        self.placeStride = placeStride
        self.slotMask = slotMask
    }

    @inline(__always) func place(_ slot: Int) -> UnsafeMutablePointer<Int64> {
        places + (slot & slotMask) &* placeStride
    }

    @inline(__always) func key(_ row: Int) -> Int64 { keys[row &* keyStride] }
}

extension EntityWindows {
    /// Carries out a block's operations in order.
    ///
    /// Rows ahead are fetched early: first the key's place in the index, then its header, then its events.
    public mutating func process(_ operations: UnsafeBufferPointer<WindowOperation>, _ rows: WindowRows) {
        let far = 24, middle = 16, near = 8
        for index in 0..<operations.count {
            if !keysAreText {
                if index + far < operations.count, let row = rowAhead(operations[index + far]) {
                    prefetch(key: rows.key(row))
                }
                if index + middle < operations.count, let row = rowAhead(operations[index + middle]),
                    let number = number(of: rows.key(row))
                {
                    prefetch(header: number)
                }
                if index + near < operations.count, let row = rowAhead(operations[index + near]),
                    let number = number(of: rows.key(row))
                {
                    prefetch(events: number)
                }
            }
            process(operations[index], rows)
        }
    }

    @inline(__always) private func rowAhead(_ operation: WindowOperation) -> Int? {
        operation.kind == .insert ? Int(operation.row) : nil
    }

    @inline(__always) private mutating func process(_ operation: WindowOperation, _ rows: WindowRows) {
        let row = Int(operation.row)
        switch operation.kind {
        case .insert:
            let number = keysAreText ? intern(rows.texts[row]) : intern(rows.key(row))
            let position = insert(
                number, at: operation.time, earliest: operation.earliest, values: rows.values + row * rows.valueStride,
                features: rows.features + row * rows.featureStride)
            if hasLabels {
                let place = rows.place(operation.slot)
                place[0] = Int64(number)
                place[1] = position
            }
        case .answer:
            answer(
                keysAreText ? number(of: rows.texts[row]) : number(of: rows.key(row)), asOf: operation.time,
                values: rows.values + row * rows.valueStride, features: rows.features + row * rows.featureStride)
        case .label:
            guard hasLabels, operation.time > operation.earliest - retention else { return }
            let place = rows.place(operation.slot)
            setLabel(
                Int(place[0]), position: place[1], time: operation.time, previous: operation.previous,
                isPositive: operation.isPositive)
        case .sweep: sweep(earliest: operation.earliest)
        }
    }
}
