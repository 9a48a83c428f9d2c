import EventModel
import Foundation
import Platform
import TestSupport
import Testing

@testable import Features

private let directory = "/usr/share/zoneinfo/"

private func zone(_ name: String) throws -> TimeZoneTable {
    try TimeZoneTable(name: name, tzif: try PosixFileSystem().read(directory + name))
}

private func offset(_ zone: TimeZoneTable, _ instant: String) throws -> Double {
    let time = try #require(TimeFormat.iso8601.time(of: instant))
    return Double(zone.offset(at: time).milliseconds) / 3_600_000
}

private let hasDatabase = (try? PosixFileSystem().exists(directory + "Europe/Paris")) ?? false

@Suite(.enabled(if: hasDatabase, "the system has no time zones")) struct TimeZoneTests {
    static let known: [(String, String, Double)] = [
        ("Europe/Paris", "2018-03-25T00:59:59.999Z", 1.0), ("Europe/Paris", "2018-03-25T01:00:00Z", 2),
        ("Europe/Paris", "2018-10-28T00:59:59.999Z", 2), ("Europe/Paris", "2018-10-28T01:00:00Z", 1),
        ("Europe/Paris", "2100-03-28T00:59:59Z", 1), ("Europe/Paris", "2100-03-28T01:00:00Z", 2),
        ("Europe/Paris", "2600-07-01T00:00:00Z", 2), ("Europe/Paris", "9999-12-31T00:00:00Z", 1),
        ("America/New_York", "2018-03-11T06:59:59Z", -5), ("America/New_York", "2018-03-11T07:00:00Z", -4),
        ("America/New_York", "2018-11-04T05:59:59Z", -4), ("America/New_York", "2018-11-04T06:00:00Z", -5),
        ("America/New_York", "2090-11-05T06:00:00Z", -5), ("America/New_York", "2090-11-05T05:59:59Z", -4),
        ("Australia/Lord_Howe", "2018-03-31T14:59:59Z", 11), ("Australia/Lord_Howe", "2018-03-31T15:00:00Z", 10.5),
        ("Australia/Sydney", "2070-01-01T00:00:00Z", 11), ("Australia/Sydney", "2070-07-01T00:00:00Z", 10),
        ("Asia/Kolkata", "2018-01-01T00:00:00Z", 5.5), ("Asia/Kolkata", "2999-01-01T00:00:00Z", 5.5),
        ("America/Sao_Paulo", "2018-12-01T00:00:00Z", -2), ("America/Sao_Paulo", "2019-12-01T00:00:00Z", -3),
        ("Pacific/Apia", "2011-12-30T09:59:59Z", -10), ("Pacific/Apia", "2011-12-30T10:00:00Z", 14),
        ("Europe/Dublin", "2018-07-01T00:00:00Z", 1), ("Europe/Dublin", "2080-01-01T00:00:00Z", 0),
        ("UTC", "2018-07-01T00:00:00Z", 0), ("Europe/Paris", "0001-01-01T00:00:00Z", 561.0 / 3600),
    ]

    /// Transitions as the tz database states them; beyond its list by the zone's rule.
    @Test(arguments: known)
    func offsetsAreThoseOfTheDatabase(_ name: String, _ instant: String, _ hours: Double) throws {
        #expect(try offset(zone(name), instant) == hours)
    }

    @Test(arguments: ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Tokyo"])
    func randomInstantsAgreeWithFoundation(_ name: String) throws {
        let table = try zone(name)
        let reference = try #require(TimeZone(identifier: name))
        var random = SeededRandom(seed: 4)
        for _ in 0..<2000 {
            let second = random.int(0...2_145_916_800)
            let expected = reference.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
            let found = table.offset(at: EventTime(milliseconds: Int64(second) * 1000)).milliseconds / 1000
            #expect(found == Int64(expected), "\(name) at \(EventTime(milliseconds: Int64(second) * 1000))")
        }
    }

    @Test func aStretchHasOneOffset() throws {
        var random = SeededRandom(seed: 5)
        for name in ["Europe/Paris", "Asia/Kolkata", "UTC"] {
            let table = try zone(name)
            for _ in 0..<500 {
                let time = Int64(random.int(-60_000_000_000_000...250_000_000_000_000))
                let (times, offset) = table.stretch(around: time)
                #expect(times.contains(time))
                for inside in [times.lowerBound, times.upperBound - 1] {
                    #expect(table.offset(at: EventTime(milliseconds: inside)).milliseconds == offset)
                }
            }
        }
    }

    @Test func partsFollowTheClockOnTheWall() throws {
        let plan = try makePlan(
            [
                FeatureSpecification(name: "hour", definition: .calendar(.hour, zone: "Europe/Paris")),
                FeatureSpecification(name: "weekday", definition: .calendar(.weekday, zone: "Europe/Paris")),
                expression("day", "day_of_month('Europe/Paris')"), expression("month", "month('Europe/Paris')"),
                expression("minute", "minute_of_day('Europe/Paris')"), expression("utc", "hour()"),
            ], zones: [try zone("Europe/Paris")])
        let start = try #require(TimeFormat.iso8601.time(of: "2018-03-25T00:30:00Z")).milliseconds / 60_000
        let rows = [0, 60, 60 * 23].map { TestEvent(minute: Int(start) + $0) }
        // Sunday 01:30, then 03:30 since two o'clock is left out, then Monday 01:30.
        #expect(vectors(of: rows, plan) == [[1, 6, 25, 3, 90, 0], [3, 6, 25, 3, 210, 1], [1, 0, 26, 3, 90, 23]])
    }

    @Test func filesThatAreCutOrDamagedAreRefusedAndNeverTrap() throws {
        let whole = try PosixFileSystem().read(directory + "Europe/Paris")
        for end in 0..<whole.count {
            #expect(throws: TimeZoneError.self) { try TimeZoneTable(name: "x", tzif: Array(whole[..<end])) }
        }
        var random = SeededRandom(seed: 6)
        for _ in 0..<2000 {
            var bytes = whole
            for _ in 0..<random.int(1...5) { bytes[random.int(bytes.indices)] = UInt8(random.int(0...255)) }
            guard let table = try? TimeZoneTable(name: "x", tzif: bytes) else { continue }
            _ = table.offset(at: EventTime(milliseconds: Int64(random.int(-60_000_000_000_000...250_000_000_000_000))))
        }
        #expect(throws: TimeZoneError.self) { try TimeZoneTable(name: "x", tzif: Array("no zone".utf8)) }
    }

    @Test func everyZoneOfTheSystemIsRead() throws {
        for area in ["Europe", "America", "Asia", "Africa", "Australia", "Pacific"] {
            for name in try PosixFileSystem().list(directory + area) {
                guard let bytes = try? PosixFileSystem().read("\(directory)\(area)/\(name)"),
                    bytes.starts(with: "TZif".utf8)
                else { continue }
                #expect(throws: Never.self) { try TimeZoneTable(name: name, tzif: bytes) }
            }
        }
    }
}
