import EventModel

// What is saved of an entity's windows are the keys and their events, each under its number and position; the
// boundaries follow from them.
extension EntityWindows {
    public func encode(into writer: inout ByteWriter) {
        let live = (0..<headerCount).filter { ring(headers + $0 * headerWords) != nil }
        writer.encode(eventWords)
        writer.encode(headerCount)
        writer.encode(live.count)
        for number in live {
            let header = headers + number * headerWords
            guard let ring = ring(header) else { continue }
            writer.encode(number)
            writer.encode(header[Header.key])
            if keysAreText { writer.encode(texts[number]) }
            writer.encode(header[Header.time])
            writer.encode(header[Header.first])
            writer.encode(header[Header.head] - header[Header.first])
            for position in header[Header.first]..<header[Header.head] {
                let event = ring + Int(position & header[Header.mask]) * eventWords
                writer.encode(raw: UnsafeRawBufferPointer(start: event, count: eventWords * 8))
            }
        }
    }

    /// Takes up what `encode` wrote; the windows must be new.
    public mutating func decode(from reader: inout ByteReader) throws(StateCodingError) {
        precondition(headerCount == 0, "windows that hold events cannot take up saved ones")
        guard try reader.decodeInt() == eventWords else {
            throw StateCodingError("windows with another number of values an event")
        }
        let numbers = try reader.decodeInt()
        let live = try reader.decodeCount(size: 40)
        guard numbers >= live, numbers <= Int(Int32.max) else {
            throw StateCodingError("\(live) keys with \(numbers) numbers")
        }
        reserveHeaders(numbers)
        for _ in 0..<live { try decodeKey(from: &reader) }
        freeNumbers = (0..<numbers).filter { ring(headers + $0 * headerWords) == nil }
    }

    private mutating func decodeKey(from reader: inout ByteReader) throws(StateCodingError) {
        let number = try reader.decodeInt()
        let key = try reader.decodeInt64()
        guard number >= 0, number < headerCount, ring(headers + number * headerWords) == nil else {
            throw StateCodingError("the key number \(number) is out of range or given twice")
        }
        if keysAreText { texts[number] = try reader.decodeString() }
        let time = try reader.decodeInt64()
        let first = try reader.decodeInt64()
        let count = try reader.decodeCount(size: eventWords * 8)
        guard count > 0, first >= 0, first < Int64.max / 2 else { throw StateCodingError("a key without events") }
        var capacity = 4
        while capacity < count { capacity *= 2 }
        let ring = UnsafeMutablePointer<Int64>.allocate(capacity: capacity * eventWords)
        start(number, key: key)
        let header = headers + number * headerWords
        header[Header.ring] = Int64(Int(bitPattern: ring))
        header[Header.first] = first
        header[Header.head] = first + Int64(count)
        header[Header.mask] = Int64(capacity - 1)
        for position in first..<header[Header.head] {
            let event = ring + Int(position & header[Header.mask]) * eventWords
            UnsafeMutableRawBufferPointer(start: event, count: eventWords * 8)
                .copyMemory(from: reader.readBytes(eventWords * 8))
            digest.insert(hash(header, event, shape))
        }
        eventCount += count
        for index in 0..<distances.count { header[Header.boundaries + index * boundaryWords] = first }
        advance(header, to: time, shape)
    }
}
