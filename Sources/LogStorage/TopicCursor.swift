import EventModel
import Platform

/// A reader's place in a topic.
public final class TopicCursor {
    private let reader: TopicReader
    /// The first record not yet given.
    public private(set) var offset: Offset
    private var segment: SegmentName?
    private var bytes: MappedBytes?
    private var generation: Int
    private var position = 0
    private var readBehind = ReadBehind()
    /// The offset of the batch at `position`.
    private var batchOffset = Offset.zero

    init(_ reader: TopicReader, from offset: Offset) {
        self.reader = reader
        self.offset = offset
        generation = reader.generation
    }

    /// The next batch, or nil at the end of what there is; call `reader.refresh()` and ask again for more.
    ///
    /// The first batch may begin before the cursor's offset; its `records` begin at it. Batches at or above
    /// `reader.durableEnd` may still be lost in a crash.
    /// - Throws: `LogError.corrupt` when the bytes are damaged below the durable end or inside a sealed segment.
    public func nextBatch() throws(LogError) -> RecordBatchView? {
        if generation != reader.generation { try refresh() }
        while true {
            guard let place = try place() else { return nil }
            if reader.stopsAtDurableEnd && batchOffset >= reader.durableEnd { return nil }
            if position >= place.bytes.bytes.count {
                if try moveToNextSegment() { continue }
                try checkEnd(place.segment, "the log ends here, but more had been made durable")
                return nil
            }
            switch RecordBatchView.at(position, of: place.bytes, expecting: batchOffset) {
            case .success(let batch):
                position += batch.byteCount
                readBehind.advance(to: position, of: place.bytes)
                batchOffset = batch.endOffset
                guard batch.endOffset > offset else { continue }
                defer { offset = batch.endOffset }
                return batch.baseOffset < offset ? batch.starting(at: offset) : batch
            case .failure(let fault):
                try checkEnd(place.segment, fault.text)
                return nil
            }
        }
    }

    /// After `reader.refresh()`: sees what was appended to the segment since. `nextBatch` does it by itself.
    public func refresh() throws(LogError) {
        if let segment { bytes = try reader.map(segment) }
        generation = reader.generation
    }

    /// Throws if the records cannot end at this place of `segment`.
    private func checkEnd(_ segment: SegmentName, _ what: String) throws(LogError) {
        if segment == reader.segments.last && batchOffset >= reader.durableEnd { return }
        throw .corrupt(segment: segment.log, position: position, offset: batchOffset, what: what)
    }

    private func place() throws(LogError) -> (segment: SegmentName, bytes: MappedBytes)? {
        if let segment, let bytes { return (segment, bytes) }
        guard let found = reader.segments.last(where: { $0.base <= offset }) else {
            if offset < reader.durableEnd { throw reader.outOfRange(offset) }
            return nil
        }
        let hint = try reader.hint(for: offset, in: found)
        let map = try reader.map(found)
        segment = found
        bytes = map
        readBehind = ReadBehind()
        (batchOffset, position) = (found.base, 0)
        // The scan begins at the index's entry if there really is that batch, and else at the segment's start.
        if let hint, hint.position < map.bytes.count,
            case .success = RecordBatchView.at(hint.position, of: map, expecting: hint.offset)
        {
            (batchOffset, position) = hint
        }
        return (found, map)
    }

    private func moveToNextSegment() throws(LogError) -> Bool {
        guard let segment, let next = reader.segments.first(where: { $0 > segment }) else { return false }
        guard next.base == batchOffset else {
            throw .corrupt(
                segment: segment.log, position: position, offset: batchOffset,
                what: "the segment ends here, but the next one begins at offset \(next.base)")
        }
        self.segment = next
        bytes = try reader.map(next)
        position = 0
        readBehind = ReadBehind()
        reader.release(before: next)
        return true
    }
}
