import EventModel
import Windowing

/// Made-up events of one entity, in blocks, as the control pass would list them. The same options give the same events.
struct WindowStream: ~Copyable {
    struct Options {
        var keyCount = 5_000
        /// From one event to the next.
        var interval = EventDuration(milliseconds: 1_300)
        /// The share of events that come late, and by how much at most.
        var lateShare = 0.0
        var lateness = EventDuration.day
        /// The share of all events that have the first key, in 1/256.
        var hotShare = 0
        /// How long after its event a label comes; nil: there are none. One event in sixteen is positive.
        var labelDelay: EventDuration?
        /// Whether what no window reaches is dropped once a day of event time, as the pipeline does.
        var isSweptDaily = false
    }

    static let blockRows = 4_096

    private let options: Options
    private let count: Int
    private var made = 0
    private var operations: [WindowOperation] = []
    private var keys: [Int64] = []
    private var values: [Int64] = []
    private var features: [Double]
    private let featureCount: Int
    private var places: SlotRing
    /// Labels on their way, oldest first: the event's slot and time.
    private var pending: [(slot: Int, time: EventTime)] = []
    private var pendingStart = 0
    private var sweptDay = EventTime.distantPast.day

    init(_ options: Options, count: Int, featureCount: Int) {
        self.options = options
        self.count = count
        self.featureCount = featureCount
        features = [Double](repeating: 0, count: Self.blockRows * featureCount)
        places = SlotRing(stride: 2)
    }

    /// Makes the next block of events.
    /// - Returns: their number, 0 at the end.
    mutating func makeBlock() -> Int {
        operations.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        let rows = min(Self.blockRows, count - made)
        // The block's own labels are of these too.
        let firstSlot = firstPending
        for row in 0..<rows {
            let bits = mixed(UInt64(made))
            let clock = EventTime(milliseconds: 1_700_000_000_000) + made * options.interval
            let earliest = clock - options.lateness
            appendLabels(upTo: clock, earliest: earliest)
            let isLate = Double(bits >> 40) * 0x1p-24 < options.lateShare
            let behind = isLate ? Int64(mixed(bits) % UInt64(options.lateness.milliseconds)) : 0
            let time = clock - EventDuration(milliseconds: behind)
            let isHot = bits & 0xFF < UInt64(options.hotShare)
            keys.append(isHot ? 0 : Int64(((bits >> 8 & 0xFFFF_FFFF) * UInt64(options.keyCount)) >> 32))
            values.append(Int64(mixed(bits, 1) % 10_000))
            operations.append(WindowOperation(kind: .insert, row: row, slot: made, time: time, earliest: earliest))
            if options.labelDelay != nil { pending.append((made, time)) }
            made += 1
            if options.isSweptDaily, clock.day > sweptDay {
                sweptDay = clock.day
                operations.append(WindowOperation(kind: .sweep, time: clock, earliest: earliest))
            }
        }
        places.hold(firstSlot..<made)
        return rows
    }

    private var firstPending: Int { pendingStart < pending.count ? pending[pendingStart].slot : made }

    private mutating func appendLabels(upTo clock: EventTime, earliest: EventTime) {
        guard let delay = options.labelDelay else { return }
        while pendingStart < pending.count, pending[pendingStart].time + delay <= clock {
            let (slot, time) = pending[pendingStart]
            operations.append(
                WindowOperation(
                    kind: .label, slot: slot, time: time, earliest: earliest, isPositive: mixed(UInt64(slot)) & 15 == 0,
                    labelTime: clock))
            pendingStart += 1
        }
    }

    /// Has the windows carry out the block, and adds what they answered to a hash.
    mutating func run(_ windows: inout EntityWindows, _ stopwatch: inout Stopwatch, _ hash: inout UInt64) {
        let (rows, width) = (keys.count, featureCount)
        let placeRows = places.rows
        features.withUnsafeMutableBufferPointer { features in
            guard let start = features.baseAddress else { return }
            operations.withUnsafeBufferPointer { operations in
                keys.withUnsafeBufferPointer { keys in
                    values.withUnsafeBufferPointer { values in
                        guard let keys = keys.baseAddress, let values = values.baseAddress else { return }
                        let block = WindowRows(
                            count: rows, keys: keys, keyStride: 1, texts: [], values: values, valueStride: 1,
                            features: start, featureStride: width, places: placeRows)
                        stopwatch.measure { windows.process(operations, block) }
                    }
                }
            }
            for index in 0..<rows * width { hash = mixed(hash, start[index].bitPattern) }
        }
    }
}
