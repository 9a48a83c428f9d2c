import EventModel

extension FeaturePlan {
    /// A reference table, and which of its columns joins read.
    public struct Table: Sendable {
        public var name: String
        public var hasTextKeys: Bool
        /// Of the table's declared columns, in the order of a version's values.
        public var stored: [Column]
    }

    /// How an event finds its row of a table, and what it reads there.
    public struct Join: Sendable {
        /// Where a value goes.
        public enum Target: Hashable, Sendable {
            case integer(place: Int)
            case double(place: Int)
            /// A double as windows take it.
            case millionths(place: Int)
        }

        public struct Read: Sendable {
            /// Among the stored columns; nil: whether there is a row.
            public var value: Int?
            public var target: Target
            /// The word of an event without a row.
            public var missing: Int64
            public var name: String
        }

        public var name: String
        public var table: Int
        /// One or two places among a row's integers.
        public var keyPlaces: [Int]
        public var keyColumns: [String]
        /// Bit k is set where events of kind k have the key.
        public var kinds: UInt64
        /// Whether the key is of the event's own columns, not of another join's.
        public var isDirect: Bool
        public var reads: [Read]
    }
}

/// The joins in the making: those that features name, each behind the ones that its key comes from.
struct JoinCompiler {
    let specifications: [TableSpecification]
    var tables: [FeaturePlan.Table]
    var joins: [FeaturePlan.Join] = []

    init(_ specifications: [TableSpecification]) {
        self.specifications = specifications
        tables = specifications.map { table in
            let keys = table.columns.filter { table.keyColumns.contains($0.name) }
            return FeaturePlan.Table(
                name: table.name, hasTextKeys: keys.contains { $0.type == .string }, stored: [])
        }
    }

    /// What `name` says: `JOIN.COLUMN`; nil where it has no such form.
    static func parts(_ name: String) -> (join: String, column: String)? {
        guard let dot = name.firstIndex(of: ".") else { return nil }
        return (String(name[..<dot]), String(name[name.index(after: dot)...]))
    }

    /// The declared join of a name, by its table's index.
    func declared(_ name: String) -> (table: Int, join: TableJoin)? {
        for (index, table) in specifications.enumerated() {
            if let join = table.joins.first(where: { $0.name == name }) { return (index, join) }
        }
        return nil
    }

    /// The column that `JOIN.COLUMN` names, under that name; nil where there is none.
    func column(_ name: String) -> Column? {
        guard let parts = Self.parts(name), let (table, _) = declared(parts.join),
            let column = specifications[table].columns.first(where: { $0.name == parts.column })
        else { return nil }
        return Column(name, column.type)
    }

    /// Why there is no column of that name.
    func problem(_ name: String) -> String? {
        guard let parts = Self.parts(name) else { return nil }
        guard let (table, _) = declared(parts.join) else {
            let known = specifications.flatMap(\.joins).map(\.name)
            return known.isEmpty
                ? "'\(name)' would be of a table, but none is declared"
                : "there is no table '\(parts.join)'; there are \(known.joined(separator: ", "))"
        }
        let known = specifications[table].columns.map(\.name).joined(separator: ", ")
        return "table '\(parts.join)' has no column '\(parts.column)'; it has \(known)"
    }

    /// Where a column of a table stands among the stored ones.
    mutating func store(_ column: Column, of table: Int) -> Int {
        if let index = tables[table].stored.firstIndex(where: { $0.name == column.name }) { return index }
        tables[table].stored.append(column)
        return tables[table].stored.count - 1
    }

    mutating func add(_ read: FeaturePlan.Join.Read, to join: Int) {
        guard !joins[join].reads.contains(where: { $0.target == read.target }) else { return }
        joins[join].reads.append(read)
    }

    /// The word of an event without a row.
    static func word(_ value: ColumnValue, _ target: FeaturePlan.Join.Target) -> Int64 {
        switch value {
        case .integer(let number): return number
        case .text(let text): return Int64(bitPattern: stableHash(text))
        case .double(let number):
            if case .millionths = target { return inMillionths(number) }
            return Int64(bitPattern: number.bitPattern)
        }
    }
}

