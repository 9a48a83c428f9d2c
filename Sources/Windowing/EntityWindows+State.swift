import EventModel

// What is saved of an entity's windows: for each key its number, its header as it is but for addresses, its events, the
// values in its windows and its labels.
extension EntityWindows {
    /// Tells a state of another plan apart.
    private var layout: UInt64 {
        // The number of this layout.
        var hash = mixed(UInt64(plan.savedWords) << 32 | UInt64(plan.words), 3)
        for boundary in boundaries { hash = mixed(hash, UInt64(bitPattern: boundary.distance)) }
        return hash
    }

    /// Whether sums were about to be beyond 64 bits.
    private var isWidened: Bool { !plan.isPlain && declaration.aggregates.allSatisfy(\.isPlain) }

    /// - Returns: the digest, which is part of what is written.
    @discardableResult public func encode(into writer: inout ByteWriter) -> StateDigest {
        let digest = digest
        writer.encode(isWidened ? 1 : 0)
        writer.encode(layout)
        writer.encode(digest.sum)
        writer.encode(headerCount)
        writer.encode(keys.count)
        for number in 0..<headerCount {
            prefetchOldest(behind: number)
            if isLive(headers + number * headerWords) { encodeKey(number, &writer) }
        }
        return digest
    }

    private func encodeKey(_ number: Int, _ writer: inout ByteWriter) {
        let header = headers + number * headerWords
        writer.encode(number)
        writer.encode(header[Header.key])
        writer.encode(plan.secondKeyWord > 0 ? header[plan.secondKeyWord] : 0)
        if keyKind == .text { writer.encode(texts[number]) }
        writer.encode(header[Header.time])
        writer.encode(header[Header.first])
        writer.encode(header[Header.head] - header[Header.first])
        settleTiers(header)
        if let ring = ring(header) {
            for position in header[Header.first]..<header[Header.head] {
                let event = event(header, ring, position)
                if plan.isPacked {
                    for word in 0..<plan.givenWords { writer.encode(givenWord(event, word)) }
                } else {
                    writer.encode(raw: UnsafeRawBufferPointer(start: event, count: eventWords * 8))
                }
            }
        }
        encodeParts(of: header, &writer)
        for table in plan.tables { ValueTable(header + table.word, windows: table.windowCount).encode(into: &writer) }
        for track in tracks { self.track(track, header).encode(into: &writer) }
    }

    /// The words behind the boundaries' first as they are, with zeros for tables' and tracks', which hold addresses: the same
    /// state is the same bytes.
    private func encodeParts(of header: UnsafeMutablePointer<Int64>, _ writer: inout ByteWriter) {
        var start = Header.boundaries
        func encode(upTo end: Int, _ writer: inout ByteWriter) {
            writer.encode(raw: UnsafeRawBufferPointer(start: header + start, count: (end - start) * 8))
        }
        let addresses = (plan.tables.map { ($0.word, 1) } + tracks.map { ($0.word, LabelTrack.words) }).sorted {
            $0.0 < $1.0
        }
        for (word, count) in addresses {
            encode(upTo: word, &writer)
            for _ in 0..<count { writer.encode(0) }
            start = word + count
        }
        encode(upTo: plan.words, &writer)
    }

    /// Takes up what `encode` wrote; the windows must be new.
    public mutating func decode(from reader: inout ByteReader) throws(StateCodingError) {
        precondition(headerCount == 0, "windows that hold events cannot take up saved ones")
        if try reader.decodeInt() == 1, plan.isPlain { widen(to: .wide) }
        guard try reader.decodeUInt64() == layout else { throw StateCodingError("windows of another plan") }
        let saved = try reader.decodeUInt64()
        let numbers = try reader.decodeInt()
        let live = try reader.decodeCount(size: 48)
        guard numbers >= live, numbers <= Int(Int32.max) else {
            throw StateCodingError("\(live) keys with \(numbers) numbers")
        }
        reserveHeaders(numbers)
        for _ in 0..<live { try decodeKey(from: &reader) }
        freeNumbers = (0..<numbers).filter { !isLive(headers + $0 * headerWords) }
        let held = digest
        guard plan.isEndless || held.sum == saved else {
            throw StateCodingError("the windows' digest is \(held), but \(StateDigest(sum: saved)) was saved")
        }
        digestBesideEvents.insert(saved &- held.sum)
    }

