import ArgumentParser
import EventModel
import LogStorage
import PipelineRuntime
import Platform

struct LogBackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy a log, consistently, while it is written.",
        discussion: """
            The directory is new, or a backup made before: then only what it lacks is copied. Every batch's checksum \
            is checked on the way. A backup that was stopped is refused by all commands until it is run again.
            """)

    @OptionGroup var log: LogOption
    @Option(help: ArgumentHelp("The backup's directory.", valueName: "dir")) var to: String
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reporting {
            _ = try LogTopics(of: log.directory, fileSystem: PosixFileSystem())
            let line = ProgressLine("backup", unit: "bytes", quiet: output.quiet || output.json)
            var backup = LogBackup(of: log.directory, to: LogDirectory(to), fileSystem: PosixFileSystem()) {
                line.update(done: Int64($0), total: Int64($1))
            }
            let start = SystemClock().monotonicNanoseconds
            let report = try backup.run()
            line.finish()
            tell(report, seconds: seconds(since: start), as: to, output)
        }
    }
}

struct LogRestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Copy a backup into a new directory, as a log to go on with.",
        discussion: "Pipelines go on from the checkpoints of the backup: 'tidemark train' catches up.")

    @OptionGroup var log: LogOption
    @Option(help: ArgumentHelp("The backup's directory.", valueName: "dir")) var from: String
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reporting {
            let source = LogDirectory(from)
            _ = try LogTopics(of: source, fileSystem: PosixFileSystem())
            let line = ProgressLine("restore", unit: "bytes", quiet: output.quiet || output.json)
            var backup = LogBackup(of: source, to: log.directory, fileSystem: PosixFileSystem()) {
                line.update(done: Int64($0), total: Int64($1))
            }
            let start = SystemClock().monotonicNanoseconds
            let report = try backup.restore()
            line.finish()
            tell(report, seconds: seconds(since: start), as: log.path, output)
        }
    }
}

private func tell(_ report: LogBackup.Report, seconds: Double, as path: String, _ output: OutputOptions) {
    if output.json {
        print(
            JSONValue.object([
                JSONMember("topics", .number(report.topics)),
                JSONMember("segments_copied", .number(report.segmentsCopied)),
                JSONMember("segments_kept", .number(report.segmentsKept)),
                JSONMember("bytes_copied", .number(report.bytesCopied)),
                JSONMember("input_end", .number(report.inputEnd.value)), JSONMember("seconds", .number(seconds)),
            ]))
    } else {
        print(
            """
            \(grouped(report.topics)) topics, \(grouped(report.segmentsCopied)) segments and \
            \(grouped(report.bytesCopied)) bytes copied in \(fixed(seconds, 2)) s, \(grouped(report.segmentsKept)) \
            segments were there already; the input up to offset \(report.inputEnd): \(path)
            """)
    }
}