/// What the value of a declared join's read of "whether there is a row" is called.
func knownName(_ join: String) -> String { "known(\(join))" }

extension FeatureCompiler {
    /// Makes the plan's part of the join that a column's name begins with.
    private mutating func join(_ name: String) -> Int? {
        if let known = joins.joins.firstIndex(where: { $0.name == name }) { return known }
        guard let (table, declared) = joins.declared(name) else { return nil }
        var places: [Int] = []
        var mask = UInt64.max
        var isDirect = true
        for key in declared.columns {
            if JoinCompiler.parts(key) != nil {
                guard let column = joins.column(key) else { return nil }
                places.append(place(of: column))
                isDirect = false
                if let parts = JoinCompiler.parts(key), let above = joins.joins.first(where: { $0.name == parts.join })
                {
                    mask &= above.kinds
                }
            } else {
                guard let column = columns.first(where: { $0.name == key }) else { return nil }
                places.append(place(of: column))
                for (index, kind) in kinds.enumerated() where !kind.columns.contains(where: { $0.name == key }) {
                    mask &= ~(1 << UInt64(index))
                }
            }
        }
        joins.joins.append(
            FeaturePlan.Join(
                name: name, table: table, keyPlaces: places, keyColumns: declared.columns, kinds: mask,
                isDirect: isDirect, reads: []))
        return joins.joins.count - 1
    }

    /// Has the column's value, where it is one of a table's, put to a place.
    mutating func read(_ column: Column, into target: FeaturePlan.Join.Target) {
        guard let parts = JoinCompiler.parts(column.name), let join = join(parts.join) else { return }
        let table = joins.joins[join].table
        let specification = joins.specifications[table]
        guard let declared = specification.columns.first(where: { $0.name == parts.column }) else { return }
        joins.add(
            FeaturePlan.Join.Read(
                value: joins.store(declared, of: table), target: target,
                missing: JoinCompiler.word(specification.missingValue(of: declared), target), name: column.name),
            to: join)
    }

    /// The place of the integer that says whether an event has a row.
    mutating func knownPlace(_ name: String) -> Int? {
        guard let join = join(name) else { return nil }
        let column = Column(knownName(name), .long)
        let place = place(of: column)
        joins.add(
            FeaturePlan.Join.Read(value: nil, target: .integer(place: place), missing: 0, name: column.name), to: join)
        return place
    }

    /// - Throws: the first join that cannot be.
    func checkJoins() throws(FeatureError) {
        var names: Set<String> = []
        for table in joins.specifications {
            for join in table.joins {
                func fail(_ problem: String) -> FeatureError {
                    FeatureError(subject: table.name, problem: "join '\(join.name)': \(problem)", part: "on")
                }
                guard names.insert(join.name).inserted else { throw fail("the name is taken by another join") }
                guard join.columns.count == table.keyColumns.count else {
                    throw fail(
                        "\(join.columns.count) columns for a key of \(table.keyColumns.count) "
                            + "(\(table.keyColumns.joined(separator: ", ")))")
                }
                for (name, key) in zip(join.columns, table.keyColumns) {
                    guard let keyColumn = table.columns.first(where: { $0.name == key }) else {
                        throw fail("the table has no column '\(key)'")
                    }
                    let column: Column
                    if let parts = JoinCompiler.parts(name) {
                        guard names.contains(parts.join), parts.join != join.name else {
                            throw fail(joins.problem(name) ?? "'\(parts.join)' has to be declared before")
                        }
                        guard let found = joins.column(name) else { throw fail(joins.problem(name) ?? "no '\(name)'") }
                        column = found
                    } else {
                        guard let found = columns.first(where: { $0.name == name }) else {
                            throw fail("no event has a column '\(name)'")
                        }
                        column = found
                    }
                    guard column.type == keyColumn.type else {
                        throw fail(
                            "'\(name)' is \(column.type), but the table's key '\(key)' is \(keyColumn.type)")
                    }
                }
            }
        }
    }
}
