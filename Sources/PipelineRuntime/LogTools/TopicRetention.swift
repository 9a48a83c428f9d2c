import EventModel
import LogStorage
import Platform

/// Retention of one topic: what may go, and what still needs the rest. It holds the topic's housekeeping lock.
public struct TopicRetention {
    public struct Limits: Sendable {
        public var age: EventDuration?
        public var bytes: Int?
        /// Whether records go that readers with a stored offset have not seen.
        public var ignoresReaders = false

        public init() {}
    }

    /// The lowest first.
    public let floors: [RetentionFloor]
    public let plan: RetentionPlan
    /// Where ages are counted from.
    public let reference: EventTime
    private let housekeeping: Housekeeping

    public init(
        of topic: LogTopic, in log: LogDirectory, limits: Limits, fileSystem: any FileSystem, clock: any Clock
    ) throws(RuntimeError) {
        floors = try RetentionFloors(log, fileSystem: fileSystem).floors(
            of: topic, ignoringReaders: limits.ignoresReaders)
        let reference = try topic.presentTime(clock, fileSystem)
        self.reference = reference
        let floor = floors.first?.offset ?? Offset(.max)
        (housekeeping, plan) = try storage { () throws(LogError) in
            let housekeeping = try Housekeeping(topic.directory, fileSystem)
            return (
                housekeeping,
                try housekeeping.retentionPlan(
                    RetentionPolicy(
                        maximumAge: limits.age, maximumBytes: limits.bytes, reference: reference, floor: floor))
            )
        }
    }

    /// Removes what the plan names.
    public func apply() throws(RuntimeError) { try storage { () throws(LogError) in try housekeeping.apply(plan) } }

    public func end() { housekeeping.end() }
}

extension LogTopic {
    /// The records at the end whose times tell how far event time has come.
    private static let sampled = 1_001

    /// Where ages in the topic are counted from: the time in the middle of those of its last records, so that a history
    /// is as old as it was when it was written and single wrong clocks do not matter; the clock's time if that is
    /// earlier.
    public func presentTime(_ clock: any Clock, _ fileSystem: any FileSystem) throws(RuntimeError) -> EventTime {
        let now = EventTime(milliseconds: clock.processingTimeMilliseconds)
        var times: [EventTime] = []
        try storage { () throws(LogError) in
            let reader = try TopicReader(directory: directory, fileSystem: fileSystem)
            reader.stopsAtDurableEnd = true
            let first = max(reader.startOffset, Offset(reader.durableEnd.value - Int64(Self.sampled)))
            let cursor = try reader.cursor(from: first)
            while let batch = try cursor.nextBatch() {
                var records = batch.records
                while let record = records.next() { times.append(record.timestamp) }
            }
        }
        if times.isEmpty { return now }
        return min(now, times.sorted()[times.count / 2])
    }
}
