import EventModel
import Platform

/// What opening a topic found.
public struct RecoveryReport: Hashable, Sendable {
    /// Bytes of an incomplete or damaged tail that was cut off; none of it had been acknowledged.
    public var bytesCut = 0
    /// Where the tail was cut.
    public var cutAt: Offset?
    /// What was wrong with it.
    public var reason: String?

    public init() {}
}

extension TopicWriter {
    /// Finds the end of the newest segment, cuts off a torn tail and makes what is left durable.
    func recover() throws(LogError) {
        try scan(cuttingAt: nil)
        guard endOffset >= durableEnd else {
            throw .corrupt(
                segment: segment.log, position: progress.bytes, offset: endOffset,
                what:
                    "the log ends here, but offsets up to \(durableEnd) had been made durable; the next record is missing"
            )
        }
        try sync()
    }

    /// Walks over the newest segment's batches, writes its indexes anew, and cuts the file at `end` or, without one,
    /// where the first batch that is not whole begins. It cuts nothing below the durable end.
    func scan(cuttingAt end: Offset?) throws(LogError) {
        try startSegment()
        endOffset = segment.base
        let path = "\(directory)/\(segment.log)"
        let bytes = try guarded { () throws(FileError) in try fileSystem.map(path) }
        var readBehind = ReadBehind()
        while progress.bytes < bytes.bytes.count, end.map({ endOffset < $0 }) ?? true {
            switch RecordBatchView.at(progress.bytes, of: bytes, expecting: endOffset) {
            case .success(let batch):
                try noteBatch(bytes: batch.byteCount, base: batch.baseOffset, maxTimestamp: batch.maxTimestamp)
                endOffset = batch.endOffset
                readBehind.advance(to: progress.bytes, of: bytes)
            case .failure(let fault):
                if endOffset < durableEnd || end != nil {
                    throw .corrupt(
                        segment: segment.log, position: progress.bytes, offset: endOffset, what: fault.text)
                }
                recovery.bytesCut = bytes.bytes.count - progress.bytes
                recovery.cutAt = endOffset
                recovery.reason = fault.text
                return try cut()
            }
        }
        try cut()
    }

    private func cut() throws(LogError) {
        try guarded { () throws(FileError) in
            if try segmentFiles.log.size() > progress.bytes {
                try segmentFiles.log.truncate(to: progress.bytes)
                try segmentFiles.log.sync()
            }
        }
    }
}
