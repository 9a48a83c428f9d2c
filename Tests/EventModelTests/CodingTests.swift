import Testing

@testable import EventModel

@Suite struct CodingTests {
    @Test(arguments: [0, 1, -1, 63, 64, -64, -65, 8191, 8192, Int64.max, Int64.min])
    func varintComesBackAndHasTheLengthForetold(_ value: Int64) {
        var writer = ByteWriter()
        writer.appendVarint(value)
        #expect(writer.count == varintLength(value))
        var reader = ByteReader(writer.bytes)
        #expect(reader.readVarint() == value)
        #expect(reader.isValid && reader.remaining == 0)
    }

    /// With bytes behind its own to look at, a reader gives the same numbers, and a varint that runs on into them shows.
    @Test(arguments: [0, 1, -1, 64, 8191, 8192, 1 << 20, 1 << 34, 1 << 48, Int64.max, Int64.min])
    func slackChangesNoNumberAndHidesNoOverrun(_ value: Int64) {
        var writer = ByteWriter()
        writer.appendVarint(value)
        let length = writer.count
        for _ in 0..<8 { writer.append(0x7F) }
        let bytes = writer.bytes
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[..<length]), slack: 8)
        #expect(reader.readVarint() == value)
        #expect(reader.isValid && reader.remaining == 0)
        var cut = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[..<(length - 1)]), slack: 9)
        _ = cut.readVarint()
        #expect(!cut.isValid || cut.remaining < 0)
    }

    @Test(
        arguments: [
            (0, [2, 0]), (5716, [4, 22, 84]), (-1, [2, 255]), (127, [2, 127]), (128, [4, 0, 128]), (-128, [2, 128]),
        ] as [(Int64, [UInt8])])
    func avroDecimalIsTheShortestTwosComplement(_ unscaled: Int64, _ bytes: [UInt8]) {
        var writer = ByteWriter()
        writer.appendAvroDecimal(unscaled)
        #expect(writer.array == bytes)
        var reader = ByteReader(writer.bytes)
        #expect(reader.readAvroDecimal() == unscaled)
    }

    @Test(arguments: [Int64.max, Int64.min, 1 << 55, -(1 << 55)])
    func wideAvroDecimalsComeBack(_ unscaled: Int64) {
        var writer = ByteWriter()
        writer.appendAvroDecimal(unscaled)
        var reader = ByteReader(writer.bytes)
        #expect(reader.readAvroDecimal() == unscaled)
        #expect(reader.isValid && reader.remaining == 0)
    }

    @Test func readingBeyondTheEndIsRememberedAndGivesZero() {
        var writer = ByteWriter()
        writer.append(0x80)
        var reader = ByteReader(writer.bytes)
        #expect(reader.readVarint() == 0)
        #expect(!reader.isValid)
        #expect(reader.readByte() == 0)
    }
}

@Suite struct TextFormTests {
    private func decimal(_ text: String, scale: Int) -> Int64? {
        var text = text
        return text.withUTF8 { parseDecimal(UnsafeRawBufferPointer($0), scale: scale) }
    }

    @Test(
        arguments: [
            ("57.16", 5716), ("57.1", 5710), ("57", 5700), ("-0.5", -50), ("1.500", 150), ("1e2", 10000),
            ("1.5e-1", 15),
            ("+3", 300), ("0", 0), ("0.000", 0), ("92233720368547758.07", Int64.max), (".5", 50), ("5.", 500),
            ("0.00e9", 0), ("100e-3", 10),
        ] as [(String, Int64)])
    func decimalsKeepTheirScale(_ text: String, _ unscaled: Int64) { #expect(decimal(text, scale: 2) == unscaled) }

    @Test(arguments: [
        "", ".", "-", "1.234", "nan", "inf", "1e", "1e2.5", "1 ", "0x10", "92233720368547758.08", "1e40", "--1", "1e-3",
    ])
    func textThatIsNoSuchDecimalIsRefused(_ text: String) { #expect(decimal(text, scale: 2) == nil) }

    @Test(arguments: [
        ("2018-04-01 00:00:31", "2018-04-01T00:00:31Z"), ("2018-04-01", "2018-04-01T00:00:00Z"),
        ("2024-02-29T23:59:59.5Z", "2024-02-29T23:59:59.500Z"),
        ("2018-03-25T01:00:02.123999Z", "2018-03-25T01:00:02.123Z"),
        ("1969-12-31T23:59:59.999999999+00:00", "1969-12-31T23:59:59.999Z"),
        ("2018-04-01T02:00:00+02:00", "2018-04-01T00:00:00Z"),
        ("1969-12-31 23:59:59", "1969-12-31T23:59:59Z"), ("0001-01-01", "0001-01-01T00:00:00Z"),
    ])
    func timesAreReadAndWritten(_ text: String, _ expected: String) {
        #expect(TimeFormat.iso8601.time(of: text)?.description == expected)
    }

    @Test(arguments: [
        "2018-02-30 00:00:00", "2018-13-01", "2018-04-01 24:00:00", "2018-04-01 00:00", "yesterday", "",
        "2018-04-01 00:00:00x", "0000-01-01",
    ])
    func textThatIsNoTimeIsRefused(_ text: String) { #expect(TimeFormat.iso8601.time(of: text) == nil) }

    @Test func everyDayOfFourCenturiesHasItsDate() {
        var day = daysSinceEpoch(year: 1900, month: 1, day: 1)!
        for year in 1900...2300 as ClosedRange<Int64> {
            for month in 1...12 as ClosedRange<Int64> {
                for dayOfMonth in 1...31 as ClosedRange<Int64> {
                    guard let found = daysSinceEpoch(year: year, month: month, day: dayOfMonth) else { continue }
                    #expect(found == day)
                    let text = EventTime(milliseconds: day * 86_400_000).dateDescription
                    if TimeFormat.iso8601.time(of: text)?.day != day { Issue.record("\(text) is not day \(day)") }
                    day += 1
                }
            }
        }
    }

    @Test(arguments: ["7d", "36h", "90m", "30s", "250ms", "0s"])
    func durationsComeBack(_ text: String) { #expect(EventDuration(text)?.description == text) }

    @Test(arguments: ["", "7", "d", "-1d", "1.5h", "7 d", "99999999999999d"])
    func textThatIsNoDurationIsRefused(_ text: String) { #expect(EventDuration(text) == nil) }
}
