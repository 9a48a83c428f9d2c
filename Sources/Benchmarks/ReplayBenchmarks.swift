import EventModel
import LogStorage
import ModelExchange
import PipelineCore
import PipelineRuntime
import Platform

extension Benchmark {
    /// All of workload W by replay, at several block sizes, on one thread and on more; all give the same hash.
    static let replayBenchmarks =
        [1, 2].flatMap { threads in [4096, 256, 1].map { block in replay(block: block, threads: threads) } }
        + [3, 4].map { replay(block: 4096, threads: $0) }

    private static func replay(block: Int, threads: Int) -> Benchmark {
        Benchmark("replay-\(threads)-thread-block-\(block)", unit: "transaction", small: 20_000, large: 2_000_000) {
            size, context, stopwatch in
            let run = try context.run(over: try context.log(rows: size), block: block, threads: threads)
            try stopwatch.measure { _ = try run.run() }
            return Outcome(items: Int(run.tally.transactions), hash: run.digest.sum)
        }
    }

    /// The same by one thread, with other numbers of customers and terminals; beside it the size of the state at the end.
    static let replayByKeys = [10_000, 100_000, 1_000_000].map { keys in
        Benchmark("replay-\(keys)-keys", unit: "transaction", small: 20_000, large: 2_000_000) {
            size, context, stopwatch in
            let run = try context.run(over: try context.log(rows: size, keys: keys))
            try stopwatch.measure { _ = try run.run() }
            var outcome = Outcome(items: Int(run.tally.transactions), hash: run.digest.sum)
            outcome.figures = [
                BenchmarkFigure(name: "state", value: Double(run.stateBytes) / 0x1p20, unit: .mebibytes)
            ]
            return outcome
        }
    }

    /// The same with all windows of one length.
    static let replayByLength = [("1h", EventDuration.hour), ("30d", 30 * EventDuration.day)].map { name, length in
        Benchmark("replay-\(name)", unit: "transaction", small: 20_000, large: 2_000_000) { size, context, stopwatch in
            let log = try context.log(rows: size)
            let run = try context.run(over: log, context.specification.withWindows(of: length))
            try stopwatch.measure { _ = try run.run() }
            return Outcome(items: Int(run.tally.transactions), hash: run.digest.sum)
        }
    }

    /// One checkpoint of the state that workload W leaves behind, written and synced; and a pipeline opened from it.
    static let checkpointBenchmarks = [
        Benchmark("checkpoint", unit: "checkpoint", small: 20_000, large: 2_000_000) { size, context, stopwatch in
            let run = try context.run(over: try context.log(rows: size), isDurable: true)
            try run.run(withCheckpoint: false)
            try stopwatch.measure { try run.checkpoint() }
            var outcome = Outcome(items: 1, hash: run.digest.sum)
            outcome.figures = [
                BenchmarkFigure(name: "state", value: Double(run.stateBytes) / 0x1p20, unit: .mebibytes)
            ]
            return outcome
        },
        Benchmark("checkpoint-recovery", unit: "opening", small: 20_000, large: 2_000_000) {
            size, context, stopwatch in
            let log = try context.log(rows: size)
            do { try context.run(over: log, isDurable: true).run() }
            let recovered = try stopwatch.measure { try context.run(over: log, fresh: false, isDurable: true) }
            return Outcome(items: 1, hash: mixed(recovered.digest.sum, UInt64(recovered.offset.value)))
        },
    ]

