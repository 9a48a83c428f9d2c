import EventModel

/// The labelled events of one key in the order of their time, or of their labels' arrival; a view of the words in the
/// key's header.
///
///     header:    as of the end: first word │ last word │ its order │ known │ positives │ run │ oldest positive │ newest
///                positive │ free │ room; as of the entries dropped: time of the first positive │ of the last;
///                seldom used: known │ positives │ run, as of those, directory │ its capacity │ blocks
///     directory: block 0 │ block 1 │ ...
///     block:     entries │ capacity │ count │ positives in it │ known before it │ positives before it │ run before it │
///                entries dropped from the memory before the first
///     entry:     time and label state │ which one of those of that time
///
/// A block holds up to 128 entries, so that a label that comes in another order moves few others: it costs O(128) and a
/// step for each later block. What the header says first of known, positives, run and times is as of the entries dropped, and
/// what stands before a block counts these too. What it says as of the end follows from the blocks: labels mostly come in
/// order, and are asked for up to the last, which then costs O(1) and no look at a block. Even the last block's counts
/// are left as they were until they are needed (`catchUp`).
///
/// Directories and entries are runs of cache lines, on large pages (`RingMemory`).
struct LabelTrack {
    static let words = 18
    /// The last ones, which labels in order and their answers do without.
    static let seldomUsedWords = 6
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
        static let first = 0
        /// Of the last entry, with all bits of its label state; `none` without entries.
        static let last = 1
        static let lastOrder = 2
        static let endKnown = 3
        static let endPositives = 4
        static let endRun = 5
        /// The times of the first and the last positive held; `none` without any.
        static let oldestPositive = 6
        static let newestPositive = 7
        /// Where an entry behind the last belongs, and for how many there is room.
        static let free = 8
        static let room = 9
        static let firstPositive = 10
        static let lastPositive = 11
        static let known = 12
        static let positives = 13
        static let run = 14
        static let directory = 15
        static let directoryCapacity = 16
        static let blocks = 17

