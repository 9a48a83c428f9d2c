import EventModel
import Foundation
import LogStorage
import PipelineRuntime
import Platform
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// `tidemark log ...` as a user runs it.
@Suite(
    .serialized, .enabled(if: Program.path != nil, "the program is not built beside the tests; run 'swift build' first")
)
struct LogCommandTests {
    private let directory: TemporaryDirectory
    private let log: String
    private let table: CardTable
    private let pipeline = repositoryFile("models/card-fraud.yaml")

    init() throws {
        directory = try TemporaryDirectory(isKeepable: false)
        log = "\(directory.path)/log"
        table = try CardTable(customers: 40, days: 20)
        let file = try directory.write(CardTable.csv(table.rows), to: "table.csv")
        try Program.expect(0, ["import", file, "--pipeline", pipeline, "--log", log, "--quiet"])
    }

    private func train(_ log: String) throws -> JSONValue {
        try JSONValue(
            parsing: Program.expect(
                0,
                [
                    "train", "--pipeline", pipeline, "--log", log, "--skip-evaluation", "--checkpoint-every", "500",
                    "--block", "100", "--json",
                ]))
    }

    private func json(_ code: Int32, _ arguments: [String]) throws -> JSONValue {
        try JSONValue(parsing: Program.expect(code, ["log"] + arguments + ["--log", log, "--json"]))
    }

    private func lines(_ arguments: [String]) throws -> [String] {
        try Program.expect(0, ["log", "read", "--log", log] + arguments).split(separator: "\n").map(String.init)
    }

    private func segment(_ topic: String) -> String { "\(log)/\(topic)/00000000000000000000.log" }

    private func flip(_ path: String, byte: Int) throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[byte] ^= 0x10
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    @Test func theTransactionsComeOutAsTheyWentIn() throws {
        let rows = try lines(["--format", "csv", "--kind", "Transaction"])
        #expect(rows[0].hasPrefix("offset,timestamp,key,arrival_time,TRANSACTION_ID,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT"))
        let found = rows.dropFirst().map { row in
            let fields = row.split(separator: ",", omittingEmptySubsequences: false)
            return ([fields[1]] + fields[4...7]).joined(separator: ",")
        }
        let expected = table.rows.map {
            "\($0.time),\($0.id),\($0.customer),\($0.terminal),\(decimalDescription($0.amount, scale: 2))"
        }
        #expect(found == expected)
        let records = try lines([]).map { try JSONValue(parsing: $0) }
        #expect(records.indices.allSatisfy { records[$0]["offset"]?.int == $0 })
        #expect(records.count { $0["kind"]?.string == "Transaction" } == table.rows.count)
        #expect(records.count == (try json(0, ["info"])["topics"]?[0]?["records"]?.int))
    }

