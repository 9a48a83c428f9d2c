import EventModel
import Windowing

/// All reference tables of a plan, and the way from an event's row of integers to what it reads of them.
public struct ReferenceTables: ~Copyable, @unchecked Sendable {
    /// A join laid out flat.
    struct Step: BitwiseCopyable {
        var table: Int
        var key0: Int
        /// -1: the key is one column.
        var key1: Int
        var kinds: UInt64
        var isDirect: Bool
        var readEnd: Int
    }

    struct Read: BitwiseCopyable {
        /// -1: whether there is a row.
        var value: Int
        var place: Int
        var kind: Kind
        var missing: Int64

        enum Kind: UInt8 { case integer, double, millionths }
    }

    private let tables: UnsafeMutablePointer<ReferenceTable>
    private let tableCount: Int
    private let steps: UnsafeMutablePointer<Step>
    private let stepCount: Int
    private let reads: UnsafeMutablePointer<Read>

    public init(_ plan: FeaturePlan) {
        tableCount = plan.tables.count
        tables = .allocate(capacity: max(tableCount, 1))
        for (index, table) in plan.tables.enumerated() {
            (tables + index).initialize(
                to: ReferenceTable(
                    name: table.name, hasTextKeys: table.hasTextKeys, valueCount: table.stored.count))
        }
        stepCount = plan.joins.count
        steps = .allocate(capacity: max(stepCount, 1))
        reads = .allocate(capacity: max(plan.joins.reduce(0) { $0 + $1.reads.count }, 1))
        var readEnd = 0
        for (index, join) in plan.joins.enumerated() {
            for read in join.reads {
                reads[readEnd] = Read(read)
                readEnd += 1
            }
            steps[index] = Step(
                table: join.table, key0: join.keyPlaces[0], key1: join.keyPlaces.count > 1 ? join.keyPlaces[1] : -1,
                kinds: join.kinds, isDirect: join.isDirect, readEnd: readEnd)
        }
    }

    deinit {
        tables.deinitialize(count: tableCount)
        tables.deallocate()
        steps.deallocate()
        reads.deallocate()
    }

    /// Whether events read anything.
    public var hasJoins: Bool { stepCount > 0 }

    public var byteCount: Int { (0..<tableCount).reduce(0) { $0 + tables[$1].byteCount } }

    public var digest: StateDigest { StateDigest(sum: (0..<tableCount).reduce(0) { $0 &+ tables[$1].digest.sum }) }

    /// Rows that are or were there, and their versions.
    public var size: (rows: Int, versions: Int) {
        (0..<tableCount).reduce((0, 0)) { ($0.0 + tables[$1].keyCount, $0.1 + tables[$1].versionCount) }
    }

    // MARK: verbs

    /// Fills in what an event reads of all tables.
    /// - Parameters:
    ///   - kind: of the event.
    ///   - time: as of which it asks.
    ///   - integers: the row's; so `doubles`.
    /// - Complexity: O(reads) and, for each join, O(versions later than `time`).
    public func join(
        kind: UInt8, asOf time: EventTime, integers: UnsafeMutablePointer<Int64>,
        doubles: UnsafeMutablePointer<Double>
    ) {
        // A row that always was is so before every event time.
        let time = max(time, EventTime.range.lowerBound).milliseconds
        var place = 0
        for index in 0..<stepCount {
            let step = steps[index]
            var values: UnsafePointer<Int64>?
            if step.kinds >> UInt64(kind) & 1 == 1 {
                let key = (integers[step.key0], step.key1 < 0 ? 0 : integers[step.key1])
                values = tables[step.table].values(key, asOf: time)
            }
            while place < step.readEnd {
                let read = reads[place]
                place &+= 1
                switch read.kind {
                case .integer:
                    integers[read.place] =
                        if let values { read.value < 0 ? 1 : values[read.value] } else { read.missing }
                case .double:
                    doubles[read.place] = Double(bitPattern: UInt64(bitPattern: values?[read.value] ?? read.missing))
                case .millionths:
                    integers[read.place] =
                        if let values { inMillionths(Double(bitPattern: UInt64(bitPattern: values[read.value]))) } else
                        {
                            read.missing
                        }
                }
            }
        }
    }

    /// Brings the places of a row's keys close.
    @inline(__always) public func prefetch(integers: UnsafePointer<Int64>) {
        for index in 0..<stepCount where steps[index].isDirect {
            let step = steps[index]
            tables[step.table].prefetch((integers[step.key0], step.key1 < 0 ? 0 : integers[step.key1]))
        }
    }

    /// Takes a change of a table, by its place in the plan.
    public mutating func take(
        _ change: ReferenceTable.Change, of table: Int, text: String, values: UnsafePointer<Int64>, earliest: EventTime
    ) -> ReferenceTable.Outcome {
        tables[table].take(change, text: text, values: values, earliest: earliest)
    }

    /// The change that a row of a table is as of `time` by; nil where it is not there.
    public func change(
        of key: [ColumnValue], in table: Int, asOf time: EventTime
    ) -> (offset: Offset, since: EventTime)? {
        tables[table].change(Self.words(key), asOf: max(time, EventTime.range.lowerBound))
    }

    /// A key as the tables know it.
    public static func words(_ key: [ColumnValue]) -> (Int64, Int64) {
        let words = key.map { JoinCompiler.word($0, .integer(place: 0)) }
        return (words.first ?? 0, words.count > 1 ? words[1] : 0)
    }

    // MARK: saved state

    public func encode(into writer: inout ByteWriter) {
        for index in 0..<tableCount { tables[index].encode(into: &writer) }
    }

    /// Takes up what `encode` wrote for the same plan; the tables must be new.
    public mutating func decode(from reader: inout ByteReader) throws(StateCodingError) {
        for index in 0..<tableCount { try tables[index].decode(from: &reader) }
    }
}

extension ReferenceTables.Read {
    init(_ read: FeaturePlan.Join.Read) {
        value = read.value ?? -1
        missing = read.missing
        switch read.target {
        case .integer(let place): (self.place, kind) = (place, .integer)
        case .double(let place): (self.place, kind) = (place, .double)
        case .millionths(let place): (self.place, kind) = (place, .millionths)
        }
    }
}
