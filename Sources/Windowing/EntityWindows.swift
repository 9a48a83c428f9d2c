import CMemory
import EventModel
import Synchronization

/// The sliding windows of one entity (customer, terminal, ...): for each key its events within reach, and the
/// boundaries of its windows, so that one structure answers all windows of a key.
///
///     key ─▶ header │ key │ hash │ time │ ring │ first │ head │ mask │ tiers │ boundary 0 │ boundary 1 │ ... (`WindowPlan`)
///                                          │
///                                          └▶ events, oldest first: time and label state, values, ...; then a mark
///
/// An event in order costs O(1) amortised an aggregate: each boundary passes each event once. An event out of order is
/// put at its place, behind earlier records of the same time, and is answered as of its own time by walking back from
/// the boundaries; where these are many, by blocks (`EntityWindows+Tiers.swift`). Positions count up for ever; the ring holds the newest of them.
///
/// | aggregate | follows from |
/// |---|---|
/// | count, sum, mean, variance, counts and rates of labels | totals at the window's two boundaries |
/// | minimum, maximum | links between events (`link`), and the event that the window has come to |
/// | first, last, previous | positions; with a filter, the member found last |
/// | distinct | how often each value stands in each window (`ValueTable`) |
/// | decayed | a prefix at each event (`DecayState`) |
/// | runs and ages of labels, all over the labels' arrival | the labelled events in order (`LabelTrack`) |
///
/// Without end, a window's answer also takes what was remembered of the events dropped.
public struct EntityWindows: ~Copyable, @unchecked Sendable {
    let plan: WindowPlan
    let keyKind: EntityKeyKind
    let salt: UInt64
    let declaration: Declaration
    let boundaries: UnsafeMutableBufferPointer<WindowPlan.Boundary>
    /// Where they begin: one that is gone through by value is copied.
    let firstBoundary: UnsafePointer<WindowPlan.Boundary>
    let accumulators: UnsafeMutableBufferPointer<WindowPlan.Accumulator>
    let extremes: UnsafeMutableBufferPointer<WindowPlan.Extreme>
    let decays: UnsafeMutableBufferPointer<WindowPlan.Decay>
    let tracks: UnsafeMutableBufferPointer<WindowPlan.Track>
    let valueTables: UnsafeMutableBufferPointer<WindowPlan.ValueTable>
    let valueWindows: UnsafeMutableBufferPointer<WindowPlan.ValueWindow>
    let answers: UnsafeMutableBufferPointer<WindowPlan.Answer>
    let plainAnswers: UnsafeMutableBufferPointer<WindowPlan.PlainAnswer>
    let plainKinds: WindowPlan.PlainKinds
    let valuePlaces: UnsafeMutableBufferPointer<Int>
    let totalAnswers: UnsafeMutableBufferPointer<WindowPlan.TotalAnswer>
    let totalKinds: WindowPlan.TotalKinds
    let fetches: UnsafeMutableBufferPointer<WindowPlan.Fetch>
    let bases: UnsafeMutableBufferPointer<WindowPlan.Base>
    let eventWords: Int
    /// From one header to the next; a multiple of a cache line.
    let headerWords: Int
    /// How many of its cache lines are of use for nearly each event.
    let fetchedLines: Int
    /// Boundaries as of an event out of order.
    let scratch: UnsafeMutablePointer<Int64>
    /// How many events, blocks and boundaries events out of order have touched, so that tests can count. Since an atomic
    /// stays where it is, a call of a method never copies the windows.
    let lateSteps = Atomic<Int>(0)

    var keys = KeyIndex()
    /// The keys' own text, by dense number, where keys are text.
    var texts: [String] = []
    /// Where `headerMemory` begins, at a cache line; what is not a key's is all zeros.
    var headers: UnsafeMutablePointer<Int64>
    private var headerMemory: ZeroedMemory
    var headerCapacity = 64
    var headerCount = 0
    /// For each number, when its key has something to drop: see `DropMark`.
    private var dropMarkMemory: ZeroedMemory
    var dropMarks: UnsafeMutablePointer<DropMark> {
        UnsafeMutableRawPointer(dropMarkMemory.words).assumingMemoryBound(to: DropMark.self)
    }
    var freeNumbers: [Int] = []
    var rings: RingMemory
    /// Whether each header has a ring behind it, so that keys with few events allocate nothing; and the smallest ring's capacity.
    let hasSmallRings: Bool
    let leastCapacity: Int
    /// Memory for the tracks.
    let labelMemory: UnsafeMutablePointer<RingMemory>
    /// The dense numbers of a block's rows as they were when they were looked up; -1: none.
    var rowNumbers: UnsafeMutablePointer<Int32>
    private var rowNumberCapacity = 16

