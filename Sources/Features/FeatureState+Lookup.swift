import EventModel

/// A feature as far as it is known of a key without an event that asks.
public struct KnownFeature: Hashable, Sendable {
    public var position: Int
    /// nil where something is not known.
    public var value: Double?
    /// What is not: columns, features and windows of other entities.
    public var needs: [String]
}

/// What the values of one row rest on.
private struct Basis {
    /// Whether it comes from the key: its windows, its table rows, itself.
    var isOfKey = false
    var needs: [String] = []

    static func + (a: Basis, b: Basis) -> Basis {
        Basis(isOfKey: a.isOfKey || b.isOfKey, needs: a.needs + b.needs.filter { !a.needs.contains($0) })
    }
}

extension FeatureState {
    /// The features that follow from a key of an entity alone, and what others of it still need.
    ///
    /// - Parameters:
    ///   - entity: by its place in the plan.
    ///   - key: a value for each of its key columns.
    ///   - answers: its windows' answers at their targets, `plan.width` values.
    ///   - time: as of which the answers are.
    public func knownFeatures(
        entity: Int, key: [ColumnValue], answers: [Double], asOf time: EventTime, tables: borrowing ReferenceTables
    ) -> [KnownFeature] {
        let integers = UnsafeMutablePointer<Int64>.allocate(capacity: max(plan.integerColumns.count, 1))
        integers.initialize(repeating: 0, count: max(plan.integerColumns.count, 1))
        let doubles = UnsafeMutablePointer<Double>.allocate(capacity: max(plan.doubleColumns.count, 1))
        doubles.initialize(repeating: 0, count: max(plan.doubleColumns.count, 1))
        let features = UnsafeMutablePointer<Double>.allocate(capacity: plan.width)
        for (place, answer) in answers.enumerated() { (features + place).initialize(to: answer) }
        defer {
            integers.deallocate()
            doubles.deallocate()
            features.deallocate()
        }
        let declared = plan.entities[entity]
        for (column, value) in zip(declared.keyColumns, key) {
            guard let place = plan.integerColumns.firstIndex(where: { $0.name == column.name }) else { continue }
            integers[place] = JoinCompiler.word(value, .integer(place: place))
        }
        tables.join(kind: 0, asOf: time, integers: integers, doubles: doubles)
        let bases = bases(of: declared)
        compute(integers, doubles, features, asOf: time)
        return (0..<plan.count).compactMap { position in
            let basis = bases[position]
            guard basis.isOfKey else { return nil }
            return KnownFeature(
                position: position, value: basis.needs.isEmpty ? features[position] : nil, needs: basis.needs)
        }
    }

    /// Runs the operators over one row.
    private func compute(
        _ integers: UnsafeMutablePointer<Int64>, _ doubles: UnsafeMutablePointer<Double>,
        _ features: UnsafeMutablePointer<Double>, asOf time: EventTime
    ) {
        let words = UnsafeMutablePointer<Int64>.allocate(capacity: 2)
        words.initialize(repeating: 0, count: 2)
        words[0] = time.milliseconds
        let registers = UnsafeMutablePointer<Double>.allocate(
            capacity: FeatureRows.registerLength(1) * max(plan.registerCount, 1))
        var (kind, mask) = (UInt8(0), UInt64(0))
        defer {
            words.deallocate()
            registers.deallocate()
        }
        withUnsafeMutablePointer(to: &mask) { mask in
            withUnsafePointer(to: &kind) { kind in
                applyOperators(
                    FeatureRows(
                        count: 1, stride: 0, times: UnsafePointer(words), keys: UnsafePointer(words + 1), keyTexts: [],
                        integers: UnsafePointer(integers), doubles: UnsafePointer(doubles), kinds: kind,
                        features: features, masks: mask, registers: registers))
            }
        }
    }

    /// What each position of a row rests on, for a key of an entity.
    private func bases(of entity: FeaturePlan.Entity) -> [Basis] {
        var features = (0..<plan.width).map { Basis(needs: [plan.valueName($0)]) }
        for other in plan.entities {
            let basis =
                other.name == entity.name ? Basis(isOfKey: true) : Basis(needs: ["a key of \(other.name)"])
            for target in other.targets { features[target] = basis }
        }
        let columns = columnBases(of: entity)
        var registers = [Basis](repeating: Basis(), count: max(plan.registerCount, 1))
        func basis(_ operand: BlockOperator.Operand) -> Basis {
            switch operand {
            case .integer(let place, _): columns[plan.integerColumns[place].name] ?? Basis()
            case .double(let place): columns[plan.doubleColumns[place].name] ?? Basis()
            case .feature(let position): features[position]
            }
        }
        func basis(_ places: [Int]) -> Basis {
            places.map { columns[plan.integerColumns[$0].name] ?? Basis() }.reduce(Basis(), +)
        }
        func basis(registers range: Range<Int>) -> Basis { registers[range].reduce(Basis(), +) }
        for step in plan.operators {
            switch step {
            case .copy(let operand, let target), .log1p(let operand, let target): features[target] = basis(operand)
            case .ratio(let a, let b, let target): features[target] = basis(a) + basis(b)
            case .hour(_, let target), .weekday(_, let target): features[target] = Basis()
            case .oneHot(let place, let values, let target):
                for index in 0..<values.count { features[target + index] = basis([place]) }
            case .hashed(let places, _, let buckets, let target):
                for index in 0..<buckets { features[target + index] = basis(places) }
            case .constant(_, let into), .kind(_, let into), .calendar(_, _, let into): registers[into] = Basis()
            case .load(let operand, let into): registers[into] = basis(operand)
            case .matches(let place, _, let into): registers[into] = basis([place])
            case .sameIntegers(let a, let b, let into): registers[into] = basis([a, b])
            case .unary: break
            case .binary(_, let a, let b, let into): registers[into] = registers[a] + registers[b]
            case .select(let condition, let a, let b, let into):
                registers[into] = registers[condition] + registers[a] + registers[b]
            case .standardScore(let place): registers[place] = basis(registers: place..<place + 3)
            case .haversine(let place): registers[place] = basis(registers: place..<place + 4)
            case .store(let register, let target): features[target] = registers[register]
            case .filter: break
            }
        }
        return features
    }

    /// What columns rest on: the key's are known, those of tables where their rows are found by known ones.
    private func columnBases(of entity: FeaturePlan.Entity) -> [String: Basis] {
        var bases: [String: Basis] = [:]
        for column in plan.integerColumns + plan.doubleColumns { bases[column.name] = Basis(needs: [column.name]) }
        for column in entity.keyColumns { bases[column.name] = Basis(isOfKey: true) }
        for join in plan.joins {
            let basis = join.keyColumns.map { bases[$0] ?? Basis(needs: [$0]) }.reduce(Basis(), +)
            for read in join.reads { bases[read.name] = basis }
        }
        return bases
    }
}
