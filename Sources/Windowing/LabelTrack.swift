import EventModel

/// The labelled events of one key in the order of their time, or of their labels' arrival; a view of the words in the
/// key's header.
///
///     header:    directory │ blocks │ known │ positives │ run │ time of the first positive │ of the last
///     directory: capacity │ block 0 │ block 1 │ ...
///     block:     entries │ capacity │ count │ positives in it │ known before it │ positives before it │ run before it
///     entry:     time and label state │ which one of those of that time
///
/// A block holds up to 128 entries, so that a label that comes in another order moves few others: it costs O(128) and a
/// step for each later block. What the header says of known, positives, run and times is as of the entries dropped, and
/// what stands before a block counts these too.
struct LabelTrack {
    static let words = 7
    static let none = Int64.min

    /// A labelled event.
    struct Entry {
        static let words = 2

        /// Time · 4 + label state.
        var word: Int64
        /// Its order among those of the same time, or what else tells it from them.
        var order: Int64

        var isPositive: Bool { word & 3 == LabelState.positive }
    }

    enum Word {
        static let directory = 0
        static let blocks = 1
        static let known = 2
        static let positives = 3
        static let run = 4
        static let firstPositive = 5
        static let lastPositive = 6
    }

    /// A view of a block's words in the directory.
    struct Block {
        static let words = 7
        static let mostEntries = 128

        let words: UnsafeMutablePointer<Int64>

        var entries: UnsafeMutablePointer<Int64>? {
            get { UnsafeMutablePointer(bitPattern: Int(words[0])) }
            nonmutating set { words[0] = Int64(Int(bitPattern: newValue)) }
        }
        var capacity: Int {
            get { Int(words[1]) }
            nonmutating set { words[1] = Int64(newValue) }
        }
        var count: Int {
            get { Int(words[2]) }
            nonmutating set { words[2] = Int64(newValue) }
        }
        var positives: Int64 {
            get { words[3] }
            nonmutating set { words[3] = newValue }
        }
        /// As of the entries before the block.
        var before: Totals {
            get { Totals(known: words[4], positives: words[5], run: words[6]) }
            nonmutating set { (words[4], words[5], words[6]) = (newValue.known, newValue.positives, newValue.run) }
        }

        subscript(index: Int) -> Entry {
            get {
                guard let entries else { return Entry(word: 0, order: 0) }
                return Entry(word: entries[index * Entry.words], order: entries[index * Entry.words + 1])
            }
            nonmutating set {
                entries?[index * Entry.words] = newValue.word
                entries?[index * Entry.words + 1] = newValue.order
            }
        }

        /// As of its first `index` entries.
        func totals(before index: Int) -> Totals {
            var totals = before
            totals.known += Int64(index)
            for index in 0..<index where self[index].isPositive { totals.positives += 1 }
            var start = index
            while start > 0, self[start - 1].isPositive { start -= 1 }
            totals.run = Int64(index - start) + (start == 0 ? before.run : 0)
            return totals
        }
    }

    /// Of the labels up to a place.
    struct Totals: Equatable {
        var known: Int64 = 0
        var positives: Int64 = 0
        /// The length of the run of positives that ends there.
        var run: Int64 = 0
    }

    /// Before an entry of a block, or behind all: then `block` is the number of blocks.
    struct Place {
        var block: Int
        var entry: Int
    }

    let header: UnsafeMutablePointer<Int64>

    init(_ header: UnsafeMutablePointer<Int64>) { self.header = header }

    var directory: UnsafeMutablePointer<Int64>? { UnsafeMutablePointer(bitPattern: Int(header[Word.directory])) }
    var blockCount: Int { Int(header[Word.blocks]) }

    /// - Precondition: there is such a block.
    func block(_ index: Int, _ directory: UnsafeMutablePointer<Int64>) -> Block {
        Block(words: directory + 1 + index * Block.words)
    }

