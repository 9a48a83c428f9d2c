import EventModel

extension LabelTrack {
    /// Adds a label.
    /// - Parameter isSorted: whether labels of the same time stand by their order; if not, it goes behind them.
    /// - Complexity: O(1) behind all others, else O(128 + labels later than it / 128)
    @inline(__always) func insert(_ entry: Entry, isSorted: Bool) {
        let (word, last) = (entry.word | 3, header[Word.last])
        let isBehindAll = word > last || word == last && (!isSorted || entry.order > header[Word.lastOrder])
        guard isBehindAll, header[Word.room] > 0 else { return insertApart(entry, isSorted: isSorted) }
        append(entry)
    }

    /// Adds a label behind all others.
    /// - Precondition: there is room in the last block.
    @inline(__always) private func append(_ entry: Entry) {
        guard let free = UnsafeMutablePointer<Int64>(bitPattern: Int(header[Word.free])) else { return }
        free[0] = entry.word
        free[1] = entry.order
        header[Word.free] &+= Int64(Entry.words * 8)
        header[Word.room] &-= 1
        header[Word.last] = entry.word | 3
        header[Word.lastOrder] = entry.order
        header[Word.endKnown] &+= 1
        guard entry.isPositive else { return header[Word.endRun] = 0 }
        header[Word.endPositives] &+= 1
        header[Word.endRun] &+= 1
        header[Word.newestPositive] = entry.word >> 2
        if header[Word.oldestPositive] == Self.none { header[Word.oldestPositive] = entry.word >> 2 }
    }

    @inline(never) private func insertApart(_ entry: Entry, isSorted: Bool) {
        let directory = directory ?? allocate()
        catchUp()
        let place =
            isSorted ? place(of: entry.word, order: entry.order, directory) : place(behind: entry.word, directory)
        insert(entry, at: place, directory)
        settle()
    }

    private func insert(_ entry: Entry, at place: Place, _ directory: UnsafeMutablePointer<Int64>) {
        let isBehindAll = place.block == blockCount
        var place = place
        if isBehindAll, blockCount > 0 {
            place = Place(block: blockCount - 1, entry: block(blockCount - 1, directory).count)
        }
        if blockCount == 0 || (isBehindAll && block(place.block, directory).count == Block.mostEntries) {
            let totals = blockCount == 0 ? dropped : totals(before: Place(block: blockCount, entry: 0), directory)
            let directory = openBlock(at: blockCount, before: totals, capacity: Block.leastEntries)
            return put(entry, Place(block: blockCount - 1, entry: 0), directory)
        }
        guard block(place.block, directory).count == Block.mostEntries else { return put(entry, place, directory) }
        let half = Block.mostEntries / 2
        let larger = split(place.block, at: half)
        put(
            entry, place.entry <= half ? place : Place(block: place.block + 1, entry: place.entry - half), larger)
    }

    /// Removes a label; false when it is held no longer.
    @discardableResult func remove(_ entry: Entry, isSorted: Bool) -> Bool {
        guard takeOut(entry, isSorted: isSorted) else { return false }
        settle()
        return true
    }

    private func takeOut(_ entry: Entry, isSorted: Bool) -> Bool {
        guard let directory else { return false }
        catchUp()
        var place = place(of: entry.word, order: isSorted ? entry.order : .min, directory)
        while place.block < blockCount {
            let block = block(place.block, directory)
            if place.entry == block.count {
                place = Place(block: place.block + 1, entry: 0)
                continue
            }
            let other = block[place.entry]
            if other.word | 3 != entry.word | 3 { return false }
            if other.order == entry.order {
                guard other.word == entry.word else { return false }
                take(place, directory)
                return true
            }
            place.entry += 1
        }
        return false
    }

    /// Drops the labels whose word is at most `limit`, after showing each.
    @inline(__always) func expire(_ limit: Int64, _ show: (Int64) -> Void) {
        if header[Word.first] <= limit { drop(limit, show) }
    }

