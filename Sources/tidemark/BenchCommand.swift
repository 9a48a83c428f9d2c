import ArgumentParser
import Benchmarks
import EventModel
import Platform

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure this machine: log, import, features, learners, and the whole of workload W.",
        discussion: """
            Each figure is the run in the middle of several. The hash says that the work was done: the same on every \
            machine of one kind, and for 'replay' the same at all block sizes and threads. Temporary files take about \
            400 MB in TMPDIR; they are removed.
            """)

    @Option(parsing: .upToNextOption, help: ArgumentHelp("Only these; a name's beginning will do.", valueName: "name"))
    var only: [String] = []
    @Flag(help: "Small sizes: a check that all of it works, in seconds.") var small = false
    @Option(help: "Runs of each benchmark; the median counts.") var runs = 3
    @Option(help: ArgumentHelp("The directory with workload-w.yaml.", valueName: "dir")) var models = "models"
    @Flag(help: "List the names and end.") var list = false
    @Option(
        help: ArgumentHelp(
            "Show each time as a multiple of the one in this file, written by --json.", valueName: "file"))
    var compare: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1000).contains(runs) else { throw ValidationError("--runs is 1 to 1000") }
        for name in only where !Benchmark.all.contains(where: { $0.name.hasPrefix(name) }) {
            let names = Benchmark.all.map(\.name).joined(separator: ", ")
            throw ValidationError("there is no benchmark '\(name)'; there are \(names)")
        }
    }

    private var chosen: [Benchmark] {
        only.isEmpty
            ? Benchmark.all : Benchmark.all.filter { benchmark in only.contains { benchmark.name.hasPrefix($0) } }
    }

    func run() throws {
        if list { return Benchmark.all.forEach { print($0.name) } }
        Termination.install()
        try reporting {
            let earlier = try compare.map { try EarlierResults(file: $0) }
            let context = try BenchmarkContext(models: models)
            do {
                let results = try measure(in: context, earlier)
                try context.close()
                if output.json { print(JSONValue.object([JSONMember("benchmarks", .array(results.map(\.json)))])) }
            } catch {
                try? context.close()
                throw error
            }
            if Termination.isRequested { throw ExitCode(1) }
        }
    }

    private func measure(in context: BenchmarkContext, _ earlier: EarlierResults?) throws -> [BenchmarkResult] {
        let line = ProgressLine("bench", unit: "benchmarks", quiet: output.quiet || output.json)
        var results: [BenchmarkResult] = []
        if !output.json { print(BenchmarkResult.heading) }
        for benchmark in chosen where !Termination.isRequested {
            line.update(done: Int64(results.count), total: Int64(chosen.count), detail: benchmark.name)
            let result = try benchmark.measure(small: small, runs: runs, in: context)
            line.finish()
            if !output.json { print(result.row + (earlier?.text(of: result) ?? "")) }
            results.append(result)
        }
        return results
    }
}

extension BenchmarkResult {
    fileprivate static let heading =
        padded("", 26) + leftPadded("items", 10) + leftPadded("ns/item", 13) + leftPadded("fastest", 13)
        + leftPadded("items/s", 10) + "  " + padded("hash", 16)

    fileprivate var row: String {
        padded(name, 26) + leftPadded(grouped(items), 10) + leftPadded(fixed(medianNanosecondsPerItem, 1), 13)
            + leftPadded(fixed(leastNanosecondsPerItem, 1), 13) + leftPadded(magnitudeText(itemsPerSecond), 10)
            + "  " + hashText + figures.map { "  \($0.name) \(fixed($0.value, 0)) \($0.unit.text)" }.joined()
    }

    fileprivate var json: JSONValue {
        .object(
            [
                JSONMember("name", .string(name)), JSONMember("unit", .string(unit)),
                JSONMember("items", .number(items)), JSONMember("runs", .number(runs)),
                JSONMember("ns_per_item", .number(medianNanosecondsPerItem)),
                JSONMember("fastest_ns_per_item", .number(leastNanosecondsPerItem)),
                JSONMember("items_per_second", .number(itemsPerSecond)), JSONMember("hash", .string(hashText)),
            ]
                + figures.map { figure in
                    let name = String(figure.name.map { $0 == " " ? "_" : $0 })
                    return JSONMember("\(name)_\(figure.unit.rawValue)", .number(figure.value))
                })
    }
}

extension BenchmarkFigure.Unit {
    fileprivate var text: String {
        switch self {
        case .nanoseconds: "ns"
        case .mebibytes: "MiB"
        case .bytes: "B"
        }
    }
}