    /// Where workload W's time goes, on one thread: reading and decoding, the parts of the feature stage, the models.
    /// What `replay-1-thread-block-4096` takes beyond it is the writing of decisions.
    static let stages = Benchmark("stages", unit: "transaction", small: 20_000, large: 2_000_000) {
        size, context, stopwatch in
        let log = try context.log(rows: size)
        let plan = try context.specification.makePlan()
        let features = FeatureStage(plan: plan, specification: context.specification)
        let models = ModelStage(plan: plan, specification: context.specification)
        var parts = [Stopwatch](repeating: Stopwatch(), count: features.partCount + 1)
        try stopwatch.measure {
            try context.forEachBlock(of: log, records: 4096) { block in
                for part in 0..<features.partCount { parts[part].measure { features.process(&block, part: part) } }
                parts[features.partCount].measure { models.process(&block) }
            }
        }
        let count = Int(features.tally.transactions)
        var outcome = Outcome(items: count, hash: features.digest.sum &+ models.digest.sum)
        let decoding = stopwatch.nanoseconds - parts.reduce(0) { $0 + $1.nanoseconds }
        let names =
            ["decode", "control"] + plan.entities.map { "windows of \($0.name)" } + ["operators and vectors", "models"]
        outcome.figures = zip(names, [decoding] + parts.map(\.nanoseconds)).map {
            BenchmarkFigure(name: $0, value: Double($1) / Double(max(count, 1)))
        }
        return outcome
    }

    /// Blocks of one record: the time from a transaction's bytes to its decision, each one measured, after the first
    /// tenth. Labels are learned in between.
    static let decisionLatency = Benchmark("decision-latency", unit: "transaction", small: 20_000, large: 500_000) {
        size, context, stopwatch in
        let log = try context.log(rows: size)
        let plan = try context.specification.makePlan()
        let schemas = try SchemaRegistry(log, fileSystem: context.fileSystem)
        let reader = try TopicReader(directory: log.input, fileSystem: context.fileSystem)
        let cursor = try reader.cursor(from: reader.startOffset)
        var decoder = RecordDecoder(plan: plan, input: context.specification.input) { schemas.schema($0) }
        let features = FeatureStage(plan: plan, specification: context.specification)
        let models = ModelStage(plan: plan, specification: context.specification)
        var block = EventBlock(plan: plan, idType: context.specification.input.idType)
        var times: [Int64] = []
        times.reserveCapacity(size)
        var count = 0
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() {
                var one = Stopwatch()
                one.measure {
                    block.retain(batch.owner)
                    decoder.append(
                        offset: record.offset, timestamp: record.timestamp, value: record.value, slack: record.slack,
                        to: &block)
                    features.process(&block)
                    models.process(&block)
                }
                if block.decisionCount == 1 {
                    count += 1
                    if count > size / 10 { times.append(one.nanoseconds) }
                }
                block.removeAll()
            }
        }
        stopwatch.add(times.reduce(0, +))
        var outcome = Outcome(items: times.count, hash: features.digest.sum &+ models.digest.sum)
        times.sort()
        outcome.figures = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)].map {
            BenchmarkFigure(name: $0.0, value: Double(percentile(times, $0.1)))
        }
        return outcome
    }
}

extension BenchmarkContext {
    /// Workload W's pipeline over a log.
    fileprivate func run(
        over log: LogDirectory, _ other: PipelineSpecification? = nil, block: Int = 4096, threads: Int = 1,
        fresh: Bool = true, isDurable: Bool = false
    ) throws -> PipelineRun {
        var options = PipelineRun.Options()
        options.blockRecords = block
        options.threads = threads
        options.fresh = fresh
        options.isDurable = isDurable
        return try PipelineRun(
            log: log, specification: other ?? specification, text: specificationText, options: options,
            fileSystem: fileSystem, document: ModelDocument.make)
    }
}

extension PipelineSpecification {
    /// The same with windows of another length.
    fileprivate func withWindows(of length: EventDuration) -> PipelineSpecification {
        var other = self
        for (index, feature) in features.enumerated() {
            guard case .window(var window) = feature.definition else { continue }
            window.length = length
            other.features[index].definition = .window(window)
        }
        return other
    }
}

/// The smallest value that a share of the sorted values does not exceed (the nearest-rank percentile); 0 of none.
func percentile(_ sorted: [Int64], _ share: Double) -> Int64 {
    guard !sorted.isEmpty else { return 0 }
    let rank = (share * Double(sorted.count)).rounded(.up)
    return sorted[min(max(Int(rank), 1), sorted.count) - 1]
}
