import EventModel
import Platform
import Windowing

extension Benchmark {
    private static let hour = EventDuration.hour
    private static let mean = AggregateKind.mean(column: 0, divisor: 100, ifEmpty: 0)

    /// One entity's windows by themselves: by kind of aggregate, number of keys, length, number of windows and of
    /// features, lateness, and with one key that has half of all events.
    static let windowBenchmarks: [Benchmark] =
        kinds.map { name, kind in
            var options = WindowStream.Options()
            if kind.isOfLabels { options.labelDelay = .hour }
            return windows(name, [1, 24, 168].map { aggregate($0, kind) }, options)
        }
        + [10_000, 100_000, 1_000_000].map { keys in
            var options = WindowStream.Options()
            options.keyCount = keys
            return windows("\(keys)-keys", base, options)
        }
        + [(1, "1h"), (24, "1d"), (168, "7d"), (720, "30d")].map { hours, name in
            windows(name, [aggregate(hours, .count), aggregate(hours, mean)])
        } + [
            windows("3", base), windows("7", base + [2, 6, 72, 336].map { aggregate($0, .count) }),
            windows("3-more-features", base + [1, 24, 168].map { aggregate($0, .sum(column: 0, divisor: 100)) }),
            lateness("in-order", share: 0), lateness("late", share: 0.2), hotKey("uniform", share: 0),
            hotKey("hot-key", share: 128),
        ]

    /// Memory: ten events a key in the longest window, of 30 days, and twice as many events altogether, so that half of
    /// them have left it. Beside the time: bytes of an event in that window, of a key beside its events, and of the whole
    /// process.
    static let windowMemory = Benchmark("windows-memory", unit: "event", small: 50_000, large: 10_000_000) {
        size, _, stopwatch in
        var options = WindowStream.Options()
        options.keyCount = size / 10
        options.interval = EventDuration(milliseconds: 30 * EventDuration.day.milliseconds / Int64(size))
        options.lateness = .hour
        options.isSweptDaily = true
        let aggregates = [1, 24, 720].flatMap { [aggregate($0, .count), aggregate($0, mean)] }
        var windows = EntityWindows(name: "entity", aggregates: aggregates, targets: Array(aggregates.indices))
        var stream = WindowStream(options, count: 2 * size, featureCount: aggregates.count)
        var hash: UInt64 = 0
        while stream.makeBlock() > 0 { stream.run(&windows, &stopwatch, &hash) }
        var outcome = Outcome(items: 2 * size, hash: mixed(hash, windows.digest.sum))
        let ofKeys = windows.byteCount - windows.eventByteCount
        outcome.figures = [
            BenchmarkFigure(name: "an event", value: Double(windows.eventByteCount) / Double(size), unit: .bytes),
            BenchmarkFigure(name: "a key", value: Double(ofKeys) / Double(max(windows.keyCount, 1)), unit: .bytes),
            BenchmarkFigure(name: "state", value: Double(windows.byteCount) / 0x1p20, unit: .mebibytes),
            BenchmarkFigure(
                name: "resident", value: Double(ProcessResources.residentBytes ?? 0) / 0x1p20, unit: .mebibytes),
        ]
        return outcome
    }

    private static let kinds: [(String, AggregateKind)] = [
        ("count", .count), ("sum", .sum(column: 0, divisor: 100)), ("mean", mean),
        ("variance", .variance(column: 0, divisor: 100, ifEmpty: 0)),
        ("maximum", .maximum(column: 0, divisor: 100, ifEmpty: 0)),
        ("first", .first(column: 0, divisor: 100, ifEmpty: 0)), ("last", .last(column: 0, divisor: 100, ifEmpty: 0)),
        ("distinct", .distinct(column: 0)), ("decayed", .decayedSum(column: 0, divisor: 100, halfLife: .day)),
        ("label-rate", .labelRate), ("known-label-rate", .knownLabelRate), ("fraud-run", .fraudRun),
    ]

    /// Count and mean over an hour, a day and seven days.
    private static let base = [1, 24, 168].flatMap { [aggregate($0, .count), aggregate($0, mean)] }

    private static func aggregate(_ hours: Int, _ kind: AggregateKind) -> WindowAggregate {
        WindowAggregate(length: hours * hour, delay: .zero, kind: kind)
    }

    private static func lateness(_ name: String, share: Double) -> Benchmark {
        var options = WindowStream.Options()
        options.lateShare = share
        return windows(name, base, options)
    }

    private static func hotKey(_ name: String, share: Int) -> Benchmark {
        var options = WindowStream.Options()
        options.hotShare = share
        options.lateShare = 0.02
        options.lateness = .minute
        return windows(name, base, options)
    }

    private static func windows(
        _ name: String, _ aggregates: [WindowAggregate], _ options: WindowStream.Options = WindowStream.Options()
    ) -> Benchmark {
        Benchmark("windows-\(name)", unit: "event", small: 5_000, large: 2_000_000) { size, _, stopwatch in
            var windows = EntityWindows(name: "entity", aggregates: aggregates, targets: Array(aggregates.indices))
            var stream = WindowStream(options, count: size, featureCount: aggregates.count)
            var hash: UInt64 = 0
            while stream.makeBlock() > 0 { stream.run(&windows, &stopwatch, &hash) }
            return Outcome(items: size, hash: mixed(hash, windows.digest.sum))
        }
    }
}
