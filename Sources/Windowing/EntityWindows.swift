import CPrefetch
import EventModel

/// The sliding windows of one entity (customer, terminal, ...): for each key its events within reach, and the
/// boundaries of its windows, so that one structure answers all windows of a key.
///
///     key ─▶ header │ key │ hash │ time │ ring │ first │ head │ mask │ boundary 0 │ boundary 1 │ ...
///                                          │
///                                          └▶ events, oldest first: time and label state, values
///
/// An event in order costs O(1) amortised: each boundary passes each event once. An event out of order is put at its
/// place, behind earlier records of the same time, and is answered as of its own time by walking back from the
/// boundaries: O(events of the key later than it). Positions count up for ever; the ring holds the newest of them.
public struct EntityWindows: ~Copyable, @unchecked Sendable {
    let plan: WindowPlan
    let keysAreText: Bool
    let salt: UInt64
    let distances: UnsafeMutableBufferPointer<Int64>
    let answers: UnsafeMutableBufferPointer<WindowPlan.Answer>
    let valuePlaces: UnsafeMutableBufferPointer<Int>
    let shape: AnyShape
    let boundaryWords: Int
    let eventWords: Int
    /// A multiple of a cache line.
    let headerWords: Int
    /// Boundaries as of an event out of order.
    let scratch: UnsafeMutablePointer<Int64>

    var keys = KeyIndex()
    /// The keys' own text, by dense number, where keys are text.
    var texts: [String] = []
    var headers: UnsafeMutablePointer<Int64>
    var headerCapacity = 64
    var headerCount = 0
    var freeNumbers: [Int] = []
    /// The dense numbers of a block's rows as they were at its start; -1: none.
    var rowNumbers: UnsafeMutablePointer<Int32>
    private var rowNumberCapacity = 16

    /// The digest of all events held.
    public internal(set) var digest = StateDigest()
    /// Events held.
    public internal(set) var eventCount = 0

    /// - Parameters:
    ///   - name: the entity's name; it enters the digest.
    ///   - keysAreText: whether keys are text rather than numbers.
    ///   - targets: for each aggregate the position of its answer in the feature vector.
    public init(name: String, keysAreText: Bool = false, aggregates: [WindowAggregate], targets: [Int]) {
        precondition(aggregates.count == targets.count, "\(aggregates.count) aggregates but \(targets.count) targets")
        precondition(!aggregates.isEmpty, "entity \(name) has no aggregates")
        self.keysAreText = keysAreText
        plan = WindowPlan(aggregates, targets: targets)
        salt = stableHash(name)
        distances = Self.copy(plan.distances)
        answers = Self.copy(plan.answers)
        valuePlaces = Self.copy(plan.valuePlaces)
        shape = AnyShape(columns: plan.valuePlaces.count, hasLabels: plan.hasLabels)
        boundaryWords = plan.boundaryWords
        eventWords = plan.eventWords
        headerWords = (Header.boundaries + plan.distances.count * plan.boundaryWords + 7) & ~7
        scratch = .allocate(capacity: max(plan.distances.count * plan.boundaryWords, 1))
        headers = Self.allocateHeaders(64 * headerWords)
        rowNumbers = .allocate(capacity: rowNumberCapacity)
    }

    /// Headers begin at cache lines.
    private static func allocateHeaders(_ words: Int) -> UnsafeMutablePointer<Int64> {
        UnsafeMutableRawPointer.allocate(byteCount: words * 8, alignment: 64).bindMemory(
            to: Int64.self, capacity: words)
    }

    private func deallocateHeaders() { UnsafeMutableRawPointer(headers).deallocate() }

