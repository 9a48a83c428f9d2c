import EventModel
import Platform
import Simulation
import Testing

@testable import LogStorage

struct CrashTests {
    private static let options = (segmentBytes: 260, indexIntervalBytes: 100)

    private func open(_ fileSystem: InMemoryFileSystem) throws(LogError) -> TopicWriter {
        try .open(
            fileSystem, segmentBytes: Self.options.segmentBytes, indexIntervalBytes: Self.options.indexIntervalBytes)
    }

    /// What a run had been told when the power went.
    private struct Told {
        var durableEnd = 0
        /// All that was ever appended, by the version of the log: a cut begins a new one.
        var versions: [[[TestRecord]]] = [[]]
        var durableVersion = 0
    }

    /// Appends batches with syncs now and then, and a cut across segments, until a call fails.
    private func run(_ fileSystem: InMemoryFileSystem, cutting: Bool) -> Told {
        var told = Told()
        do {
            let writer = try open(fileSystem)
            func step(_ number: Int) throws {
                told.versions[told.versions.count - 1].append(batch(number, 1 + number % 3))
                try writer.append(batch(number, 1 + number % 3))
                if number % 3 == 2 { try writer.sync() }
                told.durableEnd = Int(writer.durableEnd.value)
                told.durableVersion = told.versions.count - 1
            }
            for number in 0..<7 { try step(number) }
            if cutting {
                let kept = Array(told.versions[0].prefix(4))
                told.durableEnd = min(told.durableEnd, kept.joined().count)
                told.versions.append(kept)
                try writer.truncate(to: Offset(Int64(kept.joined().count)))
                for number in 20..<23 { try step(number) }
            }
            try writer.close()
            told.durableEnd = Int(writer.endOffset.value)
        } catch {
            // The power is off; what was told until then is all there is.
        }
        return told
    }

    /// The log after recovery is a whole number of batches of some version, all that were durable among them.
    private func check(_ crashed: InMemoryFileSystem, _ told: Told, _ what: String) throws {
        let writer: TopicWriter
        do { writer = try open(crashed) } catch {
            Issue.record("\(what): \(error)")
            return
        }
        let found = try readAll(crashed)
        #expect(found.count >= told.durableEnd, "\(what): durable records lost")
        #expect(writer.endOffset == Offset(Int64(found.count)) && writer.durableEnd == writer.endOffset, "\(what)")
        let isWhole = told.versions[told.durableVersion...].contains { batches in
            (0...batches.count).contains { Array(batches[..<$0].joined()) == found }
        }
        #expect(isWhole, "\(what): \(found.count) records are no prefix of what was appended")
        try writer.append(batch(99, 2))
        try writer.sync()
        #expect(try readAll(crashed) == found + batch(99, 2), "\(what)")
        #expect(try readAll(crashed.crash()) == found + batch(99, 2), "\(what), then power off")
    }

    @Test(arguments: [false, true])
    func whateverCallIsTheLastNothingAcknowledgedIsLost(cutting: Bool) throws {
        let whole = InMemoryFileSystem()
        _ = run(whole, cutting: cutting)
        #expect(whole.callCount > 60)
        for last in 0...whole.callCount {
            let fileSystem = InMemoryFileSystem()
            fileSystem.halt(atCall: last)
            let told = run(fileSystem, cutting: cutting)
            try check(fileSystem.crash(), told, "power off at call \(last)")
            try check(fileSystem.crash(leaving: .all), told, "killed at call \(last)")
            for seed in 0..<2 {
                let crashed = fileSystem.crash(leaving: .some(seed: UInt64(last * 2 + seed)))
                try check(crashed, told, "power off at call \(last), seed \(seed)")
            }
        }
    }

    @Test func aCrashDuringRecoveryLosesNothingEither() throws {
        let fileSystem = InMemoryFileSystem()
        var told = Told()
        let writer = try open(fileSystem)
        for number in 0..<8 {
            told.versions[0].append(batch(number, 2))
            try writer.append(batch(number, 2))
            if number == 6 { try writer.sync() }
        }
        told.durableEnd = Int(writer.durableEnd.value)
        let whole = fileSystem.crash(leaving: .all)
        _ = try open(whole)
        for last in 0...whole.callCount {
            for seed in 0..<3 {
                let again = fileSystem.crash(leaving: .some(seed: UInt64(seed)))
                again.halt(atCall: last)
                _ = try? open(again)
                try check(again.crash(), told, "second power off at call \(last), seed \(seed)")
            }
        }
    }
}
