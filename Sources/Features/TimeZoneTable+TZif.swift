import EventModel

// The format of the time-zone database's files: RFC 9636, "The Time Zone Information Format (TZif)", and of the rule
// behind their data: POSIX.1, "TZ".
//
//     header │ data with 4-byte times │ header │ data with 8-byte times │ \n rule \n
//
// A header: "TZif", version, 15 unused bytes, six counts: UT/local flags, standard/wall flags, leap seconds,
// transitions, types, characters of abbreviations. The data: transitions, a type of each, the types (offset 4 bytes,
// daylight 1, abbreviation 1), and more that is not needed here.

/// Why bytes are no time zone that can be used.
public struct TimeZoneError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String

    init(_ description: String) { self.description = description }
}

extension TimeZoneTable {
    /// Reads a file of the time-zone database.
    /// - Throws: what is wrong with the bytes; leap seconds ("right" zones) are refused.
    public init(name: String, tzif bytes: [UInt8]) throws(TimeZoneError) {
        var reader = TZifReader(bytes: bytes)
        let short = try reader.header()
        guard short.version >= 2 else { throw TimeZoneError("a file of version 1, without 64-bit times") }
        try reader.skip(short.length(timeBytes: 4))
        let header = try reader.header()
        guard header.leapSeconds == 0 else { throw TimeZoneError("a zone that counts leap seconds") }
        guard header.types > 0 else { throw TimeZoneError("a zone without types of time") }
        var transitions: [Int64] = []
        for _ in 0..<header.transitions { transitions.append(try reader.integer(8)) }
        var types: [Int] = []
        for _ in 0..<header.transitions { types.append(Int(try reader.integer(1))) }
        var typeOffsets: [Int64] = []
        for _ in 0..<header.types {
            typeOffsets.append(try reader.integer(4))
            try reader.skip(2)
        }
        try reader.skip(header.characters + header.standardFlags + header.universalFlags)
        guard types.allSatisfy({ typeOffsets.indices.contains($0) }) else {
            throw TimeZoneError("a transition to a type of time that it does not have")
        }
        guard zip(transitions, transitions.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw TimeZoneError("transitions out of order")
        }
        let offsets = [typeOffsets[0]] + types.map { typeOffsets[$0] }
        // The oldest entry may be a "big bang" far outside of what milliseconds can hold.
        let range = EventTime.range.lowerBound.milliseconds / 1000 - 366 * 86_400
        let first = transitions.firstIndex { $0 >= range } ?? transitions.count
        self.init(
            name: name, seconds: Array(transitions[first...]), offsets: Array(offsets[first...]),
            rule: try TimeZoneRule(try reader.rule()))
    }

    /// - Parameter rule: what holds behind the last transition; nil: its offset stays.
    private init(name: String, seconds: [Int64], offsets: [Int64], rule: TimeZoneRule?) {
        var transitions = seconds.map { $0 * 1000 }
        var offsets = offsets.map { $0 * 1000 }
        guard let rule else {
            self.init(name: name, transitions: transitions, offsets: offsets)
            return
        }
        guard let daylight = rule.daylight else {
            if offsets.last != rule.standardOffset * 1000 {
                // No transition to it is listed, so it holds from the last one on.
                offsets[offsets.count - 1] = rule.standardOffset * 1000
            }
            self.init(name: name, transitions: transitions, offsets: offsets)
            return
        }
        let last = transitions.last ?? 0
        let lastYear = civilDate(daysSinceEpoch: floorDivide(last, 86_400_000)).year
        for year in lastYear...lastYear + 401 {
            let changes = [
                (daylight.start.time(in: year, offset: rule.standardOffset) * 1000, daylight.offset * 1000),
                (daylight.end.time(in: year, offset: daylight.offset) * 1000, rule.standardOffset * 1000),
            ].sorted { $0.0 < $1.0 }
            for (time, offset) in changes where time > (transitions.last ?? .min) {
                transitions.append(time)
                offsets.append(offset)
            }
        }
        let end = (daysSinceEpoch(year: min(lastYear + 401, 9999), month: 1, day: 1) ?? 0) * 86_400_000
        self.init(name: name, transitions: transitions, offsets: offsets, repeatsFrom: end)
    }
}

private struct TZifReader {
    struct Header {
        var version: UInt8
        var universalFlags, standardFlags, leapSeconds, transitions, types, characters: Int

        func length(timeBytes: Int) -> Int {
            transitions * (timeBytes + 1) + types * 6 + characters + leapSeconds * (timeBytes + 4) + standardFlags
                + universalFlags
        }
    }

    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func skip(_ count: Int) throws(TimeZoneError) {
        guard count <= bytes.count - position else { throw TimeZoneError("cut short at byte \(bytes.count)") }
        position += count
    }

    /// A big-endian two's-complement integer.
    mutating func integer(_ count: Int) throws(TimeZoneError) -> Int64 {
        let start = position
        try skip(count)
        var value: UInt64 = 0
        for byte in bytes[start..<position] { value = value << 8 | UInt64(byte) }
        return count == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
    }

