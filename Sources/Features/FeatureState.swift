import EventModel
import Windowing

/// The windows of all entities of a plan, and the way from a block of rows to its feature vectors.
///
/// A block goes through the filters, the windows of each entity in the plan's order, and the operators. Each of these has
/// state of its own, so that several threads may be at them at the same time with different blocks.
public final class FeatureState: @unchecked Sendable {
    public let plan: FeaturePlan
    private let entities: [EntityState]

    private final class EntityState {
        var windows: EntityWindows
        /// Where each transaction's event stands, two words, so that its label finds it; empty where no label matters.
        var places = SlotRing(stride: 2)
        /// The operations that concern the entity.
        var operations: [WindowOperation] = []
        /// The word of a row's keys that has its key; nil where keys are no numbers.
        let numberWord: Int?

        init(_ entity: FeaturePlan.Entity, labelHorizon: EventDuration) {
            windows = EntityWindows(
                name: entity.name, keyKind: entity.keyKind, aggregates: entity.aggregates, targets: entity.targets,
                labelHorizon: labelHorizon)
            numberWord = entity.keyKind == .number ? entity.keyWord : nil
        }
    }

    /// - Parameter labelHorizon: how long after its event a label may still come.
    public init(plan: FeaturePlan, labelHorizon: EventDuration) {
        self.plan = plan
        entities = plan.entities.map { EntityState($0, labelHorizon: labelHorizon) }
    }

    /// How far behind the earliest acceptable event an event still matters to some window.
    public var retention: EventDuration { entities.map { $0.windows.retention }.max() ?? .zero }
    /// The digest of an entity's windows.
    public func digest(entity: Int) -> StateDigest { entities[entity].windows.digest }
    /// Keys and events held, and the bytes that they take.
    public var size: (keys: Int, events: Int, bytes: Int) {
        entities.reduce((0, 0, 0)) {
            (
                $0.0 + $1.windows.keyCount, $0.1 + $1.windows.eventCount,
                $0.2 + $1.windows.byteCount + $1.places.byteCount
            )
        }
    }

    // MARK: the way of a block

    /// Finds the filters that each row passes.
    public func applyFilters(_ rows: FeatureRows) {
        guard !plan.filters.isEmpty else { return }
        rows.masks.update(repeating: 0, count: rows.count)
        for step in plan.filterOperators { apply(step, rows) }
    }

    /// Takes a block's events and labels into an entity's windows, and writes what they answer.
    /// - Parameters:
    ///   - operations: what happens, in log order.
    ///   - slots: of the transactions that labels of this block or its rows may name; those from `firstNew` on are its
    ///     rows'.
    public func process(
        entity index: Int, _ operations: UnsafeBufferPointer<WindowOperation>, _ rows: FeatureRows, slots: Range<Int>,
        firstNew: Int
    ) {
        let entity = entities[index]
        let declared = plan.entities[index]
        if entity.windows.hasLabels {
            entity.places.hold(slots)
            // The windows note it for each operation; with several kinds some have none here.
            if plan.kinds.count > 1 {
                entity.places.fill(min(firstNew, slots.upperBound)..<slots.upperBound, with: -1)
            }
        }
        func process(_ operations: UnsafeBufferPointer<WindowOperation>) {
            entity.windows.process(
                operations,
                WindowRows(
                    count: rows.count, keys: rows.keys + declared.keyWord, keyStride: rows.stride,
                    texts: rows.keyTexts[index], values: rows.integers, valueStride: rows.stride,
                    features: rows.features, featureStride: plan.width, places: entity.places.rows,
                    firstSlot: firstNew, filters: plan.filters.isEmpty ? nil : UnsafePointer(rows.masks)))
        }
        guard plan.kinds.count > 1 else { return process(operations) }
        entity.operations.removeAll(keepingCapacity: true)
        for operation in operations where concerns(declared, operation, rows) { entity.operations.append(operation) }
        entity.operations.withUnsafeBufferPointer(process)
    }

    /// Brings close what the windows of some rows will touch, of all entities at once. No entity may be at work on another
    /// thread.
    public func fetchWindows(keys: UnsafePointer<Int64>, stride: Int, count: Int) {
        for step in EntityWindows.FetchStep.allCases {
            for entity in entities {
                guard let word = entity.numberWord else { continue }
                for row in 0..<count { entity.windows.fetch(keys[row &* stride &+ word], step) }
            }
        }
    }

