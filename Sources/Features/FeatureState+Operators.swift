import CRowKernels
import EventModel

#if canImport(Glibc)
    import Glibc
#endif

extension FeatureState {
    /// Applies one operator to all rows.
    func apply(_ step: BlockOperator, _ rows: FeatureRows) {
        switch step {
        case .copy(let operand, let target): fill(rows, target, from: operand) { $0 }
        case .log1p(let operand, let target): log1p(rows, operand, target)
        case .hour(let hours, let target):
            fill(rows, target, per: .hour) { hours.contains($0.millisecondOfDay / 3_600_000) ? 1 : 0 }
        case .weekday(let mask, let target):
            fill(rows, target, per: .day) { Double(mask >> $0.weekday & 1) }
        case .ratio(let above, let below, let target): ratio(rows, above, below, target)
        case .oneHot(let place, let values, let target): oneHot(rows, place, values, target)
        case .hashed(let places, let seed, let buckets, let target): hashed(rows, places, seed, buckets, target)
        case .store(let register, let target):
            let value = self.register(register, rows)
            fill(rows, target) { value[$0] }
        default: applyToRegisters(step, rows)
        }
    }

    // MARK: to the vector

    @inline(__always) private func fill(_ rows: FeatureRows, _ target: Int, _ value: (Int) -> Double) {
        let stride = plan.width
        for row in 0..<rows.count { rows.features[row &* stride &+ target] = value(row) }
    }

    /// Fills in what stays the same within each hour, or day, in which rows of a block mostly are together.
    /// - Parameter value: as of that hour's, or day's, first millisecond.
    @inline(__always) private func fill(
        _ rows: FeatureRows, _ target: Int, per unit: EventDuration, _ value: (EventTime) -> Double
    ) {
        let stride = plan.width
        let length = unit.milliseconds
        // Far from all times.
        var start = Int64.min
        var known = 0.0
        for row in 0..<rows.count {
            let time = rows.times[row &* rows.stride]
            if UInt64(bitPattern: time &- start) >= UInt64(length) {
                start = floorDivide(time, length) &* length
                known = value(EventTime(milliseconds: start))
            }
            rows.features[row &* stride &+ target] = known
        }
    }

    @inline(__always) private func fill(
        _ rows: FeatureRows, _ target: Int, from operand: BlockOperator.Operand, _ value: (Double) -> Double
    ) {
        read(rows, operand) { row, number in rows.features[row &* plan.width &+ target] = value(number) }
    }

    @inline(__always) private func read(
        _ rows: FeatureRows, _ operand: BlockOperator.Operand, _ body: (Int, Double) -> Void
    ) {
        switch operand {
        case .integer(let place, let divisor):
            let integers = rows.integers + place
            let step = rows.stride
            for row in 0..<rows.count { body(row, Double(integers[row &* step]) / divisor) }
        case .double(let place):
            let doubles = rows.doubles + place
            let step = plan.doubleColumns.count
            for row in 0..<rows.count { body(row, doubles[row &* step]) }
        case .feature(let position):
            let features = rows.features
            let stride = plan.width
            for row in 0..<rows.count { body(row, features[row &* stride &+ position]) }
        }
    }

