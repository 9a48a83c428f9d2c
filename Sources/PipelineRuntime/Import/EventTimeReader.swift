import EventModel

/// Reads a column of times; the date that was read last is remembered, since neighbours mostly share it.
struct EventTimeReader {
    let format: TimeFormat
    private var dateHead: UInt64 = 0
    private var dateTail: UInt16 = 0
    private var day = EventTime.distantPast

    init(_ format: TimeFormat) { self.format = format }

    /// As `TimeFormat.time(of:)`.
    @inline(__always) mutating func time(of text: UnsafeRawBufferPointer) -> Parsed<EventTime> {
        if format == .iso8601, text.count == 19, let milliseconds = timeOfDay(text) {
            let head = text.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
            let tail = text.loadUnaligned(fromByteOffset: 8, as: UInt16.self)
            if head == dateHead, tail == dateTail {
                return .value(EventTime(milliseconds: day.milliseconds + milliseconds))
            }
            if let date = format.time(of: UnsafeRawBufferPointer(rebasing: text[..<10])) {
                (dateHead, dateTail, day) = (head, tail, date)
                return .value(EventTime(milliseconds: date.milliseconds + milliseconds))
            }
        }
        return timeSlowly(of: text)
    }

    @inline(never) private func timeSlowly(of text: UnsafeRawBufferPointer) -> Parsed<EventTime> {
        if let time = format.time(of: text) { return .value(time) }
        return .problem(text.isEmpty ? .empty : .notATime(format))
    }

    /// The milliseconds of `HH:MM:SS` behind a space or `T` at byte 10, or nil.
    @inline(__always) private func timeOfDay(_ text: UnsafeRawBufferPointer) -> Int64? {
        guard text[10] == UInt8(ascii: " ") || text[10] == UInt8(ascii: "T") else { return nil }
        let word = text.loadUnaligned(fromByteOffset: 11, as: UInt64.self).littleEndian ^ 0x3030_3A30_303A_3030
        let isBeyondNine = (word &+ 0x7676_7676_7676_7676) | word
        guard isBeyondNine & 0x8080_8080_8080_8080 == 0, word & 0x0000_FF00_00FF_0000 == 0 else { return nil }
        func twoDigits(_ shift: UInt64) -> Int64 {
            Int64(truncatingIfNeeded: (word &>> shift & 15) &* 10 &+ (word &>> (shift &+ 8) & 15))
        }
        let hour = twoDigits(0), minute = twoDigits(24), second = twoDigits(48)
        guard hour < 24, minute < 60, second < 60 else { return nil }
        return ((hour &* 60 &+ minute) &* 60 &+ second) &* 1_000
    }
}
