import EventModel

/// One step of a plan, carried out for all rows of a block before the next one begins.
///
/// Registers are columns of scratch, one double a row; targets are positions in the rows of the block. No result leaves
/// ±10¹⁰⁰, and none is a NaN.
enum BlockOperator: Sendable {
    enum Operand: Sendable {
        case integer(place: Int, divisor: Double)
        case double(place: Int)
        case feature(Int)
    }

    enum Unary: String, Sendable {
        case negative, not, log1p, abs, sqrt
    }

    // Straight to the vector.
    case copy(Operand, target: Int)
    case hour(ClosedRange<Int64>, target: Int)
    /// Bit d is set for weekday d.
    case weekday(mask: Int64, target: Int)
    case log1p(Operand, target: Int)
    case ratio(Operand, Operand, target: Int)
    /// 1 at the target of the value that the integer column has.
    case oneHot(place: Int, values: [Int64], target: Int)
    /// 1 at the target of the bucket.
    case hashed(places: [Int], seed: UInt64, buckets: Int, target: Int)

    // Between registers.
    case constant(Double, into: Int)
    case load(Operand, into: Int)
    case kind(equals: UInt8, into: Int)
    /// Whether an integer column has a value.
    case matches(place: Int, Int64, into: Int)
    case sameIntegers(place: Int, Int, into: Int)
    case calendar(CalendarPart, zone: Int, into: Int)
    case unary(Unary, Int)
    case binary(BinaryOperator, Int, Int, into: Int)
    /// `condition` ≠ 0 ? a : b.
    case select(condition: Int, Int, Int, into: Int)
    /// (x − mean) / √variance of three registers in a row, 0 without deviation.
    case standardScore(Int)
    /// Kilometres between two places: latitude, longitude, latitude, longitude in degrees, in registers in a row.
    case haversine(Int)
    case store(Int, target: Int)
    /// Sets a bit of the filter masks where the register is not 0.
    case filter(Int, bit: Int)
}

extension BlockOperator.Operand {
    /// The feature, moved where `place` says.
    func placed(_ place: (Int) -> Int) -> Self {
        if case .feature(let position) = self { .feature(place(position)) } else { self }
    }
}

extension BlockOperator {
    /// The operator with the features that it reads and writes moved where `place` says.
    func placed(_ place: (Int) -> Int) -> BlockOperator {
        switch self {
        case .copy(let operand, let target): .copy(operand.placed(place), target: place(target))
        case .log1p(let operand, let target): .log1p(operand.placed(place), target: place(target))
        case .ratio(let above, let below, let target):
            .ratio(above.placed(place), below.placed(place), target: place(target))
        case .load(let operand, let register): .load(operand.placed(place), into: register)
        default: self
        }
    }
}
