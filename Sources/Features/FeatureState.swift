import EventModel
import Windowing

#if canImport(Glibc)
    import Glibc
#endif

/// The windows of all entities of a plan, and the way from a block of rows to its feature vectors.
public final class FeatureState {
    public let plan: FeaturePlan
    private var entities: [EntityState]

    private final class EntityState {
        var windows: EntityWindows

        init(_ entity: FeaturePlan.Entity) {
            windows = EntityWindows(
                name: entity.name, keysAreText: entity.keysAreText, aggregates: entity.aggregates,
                targets: entity.targets)
        }
    }

    public init(plan: FeaturePlan) {
        self.plan = plan
        entities = plan.entities.map(EntityState.init)
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
    ///   - rows: the block's rows. `features` is filled: `count` vectors of `plan.count`.
    public func process(_ operations: UnsafeBufferPointer<WindowOperation>, _ rows: FeatureRows) {
        for (index, entity) in entities.enumerated() {
            entity.windows.process(
                operations,
                WindowRows(
                    count: rows.count, keys: rows.keys + index, keyStride: entities.count, texts: rows.keyTexts[index],
                    values: rows.integers, valueStride: plan.integerColumns.count, features: rows.features,
                    featureStride: plan.count, places: rows.places + index * 2, placeStride: rows.placeStride,
                    slotMask: rows.slotMask))
        }
        for step in plan.operators { apply(step, rows) }
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
    /// A key for each entity of the plan and each row; text keys stand in `keyTexts`, by entity.
    public var keys: UnsafePointer<Int64>
    public var keyTexts: [[String]]
    /// `plan.integerColumns.count` unscaled values a row; `plan.doubleColumns.count` doubles a row.
    public var integers: UnsafePointer<Int64>
    public var doubles: UnsafePointer<Double>
    /// Milliseconds since the epoch, one a row.
    public var times: UnsafePointer<Int64>
    public var features: UnsafeMutablePointer<Double>
    /// For each slot, `placeStride` words apart, `placeWords` words; a slot's place is at its
    /// number's low bits.
    public var places: UnsafeMutablePointer<Int64>
    public var placeStride: Int
    public var slotMask: Int

    public init(
        count: Int, keys: UnsafePointer<Int64>, keyTexts: [[String]], integers: UnsafePointer<Int64>,
        doubles: UnsafePointer<Double>, times: UnsafePointer<Int64>, features: UnsafeMutablePointer<Double>,
        places: UnsafeMutablePointer<Int64>, placeStride: Int, slotMask: Int
    ) {
        self.count = count
        self.keys = keys
        self.keyTexts = keyTexts
        self.integers = integers
        self.doubles = doubles
        self.times = times
        self.features = features
        self.places = places
        self.placeStride = placeStride
        self.slotMask = slotMask
    }
}

extension FeatureState {
    /// Applies one operator to all rows.
    private func apply(_ step: FeaturePlan.Operator, _ rows: FeatureRows) {
        let stride = plan.count
        func fill(_ target: Int, _ value: (Int) -> Double) {
            for row in 0..<rows.count { rows.features[row * stride + target] = value(row) }
        }
        func fill(_ target: Int, from operand: FeaturePlan.Operand, _ value: (Double) -> Double) {
            switch operand {
            case .integer(let place, let divisor):
                let integers = rows.integers + place
                let step = plan.integerColumns.count
                fill(target) { value(Double(integers[$0 * step]) / divisor) }
            case .double(let place):
                let doubles = rows.doubles + place
                let step = plan.doubleColumns.count
                fill(target) { value(doubles[$0 * step]) }
            case .feature(let position):
                let features = rows.features
                fill(target) { value(features[$0 * stride + position]) }
            }
        }
        switch step {
        case .copy(let operand, let target): fill(target, from: operand) { $0 }
        case .log1p(let operand, let target): fill(target, from: operand) { Glibc.log1p(max($0, 0)) }
        case .hour(let hours, let target):
            fill(target) {
                hours.contains(EventTime(milliseconds: rows.times[$0]).millisecondOfDay / 3_600_000) ? 1 : 0
            }
        case .weekday(let mask, let target):
            fill(target) { Double(mask >> EventTime(milliseconds: rows.times[$0]).weekday & 1) }
        case .ratio(let above, let below, let target):
            fill(target, from: above) { $0 }
            let features = rows.features
            switch below {
            case .feature(let position):
                fill(target) { safeRatio(features[$0 * stride + target], features[$0 * stride + position]) }
            case .integer(let place, let divisor):
                let step = plan.integerColumns.count
                fill(target) {
                    safeRatio(features[$0 * stride + target], Double(rows.integers[$0 * step + place]) / divisor)
                }
            case .double(let place):
                let step = plan.doubleColumns.count
                fill(target) { safeRatio(features[$0 * stride + target], rows.doubles[$0 * step + place]) }
            }
        }
    }
}

/// Within ±10¹⁰⁰, so that no learner overflows.
@inline(__always) private func safeRatio(_ above: Double, _ below: Double) -> Double {
    below == 0 ? 0 : min(max(above / below, -largestFeature), largestFeature)
}

/// The largest magnitude of a feature.
public let largestFeature = 1e100
