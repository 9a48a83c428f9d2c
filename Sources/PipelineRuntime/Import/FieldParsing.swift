import EventModel
import Features

// Numbers as tables write them. The common short forms are read in one pass; all else goes the exact general way.

/// A value, or why there is none.
enum Parsed<Value> {
    case value(Value)
    case problem(FieldProblem)
}

/// A whole number of 64 bits: `-12`, also `596.0` and `1e3`.
@inline(__always) func parseLong(_ text: UnsafeRawBufferPointer) -> Parsed<Int64> {
    guard let value = parseShortNumber(text, scale: 0) else { return parseLongSlowly(text) }
    return .value(value)
}

/// A decimal of at most 18 digits, as an integer with `scale` decimals.
@inline(__always) func parseDecimalField(_ text: UnsafeRawBufferPointer, scale: Int) -> Parsed<Int64> {
    guard let value = parseShortNumber(text, scale: scale) else { return parseDecimalSlowly(text, scale: scale) }
    return .value(value)
}

/// `text` as an integer with `scale` decimals when it is an optional minus, digits and perhaps a point, with at most 18
/// digits in the result; nil is no verdict.
@inline(__always) private func parseShortNumber(_ text: UnsafeRawBufferPointer, scale: Int) -> Int64? {
    guard let base = text.baseAddress?.assumingMemoryBound(to: UInt8.self), text.count > 0, text.count <= 19 else {
        return nil
    }
    let isNegative = base[0] == UInt8(ascii: "-")
    let first = isNegative ? 1 : 0
    var value: Int64 = 0
    var position = first
    while position < text.count {
        let digit = base[position] &- 48
        if digit > 9 { break }
        value = value &* 10 &+ Int64(digit)
        position &+= 1
    }
    var digits = position &- first
    guard digits > 0 else { return nil }
    var missing = scale
    if position < text.count {
        guard base[position] == UInt8(ascii: ".") else { return nil }
        position &+= 1
        while position < text.count {
            let digit = base[position] &- 48
            guard digit <= 9, missing > 0 else { return nil }
            value = value &* 10 &+ Int64(digit)
            missing &-= 1
            digits &+= 1
            position &+= 1
        }
    }
    guard digits &+ missing <= 18 else { return nil }
    while missing > 0 {
        value = value &* 10
        missing &-= 1
    }
    return isNegative ? -value : value
}

@inline(never) private func parseLongSlowly(_ text: UnsafeRawBufferPointer) -> Parsed<Int64> {
    if let value = parseInteger(text) { return .value(value) }
    if text.elementsEqual("-9223372036854775808".utf8) { return .value(.min) }
    if text.isEmpty { return .problem(.empty) }
    guard let number = NumberForm(text), number.decimals <= 0 else { return .problem(.notALong) }
    return .problem(.overflow)
}

@inline(never) private func parseDecimalSlowly(_ text: UnsafeRawBufferPointer, scale: Int) -> Parsed<Int64> {
    if let value = parseDecimal(text, scale: scale) {
        return value.magnitude < 1_000_000_000_000_000_000 ? .value(value) : .problem(.overflow)
    }
    if text.isEmpty { return .problem(.empty) }
    guard let number = NumberForm(text) else {
        return .problem(isNonFiniteWord(text) ? .notFinite : .notADecimal)
    }
    return .problem(number.decimals > scale ? .tooManyDecimals(scale: scale) : .overflow)
}

/// The decimal that `text` would write had a program not computed with doubles: 8565 for `85.64999999999999` with scale
/// 2. Nil unless `text` is exactly how a double prints and that double lies within four units in the last place of the
/// decimal, where such a unit is a tiny part of the decimal's last place; so `57.123` is never rounded to 57.12.
func roundedFloatingPointNoise(_ text: UnsafeRawBufferPointer, scale: Int) -> Int64? {
    let literal = String(decoding: text, as: UTF8.self)
    guard text.count <= 25, let value = Double(literal), value.isFinite, value.description == literal else {
        return nil
    }
    var power = 1.0
    for _ in 0..<scale { power *= 10 }
    let unscaled = (value * power).rounded()
    guard value.ulp * power < 1.0 / 64, unscaled.magnitude < 1e15,
        (value - unscaled / power).magnitude <= 4 * value.ulp
    else { return nil }
    return Int64(unscaled)
}

