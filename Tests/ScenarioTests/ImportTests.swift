import EventModel
import Foundation
import LogStorage
import PipelineRuntime
import Platform
import Simulation
import TestSupport
import Testing

/// Tables into the log, once, in pieces, and malformed in every way.
struct ImportTests {
    private let table: CardTable

    init() throws { table = try CardTable(days: 20) }

    private func inputOfOneGo() throws -> [Scenario.StoredRecord] {
        let scenario = try Scenario()
        try scenario.importTable(CardTable.csv(table.rows))
        return try scenario.records(scenario.log.input)
    }

    @Test(arguments: 0..<5 as Range<UInt64>)
    func aTableThatGrewIsImportedAsInOneGo(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let scenario = try Scenario()
        let whole = table.rows.count
        let cuts = (0..<3).map { _ in random.int(1...whole) }.sorted() + [whole]
        var before = 0
        for cut in cuts {
            let report = try scenario.importTable(CardTable.csv(table.rows.prefix(cut)))
            #expect(report.isBalanced)
            #expect(report.alreadyThere == Int64(before))
            #expect(report.transactions == Int64(cut - before))
            before = cut
        }
        #expect(try scenario.records(scenario.log.input) == inputOfOneGo())
    }

    /// What is known a week after a row that has no other behind it in its file is known no earlier in the log.
    @Test func theLabelsOfAFileThatEndsEarlyStandAmongTheRecordsOfOthers() throws {
        let scenario = try Scenario()
        func source(_ name: String, _ rows: some Sequence<SimulatedTransaction>) throws -> Importer.Source {
            let file = try scenario.directory.write(CardTable.csv(rows), to: name)
            return Importer.Source(
                try InputStream(path: file, fileSystem: scenario.fileSystem), name: name, rows: .transactions)
        }
        let early = table.rows.prefix(table.rows.count / 2).filter { $0.customer.isMultiple(of: 2) }
        let known = Set(early.map(\.id))
        let others = table.rows.filter { !known.contains($0.id) }
        let reports = try Importer(
            log: scenario.log, input: scenario.specification.input, fileSystem: scenario.fileSystem
        ).importAll([try source("early.csv", early), try source("others.csv", others)], flushLabels: true)
        #expect(reports.map(\.labels) == [Int64(early.count), Int64(others.count)])
        let times = try scenario.records(scenario.log.input).map(\.timestamp)
        #expect(times == times.sorted())
    }