    /// Computes what follows from columns and windows.
    public func applyOperators(_ rows: FeatureRows) {
        // So few rows at a time that they stay close from the first operator to the last.
        let most = 128
        for start in stride(from: 0, to: rows.count, by: most) {
            let part = part(of: rows, start..<min(start + most, rows.count))
            for step in plan.operators { apply(step, part) }
        }
    }

    /// Some of a block's rows.
    private func part(of rows: FeatureRows, _ range: Range<Int>) -> FeatureRows {
        guard range.count < rows.count else { return rows }
        let start = range.lowerBound
        var part = rows
        part.count = range.count
        part.times += start * rows.stride
        part.keys += start * rows.stride
        part.integers += start * rows.stride
        part.doubles += start * plan.doubleColumns.count
        part.kinds += start
        part.features += start * plan.width
        part.masks += start
        return part
    }

    /// What an entity's windows (by its place in the plan) hold of a key and answer as of `time`.
    public func lookUp(_ key: EntityKey, entity: Int, asOf time: EventTime) -> KeyHolding {
        entities[entity].windows.lookUp(key, asOf: time, columns: plan.integerColumns.count, width: plan.width)
    }

    /// Whether an entity takes part in an operation: not in those of events without its key, nor of events that answer
    /// nothing and that none of its aggregates counts.
    private func concerns(_ entity: FeaturePlan.Entity, _ operation: WindowOperation, _ rows: FeatureRows) -> Bool {
        switch operation.kind {
        case .sweep, .label: return true
        case .insert, .answer:
            let row = Int(operation.row)
            let isCounted = entity.filters.map { $0 & rows.masks[row] != 0 } ?? true
            return entity.kinds >> UInt64(rows.kinds[row]) & 1 == 1 && (operation.isAnswered || isCounted)
        }
    }

    // MARK: saved state

    /// - Parameter slots: of the transactions remembered.
    /// - Returns: the digest of the entity's windows.
    public func encode(entity index: Int, slots: Range<Int>, into writer: inout ByteWriter) -> StateDigest {
        let entity = entities[index]
        let digest = entity.windows.encode(into: &writer)
        if entity.windows.hasLabels { entity.places.encode(slots, into: &writer) }
        return digest
    }

    /// Takes up what `encode` wrote for the same plan; the entity's windows must be new.
    public func decode(entity index: Int, slots: Range<Int>, from reader: inout ByteReader) throws(StateCodingError) {
        let entity = entities[index]
        try entity.windows.decode(from: &reader)
        if entity.windows.hasLabels { try entity.places.decode(slots, from: &reader) }
    }
}

/// The rows of a block. It borrows the memory.
public struct FeatureRows {
    public var count: Int
    /// The words from one row's times, keys and integers to the next row's.
    public var stride: Int
    /// Milliseconds since the epoch, one a row.
    public var times: UnsafePointer<Int64>
    /// `plan.keyWords` words a row; text keys stand in `keyTexts`, by entity.
    public var keys: UnsafePointer<Int64>
    public var keyTexts: [[String]]
    /// `plan.integerColumns.count` unscaled values a row.
    public var integers: UnsafePointer<Int64>
    /// `plan.doubleColumns.count` doubles a row, without gaps.
    public var doubles: UnsafePointer<Double>
    /// The kind of each row; not read where there are transactions only.
    public var kinds: UnsafePointer<UInt8>
    public var features: UnsafeMutablePointer<Double>
    /// Memory for the work: where there are filters, a word a row; `plan.registerCount` times `registerLength` doubles.
    public var masks: UnsafeMutablePointer<UInt64>
    public var registers: UnsafeMutablePointer<Double>

    /// The room that a register needs for so many rows: they are taken four at a time.
    public static func registerLength(_ rows: Int) -> Int { (rows &+ 3) & ~3 }

    public init(
        count: Int, stride: Int, times: UnsafePointer<Int64>, keys: UnsafePointer<Int64>, keyTexts: [[String]],
        integers: UnsafePointer<Int64>, doubles: UnsafePointer<Double>, kinds: UnsafePointer<UInt8>,
        features: UnsafeMutablePointer<Double>, masks: UnsafeMutablePointer<UInt64>,
        registers: UnsafeMutablePointer<Double>
    ) {
        self.count = count
        self.stride = stride
        self.keys = keys
        self.keyTexts = keyTexts
        self.integers = integers
        self.doubles = doubles
        self.kinds = kinds
        self.times = times
        self.features = features
        self.masks = masks
        self.registers = registers
    }
}
