import EventModel
import OnlineLearning

extension Benchmark {
    /// 28 dense inputs, and 20 of them by their bins too.
    static let encodingBenchmarks = [scoreBins, learnBins]

    private static let featureCount = 28
    private static let binnedCount = 20

    private static func makeModel(_ rows: SampleRows) -> OnlineModel {
        var specification = ModelSpecification()
        specification.classifiers[0].encoding.bins = [
            BinnedFeatures((0..<binnedCount).map(String.init), shape: BinShape(count: 32, steps: 4))
        ]
        specification.classifiers[0].encoding.binsFrozenAfter = SampleRows.count
        var model = OnlineModel(specification, featureCount: featureCount)
        rows.forEach(SampleRows.count) { row, _ in model.observe(row, at: .distantPast) }
        rows.forEach(SampleRows.count) { row, isPositive in model.learn(row, isPositive: isPositive, at: .distantPast) }
        return model
    }

    /// The bins are located for each row.
    private static let scoreBins = Benchmark("score-bins", unit: "row", small: 5_000, large: 1_000_000) {
        size, _, stopwatch in
        let rows = SampleRows(width: featureCount)
        let model = makeModel(rows)
        let sum = stopwatch.measure {
            var sum = 0.0
            rows.forEach(size) { row, _ in sum += model.score(of: row).probability }
            return sum
        }
        return Outcome(items: size, hash: sum.bitPattern)
    }

    /// AdaGrad in mini-batches of 64.
    private static let learnBins = Benchmark("adagrad-learn-bins", unit: "row", small: 5_000, large: 1_000_000) {
        size, _, stopwatch in
        let rows = SampleRows(width: featureCount)
        var model = makeModel(rows)
        stopwatch.measure {
            rows.forEach(size) { row, isPositive in model.learn(row, isPositive: isPositive, at: .distantPast) }
        }
        return Outcome(items: size, hash: model.digest.sum)
    }
}
