import ArgumentParser
import EventModel
import ModelExchange
import PipelineRuntime
import Platform

struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score",
        abstract: "Score transactions from standard input, a line of JSON for each line, at once.",
        discussion: """
            Takes up the newest checkpoint, goes through what the log has beyond it, then reads lines: a transaction \
            ({"TRANSACTION_ID": 7, "TX_DATETIME": "2018-10-01 00:00:31", ...}), a label \
            ({"TRANSACTION_ID": 7, "label": 1}) which is learned from, or {"command": "heartbeat", "event_time": ...}. \
            Everything read is in the log before it is answered; empty lines are passed over. At the end, and on SIGTERM, a checkpoint is written.
            """)

    @OptionGroup var pipeline: PipelineOption
    @OptionGroup var log: LogOption
    @OptionGroup var storage: StorageOptions
    @Option(help: "ndjson, or csv with a header line.") var format: ScoringSession.Format = .ndjson

    @Flag(help: "Begin a new log where there is none yet, without any history.") var new = false

    func run() throws {
        Termination.install()
        try reporting {
            let (specification, text) = try pipeline.load()
            let fileSystem = PosixFileSystem()
            if new { try log.directory.makeInput(fileSystem) }
            var options = PipelineRun.Options()
            options.blockRecords = 4096
            options.segmentBytes = storage.segmentBytes
            let run = try PipelineRun(
                log: log.directory, specification: specification, text: text, options: options, fileSystem: fileSystem,
                document: ModelDocument.make)
            try tellNotes(of: run)
            let line = ProgressLine("catch up", unit: "records", quiet: false)
            try run.run(shouldStop: { Termination.isRequested }) {
                line.update(done: $0.offset.value, total: $0.end.value, detail: $0.eventTime.dateDescription)
            }
            line.finish()
            if Termination.isRequested { throw ExitCode(1) }
            let session = try ScoringSession(run: run, format: format, clock: SystemClock(), fileSystem: fileSystem)
            try serve(session)
            if session.ignoredLabels > 0 {
                try StandardStreams.write(
                    "\(grouped(session.ignoredLabels)) labels inside transactions were not used: a label is a line of its own\n",
                    to: .error)
            }
        }
    }

    /// How long those who follow the outputs may wait while lines come without a pause.
    private static let settlingMilliseconds: Int64 = 1_000

    private func serve(_ session: ScoringSession) throws {
        let input = InputStream()
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { chunk.deallocate() }
        var output = ByteWriter(capacity: 1 << 16)
        func answer(_ value: JSONValue) {
            output.append(value)
            output.append(UInt8(ascii: "\n"))
        }
        func flush() throws {
            try StandardStreams.write(output.bytes)
            output.removeAll()
        }
        let clock = SystemClock()
        // Since when there are outputs that may not be durable yet.
        var unsettledSince: Int64?
        while !Termination.isRequested {
            let count = try input.read(into: chunk)
            if count == 0 { break }
            try session.take(UnsafeRawBufferPointer(rebasing: chunk[..<count]), answer: answer)
            try flush()
            let since = unsettledSince ?? clock.monotonicNanoseconds
            let left = Self.settlingMilliseconds - (clock.monotonicNanoseconds - since) / 1_000_000
            unsettledSince = since
            if left <= 0 || !StandardStreams.isInputWaiting(milliseconds: Int32(left)) {
                try session.settle()
                unsettledSince = nil
            }
        }
        if Termination.isRequested { try session.stop() } else { try session.finish(answer: answer) }
        try flush()
    }
}

extension ScoringSession.Format: ExpressibleByArgument {}
