import EventModel
import Platform

/// A measured piece of work, with a small size that is also a smoke test and a large one that is worth measuring.
///
/// It prepares what it needs, does its work inside `Stopwatch.measure`, and gives a hash of the result, so that no work
/// can be skipped; the same size gives the same hash each time.
public struct Benchmark: Sendable {
    public struct Outcome: Sendable {
        /// Items worked on within the measured time.
        public var items: Int
        public var hash: UInt64
        /// Other figures, such as percentiles.
        public var figures: [BenchmarkFigure] = []

        public init(items: Int, hash: UInt64) {
            self.items = items
            self.hash = hash
        }
    }

    public let name: String
    /// What an item is.
    public let unit: String
    /// The small and the large parameter: roughly the number of items.
    public let small: Int
    public let large: Int
    let run: @Sendable (_ size: Int, BenchmarkContext, inout Stopwatch) throws -> Outcome

    init(
        _ name: String, unit: String, small: Int, large: Int,
        run: @escaping @Sendable (Int, BenchmarkContext, inout Stopwatch) throws -> Outcome
    ) {
        self.name = name
        self.unit = unit
        self.small = small
        self.large = large
        self.run = run
    }

    /// All benchmarks, in the order in which they are run.
    public static let all =
        logBenchmarks + [csvImport, features] + windowBenchmarks + [windowMemory] + learnerBenchmarks + replayBenchmarks
        + replayByKeys + replayByLength + checkpointBenchmarks + [stages, decisionLatency]
}

/// A figure besides the time of an item.
public struct BenchmarkFigure: Sendable {
    public enum Unit: String, Sendable {
        case nanoseconds = "ns"
        case mebibytes = "mib"
        case bytes = "bytes"
    }

    public var name: String
    public var value: Double
    public var unit = Unit.nanoseconds
}

/// Adds up the time of the work, without its preparation.
struct Stopwatch {
    private(set) var nanoseconds: Int64 = 0

    mutating func measure<Result>(_ work: () throws -> Result) rethrows -> Result {
        let clock = SystemClock()
        let start = clock.monotonicNanoseconds
        let result = try work()
        nanoseconds += clock.monotonicNanoseconds - start
        return result
    }

    /// Takes time into account that was measured in pieces.
    mutating func add(_ nanoseconds: Int64) { self.nanoseconds += nanoseconds }
}

/// What several runs of a benchmark gave.
public struct BenchmarkResult: Sendable {
    public var name: String
    public var unit: String
    public var items: Int
    public var runs: Int
    /// Of the run in the middle, and of the fastest.
    public var medianNanosecondsPerItem: Double
    public var leastNanosecondsPerItem: Double
    public var hash: UInt64
    /// Other figures, of the last run.
    public var figures: [BenchmarkFigure]

    public var itemsPerSecond: Double { 1e9 / max(medianNanosecondsPerItem, 1e-9) }
    public var hashText: String { StateDigest(sum: hash).description }
}

/// Runs of one benchmark gave different results.
public struct BenchmarkDisagreement: Error, CustomStringConvertible {
    public var name: String
    public var hashes: [UInt64]

    public var description: String {
        "benchmark \(name): its runs gave different results: "
            + hashes.map { StateDigest(sum: $0).description }.joined(separator: ", ")
    }
}

extension Benchmark {
    /// Measures `runs` runs.
    /// - Throws: `BenchmarkDisagreement` when their results differ, and what the work throws.
    public func measure(small isSmall: Bool, runs: Int, in context: BenchmarkContext) throws -> BenchmarkResult {
        precondition(runs >= 1, "a benchmark is run at least once")
        var times: [Double] = []
        var outcomes: [Outcome] = []
        for _ in 0..<runs {
            var stopwatch = Stopwatch()
            let outcome = try run(isSmall ? small : large, context, &stopwatch)
            times.append(Double(stopwatch.nanoseconds) / Double(max(outcome.items, 1)))
            outcomes.append(outcome)
        }
        let last = outcomes[runs - 1]
        guard outcomes.allSatisfy({ $0.hash == last.hash }) else {
            throw BenchmarkDisagreement(name: name, hashes: outcomes.map(\.hash))
        }
        times.sort()
        return BenchmarkResult(
            name: name, unit: unit, items: last.items, runs: runs, medianNanosecondsPerItem: times[runs / 2],
            leastNanosecondsPerItem: times[0], hash: last.hash, figures: last.figures)
    }
}
