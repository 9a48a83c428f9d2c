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

/// The double near `value`: exact below 2⁵³, within two units of the last place beyond; the library's conversion takes
/// far longer.
@inline(__always) func nearDouble(_ value: Int128) -> Double {
    let magnitude = value.magnitude
    let high = UInt64(truncatingIfNeeded: magnitude &>> 64), low = UInt64(truncatingIfNeeded: magnitude)
    let double = Double(high) * 0x1p64 + Double(low)
    return value < 0 ? -double : double
}
