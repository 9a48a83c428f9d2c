import EventModel
import LogStorage
import Platform
import log_producers

/// What is wrong with a log that producers wrote.
enum Finding: Hashable, CustomStringConvertible {
    /// An acknowledged batch is not where it was said to be.
    case lost(Acknowledgement)
    /// A batch was acknowledged at an offset where another one stands.
    case misplaced(Acknowledgement, found: StoredBatch)
    /// A batch was acknowledged that does not lie below the durable end.
    case notDurable(Acknowledgement, durableEnd: Offset)
    /// Records of a producer are missing before this batch.
    case gap(StoredBatch, at: Offset, expected: Int)
    /// Records of a producer stand there a second time.
    case repeated(StoredBatch, at: Offset, expected: Int)
    /// A batch that is not as its producer sent it.
    case notAsSent(at: Offset)
    /// A batch that had been read is gone, or another one.
    case changed(StoredBatch, at: Offset)
    case unreadable(String)

    var description: String {
        switch self {
        case .lost(let line): "acknowledged, but not in the log: \(line)"
        case .misplaced(let line, let found): "acknowledged as \(line), but there stands \(found)"
        case .notDurable(let line, let end): "acknowledged as \(line), but the durable end is \(end)"
        case .gap(let batch, let offset, let expected): "offset \(offset): \(batch), expected record \(expected)"
        case .repeated(let batch, let offset, let expected): "offset \(offset): \(batch), again; expected \(expected)"
        case .notAsSent(let offset): "offset \(offset): not a batch as its producer sent it"
        case .changed(let batch, let offset): "offset \(offset): \(batch) has been there and is not any more"
        case .unreadable(let text): text
        }
    }
}

struct StoredBatch: Hashable, CustomStringConvertible {
    var producer: Int64
    /// The number of the first record among the producer's.
    var first: Int
    var count: Int

    var description: String { "records \(first)..<\(first + count) of producer \(producer)" }
}

/// Reads a topic again and again, and compares it with what was acknowledged and with what it read before.
struct LogChecker {
    /// How far the batches have been read, and the record that each producer comes to next.
    private struct Place {
        var offset = Offset.zero
        var next: [Int64: Int] = [:]
    }

    let directory: String
    let fileSystem: any FileSystem
    private(set) var findings: [Finding] = []
    /// All batches ever read, by their offsets.
    private(set) var batches: [Offset: StoredBatch] = [:]
    private(set) var acknowledged: Set<Acknowledgement> = []
    /// Where the last look ended, and where it began.
    private var end = Place()
    private var start = Place()

    init(directory: String, fileSystem: any FileSystem) {
        self.directory = directory
        self.fileSystem = fileSystem
    }

    /// Looks at what has come since the look before the last one.
    mutating func check(_ lines: some Sequence<Acknowledgement>) {
        let begin = start
        start = end
        read(from: begin, with: lines)
    }

    /// Looks at the last part once more, with nothing new acknowledged.
    mutating func checkAgain() { read(from: start, with: []) }

    /// Looks at everything.
    mutating func checkAll() {
        read(from: Place(), with: [])
        compare(acknowledged)
    }

    private mutating func read(from place: Place, with lines: some Sequence<Acknowledgement>) {
        var place = place
        do throws(LogError) {
            let reader = try TopicReader(directory: directory, fileSystem: fileSystem)
            let begin = place.offset
            let cursor = try reader.cursor(from: begin)
            while let batch = try cursor.nextBatch() { take(batch, &place) }
            for (offset, batch) in batches where offset >= place.offset {
                findings.append(.changed(batch, at: offset))
                batches[offset] = nil
            }
            end = place
            compare(lines)
            for line in lines where line.offset.advanced(by: line.count) > reader.durableEnd {
                findings.append(.notDurable(line, durableEnd: reader.durableEnd))
            }
        } catch { findings.append(.unreadable("\(error)")) }
        acknowledged.formUnion(lines)
    }

    private mutating func take(_ batch: RecordBatchView, _ place: inout Place) {
        defer { place.offset = batch.endOffset }
        let offset = batch.baseOffset
        guard let found = producerBatch(batch) else { return findings.append(.notAsSent(at: offset)) }
        let expected = place.next[found.producer] ?? 0
        if found.first > expected { findings.append(.gap(found, at: offset, expected: expected)) }
        if found.first < expected { findings.append(.repeated(found, at: offset, expected: expected)) }
        place.next[found.producer] = found.first + found.count
        if let known = batches.updateValue(found, forKey: offset), known != found {
            findings.append(.changed(known, at: offset))
        }
    }

    /// What the batch is by its first record; nil unless it is to the byte what that record's producer sends.
    private func producerBatch(_ batch: RecordBatchView) -> StoredBatch? {
        var records = batch.records
        var found: StoredBatch?
        var workload = Workload(producer: 0)
        while let record = records.next() {
            if found == nil {
                guard let key = record.key, key.count == 8, record.value.count >= 8 else { return nil }
                let first = Int(UInt64(bigEndian: record.value.loadUnaligned(as: UInt64.self)) & 0xFFFF_FFFF)
                workload = Workload(producer: Int64(bigEndian: key.loadUnaligned(as: Int64.self)))
                found = StoredBatch(
                    producer: workload.producer, first: first, count: workload.count(ofBatchAt: first))
            }
            guard let found else { return nil }
            let number = found.first + Int(record.offset.value - batch.baseOffset.value)
            guard record.key.map({ workload.key.elementsEqual($0) }) ?? false,
                record.timestamp == workload.time(number),
                workload.value(number).elementsEqual(record.value)
            else { return nil }
        }
        guard !records.isMalformed, let found, batch.count == found.count,
            batch.endOffset == batch.baseOffset.advanced(by: found.count),
            batch.producer == .none || batch.producer == workload.position(found.first)
        else { return nil }
        return found
    }

    private mutating func compare(_ lines: some Sequence<Acknowledgement>) {
        for line in lines {
            guard let found = batches[line.offset] else {
                findings.append(.lost(line))
                continue
            }
            if found != StoredBatch(producer: line.producer, first: line.first, count: line.count) {
                findings.append(.misplaced(line, found: found))
            }
        }
    }
}