    /// The digest of the labels in reach of windows over their arrival and, where a window is without end, of all events
    /// that are held no longer.
    var digestBesideEvents = StateDigest()
    /// Events held.
    public internal(set) var eventCount = 0
    /// In a packed plan: what times are counted from; set anew by the first time that does not fit while no event is held.
    var timeBase: Int64 = 0
    /// All bits of the magnitudes of the values seen, and no fewer events than a key holds, in a plain plan: see
    /// `reserveRange`.
    var valueBits: Int64 = 0
    var mostEvents: Int64 = 0

    /// What the windows are made from.
    struct Declaration {
        var aggregates: [WindowAggregate]
        var targets: [Int]
        var labelHorizon: EventDuration
    }

    /// - Parameters:
    ///   - name: the entity's name; it enters the digest.
    ///   - targets: for each aggregate the position of its answer in the feature vector.
    ///   - labelHorizon: how long after its event a label may still come. Events are held as long where a label
    ///     aggregate is without end or over the labels' arrival.
    public init(
        name: String, keyKind: EntityKeyKind = .number, aggregates: [WindowAggregate], targets: [Int],
        labelHorizon: EventDuration = .zero
    ) {
        precondition(aggregates.count == targets.count, "\(aggregates.count) aggregates but \(targets.count) targets")
        precondition(!aggregates.isEmpty, "entity \(name) has no aggregates")
        self.init(
            Declaration(aggregates: aggregates, targets: targets, labelHorizon: labelHorizon), keyKind,
            salt: stableHash(name), .packed)
    }

    init(_ declaration: Declaration, _ keyKind: EntityKeyKind, salt: UInt64, _ room: WindowPlan.Room) {
        self.declaration = declaration
        self.keyKind = keyKind
        self.salt = salt
        plan = WindowPlan(
            declaration.aggregates, targets: declaration.targets, labelHorizon: declaration.labelHorizon,
            keysArePairs: keyKind == .pair, room: room)
        let first = UnsafeMutablePointer<WindowPlan.Boundary>.allocate(capacity: plan.boundaries.count)
        boundaries = UnsafeMutableBufferPointer(start: first, count: plan.boundaries.count)
        _ = boundaries.initialize(from: plan.boundaries)
        firstBoundary = UnsafePointer(first)
        accumulators = Self.copy(plan.accumulators)
        extremes = Self.copy(plan.extremes)
        decays = Self.copy(plan.decays)
        tracks = Self.copy(plan.tracks)
        valueTables = Self.copy(plan.tables)
        valueWindows = Self.copy(plan.valueWindows)
        answers = Self.copy(plan.answers)
        plainAnswers = Self.copy(plan.plainAnswers.answers)
        plainKinds = plan.plainAnswers.ends
        valuePlaces = Self.copy(plan.valuePlaces)
        totalAnswers = Self.copy(plan.totalAnswers)
        totalKinds = plan.totalKinds
        fetches = Self.copy(plan.fetches)
        bases = Self.copy(plan.bases)
        eventWords = plan.eventWords
        hasSmallRings = eventWords == 1
        leastCapacity = hasSmallRings ? 8 : 4
        rings = RingMemory(unitWords: leastCapacity * eventWords)
        labelMemory = .allocate(capacity: 1)
        labelMemory.initialize(to: RingMemory(unitWords: LabelTrack.Block.leastEntries * LabelTrack.Entry.words))
        headerWords = (plan.words + 7) & ~7 + (hasSmallRings ? leastCapacity : 0)
        fetchedLines = (plan.words - (plan.tracks.isEmpty ? 0 : LabelTrack.seldomUsedWords) + 7) / 8
        scratch = .allocate(capacity: plan.boundaryWords)
        headerMemory = ZeroedMemory(count: headerCapacity * headerWords)
        headers = headerMemory.words
        dropMarkMemory = ZeroedMemory(count: headerCapacity / 2)
        rowNumbers = .allocate(capacity: rowNumberCapacity)
    }

