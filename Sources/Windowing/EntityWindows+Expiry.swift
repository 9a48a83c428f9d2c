import CMemory
import EventModel

/// When a key's oldest event is from, in steps of some 70 minutes: a sweep passes over keys whose mark is too late to drop
/// anything, without a look at them.
struct DropMark: Comparable, BitwiseCopyable {
    private let value: UInt32

    /// To be looked at. What is zeros is that.
    static let unknown = DropMark(value: 0)
    /// There is nothing to drop until an event comes.
    static let never = DropMark(value: .max)

    private init(value: UInt32) { self.value = value }

    /// Of an event at `time`, in milliseconds, between `unknown` and `never`.
    init(_ time: Int64) {
        value = UInt32(truncatingIfNeeded: min(max((time >> 22) &+ (1 << 31), 1), Int64(UInt32.max - 1)))
    }

    @inline(__always) static func < (a: DropMark, b: DropMark) -> Bool { a.value < b.value }
}

extension EntityWindows {
    /// Drops what no window can reach any more, and the keys that hold nothing then: in all keys, or in those without an
    /// event for a day and in an eighth of the others, since a key with events drops the old ones where it needs room.
    /// - Complexity: O(keys + events dropped).
    public mutating func sweep(earliest: EventTime, onlyIdleKeys: Bool = false) {
        if !PackedEvent.reaches(earliest.milliseconds, base: timeBase) { reserve(time: earliest) }
        let sweep = Sweep(
            earliest, retention: plan.retention, expiryLimit(earliest, isPacked: plan.isPacked),
            onlyIdleKeys: onlyIdleKeys)
        if plan.isPlain {
            carryOut(sweep, plainShape)
        } else {
            carryOut(sweep, fullShape)
        }
    }

    /// Which keys a sweep goes through, and what it drops.
    struct Sweep {
        /// How many keys are listed at once.
        static var listed: Int { 512 }

        let earliest: EventTime
        let limit: Int64
        /// Keys without an event since then are gone through, and those whose turn it is.
        let idleSince: Int64
        /// No window reaches an event up to then: most keys without a later one go.
        let goneSince: Int64
        private let turn: Int64
        private let isEachTurn: Bool

        init(_ earliest: EventTime, retention: EventDuration, _ limit: Int64, onlyIdleKeys: Bool) {
            self.earliest = earliest
            self.limit = limit
            idleSince = (earliest - .day).milliseconds
            goneSince = (earliest - retention).milliseconds
            turn = earliest.day & 7
            isEachTurn = !onlyIdleKeys
        }

        /// By the hash and not by the key's number, which may be another one after a restart.
        @inline(__always) func isTurn(of header: UnsafeMutablePointer<Int64>) -> Bool {
            isEachTurn || (header[Header.hash] >> 1) & 7 == turn
        }

        /// Labels by their events' time are dropped when it is the key's turn: they show in no digest, and few come a day.
        @inline(__always) func drops(_ track: WindowPlan.Track, of header: UnsafeMutablePointer<Int64>) -> Bool {
            track.basis == .labelArrival || header[Header.ring] == 0 || isTurn(of: header)
        }
    }

    private mutating func carryOut(_ sweep: Sweep, _ shape: some EventShape) {
        // Some are known beforehand, so that what they hold can be fetched early; not more than stay close.
        let swept = UnsafeMutablePointer<Int32>.allocate(capacity: Sweep.listed)
        defer { swept.deallocate() }
        var next = 0
        while next < headerCount {
            let count = list(sweep, from: &next, into: swept)
            for index in 0..<count {
                fetch(for: sweep, swept + index, left: count &- index, shape)
                carryOut(sweep, on: Int(swept[index]), shape)
            }
        }
    }

