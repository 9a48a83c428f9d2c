import EventModel

/// The labelled events of one key in the order of their time (or of their labels' arrival), at the same time the
/// negative ones first; a view of the words in the key's header.
///
///     header: address │ capacity − 1 │ head │ first │ positives │ run │ time of the first positive │ of the last
///     entry:  time and label │ positives up to here │ length of the run of positives that ends here
///
/// Positions count from the key's first label, so that a position is the number of labels before it; what the header
/// says of positives, run and times is as of the entries dropped.
struct LabelTrack {
    static let words = 8
    private static let entryWords = 3
    private static let none = Int64.min

    private enum Word {
        static let address = 0
        static let mask = 1
        static let head = 2
        static let first = 3
        static let positives = 4
        static let run = 5
        static let firstPositive = 6
        static let lastPositive = 7
    }

    private let header: UnsafeMutablePointer<Int64>

    init(_ header: UnsafeMutablePointer<Int64>) { self.header = header }

    private var ring: UnsafeMutablePointer<Int64>? { UnsafeMutablePointer(bitPattern: Int(header[Word.address])) }
    private var first: Int64 { header[Word.first] }
    private var head: Int64 { header[Word.head] }

    private func entry(_ position: Int64, _ ring: UnsafeMutablePointer<Int64>) -> UnsafeMutablePointer<Int64> {
        ring + Int(position & header[Word.mask]) * Self.entryWords
    }

    var isEmpty: Bool { head == first }
    var byteCount: Int { ring == nil ? 0 : (Int(header[Word.mask]) + 1) * Self.entryWords * 8 }

    func start() {
        header.update(repeating: 0, count: Self.words)
        header[Word.mask] = -1
        header[Word.firstPositive] = Self.none
        header[Word.lastPositive] = Self.none
    }

    func deallocate() { ring?.deallocate() }

    // MARK: changes

    /// Adds a label.
    /// - Parameter word: time · 4 + label state.
    /// - Complexity: O(labels later than it).
    func insert(_ word: Int64) {
        if head - first > header[Word.mask] { resize(max((header[Word.mask] + 1) * 2, 4)) }
        guard let ring else { return }
        var position = head
        while position > first, entry(position - 1, ring)[0] > word {
            entry(position, ring)[0] = entry(position - 1, ring)[0]
            position -= 1
        }
        entry(position, ring)[0] = word
        header[Word.head] += 1
        count(from: position, ring)
    }

    /// Removes a label; false when it is held no longer.
    @discardableResult func remove(_ word: Int64) -> Bool {
        guard let ring else { return false }
        var position = head - 1
        while position >= first, entry(position, ring)[0] > word { position -= 1 }
        guard position >= first, entry(position, ring)[0] == word else { return false }
        for later in position..<head - 1 { entry(later, ring)[0] = entry(later + 1, ring)[0] }
        header[Word.head] -= 1
        count(from: position, ring)
        return true
    }

    /// Drops the labels whose word is at most `limit`, after showing each.
    func expire(_ limit: Int64, _ show: (Int64) -> Void) {
        guard let ring else { return }
        while first < head {
            let oldest = entry(first, ring)
            if oldest[0] > limit { break }
            show(oldest[0])
            header[Word.positives] = oldest[1]
            header[Word.run] = oldest[2]
            if oldest[0] & 3 == LabelState.positive {
                if header[Word.firstPositive] == Self.none { header[Word.firstPositive] = oldest[0] >> 2 }
                header[Word.lastPositive] = oldest[0] >> 2
            }
            header[Word.first] += 1
        }
        if isEmpty {
            ring.deallocate()
            header[Word.address] = 0
            header[Word.mask] = -1
        }
    }

    private func count(from position: Int64, _ ring: UnsafeMutablePointer<Int64>) {
        var (positives, run) = totals(before: position, ring)
        for position in position..<head {
            let entry = entry(position, ring)
            let isPositive = entry[0] & 3 == LabelState.positive
            positives += isPositive ? 1 : 0
            run = isPositive ? run + 1 : 0
            entry[1] = positives
            entry[2] = run
        }
    }