    deinit {
        for number in 0..<headerCount { deallocateParts(headers + number * headerWords) }
        labelMemory.deinitialize(count: 1)
        labelMemory.deallocate()
        rowNumbers.deallocate()
        scratch.deallocate()
        boundaries.deallocate()
        accumulators.deallocate()
        extremes.deallocate()
        decays.deallocate()
        tracks.deallocate()
        valueTables.deallocate()
        valueWindows.deallocate()
        answers.deallocate()
        plainAnswers.deallocate()
        valuePlaces.deallocate()
        totalAnswers.deallocate()
        fetches.deallocate()
        bases.deallocate()
    }

    /// Gives back what a key holds outside its header, but for its ring.
    func deallocateParts(_ header: UnsafeMutablePointer<Int64>) {
        dropTiers(header)
        for track in plan.tracks { self.track(track, header).deallocate() }
        for table in plan.tables { ValueTable(header + table.word, windows: table.windowCount).deallocate() }
    }

    private static func copy<T>(_ values: [T]) -> UnsafeMutableBufferPointer<T> {
        let copy = UnsafeMutableBufferPointer<T>.allocate(capacity: values.count)
        _ = copy.initialize(from: values)
        return copy
    }

    /// Whether a label of this entity's events matters to any of its aggregates.
    public var hasLabels: Bool { plan.hasLabels }
    /// How far behind the earliest acceptable event an event still matters.
    public var retention: EventDuration { plan.retention }
    /// Keys that are remembered.
    public var keyCount: Int { keys.count }
    /// Bytes of memory that events take.
    public var eventByteCount: Int { rings.byteCount }
    /// Bytes of memory that keys and events take, the index included.
    public var byteCount: Int {
        var bytes =
            headerCapacity * (bytesPerKey + MemoryLayout<DropMark>.size) + keys.byteCount + eventByteCount
            + labelMemory.pointee.byteCount
        for number in 0..<headerCount {
            let header = headers + number * headerWords
            bytes += tierByteCount(header)
            for table in plan.tables {
                bytes += ValueTable(header + table.word, windows: table.windowCount).byteCount
            }
        }
        return bytes
    }

    enum Header {
        static let key = 0
        static let hash = 1
        /// The latest event time of the key: its boundaries stand as of then.
        static let time = 2
        /// The ring's address, or, of the small one behind the header, its distance from the header plus one; 0: none.
        static let ring = 3
        /// Position of the oldest event held; position after the newest; the ring's capacity less one.
        static let first = 4
        static let head = 5
        static let mask = 6
        /// The address of what a key with events far out of order has beside the ring; 0: nothing.
        static let tiers = 7
        static let boundaries = 8
    }

    @inline(__always) func track(_ track: WindowPlan.Track, _ header: UnsafeMutablePointer<Int64>) -> LabelTrack {
        LabelTrack(header + track.word, labelMemory)
    }

    @inline(__always) func ring(_ header: UnsafeMutablePointer<Int64>) -> UnsafeMutablePointer<Int64>? {
        let word = header[Header.ring]
        // Computed rather than branched on: keys with the one and the other come mixed.
        let start = (Int(bitPattern: header) &- 1) & (0 &- Int(word & 1))
        return UnsafeMutablePointer(bitPattern: start &+ Int(word))
    }

    /// Whether the header is a key's.
    @inline(__always) func isLive(_ header: UnsafeMutablePointer<Int64>) -> Bool { header[Header.hash] != 0 }

    // MARK: keys

    /// The dense number of `key`, or nil when the key is not remembered.
    @inline(__always) public func number(of key: Int64) -> Int? {
        keys.find(key) { headers[$0 &* headerWords &+ Header.key] == key }
    }

    /// The dense number that `key` has if it is remembered, found without a look at any header. Hardly ever is it another
    /// key's instead.
    @inline(__always) func likelyNumber(of key: Int64) -> Int? { keys.find(key) { _ in true } }

    public func number(of text: String) -> Int? {
        keys.find(Int64(bitPattern: stableHash(text))) { texts[$0] == text }
    }

    public func number(of first: Int64, _ second: Int64) -> Int? {
        keys.find(Self.indexKey(first, second)) {
            let header = headers + $0 &* headerWords
            return header[Header.key] == first && header[plan.secondKeyWord] == second
        }
    }

    /// The dense number of `key`, given now if it has none.
    @inline(__always) public mutating func intern(_ key: Int64) -> Int {
        if let number = number(of: key) { return number }
        return add(key)
    }

    public mutating func intern(_ text: String) -> Int {
        if let number = number(of: text) { return number }
        let number = add(Int64(bitPattern: stableHash(text)))
        texts[number] = text
        return number
    }

