import EventModel
import LogStorage
import Platform

extension TableTopics {
    /// What of a table's topic compaction may take: a record that another replaces which the remaining input has no
    /// part in. Replays begin at the input's start, so what stands there or behind is not touched.
    ///
    /// - Parameter time: nothing in the remaining input asks for a time before it: of the versions that took effect by
    ///   then, a row needs the newest. nil: all stay.
    public static func compactionPolicy(
        of table: String, in log: LogDirectory, collapsingBefore time: EventTime?, reference: EventTime,
        fileSystem: any FileSystem
    ) throws(RuntimeError) -> CompactionPolicy {
        var policy = CompactionPolicy(reference: reference)
        try storage { () throws(LogError) in
            let start = try TopicReader(directory: log.input, fileSystem: fileSystem).startOffset
            var end = Offset.zero
            var newest: [[UInt8]: (effective: EventTime, offset: Int64)] = [:]
            var obsolete: Set<Int64> = []
            try forEachChange(of: table, in: log, before: start, fileSystem: fileSystem) { record, _, _ in
                end = Offset(record.offset.value + 1)
                guard let time, record.timestamp <= time else { return }
                let row = record.key.flatMap { key in key.lastIndex(of: UInt8(ascii: "@")).map { Array(key[..<$0]) } }
                guard let row else { return }
                if let known = newest[row] {
                    let isNewer = record.timestamp >= known.effective
                    obsolete.insert(isNewer ? known.offset : record.offset.value)
                    if !isNewer { return }
                }
                newest[row] = (record.timestamp, record.offset.value)
            }
            policy.end = end
            policy.obsolete = obsolete
        }
        return policy
    }
}
