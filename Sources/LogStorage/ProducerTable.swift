import EventModel
import Platform

/// What each producer has sent lately, so that a batch sent again is not stored twice.
///
/// As in Kafka, the last five batches of a producer are known; a producer's records are numbered on modulo 2³¹, and a
/// later epoch of a producer begins anew. The table as of a segment's first offset lies beside it, in `.producers`:
///
///     producers 4, and for each: id 8 │ epoch 2 │ batches 1 │ for each batch: sequence 4, records 4, base offset 8
///     CRC-32C of all that, begun with the segment's base offset 4
struct ProducerTable {
    private static let remembered = 5

    private struct Batch {
        var sequence: Int32
        var count: Int32
        var base: Offset
    }

    private struct Producer {
        var epoch: Int16
        /// Oldest first; never empty.
        var batches: [Batch]
    }

    private var producers: [Int64: Producer] = [:]
    /// Whether it was not found beside its segment and had to be gathered.
    private(set) var isGathered = false

    /// What is to be done with a batch.
    enum Verdict {
        case isNext
        /// It is stored already, from this offset on.
        case isStored(Offset)
        case isStale(newest: Int16)
        case isOutOfSequence(expected: Int32)
    }

    func verdict(on position: ProducerPosition, count: Int) -> Verdict {
        guard position.id >= 0, let producer = producers[position.id] else { return .isNext }
        if position.epoch < producer.epoch { return .isStale(newest: producer.epoch) }
        if position.epoch > producer.epoch { return .isNext }
        if let known = producer.batches.last(where: { $0.sequence == position.sequence && Int($0.count) == count }) {
            return .isStored(known.base)
        }
        let expected = next(of: position.id, producer)
        return position.sequence == expected.sequence ? .isNext : .isOutOfSequence(expected: expected.sequence)
    }

    /// The position of the producer's next record; nil when it never sent any.
    func next(of id: Int64) -> ProducerPosition? { producers[id].map { next(of: id, $0) } }

    private func next(of id: Int64, _ producer: Producer) -> ProducerPosition {
        let last = producer.batches[producer.batches.count - 1]
        return ProducerPosition(id: id, epoch: producer.epoch, sequence: last.sequence)
            .advanced(by: Int(last.count))
    }

    /// Takes note of a batch in the log, with as many records as it had when it was written.
    mutating func note(_ position: ProducerPosition, count: Int, base: Offset) {
        guard position.id >= 0 else { return }
        let batch = Batch(sequence: position.sequence, count: Int32(truncatingIfNeeded: count), base: base)
        var batches = producers[position.id].map { $0.epoch == position.epoch ? $0.batches : [] } ?? []
        if batches.count == Self.remembered { batches.removeFirst() }
        batches.append(batch)
        producers[position.id] = Producer(epoch: position.epoch, batches: batches)
    }

    mutating func note(_ batch: RecordBatchView) {
        note(batch.producer, count: Int(batch.endOffset.value - batch.baseOffset.value), base: batch.baseOffset)
    }

    /// Adds what another table knows of batches below `end`: retention may have removed those from the log.
    mutating func add(_ other: ProducerTable, below end: Offset) {
        for (id, producer) in other.producers {
            let mine = producers[id]
            if let mine, mine.epoch > producer.epoch { continue }
            var batches = mine.map { $0.epoch == producer.epoch ? $0.batches : [] } ?? []
            let bases = batches.map(\.base)
            batches += producer.batches.filter { $0.base < end && !bases.contains($0.base) }
            batches.sort { $0.base < $1.base }
            guard !batches.isEmpty else { continue }
            producers[id] = Producer(epoch: producer.epoch, batches: batches.suffix(Self.remembered))
        }
    }

    /// The table's bytes as of the first offset of `segment`.
    func encoded(for segment: SegmentName) -> MappedBytes {
        var writer = ByteWriter()
        writer.appendBigEndian(UInt32(truncatingIfNeeded: producers.count))
        for (id, producer) in producers.sorted(by: { $0.key < $1.key }) {
            writer.appendBigEndian(id)
            writer.appendBigEndian(producer.epoch)
            writer.append(UInt8(truncatingIfNeeded: producer.batches.count))
            for batch in producer.batches {
                writer.appendBigEndian(batch.sequence)
                writer.appendBigEndian(batch.count)
                writer.appendBigEndian(batch.base.value)
            }
        }
        writer.appendBigEndian(crc32c(writer.bytes, from: segment.checksumSeed))
        return MappedBytes(copying: writer.bytes)
    }

    init() {}

    /// - Returns: nil when the bytes are not the table of that segment.
    init?(_ bytes: UnsafeRawBufferPointer, for segment: SegmentName) {
        guard bytes.count >= 8 else { return nil }
        let covered = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - 4)])
        var trailer = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[covered.count...]))
        guard trailer.readBigEndian(UInt32.self) == crc32c(covered, from: segment.checksumSeed) else { return nil }
        var reader = ByteReader(covered)
        for _ in 0..<reader.readBigEndian(UInt32.self) where reader.isValid {
            let id = reader.readBigEndian(Int64.self)
            let epoch = reader.readBigEndian(Int16.self)
            var batches: [Batch] = []
            for _ in 0..<reader.readByte() where reader.isValid {
                batches.append(
                    Batch(
                        sequence: reader.readBigEndian(), count: reader.readBigEndian(),
                        base: Offset(reader.readBigEndian())))
            }
            guard !batches.isEmpty else { return nil }
            producers[id] = Producer(epoch: epoch, batches: batches)
        }
        guard reader.isValid, reader.remaining == 0 else { return nil }
    }

    /// The table as of the first offset of the segment `name`: read, or gathered anew from all segments before it.
    init(asOf name: SegmentName, in layout: TopicLayout, _ fileSystem: any FileSystem) throws(LogError) {
        if name.base == .zero { return }
        let path = "\(layout.directory)/\(name.producers)"
        let stored = try files { () throws(FileError) in
            try fileSystem.exists(path) ? try fileSystem.read(path) : []
        }
        if let table = stored.withUnsafeBytes({ ProducerTable($0, for: name) }) {
            self = table
            return
        }
        isGathered = true
        for segment in layout.segments where segment.name < name {
            var source = try files { () throws(FileError) in
                try SegmentSource(segment, in: layout.directory, fileSystem)
            }
            while let batch = try source.nextWhole() { note(batch) }
        }
    }
}
