import Benchmarks
import EventModel
import Platform

/// What `bench --json` gave before.
struct EarlierResults {
    private var byName: [String: (nanoseconds: Double, hash: String)] = [:]

    init(file: String) throws {
        let text = String(decoding: try PosixFileSystem().read(file), as: UTF8.self)
        guard let results = (try? JSONValue(parsing: text))?["benchmarks"]?.elements else {
            throw CommandFailure("\(file): not what 'tidemark bench --json' writes; write one with it to compare with")
        }
        for result in results {
            if let name = result["name"]?.string, let nanoseconds = result["ns_per_item"]?.double,
                let hash = result["hash"]?.string
            {
                byName[name] = (nanoseconds, hash)
            }
        }
    }

    /// How a result stands to the earlier one of its name.
    func text(of result: BenchmarkResult) -> String {
        guard let earlier = byName[result.name] else { return "  new" }
        let ratio = result.medianNanosecondsPerItem / max(earlier.nanoseconds, 1e-9)
        return "  \(fixed(ratio, 2)) times \(fixed(earlier.nanoseconds, 1))"
            + (earlier.hash == result.hashText ? "" : ", another result")
    }
}