    private func resize(_ capacity: Int64) {
        let larger = UnsafeMutablePointer<Int64>.allocate(capacity: Int(capacity) * Self.entryWords)
        if let ring {
            for position in first..<head {
                (larger + Int(position & (capacity - 1)) * Self.entryWords)
                    .update(from: entry(position, ring), count: Self.entryWords)
            }
            ring.deallocate()
        }
        header[Word.address] = Int64(Int(bitPattern: larger))
        header[Word.mask] = capacity - 1
    }

    // MARK: answers

    private func totals(
        before position: Int64, _ ring: UnsafeMutablePointer<Int64>
    ) -> (positives: Int64, run: Int64) {
        guard position > first else { return (header[Word.positives], header[Word.run]) }
        let entry = entry(position - 1, ring)
        return (entry[1], entry[2])
    }

    /// What a window says of its labels.
    struct Summary {
        var known: Int64 = 0
        var positives: Int64 = 0
        var run: Int64 = 0
        /// Milliseconds.
        var firstPositive: Int64?
        var lastPositive: Int64?
    }

    /// Summarises the labels with `after` < word ≤ `last`.
    /// - Parameters:
    ///   - after: nil: all since the beginning.
    ///   - hints: two positions to search from, left where the search ended.
    func summary(after: Int64?, through last: Int64, hints: UnsafeMutablePointer<Int64>) -> Summary {
        guard let ring else {
            guard after == nil else { return Summary() }
            return Summary(
                known: first, positives: header[Word.positives], run: header[Word.run],
                firstPositive: time(header[Word.firstPositive]), lastPositive: time(header[Word.lastPositive]))
        }
        let end = seek(last, from: hints[1], ring)
        hints[1] = end
        var start = first
        if let after {
            start = seek(after, from: hints[0], ring)
            hints[0] = start
        }
        let upper = totals(before: end, ring)
        let isEndless = after == nil
        let before = isEndless ? 0 : totals(before: start, ring).positives
        let known = isEndless ? end : end - start
        var summary = Summary(known: known, positives: upper.positives - before, run: min(upper.run, known))
        guard summary.positives > 0 else { return summary }
        if isEndless, let dropped = time(header[Word.firstPositive]) {
            summary.firstPositive = dropped
        } else {
            summary.firstPositive = entry(positive(before + 1, start..<end, ring), ring)[0] >> 2
        }
        if isEndless, header[Word.positives] == upper.positives {
            summary.lastPositive = time(header[Word.lastPositive])
        } else {
            summary.lastPositive = entry(positive(upper.positives, start..<end, ring), ring)[0] >> 2
        }
        return summary
    }

    private func time(_ word: Int64) -> Int64? { word == Self.none ? nil : word }

    /// The position behind all labels whose word is at most `last`.
    private func seek(_ last: Int64, from hint: Int64, _ ring: UnsafeMutablePointer<Int64>) -> Int64 {
        var position = min(max(hint, first), head)
        while position < head, entry(position, ring)[0] <= last { position += 1 }
        while position > first, entry(position - 1, ring)[0] > last { position -= 1 }
        return position
    }

    /// The position of the label with which the positives become `count`.
    private func positive(_ count: Int64, _ range: Range<Int64>, _ ring: UnsafeMutablePointer<Int64>) -> Int64 {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if entry(middle, ring)[1] < count { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: saved state

    func encode(into writer: inout ByteWriter) {
        for word in Word.head..<Self.words { writer.encode(header[word]) }
        guard let ring else { return }
        for position in first..<head { writer.encode(entry(position, ring)[0]) }
    }

    /// Shows each label held.
    func decode(from reader: inout ByteReader, _ show: (Int64) -> Void) throws(StateCodingError) {
        start()
        for word in Word.head..<Self.words { header[word] = try reader.decodeInt64() }
        let count = head - first
        guard first >= 0, count >= 0, count <= reader.remaining / 8 else {
            throw StateCodingError("\(count) labels of a key do not fit in the \(reader.remaining) bytes left")
        }
        guard count > 0 else { return }
        var capacity: Int64 = 4
        while capacity < count { capacity *= 2 }
        let head = head
        header[Word.head] = first
        resize(capacity)
        header[Word.head] = head
        guard let ring else { return }
        for position in first..<head {
            let word = try reader.decodeInt64()
            entry(position, ring)[0] = word
            show(word)
        }
        self.count(from: first, ring)
    }
}