    @inline(never) private func drop(_ limit: Int64, _ show: (Int64) -> Void) {
        guard let directory else { return }
        catchUp()
        var emptied = 0
        while emptied < blockCount {
            let block = block(emptied, directory)
            var count = 0
            while count < block.count, block[count].word <= limit {
                let entry = block[count]
                show(entry.word)
                if entry.isPositive {
                    if header[Word.firstPositive] == Self.none { header[Word.firstPositive] = entry.word >> 2 }
                    header[Word.lastPositive] = entry.word >> 2
                }
                count += 1
            }
            if count == 0 { break }
            dropped = block.totals(before: count)
            if count < block.count {
                skip(count, of: block)
                break
            }
            emptied += 1
        }
        closeBlocks(0..<emptied, directory)
        settleStart()
    }

    /// Drops a block's first entries; their memory is used again when the block's is full.
    private func skip(_ count: Int, of block: Block) {
        block.positives -= dropped.positives - block.before.positives
        block.before = dropped
        block.count -= count
        block.skipped += count
        block.entries = block.entries.map { $0 + count * Entry.words }
    }

    /// Sets what the header says of the first entries and positives held, after some were dropped.
    private func settleStart() {
        guard let directory, !isEmpty else { return settle() }
        header[Word.first] = block(0, directory)[0].word
        let lastDropped = header[Word.lastPositive]
        if lastDropped == Self.none || header[Word.oldestPositive] > lastDropped { return }
        let isAnyHeld = header[Word.endPositives] > header[Word.positives]
        header[Word.oldestPositive] =
            isAnyHeld ? time(ofPositive: header[Word.positives] + 1, directory) ?? Self.none : Self.none
        if !isAnyHeld { header[Word.newestPositive] = Self.none }
    }

    // MARK: entries

    private func put(_ entry: Entry, _ place: Place, _ directory: UnsafeMutablePointer<Int64>) {
        let block = block(place.block, directory)
        if block.room == 0 { makeRoom(block) }
        guard let entries = block.entries else { return }
        let words = entries + place.entry * Entry.words
        (words + Entry.words).update(from: words, count: (block.count - place.entry) * Entry.words)
        block.count += 1
        block[place.entry] = entry
        block.positives += entry.isPositive ? 1 : 0
        moveTotals(behind: place.block, known: 1, positives: entry.isPositive ? 1 : 0, directory)
    }

    private func take(_ place: Place, _ directory: UnsafeMutablePointer<Int64>) {
        let block = block(place.block, directory)
        let positives: Int64 = block[place.entry].isPositive ? -1 : 0
        guard let entries = block.entries else { return }
        let words = entries + place.entry * Entry.words
        words.update(from: words + Entry.words, count: (block.count - place.entry - 1) * Entry.words)
        block.count -= 1
        block.positives += positives
        moveTotals(behind: place.block, known: -1, positives: positives, directory)
        if block.count == 0 { closeBlocks(place.block..<place.block + 1, directory) }
    }

    /// Counts a label in what stands before the later blocks.
    private func moveTotals(
        behind index: Int, known: Int64, positives: Int64, _ directory: UnsafeMutablePointer<Int64>
    ) {
        var isRunOpen = true
        for index in index..<blockCount - 1 {
            let (block, next) = (block(index, directory), block(index + 1, directory))
            next.words[4] += known
            next.words[5] += positives
            guard isRunOpen else { continue }
            let run = block.run(before: block.count)
            isRunOpen = run != next.before.run
            next.words[6] = run
        }
    }

    // MARK: blocks

    private func allocate(capacity: Int = 1) -> UnsafeMutablePointer<Int64> {
        let directory = memory.pointee.allocate(order: capacity.trailingZeroBitCount)
        if let old = self.directory {
            directory.update(from: old, count: blockCount * Block.words)
            deallocate(old, capacity: Int(header[Word.directoryCapacity]))
        }
        header[Word.directory] = Int64(Int(bitPattern: directory))
        header[Word.directoryCapacity] = Int64(capacity)
        return directory
    }

    /// - Parameter capacity: in blocks, a power of two.
    func deallocate(_ directory: UnsafeMutablePointer<Int64>, capacity: Int) {
        memory.pointee.deallocate(directory, order: capacity.trailingZeroBitCount)
    }

    /// - Parameter capacity: a power of two of at least `Block.leastEntries`.
    private func allocateEntries(_ capacity: Int) -> UnsafeMutablePointer<Int64> {
        memory.pointee.allocate(order: (capacity / Block.leastEntries).trailingZeroBitCount)
    }

