import EventModel

/// What one segment of a topic holds.
public struct SegmentInfo: Sendable {
    /// The log file's name within the topic's directory.
    public var file: String
    /// From its first offset to its end.
    public var offsets: Range<Offset>
    public var records: Int
    public var bytes: Int
    /// From the earliest of the batches' first timestamps to the latest of all; nil without records.
    public var times: ClosedRange<EventTime>?
    /// Whether it is full and changes no more.
    public var isSealed: Bool
}

extension TopicReader {
    /// The topic's segments, oldest first.
    /// - Complexity: O(batches of the segments that are not sealed).
    public func segments() throws(LogError) -> [SegmentInfo] {
        var found: [SegmentInfo] = []
        for segment in layout.segments {
            var contents = SegmentContents(from: segment.base)
            if let seal = segment.seal {
                contents = seal.contents
            } else {
                let cursor = try cursor(from: segment.base)
                while let batch = try cursor.nextBatch() { contents.add(batch) }
            }
            found.append(
                SegmentInfo(
                    file: segment.name.log, offsets: segment.base..<contents.endOffset, records: contents.records,
                    bytes: segment.bytes, times: contents.times, isSealed: segment.seal != nil))
        }
        return found
    }
}
