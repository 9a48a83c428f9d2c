import EventModel
import Foundation
import Platform
import TestSupport
import Testing
import log_producers

@testable import LogStorage

#if canImport(Glibc)
    import Glibc
#endif

/// `log-producers` over one directory, killed and started again, round after round.
struct KilledProducers {
    static let path = Program.find("log-producers")

    /// What happened, so that one sees that something was tested.
    struct Tally: CustomStringConvertible {
        var kills = 0
        var acknowledged = 0
        var answeredAgain = 0
        var killedBeforeTheFirstLine = 0
        var bytesCut = 0
        var segmentsMerged = 0

        var description: String {
            """
            \(kills) kills (\(killedBeforeTheFirstLine) before the first line), \(acknowledged) lines \
            (\(answeredAgain) of batches sent again), \(bytesCut) bytes cut, \(segmentsMerged) segments merged
            """
        }
    }

    private let directory: TemporaryDirectory
    private let options: [String]
    private let segmentBytes = 64 << 10
    private var random: SeededRandom
    private let fileSystem = PosixFileSystem()
    private(set) var checker: LogChecker
    private(set) var tally = Tally()

    init(seed: UInt64, _ options: [String]) throws {
        directory = try TemporaryDirectory()
        self.options = options
        random = SeededRandom(seed: seed)
        checker = LogChecker(directory: "\(directory.path)/input-0", fileSystem: fileSystem)
    }

    /// Starts the program, kills it after 1 to 40 ms and checks the log.
    mutating func round() throws {
        let program = try Program(
            path: try #require(Self.path),
            [checker.directory, "--seed", "\(random.int(1...1_000_000))", "--segment-bytes", "\(segmentBytes)"]
                + options,
            standardError: .standardError)
        // One round in five may end while the log is opened; the others when batches have been acknowledged.
        let first = random.isTrue(20) ? nil : program.line(seconds: 60)
        let milliseconds = random.int(1...40)
        if tally.kills % 8 == 7 { try merge() }
        usleep(UInt32(milliseconds) * 1_000)
        program.send(SIGKILL)
        let lines = acknowledgements((first.map { $0 + "\n" } ?? "") + program.rest())
        #expect(program.wait() == -SIGKILL, "the program ended before it was killed")
        tally.kills += 1
        tally.acknowledged += lines.count
        tally.answeredAgain += lines.count { checker.acknowledged.contains($0) } + lines.count - Set(lines).count
        if lines.isEmpty { tally.killedBeforeTheFirstLine += 1 }
        // What lies there, as a reader sees it; then, every other time, after recovery by this process.
        if FileManager.default.fileExists(atPath: checker.directory + "/durable-end") { checker.check(lines) }
        if tally.kills % 2 == 0 {
            try recover()
            checker.checkAgain()
        }
    }

    mutating func recover() throws {
        let writer = try TopicWriter(
            directory: checker.directory, fileSystem: fileSystem, options: TopicOptions(segmentBytes: segmentBytes))
        tally.bytesCut += writer.recovery.bytesCut
        try writer.close()
    }

    mutating func checkAll() { checker.checkAll() }

    /// Joins segments while the program appends.
    private mutating func merge() throws {
        let options = TopicOptions(segmentBytes: segmentBytes * 8)
        let housekeeping = try Housekeeping(checker.directory, fileSystem, options)
        defer { housekeeping.end() }
        let report = try housekeeping.merge()
        tally.segmentsMerged += report.segmentsBefore - report.segmentsAfter
    }

    /// The whole lines.
    private func acknowledgements(_ text: String) -> [Acknowledgement] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        return lines.compactMap { line in
            let acknowledgement = Acknowledgement(line)
            #expect(acknowledgement != nil, "a line that is no acknowledgement: \(line)")
            return acknowledgement
        }
    }
}
