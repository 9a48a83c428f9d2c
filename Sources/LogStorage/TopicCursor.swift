import EventModel
import Platform

/// A reader's place in a topic.
public final class TopicCursor {
    private let reader: TopicReader
    /// The first record not yet given.
    public private(set) var offset: Offset
    private var source: SegmentSource?
    /// The reader's numbers when the cursor last looked.
    private var cuts: Int
    private var refreshes: Int

    init(_ reader: TopicReader, from offset: Offset) {
        self.reader = reader
        self.offset = offset
        cuts = reader.cuts
        refreshes = reader.refreshes
    }

    /// The next batch, or nil at the end of what there is; call `reader.refresh()` and ask again for more.
    ///
    /// The first batch may begin before the cursor's offset; its `records` begin at it. Batches at or above
    /// `reader.durableEnd` may still be lost in a crash.
    /// - Throws: `LogError.corrupt` when the bytes are damaged below the durable end or inside a sealed segment;
    ///   `LogError.outOfRange` when the records were removed by retention meanwhile.
    public func nextBatch() throws(LogError) -> RecordBatchView? {
        while try hasSource(), var source {
            if reader.stopsAtDurableEnd && source.offset >= reader.durableEnd { return nil }
            let found = try files { () throws(FileError) in try source.next() }
            self.source = source
            switch found {
            case .batch(let batch):
                guard batch.endOffset > offset else { continue }
                defer { offset = batch.endOffset }
                return batch.baseOffset < offset ? batch.starting(at: offset) : batch
            case .end:
                if try moveOn(from: source) { continue }
                if try !endsHere(source, "the log ends here, but more had been made durable") { continue }
                return nil
            case .fault(let fault):
                if try !endsHere(source, fault.text) { continue }
                return nil
            }
        }
        return nil
    }

    /// Whether the records end at this place; false where the topic has changed and one has to look again.
    /// - Throws: where they cannot.
    private func endsHere(_ source: SegmentSource, _ what: String) throws(LogError) -> Bool {
        if reader.mayEnd(source) { return true }
        // The topic may have been cut back, or have grown, since the reader last looked.
        let cuts = reader.cuts
        try reader.refresh()
        if cuts != reader.cuts { return false }
        if reader.mayEnd(source) { return true }
        if source.isAtEnd, try moveOn(from: source) { return false }
        if source.offset < reader.startOffset { throw reader.outOfRange(source.offset) }
        throw .corrupt(
            file: reader.path(source.segment.name), position: source.position, offset: source.offset, what: what)
    }

    /// Finds the segment of `offset`, unless the cursor stands in one.
    private func hasSource() throws(LogError) -> Bool {
        if cuts != reader.cuts { source = nil }
        // A segment that was still written may be another file by now.
        if refreshes != reader.refreshes, let old = source, old.segment.seal == nil { source = nil }
        (cuts, refreshes) = (reader.cuts, reader.refreshes)
        if source != nil { return true }
        guard let segment = reader.layout.segment(holding: offset) else {
            if offset < reader.durableEnd { throw reader.outOfRange(offset) }
            return false
        }
        source = try reader.open(segment, at: offset)
        return source != nil
    }

    /// Goes on in the segment that holds the next offset, if there is one: the next one, or what this one was merged
    /// into.
    private func moveOn(from source: SegmentSource) throws(LogError) -> Bool {
        let end = source.offset
        guard let next = reader.layout.segment(holding: end) else { return false }
        let isBehind = next.base == end && next.name != source.segment.name
        guard isBehind || next.seal.map({ $0.endOffset > end }) ?? false else {
            guard let later = reader.layout.segments.first(where: { $0.base > end }) else { return false }
            throw .corrupt(
                file: reader.path(source.segment.name), position: source.position, offset: end,
                what: "the segment ends here, but the next one begins at offset \(later.base)")
        }
        offset = max(offset, end)
        self.source = try reader.open(next, at: end)
        return self.source != nil
    }
}