    func deallocateEntries(of block: Block) {
        guard let entries = block.entries else { return }
        memory.pointee.deallocate(
            entries - block.skipped * Entry.words, order: (block.capacity / Block.leastEntries).trailingZeroBitCount)
    }

    /// Makes an empty block, and says where the directory is then.
    private func openBlock(at index: Int, before: Totals, capacity: Int) -> UnsafeMutablePointer<Int64> {
        let full = directory == nil || Int(header[Word.directoryCapacity]) == blockCount
        let directory = full ? allocate(capacity: max(blockCount * 2, 1)) : self.directory ?? allocate()
        let words = block(index, directory).words
        (words + Block.words).update(from: words, count: (blockCount - index) * Block.words)
        header[Word.blocks] += 1
        let new = block(index, directory)
        new.entries = allocateEntries(capacity)
        new.capacity = capacity
        new.count = 0
        new.skipped = 0
        new.positives = 0
        new.before = before
        return directory
    }

    /// Moves a full block's entries from `half` on to a block of their own.
    private func split(_ index: Int, at half: Int) -> UnsafeMutablePointer<Int64> {
        let totals = directory.map { block(index, $0).totals(before: half) } ?? Totals()
        let directory = openBlock(at: index + 1, before: totals, capacity: Block.mostEntries)
        let (old, new) = (block(index, directory), block(index + 1, directory))
        guard let source = old.entries, let target = new.entries else { return directory }
        new.count = old.count - half
        target.update(from: source + half * Entry.words, count: new.count * Entry.words)
        new.positives = old.before.positives + old.positives - totals.positives
        old.positives -= new.positives
        old.count = half
        return directory
    }

    private func closeBlocks(_ range: Range<Int>, _ directory: UnsafeMutablePointer<Int64>) {
        guard !range.isEmpty else { return }
        for index in range { deallocateEntries(of: block(index, directory)) }
        block(range.lowerBound, directory).words.update(
            from: block(range.upperBound, directory).words, count: (blockCount - range.upperBound) * Block.words)
        header[Word.blocks] -= Int64(range.count)
        if isEmpty {
            deallocate(directory, capacity: Int(header[Word.directoryCapacity]))
            header[Word.directory] = 0
        }
    }

    /// Makes room behind the last entry of a block that is not full of entries held.
    private func makeRoom(_ block: Block) {
        let isShifted = block.skipped * 4 >= block.capacity || block.capacity == Block.mostEntries
        if isShifted, let entries = block.entries {
            let start = entries - block.skipped * Entry.words
            start.update(from: entries, count: block.count * Entry.words)
            block.entries = start
            block.skipped = 0
        } else {
            resize(block, to: block.capacity * 2)
        }
    }

    private func resize(_ block: Block, to capacity: Int) {
        let larger = allocateEntries(capacity)
        if let entries = block.entries { larger.update(from: entries, count: block.count * Entry.words) }
        deallocateEntries(of: block)
        block.entries = larger
        block.capacity = capacity
        block.skipped = 0
    }

    // MARK: saved state

    func encode(into writer: inout ByteWriter) {
        catchUp()
        for word in Word.saved { writer.encode(header[word]) }
        guard let directory else { return writer.encode(0) }
        writer.encode((0..<blockCount).reduce(0) { $0 + block($1, directory).count })
        for index in 0..<blockCount {
            let block = block(index, directory)
            for index in 0..<block.count {
                writer.encode(block[index].word)
                writer.encode(block[index].order)
            }
        }
    }

    /// Shows each label held.
    func decode(from reader: inout ByteReader, _ show: (Int64) -> Void) throws(StateCodingError) {
        start()
        for word in Word.saved { header[word] = try reader.decodeInt64() }
        let count = try reader.decodeCount(size: Entry.words * 8)
        var last = Int64.min
        for _ in 0..<count {
            let entry = Entry(word: try reader.decodeInt64(), order: try reader.decodeInt64())
            guard entry.word | 3 >= last else { throw StateCodingError("a key's labels are not in order") }
            last = entry.word | 3
            insert(entry, at: Place(block: blockCount, entry: 0), directory ?? allocate())
            show(entry.word)
        }
        settle()
    }
}