    var isEmpty: Bool { blockCount == 0 }
    var byteCount: Int {
        guard let directory else { return 0 }
        return (0..<blockCount).reduce((1 + Int(directory[0]) * Block.words) * 8) {
            $0 + block($1, directory).capacity * Entry.words * 8
        }
    }

    func start() {
        header.update(repeating: 0, count: Self.words)
        header[Word.firstPositive] = Self.none
        header[Word.lastPositive] = Self.none
    }

    func deallocate() {
        guard let directory else { return }
        for index in 0..<blockCount { block(index, directory).entries?.deallocate() }
        directory.deallocate()
    }

    // MARK: places

    /// Before the first entry that is not below: of a later time, or of the same and of at least that order.
    /// - Parameter word: its label state does not matter.
    /// - Complexity: O(log labels)
    func place(of word: Int64, order: Int64, _ directory: UnsafeMutablePointer<Int64>) -> Place {
        func isBelow(_ entry: Entry) -> Bool { (entry.word | 3, entry.order) < (word | 3, order) }
        let index = Self.first(in: blockCount) {
            let found = block($0, directory)
            return !isBelow(found[found.count - 1])
        }
        guard index < blockCount else { return Place(block: index, entry: 0) }
        let found = block(index, directory)
        return Place(block: index, entry: Self.first(in: found.count) { !isBelow(found[$0]) })
    }

    /// Before the first entry of a later time.
    func place(behind word: Int64, _ directory: UnsafeMutablePointer<Int64>) -> Place {
        place(of: (word | 3) + 1, order: .min, directory)
    }

    /// The first of `count` indices that fits, of which all that follow fit too; `count` when none does.
    static func first(in count: Int, _ fits: (Int) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if fits(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    // MARK: answers

    func totals(before place: Place, _ directory: UnsafeMutablePointer<Int64>) -> Totals {
        if place.block < blockCount { return block(place.block, directory).totals(before: place.entry) }
        let last = block(blockCount - 1, directory)
        return last.totals(before: last.count)
    }

    /// As of the entries dropped.
    var dropped: Totals {
        get { Totals(known: header[Word.known], positives: header[Word.positives], run: header[Word.run]) }
        nonmutating set {
            header[Word.known] = newValue.known
            header[Word.positives] = newValue.positives
            header[Word.run] = newValue.run
        }
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
    /// - Parameter after: nil: all since the beginning.
    /// - Complexity: O(log labels)
    func summary(after: Int64?, through last: Int64) -> Summary {
        guard let directory else {
            guard after == nil else { return Summary() }
            return Summary(
                known: dropped.known, positives: dropped.positives, run: dropped.run,
                firstPositive: time(header[Word.firstPositive]), lastPositive: time(header[Word.lastPositive]))
        }
        let upper = totals(before: place(behind: last, directory), directory)
        let lower = after.map { totals(before: place(behind: $0, directory), directory) } ?? Totals()
        let known = upper.known - lower.known
        var summary = Summary(
            known: known, positives: upper.positives - lower.positives, run: min(upper.run, known))
        guard summary.positives > 0 else { return summary }
        summary.firstPositive =
            after == nil
            ? time(header[Word.firstPositive]) ?? time(ofPositive: 1, directory)
            : time(ofPositive: lower.positives + 1, directory)
        summary.lastPositive =
            upper.positives == dropped.positives
            ? time(header[Word.lastPositive]) : time(ofPositive: upper.positives, directory)
        return summary
    }

    private func time(_ word: Int64) -> Int64? { word == Self.none ? nil : word }

    /// The time of the label with which the positives become `count`, which must be held.
    private func time(ofPositive count: Int64, _ directory: UnsafeMutablePointer<Int64>) -> Int64? {
        let index = Self.first(in: blockCount) {
            let found = block($0, directory)
            return found.before.positives + found.positives >= count
        }
        guard index < blockCount else { return nil }
        let found = block(index, directory)
        var left = count - found.before.positives
        for entry in 0..<found.count where found[entry].isPositive {
            left -= 1
            if left == 0 { return found[entry].word >> 2 }
        }
        return nil
    }
}
