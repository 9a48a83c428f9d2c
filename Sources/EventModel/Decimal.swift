// Money and other windowed numbers are decimals with a declared scale, held as integers (57.16 with scale 2 is 5716),
// so that sums are exact and do not depend on their order.

/// Powers of ten up to the largest scale (18).
public let powersOfTen: [Int64] = (0...18).map { scale in (0..<scale).reduce(1) { power, _ in power * 10 } }

/// The unscaled integer of the decimal number that `text` writes (`-12`, `57.16`, `1e3`), or nil when it writes none,
/// when it has more than `scale` decimals that are not zero, or when the integer overflows 64 bits.
///
/// - Parameter scale: the number of decimals kept, 0 to 18.
public func parseDecimal(_ text: UnsafeRawBufferPointer, scale: Int) -> Int64? {
    guard let sign = text.first else { return nil }
    let isNegative = sign == UInt8(ascii: "-")
    var position = isNegative || sign == UInt8(ascii: "+") ? 1 : 0
    var value: Int64 = 0
    var decimals = 0
    var digitCount = 0
    var afterPoint = false
    var trailingZeros = 0
    while position < text.count {
        let digit = text[position] &- 48
        if digit < 10 {
            digitCount += 1
            if afterPoint && digit == 0 {
                trailingZeros += 1
            } else {
                for _ in 0..<trailingZeros where !appendDigit(0, to: &value) { return nil }
                decimals += trailingZeros + (afterPoint ? 1 : 0)
                trailingZeros = 0
                guard appendDigit(Int64(digit), to: &value) else { return nil }
            }
        } else if text[position] == UInt8(ascii: "."), !afterPoint {
            afterPoint = true
        } else {
            break
        }
        position += 1
    }
    guard digitCount > 0 else { return nil }
    var exponent: Int64 = 0
    if position < text.count {
        guard text[position] | 32 == UInt8(ascii: "e"), position + 1 < text.count else { return nil }
        let rest = UnsafeRawBufferPointer(rebasing: text[(position + 1)...])
        guard !rest.contains(where: { $0 | 32 == UInt8(ascii: "e") || $0 == UInt8(ascii: ".") }),
            let parsed = parseDecimal(rest, scale: 0), abs(parsed) <= 40
        else { return nil }
        exponent = parsed
    }
    var shift = Int64(scale) - Int64(decimals) + exponent
    while shift < 0 && value % 10 == 0 && value != 0 {
        value /= 10
        shift += 1
    }
    if value == 0 { return 0 }
    guard (0...18).contains(shift) else { return nil }
    let (scaled, overflow) = value.multipliedReportingOverflow(by: powersOfTen[Int(shift)])
    if overflow { return nil }
    return isNegative ? -scaled : scaled
}

private func appendDigit(_ digit: Int64, to value: inout Int64) -> Bool {
    let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, overflow2) = tens.addingReportingOverflow(digit)
    value = sum
    return !overflow && !overflow2
}

/// `5716` with scale 2 as `57.16`: all decimals, so that the text has the column's scale.
public func decimalDescription(_ unscaled: Int64, scale: Int) -> String {
    let digits = String(unscaled.magnitude)
    let sign = unscaled < 0 ? "-" : ""
    if scale == 0 { return sign + digits }
    let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
    return "\(sign)\(padded.dropLast(scale)).\(padded.suffix(scale))"
}