    public mutating func intern(_ first: Int64, _ second: Int64) -> Int {
        if let number = number(of: first, second) { return number }
        return add(first, second)
    }

    /// What a pair stands under in the index.
    static func indexKey(_ first: Int64, _ second: Int64) -> Int64 {
        Int64(bitPattern: mixed(mixed(UInt64(bitPattern: first)) ^ UInt64(bitPattern: second)))
    }

    /// What a key stands under in the index.
    @inline(__always) func indexKey(_ header: UnsafeMutablePointer<Int64>) -> Int64 {
        keyKind == .pair ? Self.indexKey(header[Header.key], header[plan.secondKeyWord]) : header[Header.key]
    }

    @inline(never) private mutating func add(_ key: Int64, _ second: Int64 = 0) -> Int {
        let number = freeNumbers.popLast() ?? headerCount
        if number == headerCount { reserveHeaders(headerCount + 1) }
        // Where the next new keys go.
        if freeNumbers.count > 4 { prefetch(header: freeNumbers[freeNumbers.count - 4], fullShape) }
        start(number, key: key, second)
        return number
    }

    /// Makes `count` dense numbers, those above the present ones without a key.
    mutating func reserveHeaders(_ count: Int) {
        if count > headerCapacity {
            headerCapacity = max(headerCapacity * 2, count)
            headerMemory.grow(to: headerCapacity * headerWords)
            headers = headerMemory.words
            dropMarkMemory.grow(to: (headerCapacity + 1) / 2)
        }
        headerCount = count
        if keyKind == .text { texts += repeatElement("", count: count - texts.count) }
    }

    /// Gives a dense number to a key, without events yet.
    mutating func start(_ number: Int, key: Int64, _ second: Int64 = 0) {
        let header = headers + number * headerWords
        dropMarks[number] = .unknown
        header[Header.key] = key
        if keyKind == .pair { header[plan.secondKeyWord] = second }
        header[Header.hash] = Int64(bitPattern: mixed(UInt64(bitPattern: indexKey(header)) ^ salt) | 1)
        header[Header.time] = EventTime.distantPast.milliseconds
        header[Header.mask] = -1
        if plan.mayBePlain {
            // Keys with as many events each have their newest ones at different places of their rings, or, since these begin at
            // multiples of their size, those would drive each other out of the few lines that caches have for such addresses.
            let first = header[Header.hash] >> 8 & 0xFFFF
            header[Header.first] = first
            header[Header.head] = first
            for boundary in boundaries { header[Header.boundaries + boundary.word] = first }
        }
        for decay in plan.decays where decay.base >= 0 { header[decay.base] = DecayState.noBucket }
        for track in plan.tracks { self.track(track, header).start() }
        for slot in plan.lastSlots { header[slot + 1] = -1 }
        keys.insert(indexKey(header), number)
    }

    /// Forgets a key that holds nothing any more.
    mutating func remove(_ number: Int) {
        let header = headers + number * headerWords
        assert(ring(header) == nil, "a key with events is forgotten")
        keys.remove(indexKey(header), number)
        deallocateParts(header)
        if keyKind == .text { texts[number] = "" }
        header.update(repeating: 0, count: headerWords)
        dropMarks[number] = .never
        freeNumbers.append(number)
    }

    // MARK: fetching early

    mutating func reserveRowNumbers(_ count: Int) {
        guard count > rowNumberCapacity else { return }
        rowNumberCapacity = max(count, rowNumberCapacity * 2)
        rowNumbers.deallocate()
        rowNumbers = .allocate(capacity: rowNumberCapacity)
    }

    /// What is fetched of a key, in this order: each is found by the one before.
    public enum FetchStep: CaseIterable { case index, header, events }

    /// Brings close what an event of `key` will touch.
    @inline(__always) public func fetch(_ key: Int64, _ step: FetchStep) {
        switch step {
        case .index: prefetch(key: key)
        case .header:
            guard let number = likelyNumber(of: key) else { return }
            if plan.isPlain { prefetch(header: number, plainShape) } else { prefetch(header: number, fullShape) }
        case .events:
            guard let number = likelyNumber(of: key) else { return }
            if plan.isPlain { prefetch(events: number, plainShape) } else { prefetch(events: number, fullShape) }
        }
    }

    @inline(__always) func prefetch(key: Int64) { keys.prefetch(key) }

