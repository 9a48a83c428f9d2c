import EventModel

/// An event of one value and without labels in one word: its time above, counted from a base, its value below. So words are
/// in the order of times, half as much memory is touched for the first time, and twice as many events share a cache line.
enum PackedEvent {
    /// Amounts up to 335,544.31 where there are two decimals.
    private static let valueBits: Int64 = 26
    private static let timeBits: Int64 = 64 - valueBits
    private static let leastOffset: Int64 = -1 << (timeBits - 1)
    /// One less than there could be: the mark behind the newest event is above all last words.
    private static let mostOffset: Int64 = 1 << (timeBits - 1) - 2
    /// So that the time of an event, less any window's distance, is not below the least offset.
    static let mostRetention: Int64 = 1 << (timeBits - 3)

    /// What times are counted from, where the first event is at `time`: those from a year before it up to six years after
    /// it fit. No sum with it wraps.
    static func base(first time: Int64) -> Int64 {
        max(-1 << 61, min(time, 1 << 61)) + 1 << (timeBits - 2)
    }

    /// Whether an event's time can be told from others, counted from `base`.
    @inline(__always) static func fits(_ time: Int64, base: Int64) -> Bool {
        let least = leastOffset + mostRetention
        return UInt64(bitPattern: time &- (base &+ least)) <= UInt64(mostOffset - least)
    }

    /// Whether boundaries that stand as of a time do not pass the mark behind the newest event.
    @inline(__always) static func reaches(_ time: Int64, base: Int64) -> Bool { time <= base &+ mostOffset }

    /// Whether values fit that have all bits of their magnitudes, less one where they are below 0, among `bits`.
    @inline(__always) static func fits(valueBits bits: Int64) -> Bool { bits >> (valueBits - 1) == 0 }

    @inline(__always) static func word(_ offset: Int64, _ value: Int64) -> Int64 {
        offset << valueBits | value & (1 << valueBits - 1)
    }

    @inline(__always) static func value(_ word: Int64) -> Int64 { (word << timeBits) >> timeBits }

    @inline(__always) static func offset(_ word: Int64) -> Int64 { word >> valueBits }

    /// The greatest word of an event at that offset, less a distance.
    @inline(__always) static func last(_ offset: Int64, before distance: Int64 = 0) -> Int64 {
        (offset << valueBits | (1 << valueBits - 1)) &- distance << valueBits
    }

    /// How far a time is from `base`, or as far as words tell.
    @inline(__always) static func offset(of time: Int64, base: Int64) -> Int64 {
        min(max(time, base &+ leastOffset), base &+ mostOffset) &- base
    }
}

extension EntityWindows {
    /// The greatest first word of an event at `time`, where events are packed or not.
    @inline(__always) func lastEventWord(_ time: Int64, isPacked: Bool) -> Int64 {
        isPacked ? PackedEvent.last(PackedEvent.offset(of: time, base: timeBase)) : lastWord(time)
    }

    /// A value of an event, where the shape is plain.
    @inline(__always) func value(
        _ event: UnsafePointer<Int64>, _ column: Int, _ shape: some EventShape
    ) -> Int64 {
        shape.isPacked ? PackedEvent.value(event[0]) : event[1 &+ column]
    }

    /// A word of an event as it is where none are packed: time and label state, or a value.
    @inline(__always) func givenWord(_ event: UnsafePointer<Int64>, _ word: Int) -> Int64 {
        guard plan.isPacked else { return event[word] }
        return word == 0 ? (timeBase &+ PackedEvent.offset(event[0])) << 2 : PackedEvent.value(event[0])
    }

    // MARK: room

    /// Sees to it that a time fits, of an event or one up to which a sweep moves boundaries.
    mutating func reserve(time: EventTime) {
        guard plan.isPacked, !PackedEvent.fits(time.milliseconds, base: timeBase) else { return }
        if eventCount == 0 { timeBase = PackedEvent.base(first: time.milliseconds) }
        if !PackedEvent.fits(time.milliseconds, base: timeBase) { widen(to: .word) }
    }
}
