import ArgumentParser
import EventModel
import LogStorage
import PipelineRuntime
import Platform

struct LogVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check every byte: checksums, indexes, offsets, values, checkpoints.",
        discussion: """
            Damage is said with its file, place and offset, and makes the exit code 1. Notes are what a crash may \
            leave; the next writer puts them right.
            """)

    @OptionGroup var log: LogOption
    @OptionGroup var topic: TopicOption
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reporting {
            var verification = LogVerification(
                try topic.chosen(in: log.directory), of: log.directory, fileSystem: PosixFileSystem())
            let line = ProgressLine("verify", unit: "bytes", quiet: output.quiet || output.json)
            let report = try verification.run { line.update(done: Int64($0), total: Int64($1)) }
            line.finish()
            tell(report)
            if report.damageCount > 0 { throw ExitCode(1) }
        }
    }

    private func tell(_ report: LogVerification.Report) {
        if output.json {
            print(
                JSONValue.object([
                    JSONMember("topics", .number(report.topics)), JSONMember("records", .number(report.records)),
                    JSONMember("bytes", .number(report.bytes)), JSONMember("damage", .number(report.damageCount)),
                    JSONMember("notes", .number(report.noteCount)),
                    JSONMember("findings", .array(report.found.map(\.json))),
                ]))
            return
        }
        for finding in report.found.prefix(Self.shownFindings) { print(finding) }
        if report.found.count > Self.shownFindings {
            print("and \(grouped(report.found.count - Self.shownFindings)) more; --json lists all")
        }
        let what = "\(grouped(report.records)) records, \(grouped(report.bytes)) bytes"
        let notes = report.noteCount == 0 ? "" : " (notes: \(grouped(report.noteCount)))"
        if report.damageCount == 0 { return print("\(what), no damage\(notes)") }
        print(
            """
            \(what), damage in \(grouped(report.damageCount)) places\(notes); restore from a backup, or see with \
            'tidemark log repair' what can be saved of the topics
            """)
    }

    private static let shownFindings = 100
}

extension LogDamage {
    fileprivate var json: JSONValue {
        .object([
            JSONMember("severity", .string(severity.rawValue)), JSONMember("file", .string(file)),
            JSONMember("position", .number(position)),
            JSONMember("offset", offset.map { .number($0.value) } ?? .null), JSONMember("what", .string(what)),
        ])
    }
}

struct LogRepairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair", abstract: "Say what damage would cost, and with --yes repair it.",
        discussion: """
            Whole batches stay and keep their offsets; those that are damaged or missing become empty ones, and the \
            damaged bytes are kept in the topic's folder damaged/. Without --yes nothing is changed, and the exit code \
            is 1 where there is something to repair. Nobody may write to the topic meanwhile. A backup is better.
            """)

    @OptionGroup var log: LogOption
    @OptionGroup var topic: TopicOption
    @Flag(help: "Do it.") var yes = false
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reporting {
            var plans: [(topic: LogTopic, plan: RepairPlan)] = []
            for topic in try topic.chosen(in: log.directory) {
                let repair = try topic.repair(in: log.directory, fileSystem: PosixFileSystem())
                defer { repair.close() }
                let plan = try repair.plan()
                plans.append((topic, plan))
                if !output.json { tell(plan, of: topic) }
                if yes && !plan.isEmpty { try repair.apply() }
            }
            let isNeeded = plans.contains { !$0.plan.isEmpty }
            if output.json {
                print(
                    JSONValue.object([
                        JSONMember("repaired", .bool(yes && isNeeded)),
                        JSONMember("lost_offsets", .number(plans.reduce(0) { $0 + $1.plan.lostOffsets })),
                        JSONMember("topics", .array(plans.map { $0.plan.json(of: $0.topic) })),
                    ]))
            } else if isNeeded {
                print(yes ? "repaired" : "nothing has been changed; --yes repairs it so")
            }
            if isNeeded && !yes { throw ExitCode(1) }
        }
    }

    private func tell(_ plan: RepairPlan, of topic: LogTopic) {
        if plan.isEmpty { return print("\(topic.name): nothing to repair") }
        for gap in plan.gaps { print("\(topic.name): \(gap.text)") }
        for tail in plan.cutTails {
            print(
                """
                \(topic.name): \(tail.file): \(grouped(tail.bytes.count)) bytes at byte \(tail.bytes.lowerBound) are no whole \
                batch and go (kept in damaged/); the durable end is not known, so records from offset \(tail.offset) on \
                may have been acknowledged
                """)
        }
        for text in plan.mended { print("\(topic.name): no record is lost: \(text)") }
        guard plan.lostOffsets > 0 else { return }
        print("\(topic.name): at most \(grouped(plan.lostOffsets)) records are lost, all others stay")
        if topic.isInput {
            print(
                "pipelines keep what they have learned from lost records until 'tidemark train --fresh' replays the log"
            )
        } else if let output = topic.output {
            print("'tidemark train --fresh' makes all outputs of pipeline \(output.pipeline) anew from the input")
        }
    }
}

extension RepairPlan.Gap {
    fileprivate var lost: Int64 { offsets.upperBound.value - offsets.lowerBound.value }

    fileprivate var text: String {
        let offsets =
            "offsets \(offsets.lowerBound) to \(offsets.upperBound.value - 1), at most \(grouped(lost)) records"
        if isFileMissing { return "\(file): \(what): \(offsets)" }
        return "\(file): \(what): bytes \(bytes.lowerBound) to \(bytes.upperBound) go (kept in damaged/), \(offsets)"
    }
}

extension RepairPlan {
    fileprivate func json(of topic: LogTopic) -> JSONValue {
        let gaps = gaps.map { gap in
            JSONValue.object([
                JSONMember("file", .string(gap.file)), JSONMember("what", .string(gap.what)),
                JSONMember("first_byte", .number(gap.bytes.lowerBound)), JSONMember("bytes", .number(gap.bytes.count)),
                JSONMember("first_offset", .number(gap.offsets.lowerBound.value)),
                JSONMember("offsets", .number(gap.lost)),
            ])
        }
        return .object([
            JSONMember("topic", .string(topic.name)), JSONMember("lost_offsets", .number(lostOffsets)),
            JSONMember("gaps", .array(gaps)),
            JSONMember(
                "cut_tails",
                .array(
                    cutTails.map { tail in
                        .object([
                            JSONMember("file", .string(tail.file)),
                            JSONMember("first_byte", .number(tail.bytes.lowerBound)),
                            JSONMember("bytes", .number(tail.bytes.count)),
                            JSONMember("offset", .number(tail.offset.value)),
                        ])
                    })), JSONMember("mended", .array(mended.map(JSONValue.string))),
        ])
    }
}
