import Foundation
import Platform
import Testing

@testable import Benchmarks

@Suite(.serialized) struct BenchmarkSmokeTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func withContext<Result>(_ purpose: String, _ body: (BenchmarkContext) throws -> Result) throws -> Result {
        let context = try BenchmarkContext(
            models: Self.repository.appending(path: "models").path(percentEncoded: false),
            directory: ProcessResources.temporaryDirectory("bench-test-\(purpose)"))
        defer { try? context.close() }
        return try body(context)
    }

    @Test func eachBenchmarkRunsSmallAndGivesTheSameHashTwice() throws {
        try withContext("all") { context in
            for benchmark in Benchmark.all {
                let result = try benchmark.measure(small: true, runs: 2, in: context)
                #expect(result.items > 0 && result.hash != 0, "\(benchmark.name)")
            }
        }
    }

    @Test func aReplayGivesTheSameResultAtEachBlockSizeAndNumberOfThreads() throws {
        try withContext("replay") { context in
            let hashes = try Benchmark.replayBenchmarks.map {
                try $0.measure(small: true, runs: 1, in: context).hash
            }
            #expect(Set(hashes).count == 1)
        }
    }

    /// What a benchmark of windows varies is really varied.
    @Test func eachStreamOfEventsGivesAnotherResult() throws {
        try withContext("windows") { context in
            let groups = [
                ["10000-keys", "100000-keys", "1000000-keys"], ["in-order", "late"], ["uniform", "hot-key"],
                ["count", "label-rate", "known-label-rate", "fraud-run"], ["3", "7", "3-more-features"],
            ]
            for group in groups {
                let hashes = try group.map { name in
                    let benchmark = try #require(Benchmark.windowBenchmarks.first { $0.name == "windows-\(name)" })
                    return try benchmark.measure(small: true, runs: 1, in: context).hash
                }
                #expect(Set(hashes).count == group.count, "\(group)")
            }
        }
    }

    /// 40 bytes an event in the longest window, and 400 a key.
    @Test func windowsTakeNoMoreMemoryThanTheyMay() throws {
        try withContext("memory") { context in
            // So many that a large page more or less does not matter.
            var stopwatch = Stopwatch()
            let figures = try Benchmark.windowMemory.run(300_000, context, &stopwatch).figures
            let bytes = Dictionary(uniqueKeysWithValues: figures.map { ($0.name, $0.value) })
            #expect(try #require(bytes["an event"]) <= 40)
            #expect(try #require(bytes["a key"]) <= 400)
        }
    }

    @Test func namesAreDifferent() {
        #expect(Set(Benchmark.all.map(\.name)).count == Benchmark.all.count)
    }

    @Test func temporaryFilesAreRemoved() throws {
        let directory = ProcessResources.temporaryDirectory("bench-test-removal")
        let files = PosixFileSystem()
        try files.createDirectory("\(directory)/a/b")
        try files.replace("\(directory)/a/b/file", with: UnsafeRawBufferPointer(start: nil, count: 0))
        try files.removeAll(directory)
        #expect(try !files.exists("\(directory)/a/b/file"))
    }

    @Test func percentilesAreOfTheNearestRank() {
        let values: [Int64] = [10, 20, 30, 40]
        #expect(percentile(values, 0.5) == 20)
        #expect(percentile(values, 0.51) == 30)
        #expect(percentile(values, 0.99) == 40)
        #expect(percentile(values, 0) == 10)
        #expect(percentile([], 0.5) == 0)
    }
}
