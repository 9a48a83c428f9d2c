import EventModel

extension ByteWriter {
    mutating func append(text: String) {
        var text = text
        text.withUTF8 { append(contentsOf: UnsafeRawBufferPointer($0)) }
    }

    /// A whole number in decimal, or one with `scale` decimals: 5716 with scale 2 is `57.16`.
    mutating func append(decimal unscaled: Int64, scale: Int = 0) {
        reserve(22)
        if unscaled < 0 { appendUnchecked(UInt8(ascii: "-")) }
        var rest = unscaled.magnitude
        var digits = InlineArray<20, UInt8>(repeating: 48)
        var count = 0
        while rest > 0 || count <= scale {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            digits[count] = UInt8(truncatingIfNeeded: 48 + digit)
            rest = quotient
            count += 1
        }
        while count > 0 {
            count -= 1
            appendUnchecked(digits[count])
            if count == scale && scale > 0 { appendUnchecked(UInt8(ascii: ".")) }
        }
    }
}

/// Writes times as `2018-04-01T00:00:31Z`, with milliseconds only where there are any; the text of a day is kept for
/// the next time of it.
struct TimeText {
    private var day = Int64.min
    private var dayText: [UInt8] = []

    /// - Parameter time: one of `EventTime.range`.
    mutating func append(_ time: EventTime, to text: inout ByteWriter) {
        if time.day != day {
            day = time.day
            dayText = Array((time.dateDescription + "T").utf8)
        }
        dayText.withUnsafeBytes { text.append(contentsOf: $0) }
        let milliseconds = time.millisecondOfDay
        appendTwo(milliseconds / 3_600_000, UInt8(ascii: ":"), to: &text)
        appendTwo(milliseconds / 60_000 % 60, UInt8(ascii: ":"), to: &text)
        let rest = milliseconds % 1_000
        appendTwo(milliseconds / 1_000 % 60, rest == 0 ? UInt8(ascii: "Z") : UInt8(ascii: "."), to: &text)
        guard rest != 0 else { return }
        text.append(UInt8(truncatingIfNeeded: 48 + rest / 100))
        appendTwo(rest % 100, UInt8(ascii: "Z"), to: &text)
    }

    private func appendTwo(_ number: Int64, _ behind: UInt8, to text: inout ByteWriter) {
        text.append(UInt8(truncatingIfNeeded: 48 + number / 10))
        text.append(UInt8(truncatingIfNeeded: 48 + number % 10))
        text.append(behind)
    }
}

/// Bytes as base64 (RFC 4648, with padding).
func base64(_ bytes: some Collection<UInt8>) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        let piece = rest.prefix(3)
        rest = rest.dropFirst(3)
        let word = piece.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - piece.count))
        for place in 0..<4 {
            text.append(place <= piece.count ? alphabet[word >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}
