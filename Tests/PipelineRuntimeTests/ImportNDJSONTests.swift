import EventModel
import Testing

@testable import PipelineRuntime

@Suite struct ImportNDJSONTests {
    private static let whole =
        #"{"id":7,"time":"2018-04-01 00:00:31","card":"c\u00e91","amount":57.10,"score":"1e-3","since":"2018-01-02""#

    private static func parse(_ text: String, extra: [String] = []) throws -> (record: String, ignored: Int) {
        var parser = try NDJSONParser(.example, extraColumns: extra)
        let bytes = Array(text.utf8)
        return try bytes.withUnsafeBytes { bytes in
            let record =
                switch try parser.parse(InputLine(bytes, number: 4, byteOffset: 9)) {
                case .transaction(let row):
                    "transaction \(row.eventTime) \(row.id) label \(row.label.map(String.init) ?? "-") at \(row.labelTime) "
                        + values(of: row, parser.schema).sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(
                            separator: " ")
                case .label(let label):
                    "label \(label.id) \(label.isPositive) \(label.source ?? "-") \(label.time?.description ?? "-")"
                case .event(let kind, let row): "\(kind) \(row.eventTime)"
                case .change(let change): "\(change.table) \(change.row.eventTime)"
                case .heartbeat(let time): "heartbeat \(time)"
                }
            return (record, parser.ignoredMembers)
        }
    }

    @Test(arguments: [
        (
            whole + "}",
            "transaction 2018-04-01T00:00:31Z 7 label - at 2018-04-08T00:00:31Z amount=57.10 card=cé1 id=7 score=0.001 since=2018-01-02T00:00:00Z"
        ),
        (
            whole + #","fraud":true,"known":"2018-04-02","x":[1,{"y":null}],"extra":5}"#,
            "transaction 2018-04-01T00:00:31Z 7 label true at 2018-04-02T00:00:00Z amount=57.10 card=cé1 id=7 score=0.001 since=2018-01-02T00:00:00Z"
        ),
        (
            #" { "since":"2018-01-02", "\u0073core":0.5, "amount":"90071992547409.93", "card":12.50, "event_time":"2018-04-01", "id":"8", "label":null } "#,
            "transaction 2018-04-01T00:00:00Z 8 label - at 2018-04-08T00:00:00Z amount=90071992547409.93 card=12.50 id=8 score=0.5 since=2018-01-02T00:00:00Z"
        ),
        (#"{"id":7,"fraud":1}"#, "label 7 true - -"),
        (
            #"{"transaction_id":"7","label":0,"source":"analyst","label_time":"2018-04-02"}"#,
            "label 7 false analyst 2018-04-02T00:00:00Z"
        ),
        (#"{"id":7,"fraud":"1","time":"2018-04-02"}"#, "label 7 true - 2018-04-02T00:00:00Z"),
        (#"{"command":"heartbeat","event_time":"2018-04-01"}"#, "heartbeat 2018-04-01T00:00:00Z"),
        (#"{"command":"heartbeat","time":"2018-04-01"}"#, "heartbeat 2018-04-01T00:00:00Z"),
    ])
    func aLineIsATransactionALabelOrAHeartbeat(_ text: String, _ expected: String) throws {
        #expect(try Self.parse(text).record == expected)
    }

    @Test func undeclaredMembersAreCountedOrKeptWhenNamed() throws {
        let text = Self.whole + #","extra":"e","other":1}"#
        #expect(try Self.parse(text).ignored == 2)
        let kept = try Self.parse(text, extra: ["extra", "more"])
        #expect(kept.ignored == 1)
        #expect(kept.record.contains("extra=e") && kept.record.contains("more= "))
    }

    @Test(
        arguments: [
            ("[]", .notAnObject), ("7", .notAnObject), ("{", .json(JSONError(position: 1, expected: .key))),
            (#"{"id":1,}"#, .json(JSONError(position: 8, expected: .key))),
            (#"{"id":1,"id":2}"#, .json(JSONError(position: 13, expected: .uniqueKey("id")))),
            (#"{"id":1}"#, .missingField(column: "time")),
            (#"{"id":1} x"#, .json(JSONError(position: 9, expected: .endOfText))),
            (#"{"command":"stop"}"#, .unknownCommand("stop")),
            (#"{"command":"heartbeat"}"#, .missingField(column: "time")),
            (#"{"id":1,"time":"2018-04-01","card":null}"#, .missingField(column: "card")),
            (#"{"id":1,"time":"2018-04-01","card":{"a":1}}"#, .field(column: "card", .notAScalar, value: #"{"a":1}"#)),
            (#"{"id":"","time":"2018-04-01","card":"c"}"#, .field(column: "id", .emptyID, value: "")),
            (#"{"id":true,"time":"2018-04-01","card":"c"}"#, .field(column: "id", .notALong, value: "true")),
            (#"{"id":1,"time":0,"card":"c"}"#, .field(column: "time", .notATime(.iso8601), value: "0")),
            (
                #"{"id":1,"time":"2018-04-01","card":"c","amount":1.005}"#,
                .field(column: "amount", .tooManyDecimals(scale: 2), value: "1.005")
            ),
            (
                #"{"id":1,"time":"2018-04-01","card":"c","amount":1,"score":1e999}"#,
                .field(column: "score", .notFinite, value: "1e999")
            ),
            (#"{"id":1,"time":"2018-04-01","card":"\u0000"}"#, .field(column: "card", .containsNUL, value: "\\x00")),
            (#"{"id":1,"label":2}"#, .field(column: "fraud", .notALabel, value: "2")),
            (#"{"label":1}"#, .missingField(column: "id")),
        ] as [(String, MalformedRow.Reason)])
    func aLineThatIsNoneIsMalformed(_ text: String, _ reason: MalformedRow.Reason) {
        #expect(throws: MalformedRow(line: 4, byteOffset: 9, reason: reason)) { try Self.parse(text) }
    }

    @Test func aParserForgetsTheLineBefore() throws {
        var parser = try NDJSONParser(.example)
        for text in [Self.whole + "}", #"{"id":1}"#, #"{"time":"2018-04-01"}"#, Self.whole + "}"] {
            let bytes = Array(text.utf8)
            let isTransaction = bytes.withUnsafeBytes { bytes in
                if case .transaction? = try? parser.parse(InputLine(bytes, number: 1)) { true } else { false }
            }
            #expect(isTransaction == (text.count > 40))
        }
    }

    @Test func damagedLinesAreMalformedAndNeverTrap() throws {
        var random = SeededGenerator(seed: 17)
        var parser = try NDJSONParser(.example, extraColumns: ["more"])
        let line = Array((Self.whole + #","fraud":1,"x":[{"y":"\ud83d\ude00"}],"more":"\n"}"#).utf8)
        let letters = Array("\"\\{}[],:.0123456789eEunltrfa \u{0}".utf8) + [0x80, 0xC3, 0xFF]
        for round in 0..<20_000 {
            var bytes = line
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = letters.randomElement(using: &random)!
            }
            if round % 4 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            bytes.withUnsafeBytes { bytes in
                let isRecord = (try? parser.parse(InputLine(bytes, number: round + 2))) != nil
                if isRecord, (try? JSONValue(parsing: bytes)) == nil { Issue.record("round \(round)") }
            }
        }
    }
}
