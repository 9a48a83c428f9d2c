import EventModel

/// Where every record went: the counts add up to the records read.
public struct Tally: Hashable, Sendable {
    /// Decisions, by status.
    public var decisions = [Int64](repeating: 0, count: DecisionStatus.allCases.count)
    /// Records for side outputs, by reason.
    public var sides = [Int64](repeating: 0, count: SideReason.allCases.count)
    /// Labels taken, corrections among them.
    public var labels: Int64 = 0
    public var corrections: Int64 = 0
    public var commands: Int64 = 0
    public var records: Int64 = 0
    /// Events of other kinds: those that entered windows; those too late and those ahead of their arrival, which stand
    /// in a side output only; those of kinds that the pipeline does not declare.
    public var events: Int64 = 0
    public var lateEvents: Int64 = 0
    public var quarantinedEvents: Int64 = 0
    public var ignoredEvents: Int64 = 0
    /// Changes of reference tables that were taken.
    public var changes: Int64 = 0

    public init() {}

    public var transactions: Int64 { decisions.reduce(0, +) }
    public func decisions(_ status: DecisionStatus) -> Int64 { decisions[Int(status.rawValue)] }
    public func side(_ reason: SideReason) -> Int64 { sides[Int(reason.rawValue)] }

    /// Whether each record stands in exactly one place. A record too late or quarantined has its decision; its copy in
    /// the side output is not counted again; an event of another kind has none.
    public var isBalanced: Bool {
        let onlyInSides = sides.reduce(0, +) - decisions(.tooLate) - decisions(.quarantined)
        return records == transactions + events + ignoredEvents + changes + labels + commands + onlyInSides
            && side(.tooLate) == decisions(.tooLate) + lateEvents
            && side(.aheadOfArrival) == decisions(.quarantined) + quarantinedEvents
    }

    public func encode(into writer: inout ByteWriter) {
        writer.encode(decisions)
        writer.encode(sides)
        for count in [
            labels, corrections, commands, records, events, lateEvents, quarantinedEvents, ignoredEvents,
            changes,
        ] {
            writer.encode(count)
        }
    }

    public init(decoding reader: inout ByteReader) throws(StateCodingError) {
        decisions = try reader.decodeInt64s()
        sides = try reader.decodeInt64s()
        labels = try reader.decodeInt64()
        corrections = try reader.decodeInt64()
        commands = try reader.decodeInt64()
        records = try reader.decodeInt64()
        events = try reader.decodeInt64()
        lateEvents = try reader.decodeInt64()
        quarantinedEvents = try reader.decodeInt64()
        ignoredEvents = try reader.decodeInt64()
        changes = try reader.decodeInt64()
        guard decisions.count == DecisionStatus.allCases.count, sides.count == SideReason.allCases.count else {
            throw StateCodingError("counts of other reasons than this program knows")
        }
    }
}
