import EventModel
import Windowing

/// A specification's features compiled: a fixed position for each, the windows of each entity, and the block-wise
/// operators before and behind the windows.
///
///     row of a block    │ features (count) │ auxiliary values (width − count) │
///
/// Auxiliary values are aggregates that only expressions read. The order of the work on a block: the filters of all
/// aggregates, one bit each; the windows of each entity; the operators, in the features' order.
public struct FeaturePlan: Sendable {
    public struct Entity: Sendable {
        public var name: String
        /// One or two.
        public var keyColumns: [Column]
        /// Of the aggregates' answers, in a row of the block.
        public var aggregates: [WindowAggregate]
        public var targets: [Int]
        /// Where its key stands among the words of a row's keys; a pair of numbers takes two.
        public var keyWord: Int
        /// Bit k is set where the events of kind k have the key's columns.
        public var kinds: UInt64
        /// The bits of the filters of all its aggregates; nil where an aggregate has none.
        var filters: UInt64?

        /// Text keys, and pairs with a text, are compared as texts.
        public var keysAreText: Bool { keyColumns.contains { $0.type == .string } }
        public var keyWords: Int { keysAreText ? 1 : keyColumns.count }
    }

    /// Names by position.
    public let names: [String]
    /// For each feature one line that a person can read.
    public let reasons: [String]
    /// For each feature the declared one that it comes from.
    public let definitions: [String]
    /// The doubles of one row of a block.
    public let width: Int
    public let entities: [Entity]
    /// Columns that are read as integers, in the order of a row's integer values: long, decimal, timestamp; a string's
    /// hash; a double in millionths (for windows).
    public let integerColumns: [Column]
    /// Columns of type double, in the order of a row's doubles.
    public let doubleColumns: [Column]
    /// The kinds of events: transactions first.
    public let kinds: [EventKindColumns]
    /// Reference tables, and the joins in the order in which they are carried out.
    public let tables: [Table]
    public let joins: [Join]
    /// The conditions of the aggregates, by bit.
    public let filters: [String]
    let filterOperators: [BlockOperator]
    let operators: [BlockOperator]
    let zones: [TimeZoneTable]
    /// The columns of scratch that operators work in.
    let registerCount: Int

    /// The number of features, the length of a vector.
    public var count: Int { names.count }
    /// Words of one row's keys.
    public var keyWords: Int { entities.reduce(0) { $0 + $1.keyWords } }

    /// - Parameters:
    ///   - columns: the transaction's columns.
    ///   - kinds: the other kinds of events.
    ///   - tables: the reference tables that features may name columns of.
    ///   - zones: the time zones that calendar parts name; UTC need not be among them.
    /// - Throws: the first thing that does not fit, with the feature's or entity's name.
    public init(
        features: [FeatureSpecification], entities: [EntitySpecification], columns: [Column],
        kinds: [EventKindColumns] = [], tables: [TableSpecification] = [], zones: [TimeZoneTable] = []
    ) throws(FeatureError) {
        var compiler = try FeatureCompiler(columns: columns, kinds: kinds, zones: zones, tables: tables)
        for entity in entities { try compiler.add(entity) }
        for feature in features { try compiler.add(feature) }
        guard !compiler.names.isEmpty else { throw FeatureError(subject: "features", problem: "none are declared") }
        names = compiler.names
        reasons = compiler.reasons
        definitions = compiler.definitions
        self.entities = try compiler.placedEntities()
        width = compiler.names.count + compiler.auxiliaryCount
        integerColumns = compiler.integerColumns
        doubleColumns = compiler.doubleColumns
        self.kinds = compiler.kinds
        self.tables = compiler.joins.tables
        joins = compiler.joins.joins
        filters = compiler.filters
        filterOperators = compiler.filterOperators
        operators = compiler.placedOperators()
        self.zones = compiler.zones
        registerCount = compiler.registerCount
    }
}

/// A feature or an entity that cannot be compiled.
public struct FeatureError: Error, Hashable, CustomStringConvertible {
    /// The feature's or entity's name.
    public var subject: String
    public var problem: String
    /// Which part of the declaration, where that is known: `expression` or `where`.
    public var part: String?

    public init(subject: String, problem: String, part: String? = nil) {
        self.subject = subject
        self.problem = problem
        self.part = part
    }

    public var description: String { "'\(subject)': \(problem)" }
}

/// The largest magnitude of a feature.
public let largestFeature = 1e100

/// How a double column enters windows: as whole millionths, between ±10¹² units, so that sums do not depend on order.
public let doubleColumnDivisor = 1e6

/// A double in millionths.
@inlinable @inline(__always) public func inMillionths(_ number: Double) -> Int64 {
    Int64((Swift.min(Swift.max(number, -1e12), 1e12) * doubleColumnDivisor).rounded(.toNearestOrEven))
}