/// A double within ±1e100: decimal or scientific form.
///
/// Up to 15 digits and 22 decimals the value is one exact integer divided by one exact power of ten, so one rounding
/// gives the nearest double ("How to read floating point numbers accurately", Clinger 1990).
func parseDouble(_ text: UnsafeRawBufferPointer) -> Parsed<Double> {
    guard let base = text.baseAddress?.assumingMemoryBound(to: UInt8.self), text.count > 0 else {
        return .problem(.empty)
    }
    let isNegative = base[0] == UInt8(ascii: "-")
    var position = isNegative ? 1 : 0
    var value: Int64 = 0
    var digits = 0
    var divisor = 1.0
    var isAfterPoint = false
    while position < text.count, digits <= 15 {
        let digit = base[position] &- 48
        if digit <= 9 {
            value = value &* 10 &+ Int64(digit)
            digits &+= 1
            if isAfterPoint { divisor *= 10 }
        } else if base[position] == UInt8(ascii: "."), !isAfterPoint, digits > 0 {
            isAfterPoint = true
        } else {
            break
        }
        position &+= 1
    }
    if position == text.count, digits > 0, digits <= 15 {
        let magnitude = Double(value) / divisor
        return .value(isNegative ? -magnitude : magnitude)
    }
    return parseDoubleSlowly(text)
}

@inline(never) private func parseDoubleSlowly(_ text: UnsafeRawBufferPointer) -> Parsed<Double> {
    guard NumberForm(text) != nil else { return .problem(isNonFiniteWord(text) ? .notFinite : .notADouble) }
    guard let value = Double(String(decoding: text, as: UTF8.self)) else { return .problem(.notADouble) }
    guard value.isFinite else { return .problem(.notFinite) }
    return value.magnitude <= largestFeature ? .value(value) : .problem(.tooLargeToLearnFrom)
}

private func isNonFiniteWord(_ text: UnsafeRawBufferPointer) -> Bool {
    let word = String(decoding: text.prefix(16), as: UTF8.self).lowercased().drop { $0 == "+" || $0 == "-" }
    return ["nan", "inf", "infinity"].contains(word)
}

/// What a number in decimal or scientific form looks like.
private struct NumberForm {
    /// Decimals that are not trailing zeros, less the exponent.
    var decimals: Int

    /// Nil for what is no such number.
    init?(_ text: UnsafeRawBufferPointer) {
        var rest = text[...]
        func skipDigits() -> Slice<UnsafeRawBufferPointer> {
            let digits = rest.prefix { $0 &- 48 < 10 }
            rest = rest.dropFirst(digits.count)
            return digits
        }
        func skip(_ characters: String) -> UInt8? {
            guard let first = rest.first, characters.utf8.contains(first) else { return nil }
            return rest.popFirst()
        }
        _ = skip("+-")
        let whole = skipDigits()
        var fraction = rest.prefix(0)
        if skip(".") != nil { fraction = skipDigits() }
        if whole.isEmpty && fraction.isEmpty { return nil }
        decimals = fraction.count - fraction.reversed().prefix { $0 == 48 }.count
        if skip("eE") != nil {
            let isNegative = skip("+-") == UInt8(ascii: "-")
            let digits = skipDigits()
            if digits.isEmpty { return nil }
            let exponent = digits.reduce(0) { min($0 * 10 + Int($1 - 48), 1_000_000) }
            decimals += isNegative ? exponent : -exponent
        }
        if !rest.isEmpty { return nil }
    }
}
