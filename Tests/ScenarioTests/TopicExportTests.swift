import EventModel
import LogStorage
import PipelineRuntime
import Platform
import Simulation
import Testing

/// Records as text: nothing is lost or made up, whatever a topic holds.
struct TopicExportTests {
    private let fileSystem = InMemoryFileSystem(keepsTrace: false)
    private let log = LogDirectory("log")
    private let schema = RecordSchema(
        name: "Transaction",
        columns: [
            Column("id", .long), Column("amount", .decimal(scale: 2)), Column("ratio", .double),
            Column("note", .string),
            Column("since", .timestamp),
        ])
    private let writer: TopicWriter
    private let schemas: SchemaRegistry

    init() throws {
        writer = try TopicWriter(directory: log.input, fileSystem: fileSystem)
        schemas = try SchemaRegistry(log, fileSystem: fileSystem)
    }

    private func append(
        _ value: [UInt8]?, key: [UInt8]? = nil, headers: [RecordHeader] = [], time: Int64 = 1_522_540_800_250
    ) throws {
        var batch = RecordBatchBuilder()
        (value ?? []).withUnsafeBytes { bytes in
            (key ?? []).withUnsafeBytes { keyBytes in
                batch.append(
                    timestamp: EventTime(milliseconds: time), key: key == nil ? nil : keyBytes,
                    value: value == nil ? nil : bytes, headers: headers)
            }
        }
        try writer.append(&batch)
        try writer.sync()
    }

    private func value(
        _ id: Int64, _ amount: Int64, _ ratio: Double, _ note: String, _ since: Int64 = 0
    ) throws -> [UInt8] {
        var value = ByteWriter()
        value.appendEnvelope(try schemas.register(schema))
        value.appendVarint(id)
        value.appendAvroDecimal(amount)
        value.appendAvro(ratio)
        value.appendAvro(note)
        value.appendVarint(since)
        return value.array
    }

    private func text(_ change: (inout TopicExport.Options) -> Void = { _ in }) throws -> [String] {
        var options = TopicExport.Options()
        change(&options)
        var text = ""
        let topic = try LogTopics(of: log, fileSystem: fileSystem).topic("input-0")
        _ = try TopicExport(topic, of: log, options: options, fileSystem: fileSystem, clock: SystemClock())
            .run { bytes throws(FileError) in text += String(decoding: bytes, as: UTF8.self) }
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    @Test func aRecordIsALineOfJSON() throws {
        try append(try value(7, -5, 0.25, "a \"b\"\n,c"), key: Array("k".utf8))
        try append(
            try value(Int64.min, 999_999_999_999_999_999, .nan, "é"),
            headers: [
                RecordHeader(key: "a", value: [0x78]), RecordHeader(key: "a", value: nil),
                RecordHeader(key: "b", value: [0xFF]),
            ], time: -62_135_596_800_000)
        #expect(
            try text() == [
                #"{"offset":0,"timestamp":"2018-04-01T00:00:00.250Z","kind":"Transaction","key":"k","value":{"id":7,"#
                    + #""amount":-0.05,"ratio":0.25,"note":"a \"b\"\n,c","since":"1970-01-01T00:00:00Z"},"headers":{}}"#,
                #"{"offset":1,"timestamp":"0001-01-01T00:00:00Z","kind":"Transaction","key":null,"value":"#
                    + #"{"id":-9223372036854775808,"amount":9999999999999999.99,"ratio":null,"note":"é","#
                    + #""since":"1970-01-01T00:00:00Z"},"headers":{"a":["x",null],"b":{"base64":"/w=="}}}"#,
            ])
    }

    @Test func whatHasNoSchemaIsTextOrBase64() throws {
        try append(nil, key: [0xFF, 0xFE])
        try append(Array("plain".utf8))
        try append([0xC3, 0x28])
        try append([])
        var short = try value(1, 2, 3, "x")
        short.removeLast()
        try append(short)
        try append([0, 0, 0, 0, 99, 1])
        try append([1], time: .max / 2)
        let lines = try text().map { try JSONValue(parsing: $0) }
        #expect(lines.allSatisfy { $0["kind"] == .null })
        #expect(lines[0]["key_base64"] == "//4=" && lines[0]["value"] == .null)
        #expect(lines[1]["text"] == "plain" && lines[1]["value"] == nil)
        #expect(lines[2]["base64"] == "wyg=")
        #expect(lines[3]["text"] == "")
        #expect(lines[4]["text"] != nil || lines[4]["base64"] != nil)
        #expect(lines[5]["text"]?.string?.utf8.count == 6)
        #expect(lines[6]["timestamp"]?.int64 == .max / 2)
    }

    @Test func everyBase64LengthIsRight() throws {
        // RFC 4648, section 10, with bytes that are no UTF-8 before.
        let expected = ["/w==", "/2Y=", "/2Zv", "/2Zvbw==", "/2Zvb2I=", "/2Zvb2Jh"]
        for count in 0..<6 { try append([0xFF] + Array("fooba".utf8.prefix(count))) }
        #expect(try text().map { try JSONValue(parsing: $0)["base64"]?.string ?? "" } == expected)
    }