    /// They would be taken for one table, and rows of the second for rows of the first.
    @Test func twoFilesThatBeginAlikeAreRefusedAndNothingIsWritten() throws {
        let scenario = try Scenario()
        let sources = try ["one.csv", "other.csv"].enumerated().map { place, name in
            let rows = table.rows.prefix(10).filter {
                $0.id == table.rows[0].id || $0.id.isMultiple(of: 2) == (place == 0)
            }
            let file = try scenario.directory.write(CardTable.csv(rows), to: name)
            return Importer.Source(
                try InputStream(path: file, fileSystem: scenario.fileSystem), name: name, rows: .transactions)
        }
        #expect {
            _ = try Importer(
                log: scenario.log, input: scenario.specification.input, fileSystem: scenario.fileSystem
            ).importAll(sources, flushLabels: true)
        } throws: { error in
            "\(error)".contains("one.csv and other.csv have the same header and the same first row")
        }
        #expect(try scenario.records(scenario.log.input).isEmpty)
    }

    @Test func importingTwiceAddsNothing() throws {
        let scenario = try Scenario()
        let first = try scenario.importTable(CardTable.csv(table.rows))
        let records = try scenario.records(scenario.log.input)
        let second = try scenario.importTable(CardTable.csv(table.rows))
        #expect(first.transactions == Int64(table.rows.count) && first.isBalanced)
        #expect(second.transactions == 0 && second.labels == 0 && second.isBalanced)
        #expect(second.alreadyThere == first.transactions)
        #expect(second.pendingLabels == first.pendingLabels)
        #expect(try scenario.records(scenario.log.input) == records)
    }

    @Test func aRowThatWasRepairedOrChangedIsRefusedWithItsLine() throws {
        func csv(_ rows: [String]) -> [UInt8] {
            Array(
                (["TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD"] + rows + [""])
                    .joined(separator: "\n").utf8)
        }
        let first = "1,2018-04-01 00:00:01,1,1,5.00,0"
        let third = "3,2018-04-01 00:00:02,1,1,6.00,0"
        let scenario = try Scenario()
        let report = try scenario.importTable(csv([first, "2,2018-04-01 00:00:02,1,1,oops,0", third]))
        #expect(report.transactions == 2 && report.malformed == 1)
        let records = try scenario.records(scenario.log.input)
        for changed in ["2,2018-04-01 00:00:02,1,1,7.00,0", "3,2018-04-01 00:00:02,1,1,6.01,0"] {
            let error = #expect(throws: RuntimeError.self) { try scenario.importTable(csv([first, changed, third])) }
            #expect(error?.description.contains("line 3") == true)
            #expect(try scenario.records(scenario.log.input) == records)
        }
    }

    @Test func anImportStoppedWhileItComparesSaysNothingWrongAndGoesOnLater() throws {
        let scenario = try Scenario()
        let big = try CardTable(customers: 200, days: 40)
        #expect(big.rows.count > 4096)
        try scenario.importTable(CardTable.csv(big.rows))
        let records = try scenario.records(scenario.log.input)
        let path = scenario.log.path + "-table.csv"
        try Data(CardTable.csv(big.rows)).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let importer = Importer(
            log: scenario.log, input: scenario.specification.input, fileSystem: scenario.fileSystem)
        let stopped = try importer.importTable(
            from: try InputStream(path: path, fileSystem: scenario.fileSystem), name: path, flushLabels: false,
            shouldStop: { true })
        #expect(stopped.rows == 4096 && stopped.alreadyThere == 4096 && stopped.isBalanced)
        #expect(try scenario.importTable(CardTable.csv(big.rows)).alreadyThere == Int64(big.rows.count))
        #expect(try scenario.records(scenario.log.input) == records)
    }

    @Test func theLabelOfARowThatIsRefusedIsLeftOut() throws {
        let scenario = try Scenario()
        let header = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD"
        let lines = [
            header, "1,2018-04-01 00:00:01,1,1,5.00,0", "2,2018-04-01 00:00:02,1,1,5.00,1",
            "1,2018-04-01 00:00:03,1,1,6.00,1", "2,2018-04-01 00:00:02,1,1,5.00,1", "3,2018-04-20 00:00:00,1,1,5.00,0",
            "1,2018-04-20 00:00:01,1,1,7.00,1",
        ]
        let csv = Array((lines.joined(separator: "\n") + "\n").utf8)
        let report = try scenario.importTable(csv, flushLabels: true)
        #expect(report.refusedLabels == 1 && report.firstRefusedLabel == 4 && report.isBalanced)
        #expect(report.labels == 5, "a repetition keeps its label; what waits no more tells nothing")
        let run = try scenario.open()
        try run.run(until: Offset(7))
        #expect(run.tally.corrections == 0 && run.tally.labels == 2)
        #expect(try scenario.importTable(csv, flushLabels: true).alreadyThere == 6)
    }

    @Test func aTableWithoutRowsMakesALogToScoreInto() throws {
        let scenario = try Scenario()
        let report = try scenario.importTable(CardTable.csv([SimulatedTransaction]()))
        #expect(report.rows == 0 && report.isBalanced)
        let run = try scenario.open()
        #expect(try run.run() == 0)
    }

    @Test func everyLabelStandsBehindItsTransactionAndNoneIsLost() throws {
        let scenario = try Scenario()
        let report = try scenario.importTable(CardTable.csv(table.rows), flushLabels: true)
        #expect(report.labels == Int64(table.rows.count) && report.pendingLabels == 0)
        let run = try scenario.open()
        try run.run()
        #expect(run.tally.labels == report.labels)
        #expect(run.tally.isBalanced)
    }

    @Test func anImportCutShortByATornTailIsMadeUpFor() throws {
        let scenario = try Scenario()
        try scenario.importTable(CardTable.csv(table.rows.prefix(1000)))
        let whole = try scenario.records(scenario.log.input)
        let path = try #require(
            try scenario.fileSystem.list(scenario.log.input).filter { $0.hasSuffix(".log") }.last)
        let file = try #require(FileHandle(forWritingAtPath: "\(scenario.log.input)/\(path)"))
        try file.seekToEnd()
        try file.write(contentsOf: Data(repeating: 7, count: 1234))
        try file.close()
        let report = try scenario.importTable(CardTable.csv(table.rows))
        #expect(report.alreadyThere == 1000 && report.isBalanced)
        let records = try scenario.records(scenario.log.input)
        #expect(Array(records.prefix(whole.count)) == whole)
        #expect(try records == inputOfOneGo())
    }

    @Test func anotherTableWithTheSameFirstRowIsRefusedOnceItDiffers() throws {
        let scenario = try Scenario()
        try scenario.importTable(CardTable.csv(table.rows))
        var other = table.rows
        other[500].time = other[500].time + .day
        #expect(throws: RuntimeError.self) { try scenario.importTable(CardTable.csv(other)) }
        #expect(throws: RuntimeError.self) { try scenario.importTable(CardTable.csv(table.rows.prefix(10))) }
    }

    // MARK: malformed

    private static let input = InputSpecification(
        columns: [
            Column("ID", .long), Column("CARD", .string), Column("AMOUNT", .decimal(scale: 2)), Column("RISK", .double),
        ],
        idColumn: "ID", eventTimeColumn: "TIME", eventTimeFormat: .iso8601, label: nil, aheadTolerance: .day)

    /// Lines of a table and, for those that are malformed, what the reason says.
    private static let lines: [(bytes: [UInt8], reason: String?)] = {
        func line(_ text: String, _ reason: String? = nil) -> (bytes: [UInt8], reason: String?) {
            (Array(text.utf8), reason)
        }
        return [
            line("1,2018-04-01 00:00:31,a,12.50,0.5"),
            line("2,2018-04-01 00:00:32,a,12.50", "4 fields; the header has 5"),
            line("3,2018-04-01 00:00:32,a,12.50,0.5,x", "6 fields; the header has 5"),
            line("4,2018-04-01 00:00:32,a,twelve,0.5", "column AMOUNT: 'twelve' is not a number"),
            line("5,2018-04-01 00:00:32,a,12.50,NaN", "column RISK: 'NaN' is not a finite number"),
            line("6,2018-04-01 00:00:32,a,12.50,-inf", "column RISK: '-inf' is not a finite number"),
            line("7,2018-04-01 00:00:32,a,12.50,1e999", "column RISK: '1e999' is not a finite number"),
            line("8,2018-02-30 00:00:32,a,12.50,1", "column TIME: '2018-02-30 00:00:32' is not a time"),
            line(",2018-04-01 00:00:32,a,12.50,1", "column ID: '' is no id: it is empty"),
            line(
                "9,2018-04-01 00:00:32,\(String(repeating: "x", count: 10 << 20)),12.50,1", "at most 1048576 are read"),
            (
                Array("10,2018-04-01 00:00:32,".utf8) + [0xE9] + Array(",12.50,1".utf8),
                "column CARD: '\\xE9' is not UTF-8"
            ),
            line("11,2018-04-01 00:00:32,b,12.50,1\r"),
            line("12,2018-04-01 00:00:32,\"one, two\nand \"\"three\"\"\",12.50,1"),
            line("13,2018-04-01 00:00:32,c,12.345,1", "column AMOUNT: '12.345' has more than the 2 decimals"),
            line(
                "14,2018-04-01 00:00:32,c,99999999999999999999,1", "9' is too large"),
            line("9223372036854775808,2018-04-01 00:00:32,c,1,1", "column ID: '9223372036854775808' is too large"),
            line("1.5,2018-04-01 00:00:32,c,1,1", "column ID: '1.5' is not a whole number"),
            line("15,2018-04-01 00:00:32,\"c\"d,1,1", "text between a closing quote and the next comma"),
            line("16,2018-04-01 00:00:32,\0,1,1", "contains a NUL character"),
            line("17,,c,1,1", "column TIME"),
            line("18,2018-04-01 00:00:33,d,-0.01,1e-3"),
            line("19,2018-04-01 00:00:33,\"d,1,1", "a field begins with a quote that is never closed"),
        ]
    }()

    @Test func malformedRowsStandAsideWithLineAndReason() throws {
        let scenario = try Scenario()
        var table = Array("ID,TIME,CARD,AMOUNT,RISK\n".utf8)
        var expected: [(line: Int, reason: String)] = []
        var number = 2
        for line in Self.lines {
            if let reason = line.reason { expected.append((number, reason)) }
            table += line.bytes + [10]
            number += 1 + line.bytes.count { $0 == 10 }
        }
        for attempt in 1...2 {
            let report = try scenario.importTable(table, input: Self.input)
            #expect(report.rows == Int64(Self.lines.count))
            #expect(report.malformed == Int64(expected.count))
            #expect(report.isBalanced)
            #expect(report.transactions == (attempt == 1 ? 4 : 0))
            let records = try scenario.records(scenario.log.malformed)
            #expect(records.count == expected.count, "attempt \(attempt)")
            for (record, expected) in zip(records, expected) {
                #expect(record.keyText.hasSuffix(" \(expected.line)"))
                #expect(record.text.hasPrefix("table.csv, line \(expected.line): "))
                #expect(record.text.contains(expected.reason), "\(record.text.prefix(200))")
                #expect(record.text.utf8.count < 300, "a reason shows only a part of a long field")
            }
        }
        let texts = try scenario.records(scenario.log.input).map(\.text)
        #expect(texts.count == 4)
        #expect(texts.contains { $0.contains("one, two\nand \"three\"") })
        #expect(!texts.contains { $0.contains("\r") })
    }

    @Test func aTableWithoutAnyWholeRowLeavesItsReasonsBehind() throws {
        let scenario = try Scenario()
        let table = "ID,TIME,CARD,AMOUNT,RISK\n\"a\"b\n\"never closed\n"
        let report = try scenario.importTable(Array(table.utf8), input: Self.input)
        #expect(report.rows == 2 && report.malformed == 2 && report.isBalanced)
        #expect(try scenario.records(scenario.log.malformed).count == 2)
    }

    @Test(arguments: [
        ("", "there is no header line"),
        ("ID,CARD,AMOUNT,RISK\n", "TIME"),
        ("ID,TIME,CARD,RISK\n1,2018-04-01,a,1\n", "AMOUNT"),
        ("ID,TIME,CARD,AMOUNT,AMOUNT,RISK\n", "AMOUNT"),
        ("\"ID\nTIME\n", "header"),
    ])
    func aHeaderThatDoesNotFitIsAnErrorThatSaysWhat(_ table: String, _ words: String) throws {
        let scenario = try Scenario()
        let error = #expect(throws: RuntimeError.self) {
            try scenario.importTable(Array(table.utf8), input: Self.input)
        }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("table.csv") == true)
    }
}
