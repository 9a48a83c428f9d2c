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

    public init() {}

    public var transactions: Int64 { decisions.reduce(0, +) }
    public func decisions(_ status: DecisionStatus) -> Int64 { decisions[Int(status.rawValue)] }
    public func side(_ reason: SideReason) -> Int64 { sides[Int(reason.rawValue)] }

    /// Whether each record stands in exactly one place. A record too late or quarantined has its decision; its copy in
    /// the side output is not counted again.
    public var isBalanced: Bool {
        let onlyInSides = sides.reduce(0, +) - side(.tooLate) - side(.aheadOfArrival)
        return records == transactions + labels + commands + onlyInSides
            && side(.tooLate) == decisions(.tooLate) && side(.aheadOfArrival) == decisions(.quarantined)
    }

    public func encode(into writer: inout ByteWriter) {
        writer.encode(decisions)
        writer.encode(sides)
        for count in [labels, corrections, commands, records] { writer.encode(count) }
    }

    public init(decoding reader: inout ByteReader) throws(StateCodingError) {
        decisions = try reader.decodeInt64s()
        sides = try reader.decodeInt64s()
        labels = try reader.decodeInt64()
        corrections = try reader.decodeInt64()
        commands = try reader.decodeInt64()
        records = try reader.decodeInt64()
        guard decisions.count == DecisionStatus.allCases.count, sides.count == SideReason.allCases.count else {
            throw StateCodingError("counts of other reasons than this program knows")
        }
    }
}