    @Test func aFollowerWakesForEachLineAndGoesOnWhereItStopped() throws {
        let scoring = try Program(["score", "--pipeline", pipeline, "--log", log])
        let end = try lines(["--kind", "Transaction"]).count
        for round in 0..<2 {
            let follower = try Program(
                ["log", "read", "--log", log, "--follow", "--reader", "tail", "--kind", "Transaction"])
            if round == 0 { for _ in 0..<end { #expect(follower.line(seconds: 30) != nil) } }
            for number in 0..<5 {
                let id = 9_000_000 + round * 100 + number
                try scoring.send(
                    """
                    {"TRANSACTION_ID": \(id), "TX_DATETIME": "2018-06-01 10:00:00", "CUSTOMER_ID": 3, \
                    "TERMINAL_ID": 7, "TX_AMOUNT": 12.50}\n
                    """)
                let line = try #require(follower.line(seconds: 30))
                #expect(try JSONValue(parsing: line)["value"]?["TRANSACTION_ID"]?.int == id)
            }
            // Two followers of one name would each miss what the other sees.
            try Program.expect(1, ["log", "read", "--log", log, "--reader", "tail"])
            follower.send(round == 0 ? SIGTERM : SIGINT)
            #expect(follower.wait() == 0)
            #expect(follower.rest().isEmpty)
        }
        scoring.closeInput()
        #expect(scoring.wait() == 0)
        #expect(try json(0, ["readers"])["readers"]?[0]?["lag"]?.int == 0)
        try Program.expect(1, ["log", "readers", "--log", log, "--forget", "nobody"])
        #expect(try json(0, ["readers", "--forget", "tail"])["forgotten"]?["name"]?.string == "tail")
        #expect(try json(0, ["readers"])["readers"]?.elements?.isEmpty == true)
    }

    @Test func aReaderThatGoesAwayEndsTheReadQuietly() throws {
        let path = try #require(Program.path)
        let shell = try Program(
            path: "/bin/sh",
            ["-c", "{ \"$0\" log read --log \"$1\" 2>&1 >&3; echo $? >&2; } 3>&1 2>\"$1/said\" | head -n 1", path, log])
        shell.closeInput()
        #expect(shell.rest().split(separator: "\n").count == 1)
        shell.wait()
        #expect(try String(contentsOfFile: "\(log)/said", encoding: .utf8) == "0\n")
    }

    @Test func damageIsFoundToldAndRepaired() throws {
        let trained = try train(log)
        #expect(try json(0, ["verify"])["damage"]?.int == 0)
        let file = segment("input-0")
        try flip(file, byte: 5_000)
        let found = try json(1, ["verify"])
        #expect(found["damage"]?.int == 1)
        #expect(found["findings"]?[0]?["file"]?.string == file)
        #expect(found["findings"]?[0]?["what"]?.string?.contains("checksum") == true)
        let damaged = try Data(contentsOf: URL(fileURLWithPath: file))
        let plan = try json(1, ["repair"])
        let lost = try #require(plan["lost_offsets"]?.int)
        #expect(lost > 0 && plan["repaired"] == false)
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == damaged)
        let text = try Program.expect(1, ["log", "repair", "--log", log])
        #expect(text.contains("--fresh") && text.contains("nothing has been changed"))
        #expect(try json(0, ["repair", "--yes"])["repaired"] == true)
        #expect(try json(0, ["verify"])["damage"]?.int == 0)
        #expect(try json(0, ["repair"])["lost_offsets"]?.int == 0)
        #expect(try json(0, ["info"])["topics"]?[0]?["end_offset"]?.int == trained["offset"]?.int)
        #expect(try train(log)["digest"] == trained["digest"])
    }

    @Test func aRepairWaitsForNoWriterButRefuses() throws {
        let scoring = try Program(["score", "--pipeline", pipeline, "--log", log])
        try scoring.send("{\"command\": \"heartbeat\", \"event_time\": \"2018-06-01 10:00:00\"}\n")
        #expect(scoring.line(seconds: 30) != nil)
        try Program.expect(1, ["log", "repair", "--log", log])
        try Program.expect(0, ["log", "verify", "--log", log])
        try Program.expect(0, ["log", "merge", "--log", log])
        scoring.closeInput()
        #expect(scoring.wait() == 0)
        try Program.expect(0, ["log", "repair", "--log", log])
    }

    @Test func aDamagedStateOrSchemaIsFound() throws {
        let offset = try #require(try train(log)["offset"]?.int)
        try flip("\(log)/pipelines/card-fraud/checkpoints-0/\(offset).state", byte: 400)
        #expect(try json(1, ["verify"])["findings"]?[0]?["file"]?.string?.hasSuffix("\(offset).state") == true)
        try FileManager.default.removeItem(atPath: "\(log)/pipelines/card-fraud/checkpoints-0/\(offset).state")
        #expect(try json(1, ["verify"])["damage"]?.int == 1)
        #expect(try json(0, ["verify", "--topic", "input-0"])["damage"]?.int == 0)
        try flip("\(log)/schemas/1.avsc", byte: 60)
        #expect(
            try json(1, ["verify", "--topic", "input-0"])["findings"]?[0]?["file"]?.string == "\(log)/schemas/1.avsc")
    }

