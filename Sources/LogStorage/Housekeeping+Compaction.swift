import EventModel
import Platform

/// When a topic is compacted by key.
public struct CompactionPolicy: Sendable {
    /// A tombstone goes once it is older than that, counted back from `reference`: by then every reader should have
    /// seen it.
    public var tombstoneAge: EventDuration
    public var reference: EventTime
    /// Records from here on stay, and replace none before; nil: all are looked at.
    public var end: Offset?
    /// Offsets of records that go though no newer one has their key.
    public var obsolete: Set<Int64> = []

    public init(tombstoneAge: EventDuration = .day, reference: EventTime) {
        self.tombstoneAge = tombstoneAge
        self.reference = reference
    }
}

extension Housekeeping {
    /// Removes from the sealed segments each record that has a newer one with the same key below the durable end, and
    /// tombstones that are old enough. Offsets stay; batches keep their ends.
    ///
    /// Segments are replaced from the oldest on, so that no value comes back whose tombstone has gone. The keys are held
    /// in memory meanwhile.
    /// - Throws: `.noKey` before anything is changed, where a record has no key.
    public func compact(
        _ policy: CompactionPolicy, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(LogError) -> RewriteReport {
        let layout = try clear()
        var report = RewriteReport(layout)
        let all = 2 * report.bytesBefore
        var done = 0
        let newest = try newestOffsets(layout, before: min(policy.end ?? layout.durableEnd, layout.durableEnd)) {
            done += $0
            progress(done, all)
        }
        let limit = policy.reference - policy.tombstoneAge
        for segment in layout.segments.dropLast() {
            // Rolled since the durable end was read: its keys are not known.
            if segment.seal.map({ $0.endOffset > layout.durableEnd }) ?? true { break }
            let bytes = try compact(segment, &report) { record in
                if let end = policy.end, record.offset >= end { return true }
                return newest[record.keyBytes] == record.offset.value
                    && !(record.isTombstone && record.timestamp < limit)
                    && !policy.obsolete.contains(record.offset.value)
            }
            report.bytesAfter -= segment.bytes - bytes
            done += segment.bytes
            progress(done, all)
        }
        return report
    }

    /// The newest offset of each key below `end`.
    private func newestOffsets(
        _ layout: TopicLayout, before end: Offset, _ progress: (Int) -> Void
    ) throws(LogError) -> [[UInt8]: Int64] {
        var newest: [[UInt8]: Int64] = [:]
        for segment in layout.segments {
            var source = try files { () throws(FileError) in try SegmentSource(segment, in: directory, fileSystem) }
            while source.offset < end, let batch = try source.nextWhole() {
                var records = batch.records
                while let record = records.next() {
                    if record.key == nil { throw .noKey(offset: record.offset, directory: directory) }
                    if record.offset < end { newest[record.keyBytes] = record.offset.value }
                }
                if records.isMalformed { throw batch.malformedRecord(at: batch.baseOffset) }
                progress(batch.bytes.count)
            }
        }
        return newest
    }

    /// Replaces a segment by its records that stay, unless all do.
    /// - Returns: the bytes of the segment then.
    private func compact(
        _ segment: Segment, _ report: inout RewriteReport, _ stays: (RecordView) -> Bool
    ) throws(LogError) -> Int {
        var source = try files { () throws(FileError) in try SegmentSource(segment, in: directory, fileSystem) }
        let start = source
        var removed = 0
        while let batch = try source.nextWhole() {
            var records = batch.records
            while let record = records.next() { removed += stays(record) ? 0 : 1 }
        }
        if removed == 0 { return segment.bytes }
        report.recordsRemoved += removed
        source = start
        var replacement = try SegmentReplacement.begin([segment], in: self)
        var builder = RecordBatchBuilder()
        var end = segment.base
        while let batch = try source.nextWhole() {
            // Batches without records are joined with what follows them being left out.
            let kept = try builder.take(batch, stays)
            if kept == 0 && batch.endOffset.value - replacement.endOffset.value < Int64(Int32.max) / 2 {
                end = batch.endOffset
                continue
            }
            if replacement.endOffset < batch.baseOffset {
                try replacement.appendEmpty(upTo: batch.baseOffset)
            }
            end = batch.endOffset
            if kept == batch.count && kept > 0 {
                builder.removeAll()
                try replacement.append(batch)
            } else {
                try replacement.append(&builder, upTo: end, producer: batch.producer)
            }
        }
        if replacement.endOffset < end { try replacement.appendEmpty(upTo: end) }
        let bytes = replacement.bytes
        try replacement.commit()
        return bytes
    }
}

extension SegmentReplacement {
    /// Adds a batch without records for the offsets up to `end`.
    mutating func appendEmpty(upTo end: Offset) throws(LogError) {
        var builder = RecordBatchBuilder()
        try append(&builder, upTo: end, producer: .none)
    }
}

extension RecordBatchBuilder {
    /// Takes over the records of a batch that stay, at their places.
    /// - Returns: their number.
    fileprivate mutating func take(_ batch: RecordBatchView, _ stays: (RecordView) -> Bool) throws(LogError) -> Int {
        var records = batch.records
        while let record = records.next() {
            guard stays(record) else { continue }
            append(
                timestamp: record.timestamp, delta: Int(record.offset.value - batch.baseOffset.value), key: record.key,
                value: record.isTombstone ? nil : record.value, headerSection: record.headerSection)
        }
        if records.isMalformed { throw batch.malformedRecord(at: batch.baseOffset) }
        return count
    }
}

extension RecordView {
    fileprivate var keyBytes: [UInt8] { key.map { Array($0) } ?? [] }
}