    @inline(__always) private mutating func carryOut(_ sweep: Sweep, on number: Int, _ shape: some EventShape) {
        let (earliest, limit) = (sweep.earliest, sweep.limit)
        let header = headers + number &* headerWords
        for index in tracks.indices where sweep.drops(tracks[index], of: header) {
            expire(header, tracks[index], index, limit: limit)
        }
        defer { mark(number) }
        if let ring = ring(header) {
            let oldest = event(header, ring, header[Header.first])[0]
            guard header[Header.first] == header[Header.head] || oldest <= limit else { return }
            let isBehind = header[Header.time] < earliest.milliseconds
            // A packed plan's times are not counted from so far back as a key without events may stand.
            if isBehind, !shape.isPacked || header[Header.first] < header[Header.head] {
                advance(header, to: earliest.milliseconds, shape)
            }
            expire(header, limit: limit, shape)
            shrink(header)
        }
        let isEmpty = ring(header) == nil && !plan.isEndless && tracks.allSatisfy { track($0, header).isEmpty }
        if isEmpty { remove(number) }
    }

    /// Notes when a key has something to drop, after a look at it.
    @inline(__always) private func mark(_ number: Int) {
        let header = headers + number &* headerWords
        guard let ring = ring(header) else { return dropMarks[number] = .never }
        dropMarks[number] = DropMark(givenWord(event(header, ring, header[Header.first]), 0) >> 2)
    }

    /// Notes when a key has something to drop whose oldest event, a new one, is at `time`.
    @inline(__always) func mark(_ header: UnsafeMutablePointer<Int64>, oldest time: Int64) {
        dropMarks[(header - headers) / headerWords] = DropMark(time)
    }

    /// Lists the next keys that a sweep goes through.
    /// - Parameter next: the number from which on they are looked for; then that behind the last one looked at.
    /// - Returns: how many.
    private func list(_ sweep: Sweep, from next: inout Int, into swept: UnsafeMutablePointer<Int32>) -> Int {
        // Labels have times of their own.
        let limit = tracks.isEmpty ? DropMark(sweep.goneSince) : .never
        let marks = dropMarks
        var marked = 0
        var number = next
        while number < headerCount, marked < Sweep.listed {
            swept[marked] = Int32(truncatingIfNeeded: number)
            marked &+= marks[number] <= limit ? 1 : 0
            number &+= 1
        }
        next = number
        let ahead = 24
        var count = 0
        for index in 0..<marked {
            if index &+ ahead < marked { tidemark_prefetch(headers + Int(swept[index &+ ahead]) &* headerWords) }
            let header = headers + Int(swept[index]) &* headerWords
            let isSwept = isLive(header) && (header[Header.time] < sweep.idleSince || sweep.isTurn(of: header))
            swept[count] = swept[index]
            count &+= isSwept ? 1 : 0
        }
        return count
    }

    /// The greatest first word of an event that no window of an acceptable event reaches.
    @inline(__always) func expiryLimit(_ earliest: EventTime, isPacked: Bool) -> Int64 {
        lastEventWord(earliest.milliseconds &- plan.retention.milliseconds, isPacked: isPacked)
    }

    /// Drops a key's events whose first word is at most `limit`.
    @inline(__always) mutating func expire(
        _ header: UnsafeMutablePointer<Int64>, limit: Int64, _ shape: some EventShape
    ) {
        guard let ring = ring(header) else { return }
        let slots = Slots(header, shape)
        let head = header[Header.head]
        let oldest = header[Header.first]
        var first = oldest
        while first < head {
            let event = ring + slots[first] &* shape.eventWords
            if event[0] > limit { break }
            if !shape.isPlain, plan.isEndless {
                // Totals without end stand for the events that were, and so does the digest.
                remember(header, first, event)
                digestBesideEvents.insert(hash(header, event))
            }
            first &+= 1
        }
        eventCount &-= Int(first &- oldest)
        header[Header.first] = first
    }

    /// Drops labels that no window reaches.
    @inline(__always) private mutating func expire(
        _ header: UnsafeMutablePointer<Int64>, _ track: WindowPlan.Track, _ index: Int, limit: Int64
    ) {
        var dropped: UInt64 = 0
        self.track(track, header).expire(limit) { dropped &+= hash(header, track: index, $0) }
        if track.basis == .labelArrival && !plan.isEndless { digestBesideEvents.remove(dropped) }
    }

