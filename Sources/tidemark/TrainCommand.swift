import ArgumentParser
import Evaluation
import EventModel
import LogStorage
import ModelExchange
import PipelineCore
import PipelineRuntime
import Platform

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Replay the log: score each transaction as of its time, learn from each label when it arrives.",
        discussion: """
            Goes on from the newest checkpoint, or from the start with --fresh. Decisions, alerts and side outputs go to \
            LOG/pipelines/NAME. Block size, threads and stops show in no result: the digest tells.
            """)

    @OptionGroup var pipeline: PipelineOption
    @OptionGroup var log: LogOption
    @Option(help: ArgumentHelp("Also write all decisions as CSV.", valueName: "file")) var decisions: String?
    @Option(help: "Records handled together; invisible in results.") var block = 4096
    @Option(help: "Threads that share the work, 1 to 16; invisible in results.") var threads = 1
    @Option(help: ArgumentHelp("Stop before this input offset.", valueName: "offset")) var until: Int64?
    @Option(help: ArgumentHelp("Input records between two checkpoints.", valueName: "n")) var checkpointEvery =
        4_000_000
    @Flag(help: "Forget what was computed and begin at the start of the log.") var fresh = false
    @Flag(help: "With --fresh: also let outputs go that cannot be given again since retention took their input.")
    var forgetRemoved = false
    @Flag(help: "Leave out the metrics at the end.") var skipEvaluation = false
    @OptionGroup var storage: StorageOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1_000_000).contains(block) else { throw ValidationError("--block is 1 to 1000000") }
        guard (1...16).contains(threads) else { throw ValidationError("--threads is 1 to 16") }
        guard checkpointEvery >= 1 else { throw ValidationError("--checkpoint-every is at least 1") }
        if let until, until < 0 { throw ValidationError("--until is an offset, 0 or more") }
    }

    func run() throws {
        Termination.install()
        try reporting {
            let (specification, text) = try pipeline.load()
            let fileSystem = PosixFileSystem()
            var options = PipelineRun.Options()
            options.blockRecords = block
            options.threads = threads
            options.recordsPerCheckpoint = checkpointEvery
            options.fresh = fresh
            options.segmentBytes = storage.segmentBytes
            options.forgetsRemoved = forgetRemoved
            let run = try PipelineRun(
                log: log.directory, specification: specification, text: text, options: options, fileSystem: fileSystem,
                document: ModelDocument.make)
            try tellNotes(of: run)
            if let until, until < run.offset.value {
                throw CommandFailure(
                    "the newest checkpoint is at input offset \(run.offset), beyond --until \(until); add --fresh to begin anew"
                )
            }
            let before = run.tally
            let start = SystemClock().monotonicNanoseconds
            let line = ProgressLine("train", unit: "records", quiet: output.quiet || output.json)
            try run.run(until: until.map(Offset.init), shouldStop: { Termination.isRequested }) { progress in
                let loss = progress.recentLoss.map { "  loss \(fixed($0, 4))" } ?? ""
                line.update(
                    done: progress.offset.value, total: progress.end.value,
                    detail: "\(progress.eventTime.dateDescription)\(loss)")
            }
            line.finish()
            let seconds = seconds(since: start)
            if let decisions {
                _ = try DecisionLog.export(
                    log.directory, pipeline: specification.name, to: decisions, fileSystem: fileSystem)
            }
            let evaluation =
                skipEvaluation || run.tally.transactions == 0
                ? nil
                : try PipelineEvaluation(
                    log: log.directory, specification: specification, evaluation: specification.evaluation,
                    fileSystem: fileSystem)
            try tell(run, before: before, seconds: seconds, evaluation)
        }
    }

    private func tell(
        _ run: PipelineRun, before: Tally, seconds: Double, _ evaluation: PipelineEvaluation?
    ) throws {
        let transactions = run.tally.transactions - before.transactions
        let rate = Double(transactions) / max(seconds, 1e-9)
        if output.json {
            var members = [
                JSONMember("transactions", .number(transactions)),
                JSONMember("transactions_per_second", .number(rate)), JSONMember("seconds", .number(seconds)),
                JSONMember("records", .number(run.tally.records - before.records)),
                JSONMember("offset", .number(run.offset.value)),
                JSONMember("digest", .string(run.digest.description)),
                JSONMember("resident_bytes", .number(ProcessResources.peakResidentBytes)),
                JSONMember("counts", run.tally.json),
            ]
            if let evaluation { members.append(JSONMember("metrics", evaluation.json(withDays: false))) }
            print(JSONValue.object(members))
        } else {
            print(
                """
                \(grouped(transactions)) transactions in \(fixed(seconds, 2)) s (\(grouped(Int64(rate))) a second), up to \
                input offset \(run.offset); digest \(run.digest)
                """)
            print(run.tally.text)
            if let evaluation { print(evaluation.text) }
        }
        if Termination.isRequested { throw ExitCode(1) }
    }
}
