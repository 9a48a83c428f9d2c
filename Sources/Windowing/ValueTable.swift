import EventModel

/// How often each value stands in each of some windows: a hash table by value with a count for each window; a view of
/// the word in the key's header that holds its address.
///
///     capacity − 1 │ values │ entry: value │ count of all windows, of window 0, of window 1, ... (32 bits each)
///
/// Open addressing with linear probing, at most three quarters full; removal shifts the run back.
struct ValueTable {
    private let holder: UnsafeMutablePointer<Int64>
    private let entryWords: Int
    private let windows: Int

    init(_ holder: UnsafeMutablePointer<Int64>, windows: Int) {
        self.holder = holder
        self.windows = windows
        entryWords = 2 + windows / 2
    }

    private var table: UnsafeMutablePointer<Int64>? { UnsafeMutablePointer(bitPattern: Int(holder[0])) }
    var byteCount: Int { table.map { (2 + (Int($0[0]) + 1) * entryWords) * 8 } ?? 0 }

    func deallocate() { table?.deallocate() }

    private func counts(_ entry: UnsafeMutablePointer<Int64>) -> UnsafeMutablePointer<Int32> {
        UnsafeMutableRawPointer(entry + 1).assumingMemoryBound(to: Int32.self)
    }

    @inline(__always) private func home(_ value: Int64, _ mask: Int) -> Int {
        Int(truncatingIfNeeded: mixed(UInt64(bitPattern: value))) & mask
    }

    /// The entry of `value`, or the free one where it belongs.
    private func find(_ value: Int64, _ table: UnsafeMutablePointer<Int64>) -> UnsafeMutablePointer<Int64> {
        let mask = Int(table[0])
        var position = home(value, mask)
        while true {
            let entry = table + 2 + position * entryWords
            if counts(entry)[0] == 0 || entry[0] == value { return entry }
            position = (position + 1) & mask
        }
    }

    /// How often `value` stands in a window.
    func count(_ value: Int64, window: Int) -> Int32 {
        guard let table else { return 0 }
        let entry = find(value, table)
        return counts(entry)[0] == 0 ? 0 : counts(entry)[1 + window]
    }

    /// Adds a value to a window; true when it was not there.
    func insert(_ value: Int64, window: Int) -> Bool {
        if table == nil { allocate(capacity: 4) }
        guard var table else { return false }
        var entry = find(value, table)
        if counts(entry)[0] == 0 {
            if (table[1] + 1) * 4 > (table[0] + 1) * 3 {
                grow()
                guard let larger = self.table else { return false }
                table = larger
                entry = find(value, table)
            }
            entry[0] = value
            for word in 1..<entryWords { entry[word] = 0 }
            table[1] += 1
        }
        counts(entry)[0] += 1
        counts(entry)[1 + window] += 1
        return counts(entry)[1 + window] == 1
    }

    /// Takes a value from a window; true when it is there no longer.
    func remove(_ value: Int64, window: Int) -> Bool {
        guard let table else { return false }
        let entry = find(value, table)
        guard counts(entry)[0] > 0 else { return false }
        counts(entry)[0] -= 1
        counts(entry)[1 + window] -= 1
        let isGone = counts(entry)[1 + window] == 0
        if counts(entry)[0] == 0 { close(entry, table) }
        return isGone
    }

    /// Shifts the run behind a freed entry back.
    private func close(_ entry: UnsafeMutablePointer<Int64>, _ table: UnsafeMutablePointer<Int64>) {
        let mask = Int(table[0])
        table[1] -= 1
        var hole = (entry - table - 2) / entryWords
        var next = (hole + 1) & mask
        while true {
            let source = table + 2 + next * entryWords
            if counts(source)[0] == 0 { break }
            if (next - home(source[0], mask)) & mask >= (next - hole) & mask {
                (table + 2 + hole * entryWords).update(from: source, count: entryWords)
                hole = next
            }
            next = (next + 1) & mask
        }
        (table + 2 + hole * entryWords).update(repeating: 0, count: entryWords)
    }

    private func allocate(capacity: Int) {
        let words = 2 + capacity * entryWords
        let table = UnsafeMutablePointer<Int64>.allocate(capacity: words)
        table.initialize(repeating: 0, count: words)
        table[0] = Int64(capacity - 1)
        holder[0] = Int64(Int(bitPattern: table))
    }

    private func grow() {
        guard let old = table else { return }
        allocate(capacity: (Int(old[0]) + 1) * 2)
        guard let table else { return }
        for position in 0...Int(old[0]) {
            let entry = old + 2 + position * entryWords
            if counts(entry)[0] == 0 { continue }
            find(entry[0], table).update(from: entry, count: entryWords)
            table[1] += 1
        }
        old.deallocate()
    }

    // MARK: saved state

    func encode(into writer: inout ByteWriter) {
        writer.encode(table.map { $0[1] } ?? 0)
        guard let table else { return }
        for position in 0...Int(table[0]) {
            let entry = table + 2 + position * entryWords
            if counts(entry)[0] > 0 {
                writer.encode(raw: UnsafeRawBufferPointer(start: entry, count: entryWords * 8))
            }
        }
    }

    func decode(from reader: inout ByteReader) throws(StateCodingError) {
        holder[0] = 0
        let values = try reader.decodeCount(size: entryWords * 8)
        guard values > 0 else { return }
        var capacity = 4
        while values * 4 > capacity * 3 { capacity *= 2 }
        allocate(capacity: capacity)
        guard let table else { return }
        for _ in 0..<values {
            let value = try reader.decodeInt64()
            let entry = find(value, table)
            guard counts(entry)[0] == 0 else { throw StateCodingError("a value is counted twice") }
            entry[0] = value
            UnsafeMutableRawBufferPointer(start: entry + 1, count: (entryWords - 1) * 8)
                .copyMemory(from: reader.readBytes((entryWords - 1) * 8))
            guard counts(entry)[0] > 0 else { throw StateCodingError("a value is counted no times") }
            table[1] += 1
        }
    }
}
