import EventModel
import Foundation
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform
import TestSupport
import Testing

/// What leaves the system: feature vectors, snapshots, metrics.
struct ReportTests {
    private let scenario: Scenario
    private let rows = try? CardTable(days: 30).rows

    init() throws {
        scenario = try Scenario()
        try scenario.importTable(CardTable.csv(rows ?? []))
    }

    private final class Vectors {
        var values: [[Double]] = []
    }

    @Test func exportedFeaturesAreThoseThatWereScored() throws {
        let run = try scenario.open(block: 97, threads: 2)
        let scored = Vectors()
        try run.run(observe: { block in
            for index in 0..<block.decisionCount {
                scored.values.append(Array(block.features(row: block.decision(index).row)))
            }
        })
        let table = try exportedFeatures()
        #expect(table.header == ["transaction_id"] + run.plan.names)
        #expect(table.ids == (try scenario.decisions()).map(\.transactionID.description))
        #expect(table.vectors == scored.values)
    }

    /// The exported document alone, by the formula that it documents, scores as Tidemark does.
    @Test(arguments: [true, false])
    func anExportedSnapshotScoresAsTheDecisionLogSays(clustersAsInputs: Bool) throws {
        scenario.specification.model.clustersAsInputs = clustersAsInputs
        let offsets = try scenario.transactionOffsets()
        for place in [offsets.count / 2, offsets.count - 1] {
            let run = try scenario.open(fresh: place == offsets.count / 2)
            try run.run(until: offsets[place])
            let exported = try SnapshotStore(log: scenario.log, fileSystem: scenario.fileSystem).newest(of: nil)
            #expect(exported.version == offsets[place].value)
            try run.run(until: offsets[place].advanced(by: 1))
            let decision = try #require(try scenario.decisions().last)
            let vector = try exportedFeatures().vectors[place]
            let probability = try probability(of: vector, exported.document)[0]
            #expect(abs(probability - decision.probability) < 1e-12 * max(probability, 1e-3))
            #expect(decision.anomaly > 0)
        }
    }

    @Test func decisionsAreExportedWithTheirExactScores() throws {
        try scenario.open().run()
        let path = "\(scenario.directory.path)/decisions.csv"
        let count = try DecisionLog.export(
            scenario.log, pipeline: "card-fraud", to: path, fileSystem: scenario.fileSystem)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").dropFirst()
        let decisions = try scenario.decisions()
        #expect(count == Int64(decisions.count) && lines.count == decisions.count)
        for (line, decision) in zip(lines, decisions) {
            let fields = line.split(separator: ",")
            #expect(fields[0] == decision.transactionID.description)
            #expect(Double(fields[2]) == decision.probability)
        }
    }

    @Test func evaluationCountsEachDecisionAndEachLabelOnce() throws {
        let run = try scenario.open()
        try run.run()
        let evaluation = try PipelineEvaluation(
            log: scenario.log, specification: scenario.specification, evaluation: scenario.specification.evaluation,
            fileSystem: scenario.fileSystem)
        #expect(Int64(evaluation.decisionCount) == run.tally.transactions)
        #expect(Int64(evaluation.labelledCount) == run.tally.labels)
    }

    // MARK: steps

    private func exportedFeatures() throws -> (header: [String], ids: [String], vectors: [[Double]]) {
        let path = "\(scenario.directory.path)/features.csv"
        _ = try FeatureExport(
            log: scenario.log, specification: scenario.specification, fileSystem: scenario.fileSystem
        ).write(to: path)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: ",").map(String.init)
        }
        let header = try #require(lines.first)
        let rows = lines.dropFirst()
        return (header, rows.map { $0[0] }, rows.map { $0.dropFirst().compactMap(Double.init) })
    }
}
