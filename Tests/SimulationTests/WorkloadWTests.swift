import EventModel
import Testing

@testable import Simulation

@Suite struct WorkloadWTests {
    private static func rows(_ change: (inout WorkloadOptions) -> Void) throws -> [SimulatedTransaction] {
        var options = WorkloadOptions()
        options.rowCount = 150_000
        change(&options)
        var workload = try WorkloadW(options)
        var rows: [SimulatedTransaction] = []
        while !workload.isFinished { workload.appendNextDay(to: &rows) }
        workload.appendNextDay(to: &rows)
        return rows
    }

    @Test func propertiesAreThoseOfTheYardstick() throws {
        let rows = try Self.rows { _ in }
        #expect(rows.count == 150_000)
        #expect(rows.map(\.id) == Array(0..<150_000))
        let fraudShare = Double(rows.filter(\.isFraud).count) / 150_000
        #expect(abs(fraudShare - 0.0099) < 0.0015)
        let large = rows.map(\.amount).sorted()[150_000 * 9_985 / 10_000]
        let smallestLarge = rows.filter { $0.scenario == .largeAmount }.map(\.amount).min() ?? 0
        #expect(abs(Double(smallestLarge) / Double(large) - 1) < 0.1)
        let perDay = Dictionary(grouping: rows, by: \.time.day).mapValues(\.count)
        #expect(perDay.count == 30)
        #expect(perDay.values.allSatisfy { abs($0 - 5_000) < 400 })
    }

    /// At the yardstick's 66,667 rows a day, nearly each late row has been overtaken.
    @Test func twoPercentArriveLate() throws {
        let rows = try Self.rows { ($0.rowCount, $0.dayCount) = (133_333, 2) }
        let outOfOrder = zip(rows, rows.dropFirst()).filter { $1.time < $0.time }.count
        #expect(abs(Double(outOfOrder) / 133_333 - 0.0194) < 0.0015)
    }

    @Test func sameSeedGivesSameRowsAndAnotherSeedOthers() throws {
        let rows = try Self.rows { $0.rowCount = 3_000 }
        #expect(try Self.rows { $0.rowCount = 3_000 } == rows)
        #expect(try Self.rows { ($0.rowCount, $0.seed) = (3_000, 1) } != rows)
    }

    @Test func lateRowsAreCarriedOverMidnightAndNoneIsLateByMore() throws {
        let rows = try Self.rows {
            ($0.rowCount, $0.dayCount, $0.lateShare, $0.maximumLateness) = (20_000, 4, 1, .hour)
        }
        #expect(rows.count == 20_000)
        let days = rows.map(\.time.day)
        #expect(zip(days, days.dropFirst()).contains { $1 < $0 })
        var highest: Int64 = 0
        for row in rows {
            #expect(row.time.milliseconds >= highest - 3_600_000)
            highest = max(highest, row.time.milliseconds)
        }
    }

    @Test func withoutLatenessRowsAreSorted() throws {
        let rows = try Self.rows { ($0.rowCount, $0.lateShare) = (5_000, 0) }
        #expect(zip(rows, rows.dropFirst()).allSatisfy { $0.time <= $1.time })
    }

    @Test(arguments: [(0, 3, 5), (1, 1, 1), (7, 1, 30), (100, 2, 1)])
    func smallWorkloadsHaveTheirRows(_ rowCount: Int, _ entities: Int, _ dayCount: Int) throws {
        let rows = try Self.rows {
            ($0.rowCount, $0.customerCount, $0.terminalCount, $0.dayCount) = (rowCount, entities, entities, dayCount)
        }
        #expect(rows.count == rowCount)
    }

    @Test func anImpossibleOptionIsNamed() {
        let changes: [(String, (inout WorkloadOptions) -> Void)] = [
            ("rowCount", { $0.rowCount = -1 }),
            ("customerCount", { $0.customerCount = 0 }),
            ("terminalCount", { $0.terminalCount = 0 }),
            ("dayCount", { $0.dayCount = 0 }),
            ("startTime", { $0.startTime = EventTime(milliseconds: 5) }),
            ("lateShare", { $0.lateShare = .nan }),
            ("maximumLateness", { $0.maximumLateness = 2 * .hour }),
        ]
        for (option, change) in changes {
            var options = WorkloadOptions()
            change(&options)
            let error = #expect(throws: SimulationOptionError.self) { try options.validate() }
            #expect(error?.option == option)
        }
    }
}
