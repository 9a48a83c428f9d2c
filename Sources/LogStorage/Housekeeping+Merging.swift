import EventModel
import Platform

/// What merging or compaction did.
public struct RewriteReport: Sendable {
    public var segmentsBefore = 0
    public var segmentsAfter = 0
    public var bytesBefore = 0
    public var bytesAfter = 0
    public var recordsRemoved = 0
}

extension Housekeeping {
    /// Joins adjacent sealed segments that fit into one of the topic's size together; batches stay as they are.
    /// - Parameter progress: told the bytes done and the bytes of all.
    public func merge(progress: (Int, Int) -> Void = { _, _ in }) throws(LogError) -> RewriteReport {
        let layout = try clear()
        var report = RewriteReport(layout)
        var done = 0
        for group in mergeable(layout) {
            var replacement = try SegmentReplacement.begin(group, in: self)
            for segment in group {
                var source = try files { () throws(FileError) in
                    try SegmentSource(segment, in: directory, fileSystem)
                }
                while let batch = try source.nextWhole() {
                    try replacement.append(batch)
                    done += batch.bytes.count
                    progress(done, report.bytesBefore)
                }
            }
            try replacement.commit()
            report.segmentsAfter -= group.count - 1
        }
        return report
    }

    /// Runs of sealed segments, each of two at least, that may become one.
    private func mergeable(_ layout: TopicLayout) -> [[Segment]] {
        var groups: [[Segment]] = []
        var group: [Segment] = []
        for segment in layout.segments.dropLast() {
            let bytes = group.reduce(segment.bytes) { $0 + $1.bytes }
            let end = segment.seal?.endOffset.value ?? .max
            let fits = bytes <= options.segmentBytes && end - (group.first ?? segment).base.value <= Int64(Int32.max)
            if !fits {
                groups.append(group)
                group = []
            }
            group.append(segment)
        }
        groups.append(group)
        return groups.filter { $0.count > 1 }
    }
}

extension RewriteReport {
    init(_ layout: TopicLayout) {
        segmentsBefore = layout.segments.count
        segmentsAfter = segmentsBefore
        bytesBefore = layout.segments.reduce(0) { $0 + $1.bytes }
        bytesAfter = bytesBefore
    }
}
