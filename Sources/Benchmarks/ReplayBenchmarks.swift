import EventModel
import LogStorage
import ModelExchange
import PipelineCore
import PipelineRuntime
import Platform

extension Benchmark {
    /// All of workload W by replay, at several block sizes, on one thread and on two; all give the same hash.
    static let replayBenchmarks = [1, 2].flatMap { threads in
        [4096, 256, 1].map { block in replay(block: block, threads: threads) }
    }

    private static func replay(block: Int, threads: Int) -> Benchmark {
        Benchmark("replay-\(threads)-thread-block-\(block)", unit: "transaction", small: 20_000, large: 2_000_000) {
            size, context, stopwatch in
            let log = try context.log(rows: size)
            var options = PipelineRun.Options()
            options.blockRecords = block
            options.threads = threads
            options.fresh = true
            options.isDurable = false
            let run = try PipelineRun(
                log: log, specification: context.specification, text: context.specificationText, options: options,
                fileSystem: context.fileSystem, document: ModelDocument.make)
            try stopwatch.measure { _ = try run.run() }
            return Outcome(items: Int(run.tally.transactions), hash: run.digest.sum)
        }
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

/// The smallest value that a share of the sorted values does not exceed (the nearest-rank percentile); 0 of none.
func percentile(_ sorted: [Int64], _ share: Double) -> Int64 {
    guard !sorted.isEmpty else { return 0 }
    let rank = (share * Double(sorted.count)).rounded(.up)
    return sorted[min(max(Int(rank), 1), sorted.count) - 1]
}