    private mutating func decodeKey(from reader: inout ByteReader) throws(StateCodingError) {
        let number = try reader.decodeInt()
        let key = try reader.decodeInt64()
        let second = try reader.decodeInt64()
        guard number >= 0, number < headerCount, !isLive(headers + number * headerWords) else {
            throw StateCodingError("the key number \(number) is out of range or given twice")
        }
        let text = keyKind == .text ? try reader.decodeString() : ""
        let time = try reader.decodeInt64()
        let first = try reader.decodeInt64()
        let count = try reader.decodeCount(size: plan.savedWords * 8)
        let words = reader.readBytes(count * plan.savedWords * 8)
        // Before the key has a header, which is another one where a plan has more room.
        for index in 0..<count { reserve(savedEvent: index, of: words) }
        if keyKind == .text { texts[number] = text }
        start(number, key: key, second)
        let header = headers + number * headerWords
        header[Header.time] = time
        guard first >= 0, first < Int64.max / 2 else { throw StateCodingError("a key begins at position \(first)") }
        header[Header.first] = first
        header[Header.head] = first
        if count > 0 {
            var capacity = leastCapacity
            while capacity <= count { capacity *= 2 }
            resize(header, capacity: Int64(capacity))
        }
        header[Header.head] = first + Int64(count)
        if let ring = ring(header) {
            markEnd(header, ring, fullShape)
            for index in 0..<count {
                let event = event(header, ring, first + Int64(index))
                if plan.isPacked {
                    let (time, value) = (savedWord(0, of: index, in: words), savedWord(1, of: index, in: words))
                    event[0] = PackedEvent.word(time >> 2 &- timeBase, value)
                } else {
                    for word in 0..<eventWords { event[word] = savedWord(word, of: index, in: words) }
                }
            }
        }
        if plan.isPlain { mostEvents = max(mostEvents, 2 * Int64(count) + 2) }
        try decodeParts(of: header, from: &reader)
    }

    private func savedWord(_ word: Int, of event: Int, in words: UnsafeRawBufferPointer) -> Int64 {
        words.loadUnaligned(fromByteOffset: (event * plan.savedWords + word) * 8, as: Int64.self)
    }

    /// Sees to it that a saved event fits, and counts it.
    private mutating func reserve(savedEvent index: Int, of words: UnsafeRawBufferPointer) {
        reserve(time: EventTime(milliseconds: savedWord(0, of: index, in: words) >> 2))
        for column in 0..<valuePlaces.count {
            let value = savedWord(1 + column, of: index, in: words)
            valueBits |= value ^ (value >> 63)
        }
        if plan.isPacked && !PackedEvent.fits(valueBits: valueBits) { widen(to: .word) }
        eventCount += 1
    }

    private mutating func decodeParts(
        of header: UnsafeMutablePointer<Int64>, from reader: inout ByteReader
    ) throws(StateCodingError) {
        let words = plan.words - Header.boundaries
        let second = plan.secondKeyWord > 0 ? header[plan.secondKeyWord] : 0
        guard reader.remaining >= words * 8 else { throw StateCodingError("ends early") }
        UnsafeMutableRawBufferPointer(start: header + Header.boundaries, count: words * 8)
            .copyMemory(from: reader.readBytes(words * 8))
        guard plan.secondKeyWord == 0 || header[plan.secondKeyWord] == second else {
            throw StateCodingError("a pair ends with \(header[plan.secondKeyWord]) and with \(second)")
        }
        for table in plan.tables { header[table.word] = 0 }
        for track in tracks { self.track(track, header).start() }
        for boundary in boundaries {
            let position = header[Header.boundaries + boundary.word]
            guard position >= header[Header.first], position <= header[Header.head] else {
                throw StateCodingError("a window begins at position \(position), where no event is held")
            }
        }
        for table in plan.tables {
            try ValueTable(header + table.word, windows: table.windowCount).decode(from: &reader)
        }
        for (index, track) in tracks.enumerated() {
            var held: UInt64 = 0
            try self.track(track, header).decode(from: &reader) { held &+= hash(header, track: index, $0) }
            if track.basis == .labelArrival { digestBesideEvents.insert(held) }
        }
    }
}