    /// Keeps of an event that is dropped what windows without end need.
    private func remember(
        _ header: UnsafeMutablePointer<Int64>, _ position: Int64, _ event: UnsafeMutablePointer<Int64>
    ) {
        for base in bases where passes(event, base.filter) {
            let words = header + base.word
            let value = base.value > 0 ? event[base.value] : 0
            let replaces: Bool
            switch base.kind {
            case .first: replaces = words[0] == 0
            case .last: replaces = true
            case .extreme: replaces = words[0] == 0 || (base.isMaximum ? value > words[2] : value < words[2])
            }
            guard replaces else { continue }
            words[0] = 1
            words[1] = event[0] >> 2
            words[2] = value
        }
        for decay in decays where decay.base >= 0 {
            let prefix = prefix(header, position, decay)
            // It stands at the period's first event.
            if prefix.count == 1 { header[decay.base + 3] = event[decay.word + 2] }
            header[decay.base] = floorDivide(event[0] >> 2, decay.halfLife)
            storeWide(prefix.sum, header + decay.base + 1)
        }
    }

    // MARK: rings

    /// A ring's size in `rings`.
    private func ringOrder(_ capacity: Int64) -> Int {
        (Int(capacity) / leastCapacity).trailingZeroBitCount
    }

    /// Memory for a ring of the key; the smallest may be there at all times.
    /// - Returns: it, and what stands for it in the header.
    func allocateRing(
        _ header: UnsafeMutablePointer<Int64>, capacity: Int64
    ) -> (ring: UnsafeMutablePointer<Int64>, word: Int64) {
        if hasSmallRings, capacity == leastCapacity {
            let start = headerWords - leastCapacity
            return (header + start, Int64(start * 8 + 1))
        }
        let ring = rings.allocate(order: ringOrder(capacity))
        return (ring, Int64(Int(bitPattern: ring)))
    }

    private func deallocateRing(_ header: UnsafeMutablePointer<Int64>) {
        guard let ring = ring(header), header[Header.ring] & 1 == 0 else { return }
        rings.deallocate(ring, order: ringOrder(header[Header.mask] + 1))
    }

    /// Gives back memory of a ring that is more than half empty, but for some room.
    private func shrink(_ header: UnsafeMutablePointer<Int64>) {
        let count = header[Header.head] - header[Header.first]
        if count == 0 {
            deallocateRing(header)
            dropTiers(header)
            header[Header.ring] = 0
            header[Header.mask] = -1
        } else {
            var capacity = Int64(leastCapacity)
            while capacity < count + count / 4 + 2 { capacity *= 2 }
            if capacity <= header[Header.mask] { resize(header, capacity: capacity) }
        }
    }

    /// Moves the key's events to a ring of another capacity, a power of two above their number.
    @inline(never) func resize(_ header: UnsafeMutablePointer<Int64>, capacity: Int64) {
        settleTiers(header)
        let (other, word) = allocateRing(header, capacity: capacity)
        if let ring = ring(header) {
            let head = header[Header.head]
            var position = header[Header.first]
            while position < head {
                let (from, to) = (slot(header, position), Int(position & (capacity - 1)))
                // As far as both rings go on without a turn.
                let together =
                    header[Header.tiers] != 0
                    ? 1 : min(Int(head - position), Int(header[Header.mask]) + 1 - from, Int(capacity) - to)
                (other + to * eventWords).update(from: ring + from * eventWords, count: together * eventWords)
                position += Int64(together)
            }
        }
        deallocateRing(header)
        header[Header.ring] = word
        header[Header.mask] = capacity - 1
        if header[Header.tiers] != 0 {
            dropTiers(header)
            if hasRoomForTiers(header) { makeTiers(header) }
        }
        markEnd(header, other, fullShape)
    }
}