    private func log1p(_ rows: FeatureRows, _ operand: BlockOperator.Operand, _ target: Int) {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: rows.count) { scratch in
            guard let values = scratch.baseAddress else { return }
            read(rows, operand) { row, number in values[row] = number }
            tidemark_log1p_each(values, rows.count)
            fill(rows, target) { values[$0] }
        }
    }

    private func ratio(
        _ rows: FeatureRows, _ above: BlockOperator.Operand, _ below: BlockOperator.Operand, _ target: Int
    ) {
        let room = FeatureRows.registerLength(rows.count)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * room) { scratch in
            guard let a = scratch.baseAddress else { return }
            let b = a + room
            read(rows, above) { row, number in a[row] = number }
            read(rows, below) { row, number in b[row] = number }
            for row in stride(from: 0, to: rows.count, by: 4) { safeRatio(Four(a, row), Four(b, row)).store(a, row) }
            fill(rows, target) { a[$0] }
        }
    }

    private func oneHot(_ rows: FeatureRows, _ place: Int, _ values: [Int64], _ target: Int) {
        let step = rows.stride
        values.withUnsafeBufferPointer { values in
            for row in 0..<rows.count {
                let word = rows.integers[row &* step &+ place]
                let features = rows.features + (row &* plan.width &+ target)
                for index in 0..<values.count { features[index] = values[index] == word ? 1 : 0 }
            }
        }
    }

    private func hashed(_ rows: FeatureRows, _ places: [Int], _ seed: UInt64, _ buckets: Int, _ target: Int) {
        let step = rows.stride
        places.withUnsafeBufferPointer { places in
            for row in 0..<rows.count {
                let features = rows.features + (row &* plan.width &+ target)
                features.update(repeating: 0, count: buckets)
                var hash = seed
                for place in places {
                    hash = mixed(hash ^ UInt64(bitPattern: rows.integers[row &* step &+ place]))
                }
                features[Int(hash.multipliedFullWidth(by: UInt64(buckets)).high)] = 1
            }
        }
    }

    // MARK: between registers

    @inline(__always) private func register(_ number: Int, _ rows: FeatureRows) -> UnsafeMutablePointer<Double> {
        rows.registers + number &* FeatureRows.registerLength(rows.count)
    }

    private func applyToRegisters(_ step: BlockOperator, _ rows: FeatureRows) {
        switch step {
        case .constant(let number, let into): register(into, rows).update(repeating: number, count: rows.count)
        case .load(let operand, let into):
            let result = register(into, rows)
            read(rows, operand) { row, number in result[row] = number }
        case .kind(let kind, let into):
            // Without other kinds nobody wrote them down.
            let hasKinds = plan.kinds.count > 1
            each(rows, into) { (hasKinds ? rows.kinds[$0] : 0) == kind ? 1 : 0 }
        case .matches(let place, let word, let into):
            let step = rows.stride
            each(rows, into) { rows.integers[$0 &* step &+ place] == word ? 1 : 0 }
        case .sameIntegers(let first, let second, let into):
            let step = rows.stride
            each(rows, into) { rows.integers[$0 &* step &+ first] == rows.integers[$0 &* step &+ second] ? 1 : 0 }
        case .calendar(let part, let zone, let into): calendar(rows, part, plan.zones[zone], into)
        case .unary(let operation, let place): unary(rows, operation, register(place, rows))
        case .binary(let operation, let a, let b, let into):
            binary(rows, operation, register(a, rows), register(b, rows), register(into, rows))
        case .select(let condition, let a, let b, let into):
            let (condition, a, b) = (register(condition, rows), register(a, rows), register(b, rows))
            fours(rows, register(into, rows)) {
                Four(b, $0).replacing(with: Four(a, $0), where: Four(condition, $0).isTrue)
            }
        case .standardScore(let place):
            let (x, mean, variance) = (register(place, rows), register(place + 1, rows), register(place + 2, rows))
            for row in 0..<rows.count { variance[row] = max(variance[row], 0).squareRoot() }
            fours(rows, register(place, rows)) { safeRatio(Four(x, $0) - Four(mean, $0), Four(variance, $0)) }
        case .haversine(let place):
            let (a, b) = (register(place, rows), register(place + 1, rows))
            let (c, d) = (register(place + 2, rows), register(place + 3, rows))
            each(rows, place) { kilometres(a[$0], b[$0], c[$0], d[$0]) }
        case .filter(let place, let bit):
            let condition = register(place, rows)
            let masks = rows.masks
            for row in 0..<rows.count where condition[row] != 0 { masks[row] |= 1 << UInt64(bit) }
        case .copy, .hour, .weekday, .log1p, .ratio, .oneHot, .hashed, .store: break
        }
    }

    @inline(__always) private func each(_ rows: FeatureRows, _ into: Int, _ value: (Int) -> Double) {
        let result = register(into, rows)
        for row in 0..<rows.count { result[row] = value(row) }
    }

    /// The same four rows at a time; a register has room for it.
    @inline(__always) private func fours(
        _ rows: FeatureRows, _ result: UnsafeMutablePointer<Double>, _ value: (Int) -> Four
    ) {
        for row in stride(from: 0, to: rows.count, by: 4) { value(row).store(result, row) }
    }

    private func calendar(_ rows: FeatureRows, _ part: CalendarPart, _ zone: TimeZoneTable, _ into: Int) {
        let result = register(into, rows)
        // Rows of a block are near each other in time, so the offset mostly stays.
        var stretch: Range<Int64> = 0..<0
        var offset: Int64 = 0
        for row in 0..<rows.count {
            let time = rows.times[row &* rows.stride]
            if !stretch.contains(time) { (stretch, offset) = zone.stretch(around: time) }
            result[row] = part.value(of: time &+ offset)
        }
    }

    private func unary(_ rows: FeatureRows, _ operation: BlockOperator.Unary, _ x: UnsafeMutablePointer<Double>) {
        switch operation {
        case .negative: for row in 0..<rows.count { x[row] = 0 - x[row] }
        case .not: for row in 0..<rows.count { x[row] = x[row] == 0 ? 1 : 0 }
        case .log1p: tidemark_log1p_each(x, rows.count)
        case .abs: for row in 0..<rows.count { x[row] = x[row].magnitude }
        case .sqrt: for row in 0..<rows.count { x[row] = max(x[row], 0).squareRoot() }
        }
    }

    private func binary(
        _ rows: FeatureRows, _ operation: BinaryOperator, _ a: UnsafeMutablePointer<Double>,
        _ b: UnsafeMutablePointer<Double>, _ into: UnsafeMutablePointer<Double>
    ) {
        @inline(__always) func each(_ value: (Four, Four) -> Four) {
            fours(rows, into) { value(Four(a, $0), Four(b, $0)) }
        }
        switch operation {
        case .add: each { bounded($0 + $1) }
        case .subtract: each { bounded($0 - $1) }
        case .multiply: each { bounded($0 * $1) }
        case .divide: each { safeRatio($0, $1) }
        case .less: each { truth($0 .< $1) }
        case .lessOrEqual: each { truth($0 .<= $1) }
        case .greater: each { truth($0 .> $1) }
        case .greaterOrEqual: each { truth($0 .>= $1) }
        case .equal: each { truth($0 .== $1) }
        case .unequal: each { truth($0 .!= $1) }
        case .and: each { truth($0.isTrue .& $1.isTrue) }
        case .or: each { truth($0.isTrue .| $1.isTrue) }
        case .minimum: each { $0.replacing(with: $1, where: $1 .< $0) }
        case .maximum: each { $0.replacing(with: $1, where: $1 .> $0) }
        }
    }
}

