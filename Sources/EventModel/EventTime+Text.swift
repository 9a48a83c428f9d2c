// Text forms of times and durations. The calendar is the proleptic Gregorian one, in UTC; the conversion between days
// and dates counts years from March, so that the leap day comes last.

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, or nil when there is no such date.
public func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64? {
    guard (1...9999).contains(year), (1...12).contains(month), day >= 1, day <= daysInMonth(month, year: year) else {
        return nil
    }
    let marchYear = month <= 2 ? year - 1 : year
    let marchMonth = (month + 9) % 12
    let dayOfYear = (153 * marchMonth + 2) / 5 + day - 1
    let leapDays = floorDivide(marchYear, 4) - floorDivide(marchYear, 100) + floorDivide(marchYear, 400)
    return marchYear * 365 + leapDays + dayOfYear - 719_468
}

private func daysInMonth(_ month: Int64, year: Int64) -> Int64 {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
}

/// The date of a day since 1970-01-01 in the proleptic Gregorian calendar.
public func civilDate(daysSinceEpoch days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
}

extension EventTime: CustomStringConvertible {
    /// `2018-04-01T00:00:31Z`, with milliseconds only where there are any.
    public var description: String {
        let date = civilDate(daysSinceEpoch: day)
        let ms = millisecondOfDay
        var text = "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))T"
        text += "\(padded(ms / 3_600_000, 2)):\(padded(ms / 60_000 % 60, 2)):\(padded(ms / 1_000 % 60, 2))"
        if ms % 1_000 != 0 { text += ".\(padded(ms % 1_000, 3))" }
        return text + "Z"
    }

    /// `2018-04-01`.
    public var dateDescription: String { String(description.prefix(10)) }
}

private func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

/// How a column of text writes a time.
public enum TimeFormat: String, Sendable, CaseIterable {
    /// `2018-04-01 00:00:31`, `2018-04-01T00:00:31.250Z`, `2018-04-01T02:00:31+02:00`, `2018-04-01`; UTC unless it
    /// names another offset. What is finer than a millisecond is cut off.
    case iso8601
    /// Whole seconds since 1970-01-01T00:00:00Z.
    case seconds
    /// Whole milliseconds since 1970-01-01T00:00:00Z.
    case milliseconds

    /// The time that `text` (ASCII) writes, or nil when it writes none in this format or one out of `EventTime.range`.
    public func time(of text: UnsafeRawBufferPointer) -> EventTime? {
        let time: EventTime?
        switch self {
        case .iso8601: time = parseISO8601(text)
        case .milliseconds: time = parseInteger(text).map(EventTime.init(milliseconds:))
        case .seconds:
            time = parseInteger(text).flatMap { seconds in
                let (ms, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
                return overflow ? nil : EventTime(milliseconds: ms)
            }
        }
        guard let time, EventTime.range.contains(time) else { return nil }
        return time
    }

    public func time(of text: String) -> EventTime? {
        var text = text
        return text.withUTF8 { time(of: UnsafeRawBufferPointer($0)) }
    }
}

private func parseISO8601(_ text: UnsafeRawBufferPointer) -> EventTime? {
    var position = 0
    func digits(_ count: Int) -> Int64? {
        guard position + count <= text.count else { return nil }
        var value: Int64 = 0
        for _ in 0..<count {
            let digit = text[position] &- 48
            guard digit < 10 else { return nil }
            value = value * 10 + Int64(digit)
            position += 1
        }
        return value
    }
    func skip(_ character: UInt8) -> Bool {
        guard position < text.count, text[position] == character else { return false }
        position += 1
        return true
    }
    let dash = UInt8(ascii: "-"), colon = UInt8(ascii: ":")
    guard let year = digits(4), skip(dash), let month = digits(2), skip(dash), let dayOfMonth = digits(2),
        let day = daysSinceEpoch(year: year, month: month, day: dayOfMonth)
    else { return nil }
    if position == text.count { return EventTime(milliseconds: day * 86_400_000) }
    guard skip(UInt8(ascii: " ")) || skip(UInt8(ascii: "T")),
        let hour = digits(2), hour < 24, skip(colon), let minute = digits(2), minute < 60, skip(colon),
        let second = digits(2), second < 60
    else { return nil }
    var milliseconds = ((day * 24 + hour) * 60 + minute) * 60_000 + second * 1_000
    if skip(UInt8(ascii: ".")) {
        var scale: Int64 = 100
        let start = position
        while position < text.count, text[position] &- 48 < 10 {
            let digit = Int64(text[position] &- 48)
            milliseconds += digit * scale
            scale /= 10
            position += 1
        }
        if position == start { return nil }
    }
    if position < text.count, !skip(UInt8(ascii: "Z")) {
        let west = skip(dash)
        guard west || skip(UInt8(ascii: "+")), let hours = digits(2), hours <= 18 else { return nil }
        _ = skip(colon)
        guard let minutes = digits(2), minutes < 60 else { return nil }
        milliseconds += (west ? 1 : -1) * (hours * 60 + minutes) * 60_000
    }
    return position == text.count ? EventTime(milliseconds: milliseconds) : nil
}

/// The whole number that `text` writes in decimal with an optional sign, or nil.
public func parseInteger(_ text: UnsafeRawBufferPointer) -> Int64? {
    parseDecimal(text, scale: 0)
}

extension EventDuration: CustomStringConvertible {
    private static let units: [(suffix: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// `7d`, `36h`, `90m`, `30s`, `250ms`: a whole number of the largest unit that is exact.
    public var description: String {
        if milliseconds == 0 { return "0s" }
        for unit in Self.units where milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
        }
        return "\(milliseconds)ms"
    }

    /// Reads `7d`, `36h`, `90m`, `30s` or `250ms`; nil for anything else, for negative ones and beyond 1,000 years.
    public init?(_ text: some StringProtocol) {
        let number = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(number), count >= 0,
            let unit = Self.units.first(where: { $0.suffix == text[number.endIndex...] })
        else { return nil }
        let (ms, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
        guard !overflow, ms <= 366_000 * 86_400_000 else { return nil }
        self.init(milliseconds: ms)
    }
}