    /// Brings the key's header close.
    @inline(__always) func prefetch(header number: Int, _ shape: some EventShape) {
        var line = UnsafeRawPointer(headers + number &* headerWords)
        let end = line + (shape.isPlain ? 2 : fetchedLines) &* 64
        repeat {
            tidemark_prefetch(line)
            line += 64
        } while line < end
    }

    /// Brings an event of the key close.
    @inline(__always) func prefetch(event position: Int64, of number: Int, _ shape: some EventShape) {
        let header = headers + number &* headerWords
        guard let ring = ring(header) else { return }
        tidemark_prefetch(ring + Int(position & header[Header.mask]) &* shape.eventWords)
    }

    /// Brings those of the key's events close that its boundaries and its next event are about to touch.
    @inline(__always) func prefetch(events number: Int, _ shape: some EventShape) {
        let header = headers + number &* headerWords
        guard let ring = ring(header) else { return }
        let mask = header[Header.mask]
        guard shape.isPlain else {
            guard var fetch = fetches.baseAddress else { return }
            let end = fetch + fetches.count
            while fetch < end {
                let slot = Int(header[Int(fetch.pointee.position)] & mask)
                tidemark_prefetch(ring + (slot &* shape.eventWords &+ Int(fetch.pointee.word)))
                fetch += 1
            }
            return
        }
        tidemark_prefetch(ring + Int(header[Header.head] & mask) &* shape.eventWords)
        // One at distance 0 stands at the head.
        var index = boundaries[0].distance == 0 ? 1 : 0
        while index < boundaries.count {
            let position = header[Header.boundaries &+ index &* shape.boundaryWords]
            // The first and the last of those that it looks at.
            tidemark_prefetch(ring + Int(position & mask) &* shape.eventWords)
            tidemark_prefetch(ring + Int((position &+ Self.lookedAt &- 1) & mask) &* shape.eventWords)
            index &+= 1
        }
    }
}

/// What is kept of an event, and so what a boundary adds up. A type for each common shape, so that there is code made
/// for it.
protocol EventShape {
    /// Value columns.
    var columns: Int { get }
    var hasLabels: Bool { get }
    /// Only totals over all events are kept (`WindowPlan.isPlain`).
    var isPlain: Bool { get }
    /// Time and value are one word (`WindowPlan.isPacked`).
    var isPacked: Bool { get }
    /// The key has no tiers.
    var isFlat: Bool { get }
    var eventWords: Int { get }
}

extension EventShape {
    @inline(__always) var isPlain: Bool { true }
    @inline(__always) var isPacked: Bool { false }
    @inline(__always) var isFlat: Bool { false }
    @inline(__always) var eventWords: Int { isPacked ? 1 : 1 &+ columns }
    /// Words of one boundary, where the shape is plain.
    @inline(__always) var boundaryWords: Int { 1 &+ columns &+ (hasLabels ? 1 : 0) }
}

struct PackedValue: EventShape {
    @inline(__always) var columns: Int { 1 }
    @inline(__always) var hasLabels: Bool { false }
    @inline(__always) var isPacked: Bool { true }
}

struct OneValue: EventShape {
    @inline(__always) var columns: Int { 1 }
    @inline(__always) var hasLabels: Bool { false }
}

struct OnlyLabels: EventShape {
    @inline(__always) var columns: Int { 0 }
    @inline(__always) var hasLabels: Bool { true }
}

struct PlainShape: EventShape {
    let columns: Int
    let hasLabels: Bool
    let isPacked: Bool
}

/// The shape of a key without tiers, as nearly all are.
struct FlatShape<Shape: EventShape>: EventShape {
    let shape: Shape
    @inline(__always) var columns: Int { shape.columns }
    @inline(__always) var hasLabels: Bool { shape.hasLabels }
    @inline(__always) var isPlain: Bool { shape.isPlain }
    @inline(__always) var isPacked: Bool { shape.isPacked }
    @inline(__always) var isFlat: Bool { true }
    @inline(__always) var eventWords: Int { shape.eventWords }
}

/// Nothing but labels, of a plan that is not plain.
struct FullLabels: EventShape {
    @inline(__always) var columns: Int { 0 }
    @inline(__always) var hasLabels: Bool { true }
    @inline(__always) var eventWords: Int { 1 }
    @inline(__always) var isPlain: Bool { false }
}

/// Whatever the plan says.
struct FullShape: EventShape {
    let columns: Int
    let hasLabels: Bool
    let eventWords: Int
    @inline(__always) var isPlain: Bool { false }
}
