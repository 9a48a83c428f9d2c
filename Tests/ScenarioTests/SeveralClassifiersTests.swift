import EventModel
import Foundation
import LogStorage
import OnlineLearning
import PipelineCore
import PipelineRuntime
import Platform
import TestSupport
import Testing

private struct FixedClock: Clock {
    var processingTimeMilliseconds: Int64 = 1_600_000_000_000
    var monotonicNanoseconds: Int64 { 0 }
}

/// A pipeline with bins, crosses and two classifiers, from the table to the export.
struct SeveralClassifiersTests {
    private let scenario: Scenario

    init() throws {
        scenario = try Scenario()
        scenario.declareSeveralClassifiers()
        try scenario.importTable(CardTable.csv(try CardTable(days: 30).rows))
    }

    @Test func blocksThreadsAndStopsShowInNoResult() throws {
        let reference = try scenario.fresh()
        let transactions = reference.decisions.count
        #expect(transactions > 1500 && reference.decisions.allSatisfy { $0.classifierScores.count == 2 })
        for (block, threads) in [(1, 1), (97, 2), (4096, 2)] {
            #expect(try scenario.fresh(block: block, threads: threads) == reference)
        }
        // Before, at and behind the transaction that fixes the edges.
        let offsets = try scenario.transactionOffsets()
        for place in [1, 698, 699, 700, 701, 1400] {
            try scenario.open(fresh: true).run(until: offsets[place])
            let run = try scenario.open(block: 97)
            #expect(run.offset == offsets[place])
            try run.run()
            #expect(try scenario.result(run) == reference, "stopped before transaction \(place)")
        }
    }

    /// The exported document alone, by the formulas that it documents, scores as Tidemark does.
    @Test(arguments: [BlendSpecification.Space.logit, .probability, nil])
    func anExportedSnapshotScoresAsTheDecisionLogSays(blend: BlendSpecification.Space?) throws {
        scenario.declareSeveralClassifiers(blend: blend)
        scenario.specification.model.classifiers.removeLast()
        let offsets = try scenario.transactionOffsets()
        for place in [600, offsets.count - 1] {
            let run = try scenario.open(fresh: place == 600)
            try run.run(until: offsets[place])
            let document = try SnapshotStore(log: scenario.log, fileSystem: scenario.fileSystem).newest(of: nil)
                .document
            try run.run(until: offsets[place].advanced(by: 1))
            let decision = try #require(try scenario.decisions().last)
            let expected = try probability(of: try lastVector(place), document)
            #expect(document["bins"]?.elements?.isEmpty == (place == 600))
            for (found, expected) in zip([decision.probability] + decision.classifierScores, expected) {
                #expect(abs(found - expected) < 1e-12 * max(expected, 1e-3))
            }
        }
    }

    private func lastVector(_ place: Int) throws -> [Double] {
        let path = "\(scenario.directory.path)/features.csv"
        _ = try FeatureExport(
            log: scenario.log, specification: scenario.specification, fileSystem: scenario.fileSystem
        ).write(to: path)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        return lines[place + 1].split(separator: ",").dropFirst().compactMap { Double($0) }
    }

    @Test func decisionsAreExportedWithTheScoreOfEachClassifier() throws {
        try scenario.open().run()
        let path = "\(scenario.directory.path)/decisions.csv"
        _ = try DecisionLog.export(scenario.log, pipeline: "card-fraud", to: path, fileSystem: scenario.fileSystem)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(
            lines[0] == "transaction_id,event_time,score,anomaly,status,input_offset,score_slow,score_fast")
        for (line, decision) in zip(lines.dropFirst(), try scenario.decisions()) {
            let fields = line.split(separator: ",").map { Double($0) }
            #expect([fields[2], fields[6], fields[7]] == [decision.probability] + decision.classifierScores)
        }
    }

    @Test func labelsOfALineAreLearnedByThoseWhoNameTheirSource() throws {
        let run = try scenario.open()
        try run.run()
        let session = try ScoringSession(
            run: run, format: .ndjson, clock: FixedClock(), fileSystem: scenario.fileSystem)
        let rows = try CardTable(days: 31).rows
        let known = Set(try scenario.decisions().map(\.transactionID))
        let live = rows.filter { !known.contains(.number(Int64($0.id))) }.prefix(3)
        let lines =
            live.map(CardTable.json) + [
                "{\"TRANSACTION_ID\": \(live[live.startIndex].id), \"label\": 1, \"source\": \"analyst\"}",
                "{\"TRANSACTION_ID\": \(live[live.startIndex].id), \"label\": 1}",
                "{\"TRANSACTION_ID\": \(live[live.startIndex].id), \"label\": 0, \"source\": \"gossip\"}",
            ]
        var answers: [JSONValue] = []
        try Array((lines.joined(separator: "\n") + "\n").utf8).withUnsafeBytes { bytes in
            try session.take(bytes) { answers.append($0) }
        }
        try session.finish { answers.append($0) }
        #expect(answers.count == 6)
        for answer in answers.prefix(3) {
            let scores = try #require(answer["scores"])
            let (slow, fast) = (scores["slow"]?.double ?? -1, scores["fast"]?.double ?? -1)
            #expect((0...1).contains(slow) && (0...1).contains(fast))
        }
        #expect(answers[3]["status"]?.string == "label_taken" && answers[4]["status"]?.string == "label_taken")
        #expect(answers[5]["output"]?.string == "quarantine-0")
        #expect(answers[5]["reason"]?.string == "the label is of a source that the pipeline does not declare")
    }
}