    deinit {
        for number in 0..<headerCount { ring(headers + number * headerWords)?.deallocate() }
        deallocateHeaders()
        rowNumbers.deallocate()
        scratch.deallocate()
        distances.deallocate()
        answers.deallocate()
        valuePlaces.deallocate()
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
    /// Keys that hold events.
    public var keyCount: Int { keys.count }
    /// Bytes of memory that keys and events take, the index included.
    public var byteCount: Int {
        var bytes = headerCapacity * headerWords * 8 + (keys.count * 4 + 64) * 16
        for number in 0..<headerCount {
            let header = headers + number * headerWords
            if ring(header) != nil { bytes += (Int(header[Header.mask]) + 1) * eventWords * 8 }
        }
        return bytes
    }

    enum Header {
        static let key = 0
        static let hash = 1
        /// The latest event time of the key: its boundaries stand as of then.
        static let time = 2
        static let ring = 3
        /// Position of the oldest event held; position after the newest; the ring's capacity less one.
        static let first = 4
        static let head = 5
        static let mask = 6
        static let boundaries = 7
    }

    @inline(__always) func ring(_ header: UnsafeMutablePointer<Int64>) -> UnsafeMutablePointer<Int64>? {
        UnsafeMutablePointer(bitPattern: Int(header[Header.ring]))
    }

    // MARK: keys

    /// The dense number of `key`, or nil when the key holds no events.
    @inline(__always) public func number(of key: Int64) -> Int? { keys.find(key) { _ in true } }

    public func number(of text: String) -> Int? {
        keys.find(Int64(bitPattern: stableHash(text))) { texts[$0] == text }
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

    @inline(never) private mutating func add(_ key: Int64) -> Int {
        let number = freeNumbers.popLast() ?? headerCount
        if number == headerCount { reserveHeaders(headerCount + 1) }
        start(number, key: key)
        return number
    }

    /// Makes `count` dense numbers, those above the present ones without a key.
    mutating func reserveHeaders(_ count: Int) {
        if count > headerCapacity {
            headerCapacity = max(headerCapacity * 2, count)
            let larger = Self.allocateHeaders(headerCapacity * headerWords)
            larger.update(from: headers, count: headerCount * headerWords)
            deallocateHeaders()
            headers = larger
        }
        (headers + headerCount * headerWords).update(repeating: 0, count: (count - headerCount) * headerWords)
        headerCount = count
        if keysAreText { texts += repeatElement("", count: count - texts.count) }
    }

    /// Gives a dense number to a key, without events yet.
    mutating func start(_ number: Int, key: Int64) {
        let header = headers + number * headerWords
        header.update(repeating: 0, count: headerWords)
        header[Header.key] = key
        header[Header.hash] = Int64(bitPattern: mixed(UInt64(bitPattern: key) ^ salt))
        header[Header.time] = EventTime.distantPast.milliseconds
        header[Header.mask] = -1
        keys.insert(key, number)
    }

    // MARK: fetching early

    mutating func reserveRowNumbers(_ count: Int) {
        guard count > rowNumberCapacity else { return }
        rowNumberCapacity = max(count, rowNumberCapacity * 2)
        rowNumbers.deallocate()
        rowNumbers = .allocate(capacity: rowNumberCapacity)
    }

    @inline(__always) func prefetch(key: Int64) { keys.prefetch(key) }

    /// Brings the key's header close.
    @inline(__always) func prefetch(header number: Int) {
        let header = UnsafeRawPointer(headers + number &* headerWords)
        tidemark_prefetch(header)
        tidemark_prefetch(header + 64)
    }

    /// Brings the key's oldest event close.
    @inline(__always) func prefetch(oldest number: Int) {
        let header = headers + number &* headerWords
        guard let ring = ring(header) else { return }
        fetchEarly(ring + Int(header[Header.first] & header[Header.mask]) &* eventWords)
    }

    /// Brings those of the key's events close that its boundaries, its next event and its oldest are about to touch.
    @inline(__always) func prefetch(events number: Int, _ shape: some EventShape) {
        let header = headers + number &* headerWords
        guard let ring = ring(header) else { return }
        let mask = header[Header.mask]
        tidemark_prefetch(ring + Int(header[Header.head] & mask) &* shape.eventWords)
        tidemark_prefetch(ring + Int(header[Header.first] & mask) &* shape.eventWords)
        var boundary = header + Header.boundaries
        for _ in 0..<distances.count {
            tidemark_prefetch(ring + Int(boundary[0] & mask) &* shape.eventWords)
            boundary += shape.boundaryWords
        }
    }
}

/// What is kept of an event, and so what a boundary adds up. A type for each common shape, so that there is code made
/// for it.
protocol EventShape {
    /// Value columns.
    var columns: Int { get }
    var hasLabels: Bool { get }
}

extension EventShape {
    @inline(__always) var eventWords: Int { 1 &+ columns }
    @inline(__always) var boundaryWords: Int { 1 &+ columns &+ (hasLabels ? 1 : 0) }
}

struct OneValue: EventShape {
    @inline(__always) var columns: Int { 1 }
    @inline(__always) var hasLabels: Bool { false }
}

struct OnlyLabels: EventShape {
    @inline(__always) var columns: Int { 0 }
    @inline(__always) var hasLabels: Bool { true }
}

struct AnyShape: EventShape {
    let columns: Int
    let hasLabels: Bool
}
