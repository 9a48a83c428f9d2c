import EventModel
import Features
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform
import TestSupport
import Testing

/// A log whose transactions get a new column while it lives.
struct EvolutionTests {
    private static let channel = Column("CHANNEL", .string, default: .text("web"))

    /// The table's first rows without the column, the others with it; or all with it.
    private func tables(_ table: CardTable, allWithColumn: Bool) -> [[UInt8]] {
        let half = table.rows.count / 2
        let parts = [Array(table.rows[..<half]), Array(table.rows[half...])]
        return parts.enumerated().map { part, rows in
            if part == 0, !allWithColumn { return CardTable.csv(rows) }
            var lines = String(decoding: CardTable.csv(rows), as: UTF8.self).split(separator: "\n").map(String.init)
            for index in lines.indices {
                let value = part == 0 || index % 3 == 0 ? "web" : "app"
                lines[index] += index == 0 ? ",CHANNEL" : ",\(value)"
            }
            return Array((lines.joined(separator: "\n") + "\n").utf8)
        }
    }

    private func scenario() throws -> Scenario {
        let scenario = try Scenario()
        scenario.specification.input.columns.append(Self.channel)
        scenario.specification.entities.append(EntitySpecification(name: "channel", keyColumn: "CHANNEL"))
        let window = WindowFeature(entity: "channel", length: .hour, delay: .zero, aggregate: .count, column: nil)
        scenario.specification.features.append(FeatureSpecification(name: "CHANNEL_1H", definition: .window(window)))
        return scenario
    }

    @Test func recordsFromBeforeAColumnCameAreDecidedAsIfTheyHadItsDefault() throws {
        let table = try CardTable(customers: 30, days: 12)
        var decisions: [[RecordedDecision]] = []
        for allWithColumn in [false, true] {
            let scenario = try scenario()
            for csv in tables(table, allWithColumn: allWithColumn) { try scenario.importTable(csv) }
            let run = try scenario.open()
            try run.run()
            #expect(run.tally.transactions == Int64(table.rows.count) && run.tally.isBalanced)
            decisions.append(try scenario.decisions())
        }
        #expect(decisions[0] == decisions[1])
    }

    @Test func aPipelineThatCannotReadTheLogDoesNotStartAndNamesTheField() throws {
        let table = try CardTable(customers: 5, days: 2)
        let scenario = try Scenario()
        try scenario.importTable(CardTable.csv(table.rows))
        func refusal(_ change: (inout InputSpecification) -> Void) throws -> String {
            let original = scenario.specification
            defer { scenario.specification = original }
            change(&scenario.specification.input)
            do throws(RuntimeError) {
                _ = try PipelineRun(
                    log: scenario.log, specification: scenario.specification, text: "", options: PipelineRun.Options(),
                    fileSystem: scenario.fileSystem, document: { _, _, _ in .null })
                return "it started"
            } catch { return "\(error)" }
        }
        let type = try refusal { $0.columns[3] = Column("TX_AMOUNT", .decimal(scale: 3)) }
        #expect(type.contains("field TX_AMOUNT is decimal(2) in \(scenario.log.path)/schemas/1.avsc"))
        let missing = try refusal { $0.columns.append(Column("CHANNEL", .string)) }
        #expect(missing.contains("field CHANNEL (string) is not in \(scenario.log.path)/schemas/1.avsc"))
        #expect(try refusal { $0.columns.append(Self.channel) } == "it started")
    }

    @Test func anImportWithoutADefaultForANewColumnAddsNothing() throws {
        let table = try CardTable(customers: 5, days: 2)
        let scenario = try Scenario()
        let parts = tables(table, allWithColumn: false)
        try scenario.importTable(parts[0])
        let before = try scenario.records(scenario.log.input)
        var input = scenario.specification.input
        input.columns.append(Column("CHANNEL", .string))
        #expect(throws: RuntimeError.self) { try scenario.importTable(parts[1], input: input) }
        #expect(try scenario.records(scenario.log.input) == before)
        input.columns[input.columns.count - 1] = Self.channel
        #expect(try scenario.importTable(parts[1], input: input).transactions > 0)
        #expect(try scenario.importTable(parts[0], input: input).transactions == 0, "the first table is known still")
    }
}
