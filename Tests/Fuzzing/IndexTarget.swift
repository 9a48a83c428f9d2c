import EventModel
import LogStorage

extension FuzzTarget {
    /// The bytes of an offset index or a time index.
    ///
    ///     flags 1 │ base offset 8 │ offset or time asked for 8 │ the index
    ///
    /// Flags: 1 it is a time index, 2 its checksums are made right, 4 a reader looks into a topic that has this index.
    static let index = FuzzTarget(name: "index", seeds: indexSeeds) { input in
        guard input.count >= 17 else { return }
        var reader = ByteReader(input)
        let flags = reader.readByte()
        let base = Offset(reader.readBigEndian(Int64.self) & .max)
        let wanted = reader.readBigEndian(Int64.self)
        let bytes = reader.readBytes(reader.remaining)
        switch flags & 5 {
        case 0: checkOffsetHint(before: Offset(wanted), in: bytes, base: base)
        case 1: checkTimeHint(for: wanted, in: bytes, base: base, repaired: flags & 2 != 0)
        case 4: checkSeek(to: Offset(Int64(wanted.magnitude % 13)), index: Array(bytes))
        default: checkSeek(to: wanted, timeIndex: Array(bytes))
        }
    }
}

/// The hint is an entry at or below what is asked for; of entries that ascend, as they should, the last such one.
private func checkOffsetHint(before wanted: Offset, in index: UnsafeRawBufferPointer, base: Offset) {
    let hint = offsetHint(before: wanted, in: index, base: base)
    let entries = offsetEntries(in: index)
    let relative = hint.map { $0.offset.value &- base.value }
    if let hint, let relative {
        precondition(relative >= 0 && hint.offset <= wanted, "a hint outside what was asked for")
        precondition(
            entries.contains { Int64($0.relative) == relative && Int($0.position) == hint.position },
            "a hint that is no entry")
    }
    let last = entries.last?.relative ?? 0
    guard base.value <= .max - Int64(last), zip(entries, entries.dropFirst()).allSatisfy({ $0.relative < $1.relative })
    else { return }
    let expected = entries.last { base.value + Int64($0.relative) <= wanted.value }
    precondition(relative == expected.map { Int64($0.relative) }, "not the last entry at or below what is asked for")
}

private func offsetEntries(in index: UnsafeRawBufferPointer) -> [(relative: UInt32, position: UInt32)] {
    var reader = ByteReader(index)
    var entries: [(relative: UInt32, position: UInt32)] = []
    while reader.remaining >= offsetEntryBytes {
        entries.append((reader.readBigEndian(UInt32.self), reader.readBigEndian(UInt32.self)))
    }
    return entries
}

/// Right checksums: the answer is that of a plain walk, which ends where offsets would go beyond the largest. Otherwise
/// it is at least an offset that the index may name.
private func checkTimeHint(for time: Int64, in index: UnsafeRawBufferPointer, base: Offset, repaired: Bool) {
    let wanted = EventTime(milliseconds: time)
    guard repaired else {
        let hint = timeHint(for: wanted, in: index, base: base)
        precondition(hint >= base && hint.value - base.value <= UInt32.max, "a hint outside the segment")
        return
    }
    let entries = timeEntries(in: index)
    let hint = encodedTimeIndex(entries, base: base).withUnsafeBytes { timeHint(for: wanted, in: $0, base: base) }
    let earlier = entries.prefix { $0.time < time && base.value <= .max - Int64($0.relative) }
    precondition(hint.value - base.value == Int64(earlier.last?.relative ?? 0), "not the last entry that is earlier")
}

private func timeEntries(in index: UnsafeRawBufferPointer) -> [(time: Int64, relative: UInt32)] {
    var reader = ByteReader(index)
    var entries: [(time: Int64, relative: UInt32)] = []
    while reader.remaining >= timeEntryBytes {
        entries.append((reader.readBigEndian(Int64.self), reader.readBigEndian(UInt32.self)))
        reader.skip(timeEntryBytes - 12)
    }
    return entries
}

// MARK: a topic whose index is anything

/// Twelve records in batches of three, a minute apart.
private let topic = Result { () throws(LogError) in
    let records = (0..<12).map { FuzzRecord(timestamp: Int64($0) * 60_000, key: nil, value: [UInt8($0)]) }
    return try TopicUnderTest(batches: stride(from: 0, to: 12, by: 3).map { Array(records[$0..<($0 + 3)]) })
}

/// Whatever the index says, a cursor's first record is the one that was asked for.
private func checkSeek(to wanted: Offset, index: [UInt8]) {
    do {
        let topic = try topic.get()
        try topic.overwrite(topic.indexFile, with: index)
        let cursor = try topic.reader().cursor(from: wanted)
        guard let batch = try cursor.nextBatch() else {
            precondition(wanted >= Offset(12), "no record at offset \(wanted)")
            return
        }
        var records = batch.records
        precondition(records.next()?.offset == wanted, "another record than the one at offset \(wanted)")
    } catch {
        preconditionFailure("seek to offset \(wanted): \(error)")
    }
}

/// Whether entries of the time index have right checksums but are not those of the topic: nobody can tell.
private func liesCredibly(_ timeIndex: [UInt8], genuine: [UInt8]) -> Bool {
    let checked = encodedTimeIndex(timeIndex.withUnsafeBytes { timeEntries(in: $0) }, base: .zero)
    let valid = zip(checked, timeIndex).prefix { $0 == $1 }.count / timeEntryBytes * timeEntryBytes
    return !genuine.starts(with: timeIndex[..<valid])
}

/// Whatever the time index says, the first record at or after a time is found.
private func checkSeek(to time: Int64, timeIndex: [UInt8]) {
    do {
        let topic = try topic.get()
        if liesCredibly(timeIndex, genuine: topic.timeIndex) { return }
        try topic.overwrite(topic.timeIndexFile, with: timeIndex)
        let found = try topic.reader().offset(atOrAfter: EventTime(milliseconds: time))
        let expected = (0..<12).first { Int64($0) * 60_000 >= time } ?? 12
        precondition(found == Offset(Int64(expected)), "time \(time) is at \(found), not at \(expected)")
    } catch {
        preconditionFailure("seek to time \(time): \(error)")
    }
}

private let indexSeeds: @Sendable () -> [[UInt8]] = {
    func seed(_ flags: UInt8, base: Int64, wanted: Int64, _ bytes: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(flags)
        writer.appendBigEndian(base)
        writer.appendBigEndian(wanted)
        return writer.array + bytes
    }
    let times = encodedTimeIndex((1...6).map { (Int64($0) * 180_000 - 60_000, UInt32($0) * 3) }, base: Offset(0))
    let offsets: [UInt8] = (0..<4).flatMap { [0, 0, 0, UInt8($0 * 3), 0, 0, 0, UInt8($0 * 80)] }
    var seeds = [
        seed(0, base: 0, wanted: 7, offsets), seed(0, base: .max - 5, wanted: .max, offsets),
        seed(1, base: 0, wanted: 400_000, times), seed(3, base: 9, wanted: 500_000, times),
        seed(3, base: .max - 5, wanted: 900_000, times),
    ]
    if let topic = try? topic.get() {
        seeds += [
            seed(4, base: 0, wanted: 7, topic.index), seed(5, base: 0, wanted: 400_000, topic.timeIndex),
        ]
    }
    return seeds
}