/// Values of four rows.
private typealias Four = SIMD4<Double>

extension SIMD4<Double> {
    @inline(__always) fileprivate init(_ values: UnsafePointer<Double>, _ row: Int) {
        self = UnsafeRawPointer(values + row).loadUnaligned(as: Self.self)
    }

    @inline(__always) fileprivate func store(_ values: UnsafeMutablePointer<Double>, _ row: Int) {
        UnsafeMutableRawPointer(values + row).storeBytes(of: self, as: Self.self)
    }

    @inline(__always) fileprivate var isTrue: SIMDMask<MaskStorage> { self .!= Self.zero }
}

@inline(__always) private func truth(_ mask: SIMDMask<Four.MaskStorage>) -> Four {
    Four.zero.replacing(with: Four(repeating: 1), where: mask)
}

/// Within ±10¹⁰⁰, so that no learner overflows.
@inline(__always) private func bounded(_ numbers: Four) -> Four {
    let largest = Four(repeating: largestFeature)
    return numbers.replacing(with: largest, where: numbers .> largest)
        .replacing(with: -largest, where: numbers .< -largest)
}

@inline(__always) private func safeRatio(_ above: Four, _ below: Four) -> Four {
    bounded(above / below).replacing(with: Four.zero, where: below .== Four.zero)
}

/// The length of the great circle between two places in degrees, on a sphere of the Earth's mean radius.
private func kilometres(_ latitude: Double, _ longitude: Double, _ latitude2: Double, _ longitude2: Double) -> Double {
    let degree = Double.pi / 180
    let half = (
        Glibc.sin((latitude2 - latitude) * degree / 2), Glibc.sin((longitude2 - longitude) * degree / 2)
    )
    let chord =
        half.0 * half.0 + Glibc.cos(latitude * degree) * Glibc.cos(latitude2 * degree) * half.1 * half.1
    // Rounding may leave the chord beyond the diameter; degrees beyond a globe's are the sender's business.
    return 2 * 6371.0088 * Glibc.asin(min(max(chord, 0), 1).squareRoot())
}
