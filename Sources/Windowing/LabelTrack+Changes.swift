import EventModel

extension LabelTrack {
    /// Adds a label.
    /// - Parameter isSorted: whether labels of the same time stand by their order; if not, it goes behind them.
    /// - Complexity: O(128 + labels later than it / 128)
    func insert(_ entry: Entry, isSorted: Bool) {
        let directory = directory ?? allocate()
        let place =
            isSorted ? place(of: entry.word, order: entry.order, directory) : place(behind: entry.word, directory)
        insert(entry, at: place, directory)
    }

    private func insert(_ entry: Entry, at place: Place, _ directory: UnsafeMutablePointer<Int64>) {
        let isBehindAll = place.block == blockCount
        var place = place
        if isBehindAll, blockCount > 0 {
            place = Place(block: blockCount - 1, entry: block(blockCount - 1, directory).count)
        }
        if blockCount == 0 || (isBehindAll && block(place.block, directory).count == Block.mostEntries) {
            let totals = blockCount == 0 ? dropped : totals(before: Place(block: blockCount, entry: 0), directory)
            let directory = openBlock(at: blockCount, before: totals, capacity: 4)
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
        guard let directory else { return false }
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
    func expire(_ limit: Int64, _ show: (Int64) -> Void) {
        guard let directory else { return }
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
                block.positives -= dropped.positives - block.before.positives
                block.before = dropped
                block.count -= count
                if let entries = block.entries {
                    entries.update(from: entries + count * Entry.words, count: block.count * Entry.words)
                }
                break
            }
            emptied += 1
        }
        closeBlocks(0..<emptied, directory)
    }

    // MARK: entries

    private func put(_ entry: Entry, _ place: Place, _ directory: UnsafeMutablePointer<Int64>) {
        let block = block(place.block, directory)
        if block.count == block.capacity { resize(block, to: block.capacity * 2) }
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
            let run = block.totals(before: block.count).run
            isRunOpen = run != next.before.run
            next.words[6] = run
        }
    }

    // MARK: blocks

    private func allocate(capacity: Int = 1) -> UnsafeMutablePointer<Int64> {
        let directory = UnsafeMutablePointer<Int64>.allocate(capacity: 1 + capacity * Block.words)
        directory[0] = Int64(capacity)
        if let old = self.directory {
            (directory + 1).update(from: old + 1, count: blockCount * Block.words)
            old.deallocate()
        }
        header[Word.directory] = Int64(Int(bitPattern: directory))
        return directory
    }

    /// Makes an empty block, and says where the directory is then.
    private func openBlock(at index: Int, before: Totals, capacity: Int) -> UnsafeMutablePointer<Int64> {
        let full = directory.map { Int($0[0]) == blockCount } ?? true
        let directory = full ? allocate(capacity: max(blockCount * 2, 1)) : self.directory ?? allocate()
        let words = block(index, directory).words
        (words + Block.words).update(from: words, count: (blockCount - index) * Block.words)
        header[Word.blocks] += 1
        let new = block(index, directory)
        new.entries = .allocate(capacity: capacity * Entry.words)
        new.capacity = capacity
        new.count = 0
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
        for index in range { block(index, directory).entries?.deallocate() }
        block(range.lowerBound, directory).words.update(
            from: block(range.upperBound, directory).words, count: (blockCount - range.upperBound) * Block.words)
        header[Word.blocks] -= Int64(range.count)
        if isEmpty {
            directory.deallocate()
            header[Word.directory] = 0
        }
    }

    private func resize(_ block: Block, to capacity: Int) {
        let larger = UnsafeMutablePointer<Int64>.allocate(capacity: capacity * Entry.words)
        if let entries = block.entries {
            larger.update(from: entries, count: block.count * Entry.words)
            entries.deallocate()
        }
        block.entries = larger
        block.capacity = capacity
    }

    // MARK: saved state

    func encode(into writer: inout ByteWriter) {
        for word in Word.known..<Self.words { writer.encode(header[word]) }
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
        for word in Word.known..<Self.words { header[word] = try reader.decodeInt64() }
        let count = try reader.decodeCount(size: Entry.words * 8)
        var last = Int64.min
        for _ in 0..<count {
            let entry = Entry(word: try reader.decodeInt64(), order: try reader.decodeInt64())
            guard entry.word | 3 >= last else { throw StateCodingError("a key's labels are not in order") }
            last = entry.word | 3
            insert(entry, at: Place(block: blockCount, entry: 0), directory ?? allocate())
            show(entry.word)
        }
    }
}