    @Test func csvHasTheColumnsOfAllSchemasOfItsKind() throws {
        try append(try value(1, 1250, 1e300, "a,\"b\"", 1_522_540_800_000), key: Array("k,1".utf8))
        let later = RecordSchema(
            name: "Transaction",
            columns: [
                Column("note", .string), Column("id", .long), Column("key", .string, default: .text("")),
                Column("amount", .decimal(scale: 2)),
            ])
        var other = ByteWriter()
        other.appendEnvelope(try schemas.register(later))
        other.appendAvro("line\nbreak")
        other.appendVarint(2)
        other.appendAvro("x")
        other.appendAvroDecimal(3)
        try append(other.array)
        try append(Array("no schema".utf8))
        try append(nil, key: [1])
        let all = try text {
            $0.format = .csv
            $0.kind = "Transaction"
        }
        #expect(
            all.joined(separator: "\n") == """
                offset,timestamp,key,id,amount,ratio,note,since,key_2
                0,2018-04-01T00:00:00.250Z,"k,1",1,12.50,1e+300,"a,""b""\",2018-04-01T00:00:00Z,
                1,2018-04-01T00:00:00.250Z,,2,0.03,,"line
                break",,x
                """)
        #expect(throws: RuntimeError.self) { try text { $0.format = .csv } }
        #expect(throws: RuntimeError.self) { try text { $0.kind = "Transactoin" } }
    }

    @Test func rangesAndFiltersChooseWhatTheySay() throws {
        // Times out of order; a naive filter over all lines is the oracle.
        let times: [Int64] = [5, 1, 9, 3, 7, 7, 2, 8]
        for (index, time) in times.enumerated() { try append(try value(Int64(index), 0, 0, ""), time: time * 1_000) }
        func offsets(_ change: (inout TopicExport.Options) -> Void) throws -> [Int64] {
            try text(change).compactMap { try JSONValue(parsing: $0)["offset"]?.int64 }
        }
        for first in 0...8 as ClosedRange<Int64> {
            for last in first...9 {
                #expect(
                    try offsets {
                        $0.from = Offset(first)
                        $0.to = Offset(last)
                    } == Array(first..<min(last, 8)))
                let found = try offsets {
                    $0.fromTime = EventTime(milliseconds: first * 1_000)
                    $0.toTime = EventTime(milliseconds: last * 1_000)
                }
                #expect(found == (0..<8).filter { (first..<last).contains(times[Int($0)]) })
            }
            #expect(try offsets { $0.limit = first }.count == first)
        }
    }

    @Test func aNamedReaderGoesOnWhereItStopped() throws {
        for id in 0..<6 { try append(try value(Int64(id), 0, 0, "")) }
        var seen: [Int64] = []
        for limit in [2, 0, 3, 9, 9] as [Int64] {
            seen += try text {
                $0.reader = "r"
                $0.limit = limit
            }.compactMap { try JSONValue(parsing: $0)["offset"]?.int64 }
        }
        #expect(seen == Array(0..<6))
        let topic = try LogTopics(of: log, fileSystem: fileSystem).topic("input-0")
        let reader = try #require(try TopicInfo(of: topic, fileSystem: fileSystem).readers.first)
        #expect(reader.name == "r" && reader.offset == Offset(6) && reader.lag == 0)
    }

    @Test func aSchemaThatComesWhileItFollowsIsKnown() throws {
        try append(try value(1, 0, 0, ""))
        var options = TopicExport.Options()
        options.follows = true
        options.kind = "Transaction"
        options.limit = 2
        let topic = try LogTopics(of: log, fileSystem: fileSystem).topic("input-0")
        let export = try TopicExport(topic, of: log, options: options, fileSystem: fileSystem, clock: SystemClock())
        let others = try SchemaRegistry(log, fileSystem: fileSystem)
        var value = ByteWriter()
        value.appendEnvelope(
            try others.register(RecordSchema(name: "Transaction", columns: [Column("id", .long)])))
        value.appendVarint(2)
        try append(value.array)
        #expect(try export.run { _ throws(FileError) in }.records == 2)
        // The header of a table cannot grow.
        options.format = .csv
        options.limit = nil
        let table = try TopicExport(topic, of: log, options: options, fileSystem: fileSystem, clock: SystemClock())
        var wider = ByteWriter()
        let added = Column("new", .string, default: .text(""))
        wider.appendEnvelope(
            try others.register(RecordSchema(name: "Transaction", columns: [Column("id", .long), added])))
        wider.appendVarint(3)
        wider.appendAvro("x")
        try append(wider.array)
        let error = #expect(throws: RuntimeError.self) { try table.run { _ throws(FileError) in } }
        #expect(error?.description.contains("from offset 2 on there is a column 'new'") == true)
    }

    @Test func whatWasNotWrittenIsSeenAgain() throws {
        for id in 0..<6 { try append(try value(Int64(id), 0, 0, "")) }
        var options = TopicExport.Options()
        options.reader = "r"
        let topic = try LogTopics(of: log, fileSystem: fileSystem).topic("input-0")
        let report = try TopicExport(topic, of: log, options: options, fileSystem: fileSystem, clock: SystemClock())
            .run { _ throws(FileError) in
                throw FileError(operation: "write", path: "standard output", code: .brokenPipe)
            }
        #expect(report.isCut && report.records == 0)
        #expect(try text { $0.reader = "r" }.count == 6)
    }
}
