import EventModel

/// The product, exactly.
@inline(__always) func product(_ a: Int64, _ b: Int64) -> Int128 {
    let (high, low) = a.multipliedFullWidth(by: b)
    return wide(high, low)
}

@inline(__always) func wide(_ high: Int64, _ low: UInt64) -> Int128 {
    Int128(truncatingIfNeeded: high) &<< 64 | Int128(truncatingIfNeeded: low)
}

@inline(__always) func loadWide(_ words: UnsafePointer<Int64>) -> Int128 {
    wide(words[1], UInt64(bitPattern: words[0]))
}

@inline(__always) func storeWide(_ value: Int128, _ words: UnsafeMutablePointer<Int64>) {
    words[0] = Int64(truncatingIfNeeded: value)
    words[1] = Int64(truncatingIfNeeded: value &>> 64)
}

/// The quotient, rounded down; it must fit in a word.
@inline(__always) func floorQuotient(_ a: Int128, _ b: Int64) -> Int64 {
    let narrow = Int64(truncatingIfNeeded: a)
    if Int128(narrow) == a { return floorDivide(narrow, b) }
    let (quotient, remainder) = a.quotientAndRemainder(dividingBy: Int128(b))
    return Int64(truncatingIfNeeded: remainder < 0 ? quotient - 1 : quotient)
}

/// The nearest double.
@inline(__always) func double(_ value: Int128) -> Double {
    let narrow = Int64(truncatingIfNeeded: value)
    return Int128(narrow) == value ? Double(narrow) : Double(value)
}

/// The double near `value`: exact below 2⁵³, within two units of the last place beyond; the library's conversion takes
/// far longer.
@inline(__always) func nearDouble(_ value: Int128) -> Double {
    let magnitude = value.magnitude
    let high = UInt64(truncatingIfNeeded: magnitude &>> 64), low = UInt64(truncatingIfNeeded: magnitude)
    let double = Double(high) * 0x1p64 + Double(low)
    return value < 0 ? -double : double
}

/// A whole number of 192 bits: sums of squares, however many. It lies in three words, the lowest first.
struct Int192 {
    var low: UInt128 = 0
    var high: Int64 = 0

    init(low: UInt128, high: Int64) {
        self.low = low
        self.high = high
    }

    @inline(__always) init(square value: Int64) {
        let (high, low) = value.magnitude.multipliedFullWidth(by: value.magnitude)
        self.init(low: UInt128(high) &<< 64 | UInt128(low), high: 0)
    }

    init(product a: Int64, _ b: Int128) {
        let below = Int128(a) &* (b & Int128(UInt64.max))
        let above = Int128(a) &* (b &>> 64)
        let shifted = Int192(
            low: UInt128(UInt64(truncatingIfNeeded: above)) &<< 64, high: Int64(truncatingIfNeeded: above &>> 64))
        self = Int192(low: UInt128(truncatingIfNeeded: below), high: below < 0 ? -1 : 0) + shifted
    }

    @inline(__always) init(_ words: UnsafePointer<Int64>) {
        low = UInt128(UInt64(bitPattern: words[1])) &<< 64 | UInt128(UInt64(bitPattern: words[0]))
        high = words[2]
    }

    @inline(__always) func store(_ words: UnsafeMutablePointer<Int64>) {
        words[0] = Int64(truncatingIfNeeded: low)
        words[1] = Int64(truncatingIfNeeded: low &>> 64)
        words[2] = high
    }

    @inline(__always) static func + (a: Int192, b: Int192) -> Int192 {
        let (low, carries) = a.low.addingReportingOverflow(b.low)
        return Int192(low: low, high: a.high &+ b.high &+ (carries ? 1 : 0))
    }

    @inline(__always) static func - (a: Int192, b: Int192) -> Int192 {
        let (low, borrows) = a.low.subtractingReportingOverflow(b.low)
        return Int192(low: low, high: a.high &- b.high &- (borrows ? 1 : 0))
    }

    /// The double near it, as of `nearDouble`.
    var nearDouble: Double {
        let high = UInt64(truncatingIfNeeded: low &>> 64), low = UInt64(truncatingIfNeeded: low)
        return Double(self.high) * 0x1p128 + (Double(high) * 0x1p64 + Double(low))
    }
}
