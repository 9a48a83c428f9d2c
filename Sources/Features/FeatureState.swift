import EventModel
import Windowing

/// The windows of all entities of a plan, and the way from a block of rows to its feature vectors.
public final class FeatureState {
    public let plan: FeaturePlan
    private var entities: [EntityState]
    var scratch = Scratch()

    /// Memory for a block, kept from block to block.
    struct Scratch {
        var rowCapacity = 0
        var operationCapacity = 0
        /// `plan.registerCount` columns, each of as many doubles as the block has rows.
        var registers = UnsafeMutablePointer<Double>.allocate(capacity: 1)
        /// A mask for each row; zeros where the plan has no filters.
        var masks = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        var operations = UnsafeMutablePointer<WindowOperation>.allocate(capacity: 1)
    }

    private final class EntityState {
        var windows: EntityWindows

        init(_ entity: FeaturePlan.Entity, labelHorizon: EventDuration) {
            windows = EntityWindows(
                name: entity.name, keyKind: entity.keyKind, aggregates: entity.aggregates, targets: entity.targets,
                labelHorizon: labelHorizon)
        }
    }

    /// - Parameter labelHorizon: how long after its event a label may still come.
    public init(plan: FeaturePlan, labelHorizon: EventDuration) {
        self.plan = plan
        entities = plan.entities.map { EntityState($0, labelHorizon: labelHorizon) }
    }

    deinit {
        scratch.registers.deallocate()
        scratch.masks.deallocate()
        scratch.operations.deallocate()
    }

    /// Words that each transaction keeps so that its label finds its events: two for each entity.
    public var placeWords: Int { entities.count * 2 }
    /// How far behind the earliest acceptable event an event still matters to some window.
    public var retention: EventDuration { entities.map { $0.windows.retention }.max() ?? .zero }
    public var digest: StateDigest {
        StateDigest(sum: entities.reduce(0) { $0 &+ $1.windows.digest.sum })
    }
    /// Keys and events held, and the bytes that they take.
    public var size: (keys: Int, events: Int, bytes: Int) {
        entities.reduce((0, 0, 0)) {
            ($0.0 + $1.windows.keyCount, $0.1 + $1.windows.eventCount, $0.2 + $1.windows.byteCount)
        }
    }

    /// Computes the feature vectors of a block and takes its events and labels into the windows.
    ///
    /// - Parameters:
    ///   - operations: what happens, in log order.
    ///   - rows: the block's rows. `features` is filled: `count` rows of `plan.width`.
    public func process(_ operations: UnsafeBufferPointer<WindowOperation>, _ rows: FeatureRows) {
        reserve(rows: rows.count, operations: operations.count)
        for step in plan.filterOperators { apply(step, rows) }
        for (index, entity) in entities.enumerated() {
            let declared = plan.entities[index]
            entity.windows.process(
                concerning(declared, operations, rows),
                WindowRows(
                    count: rows.count, keys: rows.keys + declared.keyWord, keyStride: rows.stride,
                    texts: rows.keyTexts[index], values: rows.integers, valueStride: rows.stride,
                    features: rows.features, featureStride: plan.width, places: rows.places + index * 2,
                    placeStride: rows.placeStride, slotMask: rows.slotMask,
                    filters: plan.filters.isEmpty ? nil : UnsafePointer(scratch.masks)))
        }
        for step in plan.operators { apply(step, rows) }
    }

    /// What an entity's windows (by its place in the plan) hold of a key and answer as of `time`; nil for a key that is
    /// not remembered.
    public func lookUp(_ key: EntityKey, entity: Int, asOf time: EventTime) -> KeyHolding? {
        entities[entity].windows.lookUp(key, asOf: time, columns: plan.integerColumns.count, width: plan.width)
    }

    func reserve(rows count: Int, operations: Int) {
        if scratch.rowCapacity < count {
            scratch.registers.deallocate()
            scratch.masks.deallocate()
            scratch.registers = .allocate(capacity: max(plan.registerCount, 1) * count)
            scratch.masks = .allocate(capacity: count)
            scratch.masks.update(repeating: 0, count: count)
            scratch.rowCapacity = count
        } else if !plan.filters.isEmpty {
            scratch.masks.update(repeating: 0, count: count)
        }
        if plan.kinds.count > 1, scratch.operationCapacity < operations {
            scratch.operations.deallocate()
            scratch.operations = .allocate(capacity: operations)
            scratch.operationCapacity = operations
        }
    }

    /// The operations that an entity takes part in: not those of events without its key, nor of events that answer
    /// nothing and that none of its aggregates counts.
    private func concerning(
        _ entity: FeaturePlan.Entity, _ operations: UnsafeBufferPointer<WindowOperation>, _ rows: FeatureRows
    ) -> UnsafeBufferPointer<WindowOperation> {
        guard plan.kinds.count > 1 else { return operations }
        var count = 0
        for operation in operations {
            let isTaken: Bool
            switch operation.kind {
            case .sweep, .label: isTaken = true
            case .insert, .answer:
                let row = Int(operation.row)
                let isCounted = entity.filters.map { $0 & scratch.masks[row] != 0 } ?? true
                isTaken = entity.kinds >> UInt64(rows.kinds[row]) & 1 == 1 && (operation.isAnswered || isCounted)
            }
            if isTaken {
                scratch.operations[count] = operation
                count += 1
            }
        }
        return UnsafeBufferPointer(start: scratch.operations, count: count)
    }

    // MARK: saved state

    public func encode(into writer: inout ByteWriter) {
        for entity in entities { entity.windows.encode(into: &writer) }
    }

    /// Takes up what `encode` wrote for the same plan; the state must be new.
    public func decode(from reader: inout ByteReader) throws(StateCodingError) {
        for entity in entities { try entity.windows.decode(from: &reader) }
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
    /// For each slot, `placeStride` words apart, `placeWords` words; a slot's place is at its
    /// number's low bits.
    public var places: UnsafeMutablePointer<Int64>
    public var placeStride: Int
    public var slotMask: Int

    public init(
        count: Int, stride: Int, times: UnsafePointer<Int64>, keys: UnsafePointer<Int64>, keyTexts: [[String]],
        integers: UnsafePointer<Int64>, doubles: UnsafePointer<Double>, kinds: UnsafePointer<UInt8>,
        features: UnsafeMutablePointer<Double>, places: UnsafeMutablePointer<Int64>, placeStride: Int, slotMask: Int
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
        self.places = places
        self.placeStride = placeStride
        self.slotMask = slotMask
    }
}