    @Test func aValueThatItsSchemaDoesNotExplainIsDamage() throws {
        let writer = try TopicWriter(directory: "\(log)/input-0", fileSystem: PosixFileSystem())
        // Cut short, one byte too long, of no schema.
        let whole = try firstValue()
        for value in [Array(whole.dropLast()), whole + [0], [0, 0, 0, 1, 0, 2]] {
            var batch = RecordBatchBuilder()
            value.withUnsafeBytes { batch.append(timestamp: EventTime(milliseconds: 0), value: $0) }
            try writer.append(&batch)
        }
        let end = writer.endOffset
        try writer.close()
        let found = try json(1, ["verify"])
        #expect(
            found["findings"]?.elements?.compactMap { $0["offset"]?.int64 }
                == [end.value - 3, end.value - 2, end.value - 1])
    }

    private func firstValue() throws -> [UInt8] {
        let reader = try TopicReader(directory: "\(log)/input-0", fileSystem: PosixFileSystem())
        let batch = try #require(try reader.cursor(from: .zero).nextBatch())
        var records = batch.records
        let record = records.next()
        return Array(try #require(record).value)
    }

    @Test func aRestoredBackupGoesOnAsTheLog() throws {
        _ = try train(log)
        let (backup, restored) = ("\(directory.path)/backup", "\(directory.path)/restored")
        try Program.expect(0, ["log", "backup", "--log", log, "--to", backup])
        // More comes, and the second backup adds it.
        let more = try CardTable(customers: 40, days: 25)
        let file = try directory.write(CardTable.csv(more.rows), to: "table.csv")
        try Program.expect(0, ["import", file, "--pipeline", pipeline, "--log", log, "--quiet"])
        let report = try json(0, ["backup", "--to", backup])
        #expect(report["input_end"] == (try json(0, ["info"])["topics"]?[0]?["durable_end"]))
        try Program.expect(0, ["log", "restore", "--log", restored, "--from", backup])
        for copy in [backup, restored] {
            let found = try JSONValue(parsing: Program.expect(0, ["log", "verify", "--log", copy, "--json"]))
            #expect(found["damage"]?.int == 0 && found["notes"]?.int == 0)
        }
        let (original, copy) = try (train(log), train(restored))
        #expect(original["digest"] == copy["digest"] && original["records"] == copy["records"])
        #expect(try #require(copy["records"]?.int) < more.rows.count, "it went on from the checkpoint")
        try Program.expect(1, ["log", "restore", "--log", restored, "--from", backup])
        try Program.expect(1, ["log", "backup", "--log", log, "--to", restored])
    }

    @Test func anUnfinishedBackupIsRefusedByAll() throws {
        let backup = "\(directory.path)/backup"
        try Program.expect(0, ["log", "backup", "--log", log, "--to", backup])
        _ = try directory.write("", to: "backup/backup-unfinished")
        let pipeline = ["--pipeline", pipeline, "--log", backup]
        try Program.expect(1, ["train"] + pipeline)
        try Program.expect(1, ["score"] + pipeline)
        try Program.expect(1, ["evaluate"] + pipeline)
        try Program.expect(1, ["features", "--output", "\(directory.path)/f.csv"] + pipeline)
        try Program.expect(1, ["import", "\(directory.path)/table.csv"] + pipeline)
        try Program.expect(1, ["log", "restore", "--from", backup, "--log", "\(directory.path)/restored"])
        try Program.expect(1, ["log", "retain", "--log", backup, "--max-bytes", "1"])
        for command in ["info", "read", "readers", "verify", "repair", "merge"] {
            try Program.expect(1, ["log", command, "--log", backup])
        }
        try Program.expect(0, ["log", "backup", "--log", log, "--to", backup])
        try Program.expect(0, ["log", "info", "--log", backup])
    }

    /// Outputs are synced within a second after a pause, so a follower of them sees each while scoring goes on.
    @Test func aFollowerSeesDecisionsAsTheyAreMade() throws {
        _ = try train(log)
        let scoring = try Program(["score", "--pipeline", pipeline, "--log", log])
        let follower = try Program(
            ["log", "read", "--log", log, "--follow", "--topic", "decisions-0", "--reader", "decisions"])
        for _ in try lines(["--kind", "Transaction"]) { #expect(follower.line(seconds: 30) != nil) }
        for id in [9_000_001, 9_000_002] {
            try scoring.send(
                """
                {"TRANSACTION_ID": \(id), "TX_DATETIME": "2018-06-01 10:00:00", "CUSTOMER_ID": 3, \
                "TERMINAL_ID": 7, "TX_AMOUNT": 12.50}\n
                """)
            let line = try #require(follower.line(seconds: 10))
            #expect(try JSONValue(parsing: line)["value"]?["transaction_id"]?.int == id)
        }
        follower.send(SIGTERM)
        #expect(follower.wait() == 0)
        scoring.closeInput()
        #expect(scoring.wait() == 0)
    }

    @Test func smallSegmentsAreMergedAndNothingChanges() throws {
        let small = "\(directory.path)/small"
        try Program.expect(
            0,
            [
                "import", "\(directory.path)/table.csv", "--pipeline", pipeline, "--log", small, "--quiet",
                "--segment-size", "20kB",
            ])
        let before = try Program.expect(0, ["log", "read", "--log", small])
        let digest = try train(small)["digest"]?.string
        let report = try JSONValue(
            parsing: Program.expect(0, ["log", "merge", "--log", small, "--topic", "input-0", "--json"]))
        #expect(report.description.contains("segments"))
        let info = try JSONValue(parsing: Program.expect(0, ["log", "info", "--log", small, "--json"]))
        let input = try #require(info["topics"]?.elements?.first { $0["topic"]?.string == "input-0" })
        #expect(try #require(input["segments"]?.int) == 2)
        #expect(try Program.expect(0, ["log", "read", "--log", small]) == before)
        try Program.expect(0, ["log", "verify", "--log", small])
        #expect(try train(small)["digest"]?.string == digest)
    }

    @Test func whatACheckpointNeedsAndIsMissingIsRefused() throws {
        _ = try train(log)
        let decisions = "\(log)/pipelines/card-fraud/decisions-0"
        try FileManager.default.moveItem(atPath: decisions, toPath: "\(directory.path)/taken")
        try Program.expect(1, ["train", "--pipeline", pipeline, "--log", log, "--quiet", "--skip-evaluation"])
        try FileManager.default.removeItem(atPath: decisions)
        try Program.expect(1, ["log", "verify", "--log", log])
        try FileManager.default.moveItem(atPath: "\(directory.path)/taken", toPath: decisions)
        try Program.expect(0, ["log", "verify", "--log", log])
        // An input that ends before the checkpoint's place.
        let input = "\(log)/input-0"
        try FileManager.default.moveItem(atPath: input, toPath: "\(directory.path)/taken")
        let rows = try CardTable(customers: 40, days: 3).rows
        let shorter = try directory.write(CardTable.csv(rows), to: "shorter.csv")
        try Program.expect(0, ["import", shorter, "--pipeline", pipeline, "--log", log, "--quiet"])
        try Program.expect(1, ["train", "--pipeline", pipeline, "--log", log, "--quiet", "--skip-evaluation"])
        try Program.expect(1, ["score", "--pipeline", pipeline, "--log", log])
        try Program.expect(1, ["log", "verify", "--log", log])
    }

    @Test func exitCodesTellFailuresFromMisuse() throws {
        _ = try train(log)
        try Program.expect(64, ["log", "retain", "--log", log])
        try Program.expect(64, ["log", "retain", "--log", log, "--max-age", "soon"])
        try Program.expect(64, ["log", "retain", "--log", log, "--max-bytes", "10 GB"])
        try Program.expect(64, ["log", "read", "--log", log, "--from", "-1"])
        try Program.expect(64, ["log", "read", "--log", log, "--from-time", "yesterday"])
        try Program.expect(1, ["log", "read", "--log", log, "--topic", "nothing"])
        try Program.expect(1, ["log", "read", "--log", log, "--format", "csv"])
        try Program.expect(1, ["log", "read", "--log", log, "--reader", "a/b"])
        for topic in ["input-0", "decisions-0", "alerts-0", "late-0", "quarantine-0", "duplicates-0"] {
            try Program.expect(1, ["log", "compact", "--log", log, "--topic", topic])
        }
        #expect(try json(0, ["compact", "--topic", "models-0"])["records_removed"]?.int == 0)
        let held = try json(0, ["retain", "--max-age", "1d", "--dry-run"])
        #expect(held["removed"] == false && held["floors"]?[0]?["who"]?.string == "pipeline card-fraud")
    }
}
