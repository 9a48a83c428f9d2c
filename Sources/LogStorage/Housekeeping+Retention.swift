import EventModel
import Platform

/// What may be removed from the beginning of a topic.
public struct RetentionPolicy: Sendable {
    /// Records older than that, counted back from `reference`, may go.
    public var maximumAge: EventDuration?
    /// The oldest records may go while there are more bytes than that.
    public var maximumBytes: Int?
    /// Where ages are counted from. Records later than that do not keep a segment from ageing: a bad clock wrote them.
    public var reference: EventTime
    /// Records at or above are needed.
    public var floor: Offset

    public init(maximumAge: EventDuration?, maximumBytes: Int?, reference: EventTime, floor: Offset) {
        self.maximumAge = maximumAge
        self.maximumBytes = maximumBytes
        self.reference = reference
        self.floor = floor
    }
}

/// The segments that a policy removes: always whole ones, from the oldest on, and never the one that is written.
public struct RetentionPlan: Sendable {
    public var start: Offset
    /// The offset of the oldest record afterwards.
    public var newStart: Offset
    public var segments = 0
    public var records = 0
    public var bytes = 0
    /// Whether more would go if the floor were higher.
    public var isHeldByFloor = false
}

extension Housekeeping {
    /// What the policy removes now.
    public func retentionPlan(_ policy: RetentionPolicy) throws(LogError) -> RetentionPlan {
        let layout = try clear()
        let floor = min(policy.floor, layout.durableEnd)
        var plan = RetentionPlan(start: layout.start, newStart: layout.start)
        var bytesLeft = layout.segments.reduce(0) { $0 + $1.bytes }
        for segment in layout.segments.dropLast() {
            guard let seal = segment.seal else { break }
            let isTooMuch = policy.maximumBytes.map { bytesLeft > $0 } ?? false
            if !isTooMuch, try !isTooOld(segment, seal, policy) { break }
            if seal.endOffset > floor {
                plan.isHeldByFloor = true
                break
            }
            bytesLeft -= segment.bytes
            plan.newStart = seal.endOffset
            plan.segments += 1
            plan.records += seal.records
            plan.bytes += segment.bytes
        }
        return plan
    }

    private func isTooOld(_ segment: Segment, _ seal: SegmentSeal, _ policy: RetentionPolicy) throws(LogError) -> Bool {
        guard let age = policy.maximumAge else { return false }
        let limit = policy.reference - max(age, .zero)
        guard let latest = seal.times?.upperBound else { return true }
        if latest <= policy.reference { return latest < limit }
        var source = try files { () throws(FileError) in try SegmentSource(segment, in: directory, fileSystem) }
        while let batch = try source.nextWhole() {
            if batch.maxTimestamp < limit { continue }
            var records = batch.records
            while let record = records.next() {
                if limit...policy.reference ~= record.timestamp { return false }
            }
        }
        return true
    }

    /// Removes what a plan names: first the new start is made durable, then the files go.
    public func apply(_ plan: RetentionPlan) throws(LogError) {
        guard plan.newStart > plan.start else { return }
        guard try TopicLayout(directory, fileSystem).segments.contains(where: { $0.base == plan.newStart }) else {
            throw .refused("\(directory): segments have been merged since the retention was planned; plan it again")
        }
        let start = try SlotFile(TopicLayout.startPath(directory), first: .zero, fileSystem)
        defer { start.close() }
        try files { () throws(FileError) in try start.store(plan.newStart) }
        try removeStrangers(try TopicLayout(directory, fileSystem))
    }
}