    mutating func header() throws(TimeZoneError) -> Header {
        let start = position
        try skip(20)
        guard bytes[start..<start + 4].elementsEqual("TZif".utf8) else {
            throw TimeZoneError("no file of the time-zone database: 'TZif' is missing at byte \(start)")
        }
        var counts: [Int] = []
        for _ in 0..<6 {
            let count = Int(try integer(4))
            guard (0...1_000_000).contains(count) else { throw TimeZoneError("a count of \(count)") }
            counts.append(count)
        }
        return Header(
            version: bytes[start + 4] == 0 ? 1 : bytes[start + 4] &- 48, universalFlags: counts[0],
            standardFlags: counts[1], leapSeconds: counts[2], transitions: counts[3], types: counts[4],
            characters: counts[5])
    }

    /// The line between the line feeds at the end.
    mutating func rule() throws(TimeZoneError) -> [UInt8] {
        try skip(1)
        guard bytes[position - 1] == 10, let end = bytes[position...].firstIndex(of: 10) else {
            throw TimeZoneError("no rule behind the transitions")
        }
        return Array(bytes[position..<end])
    }
}

/// The POSIX rule of a zone: `CET-1CEST,M3.5.0,M10.5.0/3`.
private struct TimeZoneRule {
    /// A day of the year and a local time on it.
    struct Change {
        enum Day {
            /// Weekday 0 (Sunday) to 6 of the week 1 to 5 (5: the last) of a month.
            case weekday(month: Int64, week: Int64, day: Int64)
            /// 1 to 365, never counting February 29.
            case julian(Int64)
            /// 0 to 365, counting it.
            case ofYear(Int64)
        }

        var day: Day
        /// Seconds since midnight; may be negative or beyond a day.
        var seconds: Int64

        /// Seconds since the epoch, in a year where `offset` holds before the change.
        func time(in year: Int64, offset: Int64) -> Int64 {
            let firstDay = daysSinceEpoch(year: min(year, 9999), month: 1, day: 1) ?? 0
            let days: Int64
            switch day {
            case .ofYear(let number): days = firstDay + number
            case .julian(let number):
                let isLeap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0
                days = firstDay + number - 1 + (isLeap && number >= 60 ? 1 : 0)
            case .weekday(let month, let week, let weekday):
                let first = daysSinceEpoch(year: min(year, 9999), month: month, day: 1) ?? 0
                // 1970-01-01 was a Thursday, day 4 of a week that begins on Sunday.
                var day = first + floorModulo(weekday - (first + 4), 7) + (week - 1) * 7
                let next =
                    month == 12
                    ? first + 31 : daysSinceEpoch(year: min(year, 9999), month: month + 1, day: 1) ?? first + 31
                while day >= next { day -= 7 }
                days = day
            }
            return days * 86_400 + seconds - offset
        }
    }

    var standardOffset: Int64
    var daylight: (offset: Int64, start: Change, end: Change)?

    /// nil for an empty text, which says nothing of the future.
    init?(_ text: [UInt8]) throws(TimeZoneError) {
        if text.isEmpty { return nil }
        var reader = RuleReader(text: text)
        try reader.skipName()
        standardOffset = -(try reader.time())
        guard !reader.isAtEnd else { return }
        try reader.skipName()
        var offset = standardOffset + 3600
        if !reader.skip(",") {
            offset = -(try reader.time())
            guard reader.skip(",") else { throw reader.error("','") }
        }
        let start = try reader.change()
        guard reader.skip(",") else { throw reader.error("','") }
        daylight = (offset, start, try reader.change())
        guard reader.isAtEnd else { throw reader.error("the end") }
    }
}

private struct RuleReader {
    let text: [UInt8]
    private var position = 0

    init(text: [UInt8]) { self.text = text }

    var isAtEnd: Bool { position == text.count }

    func error(_ expected: String) -> TimeZoneError {
        TimeZoneError("rule '\(String(decoding: text, as: UTF8.self))': expected \(expected) at \(position + 1)")
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func skipName() throws(TimeZoneError) {
        let start = position
        if skip("<") {
            while position < text.count, text[position] != UInt8(ascii: ">") { position += 1 }
            guard skip(">") else { throw error("'>'") }
            return
        }
        while position < text.count, text[position] | 32 >= 97, text[position] | 32 <= 122 { position += 1 }
        guard position > start else { throw error("a zone's name") }
    }

    private mutating func number(_ range: ClosedRange<Int64>) throws(TimeZoneError) -> Int64 {
        var value: Int64 = 0
        let start = position
        while position < text.count, text[position] &- 48 < 10, position - start < 4 {
            value = value * 10 + Int64(text[position] - 48)
            position += 1
        }
        guard position > start, range.contains(value) else {
            throw error("a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// Seconds of `[+-]hh[:mm[:ss]]`.
    mutating func time() throws(TimeZoneError) -> Int64 {
        let isNegative = skip("-")
        if !isNegative { _ = skip("+") }
        var seconds = try number(0...167) * 3600
        if skip(":") {
            seconds += try number(0...59) * 60
            if skip(":") { seconds += try number(0...59) }
        }
        return isNegative ? -seconds : seconds
    }

    mutating func change() throws(TimeZoneError) -> TimeZoneRule.Change {
        let day: TimeZoneRule.Change.Day
        if skip("M") {
            let month = try number(1...12)
            guard skip(".") else { throw error("'.'") }
            let week = try number(1...5)
            guard skip(".") else { throw error("'.'") }
            day = .weekday(month: month, week: week, day: try number(0...6))
        } else if skip("J") {
            day = .julian(try number(1...365))
        } else {
            day = .ofYear(try number(0...365))
        }
        return TimeZoneRule.Change(day: day, seconds: skip("/") ? try time() : 7200)
    }
}