        static let saved = [known, positives, run, firstPositive, lastPositive]
    }

    /// A view of a block's words in the directory.
    struct Block {
        static let words = 8
        /// Of a cache line.
        static let leastEntries = 4
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
        /// How many entries were dropped whose memory the block still has, before its first.
        var skipped: Int {
            get { Int(words[7]) }
            nonmutating set { words[7] = Int64(newValue) }
        }
        /// How many entries fit behind the last.
        var room: Int { capacity - skipped - count }
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
            var positives = words[5]
            if index == count {
                positives += self.positives
            } else if self.positives > 0, let entries {
                for index in 0..<index { positives += (entries[index * Entry.words] & 3) >> 1 }
            }
            return Totals(known: words[4] + Int64(index), positives: positives, run: run(before: index))
        }

        /// The run of positives that ends with its first `index` entries.
        func run(before index: Int) -> Int64 {
            var start = index
            while start > 0, self[start - 1].isPositive { start -= 1 }
            return Int64(index - start) + (start == 0 ? words[6] : 0)
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
    let memory: UnsafePointer<RingMemory>

    /// - Parameter memory: with units of a cache line.
    init(_ header: UnsafeMutablePointer<Int64>, _ memory: UnsafePointer<RingMemory>) {
        self.header = header
        self.memory = memory
    }

    var directory: UnsafeMutablePointer<Int64>? { UnsafeMutablePointer(bitPattern: Int(header[Word.directory])) }
    var blockCount: Int { Int(header[Word.blocks]) }

    /// - Precondition: there is such a block.
    func block(_ index: Int, _ directory: UnsafeMutablePointer<Int64>) -> Block {
        Block(words: directory + index * Block.words)
    }

    var isEmpty: Bool { blockCount == 0 }
    func start() {
        header.update(repeating: 0, count: Self.words)
        header[Word.firstPositive] = Self.none
        header[Word.lastPositive] = Self.none
        settle()
    }

    /// Sets what the header says as of the end.
    func settle() {
        header[Word.oldestPositive] = Self.none
        header[Word.newestPositive] = Self.none
        guard let directory, !isEmpty else {
            header[Word.first] = .max
            header[Word.last] = Self.none
            header[Word.lastOrder] = Self.none
            header[Word.room] = 0
            return setEnd(dropped)
        }
        let last = block(blockCount - 1, directory)
        let entry = last[last.count - 1]
        header[Word.first] = block(0, directory)[0].word
        header[Word.last] = entry.word | 3
        header[Word.lastOrder] = entry.order
        header[Word.free] = Int64(Int(bitPattern: last.entries)) &+ Int64(last.count * Entry.words * 8)
        header[Word.room] = Int64(last.room)
        setEnd(last.totals(before: last.count))
        if header[Word.endPositives] > header[Word.positives] {
            header[Word.oldestPositive] = time(ofPositive: header[Word.positives] + 1, directory) ?? Self.none
            header[Word.newestPositive] = time(ofPositive: header[Word.endPositives], directory) ?? Self.none
        }
    }

    private func setEnd(_ totals: Totals) {
        header[Word.endKnown] = totals.known
        header[Word.endPositives] = totals.positives
        header[Word.endRun] = totals.run
    }

    func deallocate() {
        guard let directory else { return }
        for index in 0..<blockCount { deallocateEntries(of: block(index, directory)) }
        deallocate(directory, capacity: Int(header[Word.directoryCapacity]))
    }

    /// Sets what the directory says of the last block, to which labels in order were added.
    func catchUp() {
        guard let directory, blockCount > 0 else { return }
        let last = block(blockCount - 1, directory)
        last.count = Int(header[Word.endKnown] - last.before.known)
        last.positives = header[Word.endPositives] - last.before.positives
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

    /// As of all entries.
    private var atEnd: Totals {
        Totals(known: header[Word.endKnown], positives: header[Word.endPositives], run: header[Word.endRun])
    }

    /// What a window says of its labels.
    struct Summary {
        var known: Int64 = 0
        var positives: Int64 = 0
        /// Up to the last label.
        var run: Int64 = 0
    }

    /// Summarises the labels with `after` < word ≤ `last`.
    /// - Parameter after: nil: all since the beginning.
    /// - Complexity: O(log labels + 128); O(1) where it is from before the first one held up to the last
    func summary(after: Int64?, through last: Int64) -> Summary {
        let upper = last >= header[Word.last] ? atEnd : totals(behind: last)
        let lower = after.map { $0 < header[Word.first] ? dropped : totals(behind: $0) } ?? Totals()
        let known = upper.known - lower.known
        return Summary(known: known, positives: upper.positives - lower.positives, run: min(upper.run, known))
    }

    /// The run of positives up to the last of these labels.
    /// - Complexity: as of `summary`; O(1) where there is no positive up to the last label held
    @inline(__always) func run(after: Int64?, through last: Int64) -> Int64 {
        if last >= header[Word.last], header[Word.endRun] == 0 || after == nil { return header[Word.endRun] }
        return summary(after: after, through: last).run
    }

    /// The time of the first positive among these labels; nil without any.
    /// - Complexity: O(log labels + 128); O(1) where it is the first one held, or there is none, up to the last label held
    @inline(__always) func firstPositive(after: Int64?, through last: Int64) -> Int64? {
        if last < header[Word.last] { return positives(after: after, through: last).first }
        guard let after else { return time(header[Word.firstPositive]) ?? time(header[Word.oldestPositive]) }
        if header[Word.newestPositive] == Self.none || lastWord(header[Word.newestPositive]) <= after { return nil }
        if lastWord(header[Word.oldestPositive]) > after { return header[Word.oldestPositive] }
        return positives(after: after, through: last).first
    }

    /// The time of the last positive among these labels; nil without any.
    /// - Complexity: O(log labels + 128); O(1) up to the last label held
    @inline(__always) func lastPositive(after: Int64?, through last: Int64) -> Int64? {
        if last < header[Word.last] { return positives(after: after, through: last).last }
        let newest = header[Word.newestPositive]
        guard let after else { return time(newest) ?? time(header[Word.lastPositive]) }
        return newest == Self.none || lastWord(newest) <= after ? nil : newest
    }

    /// The times of the first and the last positive among these labels.
    @inline(never) private func positives(after: Int64?, through last: Int64) -> (first: Int64?, last: Int64?) {
        let upper = totals(behind: last)
        let lower = after.map { totals(behind: $0) } ?? Totals()
        guard upper.positives > lower.positives else { return (nil, nil) }
        let isDropped = upper.positives == dropped.positives
        return (
            after == nil
                ? time(header[Word.firstPositive]) ?? time(ofPositive: 1) : time(ofPositive: lower.positives + 1),
            isDropped ? time(header[Word.lastPositive]) : time(ofPositive: upper.positives)
        )
    }

    /// As of the labels whose word is at most `word`.
    private func totals(behind word: Int64) -> Totals {
        guard let directory else { return dropped }
        catchUp()
        return totals(before: place(behind: word, directory), directory)
    }

    private func time(ofPositive count: Int64) -> Int64? {
        catchUp()
        return directory.flatMap { time(ofPositive: count, $0) }
    }

    @inline(__always) private func time(_ word: Int64) -> Int64? { word == Self.none ? nil : word }

    /// The time of the label with which the positives become `count`, which must be held.
    func time(ofPositive count: Int64, _ directory: UnsafeMutablePointer<Int64>) -> Int64? {
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
