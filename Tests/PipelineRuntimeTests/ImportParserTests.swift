import EventModel
import Testing

@testable import PipelineRuntime

@Suite struct ImportParserTests {
    @Test func aRowBecomesATransaction() throws {
        let parsed = try parse("7,2018-04-01 00:00:31,c1,57.1,1e-3,2018-01-02,1,2018-04-03 00:00:00,\"hello, you\"")
        #expect(parsed.row.eventTime.description == "2018-04-01T00:00:31Z")
        #expect(parsed.id == .number(7))
        #expect(parsed.row.label == true)
        #expect(parsed.row.labelTime.description == "2018-04-03T00:00:00Z")
        #expect(
            parsed.values == [
                "id": "7", "card": "c1", "amount": "57.10", "score": "0.001", "since": "2018-01-02T00:00:00Z",
                "note": "hello, you",
            ])
    }

    @Test(
        arguments: [("", nil), ("0", false), ("1", true), ("True", true), ("FALSE", false), ("1.0", true)]
            as [(String, Bool?)])
    func labelsAreRead(_ text: String, _ label: Bool?) throws {
        #expect(try parse("7,2018-04-01 00:00:31,c1,1,1,2018-01-02,\(text),,").row.label == label)
    }

    @Test(arguments: [
        ("", "2018-04-08T00:00:31Z"), ("2018-04-02", "2018-04-02T00:00:00Z"), ("2018-03-31", "2018-04-01T00:00:31Z"),
    ])
    func aLabelIsKnownAfterTheDelayOrWhenItsColumnSaysButNeverBeforeItsEvent(_ text: String, _ time: String) throws {
        #expect(try parse("7,2018-04-01 00:00:31,c1,1,1,2018-01-02,1,\(text),").row.labelTime.description == time)
    }

    /// The example's table with one field replaced.
    private static func line(_ column: String, _ value: String) -> String {
        ["id", "time", "card", "amount", "score", "since", "fraud", "known", "note"].map { name in
            if name == column { return value }
            return [
                "id": "7", "time": "2018-04-01 00:00:31", "card": "c1", "amount": "57.16", "score": "0.5",
                "since": "2018-01-02", "fraud": "1", "known": "", "note": "",
            ][name] ?? ""
        }.joined(separator: ",")
    }

    private static let badFields: [(String, String, FieldProblem)] = [
        ("id", "", .emptyID), ("id", "x", .notALong), ("id", "1.5", .notALong),
        ("id", "9223372036854775808", .overflow),
        ("id", " 7", .notALong), ("id", "nan", .notALong), ("id", "1e30", .overflow), ("id", "-", .notALong),
        ("amount", "", .empty), ("amount", "12a", .notADecimal), ("amount", "57.123", .tooManyDecimals(scale: 2)),
        ("amount", "NaN", .notFinite), ("amount", "-inf", .notFinite), ("amount", "1e-3", .tooManyDecimals(scale: 2)),
        ("amount", "100000000000000000", .overflow), ("amount", "10000000000000000.00", .overflow),
        ("amount", "99999999999999999999999", .overflow), ("amount", ".", .notADecimal),
        ("amount", "0.0000000000000000000001", .tooManyDecimals(scale: 2)), ("amount", "1..2", .notADecimal),
        ("amount", "57.12345678901234", .tooManyDecimals(scale: 2)), ("amount", "1e", .notADecimal),
        ("score", "", .empty), ("score", "abc", .notADouble), ("score", "nan", .notFinite),
        ("score", "NaN", .notFinite),
        ("score", "Infinity", .notFinite), ("score", "-inf", .notFinite), ("score", "1e999", .notFinite),
        ("score", "0x1p3", .notADouble), ("score", "1.2.3", .notADouble), ("score", "-", .notADouble),
        ("score", "1_0", .notADouble), ("score", "-1.1e100", .tooLargeToLearnFrom),
        ("time", "", .empty), ("time", "2018-02-30 00:00:00", .notATime(.iso8601)),
        ("time", "yesterday", .notATime(.iso8601)),
        ("time", "2018-04-01 24:00:00", .notATime(.iso8601)), ("time", "2018-04-01 00:60:00", .notATime(.iso8601)),
        ("time", "2018-04-01 00:0a:00", .notATime(.iso8601)), ("time", "2018-13-01 00:00:00", .notATime(.iso8601)),
        ("since", "2018", .notATime(.iso8601)), ("since", "", .empty), ("fraud", "2", .notALabel),
        ("fraud", "yes", .notALabel),
        ("known", "later", .notATime(.iso8601)), ("card", "a\0b", .containsNUL), ("note", "\0", .containsNUL),
    ]

    @Test(arguments: badFields.indices) func aFieldThatIsNoValueMakesItsRowMalformed(_ index: Int) {
        let (column, value, problem) = Self.badFields[index]
        let shown = value.replacing("\0", with: "\\x00")
        let reason = MalformedRow.Reason.field(column: column, problem, value: shown)
        #expect(throws: MalformedRow(line: 2, byteOffset: 49, reason: reason)) {
            try parse(Self.line(column, value))
        }
    }

    @Test func textInAnotherEncodingIsMalformed() {
        let line = Array("7,2018-04-01 00:00:31,caf".utf8) + [0xE9] + Array(",57.16,0.5,2018-01-02,1,,".utf8)
        let reason = MalformedRow.Reason.field(column: "card", .notUTF8, value: "caf\\xE9")
        #expect(throws: MalformedRow(line: 2, byteOffset: 49, reason: reason)) { try parse(line) }
    }

    @Test(arguments: [("1,2", 2), ("1,2,3,4,5,6,7,8,9,10", 10)]) func aRowOfAnotherLengthIsMalformed(
        _ line: String, _ count: Int
    ) {
        let reason = MalformedRow.Reason.fieldCount(found: count, expected: 9)
        #expect(throws: MalformedRow(line: 2, byteOffset: 49, reason: reason)) { try parse(line) }
    }

    @Test func longValuesAreCutWhereTheyArePrinted() {
        let long = String(repeating: "é", count: 80)
        let reason = MalformedRow.Reason.field(
            column: "amount", .notADecimal, value: String(repeating: "é", count: 50) + "…")
        #expect(throws: MalformedRow(line: 2, byteOffset: 49, reason: reason)) { try parse(Self.line("amount", long)) }
    }

    @Test func everyLineIsARowOrMalformed() throws {
        var lines: [[UInt8]] = [Array("id,time,card,amount,score,since,fraud,known,note".utf8)]
        let fields = Self.badFields
        for (column, value, _) in fields {
            lines.append(Array(Self.line("note", "fine").utf8))
            lines.append(Array(Self.line(column, value).utf8))
        }
        lines.append([UInt8](repeating: UInt8(ascii: "9"), count: 2_000_000))
        lines.append(Array(Self.line("note", "\"never closed").utf8))
        var reader = CSVRowReader()
        var parser: TransactionParser?
        var rows = 0
        var malformed: [Int] = []
        let header = lines.removeFirst() + [10]
        header.withUnsafeBytes { reader.append($0) }
        for ending in [[13, 10], [10]] as [[UInt8]] {
            for line in lines { (line + ending).withUnsafeBytes { reader.append($0) } }
        }
        reader.finish()
        while true {
            do {
                guard let row = try reader.next() else { break }
                if row.line == 1 {
                    parser = try TransactionParser(.example, header: row.strings ?? [])
                } else if try parser?.parse(row) != nil {
                    rows += 1
                }
            } catch { malformed.append((error as? MalformedRow)?.line ?? -1) }
        }
        #expect(rows == 2 * fields.count)
        #expect(malformed.count == 2 * (fields.count + 2))
        #expect(rows + malformed.count == 2 * lines.count)
        #expect(malformed == malformed.sorted() && malformed.first == 3)
    }

    @Test func aDoublesNoiseIsRoundedAndCounted() throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<20_000 {
            let cents = Int64.random(in: 0...10_000_000, using: &random)
            let parts = Int64.random(in: 0...10, using: &random)
            let sum = Double(cents - parts) / 100 + Double(parts) / 100
            let text = Array("\(sum * 3 / 3)".utf8)
            let value = text.withUnsafeBytes { bytes in
                parseDecimal(bytes, scale: 2) ?? roundedFloatingPointNoise(bytes, scale: 2)
            }
            if value != cents { Issue.record("\(String(decoding: text, as: UTF8.self)) became \(value ?? -1)") }
        }
        #expect(try parse(Self.line("amount", "85.64999999999999")).values["amount"] == "85.65")
        var strict = try TransactionParser(
            .example, header: ["id", "time", "card", "amount", "score", "since", "fraud", "known"], roundingNoise: false
        )
        var reader = CSVRowReader()
        Array("7,2018-04-01,c,85.64999999999999,1,2018-04-01,,".utf8).withUnsafeBytes { reader.append($0) }
        reader.finish()
        let row = try #require(try reader.next())
        #expect(throws: MalformedRow.self) { _ = try strict.parse(row).line }
    }

    @Test func shortFormsOfNumbersAreReadAsTheGeneralOnes() {
        var random = SeededGenerator(seed: 3)
        let letters = Array("0012359.-+e".utf8)
        for _ in 0..<100_000 {
            let text = (0..<Int.random(in: 1...21, using: &random)).map { _ in letters.randomElement(using: &random)! }
            text.withUnsafeBytes { text in
                let scale = Int(text[0] % 4)
                let decimal =
                    if case .value(let value) = parseDecimalField(text, scale: scale) { value as Int64? } else {
                        nil as Int64?
                    }
                let expected = parseDecimal(text, scale: scale).flatMap {
                    $0.magnitude < 1_000_000_000_000_000_000 ? $0 : nil
                }
                let double = if case .value(let value) = parseDouble(text) { value as Double? } else { nil as Double? }
                let literal = String(decoding: text, as: UTF8.self)
                let expectedDouble = Double(literal).flatMap { $0.magnitude <= 1e100 ? $0 : nil }
                if decimal != expected || double?.bitPattern != expectedDouble?.bitPattern {
                    Issue.record("\(literal): \(String(describing: decimal)), \(String(describing: double))")
                }
            }
        }
    }

    @Test func timesAreReadAsTheGeneralOnes() {
        var random = SeededGenerator(seed: 5)
        var reader = EventTimeReader(.iso8601)
        let letters = Array("0123456789:- Tx".utf8)
        for _ in 0..<50_000 {
            let time = EventTime(milliseconds: Int64.random(in: 0...2_000_000_000, using: &random) * 1_000)
            var text = Array(time.description.utf8.dropLast())
            if Bool.random(using: &random) {
                text[Int.random(in: 0..<19, using: &random)] = letters.randomElement(using: &random)!
            }
            text.withUnsafeBytes { text in
                let found =
                    if case .value(let time) = reader.time(of: text) { time as EventTime? } else { nil as EventTime? }
                if found != TimeFormat.iso8601.time(of: text) {
                    Issue.record("\(String(decoding: text, as: UTF8.self))")
                }
            }
        }
    }

    // MARK: header

    @Test func undeclaredColumnsAreKeptUnderNamesThatAvroAllows() throws {
        let header = ["1st", "id", "Amount (EUR)", "time", "arrival_time", "Amount-(EUR)", "", "ok"]
        var specification = InputSpecification.example
        specification.columns = [Column("id", .string)]
        specification.label = nil
        let parser = try TransactionParser(specification, header: header)
        #expect(
            parser.schema.columns.map(\.name) == [
                "arrival_time", "id", "_1st", "Amount__EUR_", "arrival_time_2", "Amount__EUR__2", "_", "ok",
            ])
        specification.columns.append(Column("Amount__EUR_", .decimal(scale: 2)))
        let declared = try TransactionParser(specification, header: header)
        #expect(declared.schema.columns[2] == Column("Amount__EUR_", .decimal(scale: 2)))
    }

    @Test(
        arguments: [
            (
                "id,time,card,score,since,fraud,known",
                .missingColumn("amount", .declared, header: ["id", "time", "card", "score", "since", "fraud", "known"])
            ),
            ("id,when", .missingColumn("time", .eventTime, header: ["id", "when"])),
            ("id,time", .missingColumn("fraud", .label, header: ["id", "time"])),
            ("id,time,fraud", .missingColumn("known", .labelTime, header: ["id", "time", "fraud"])),
            ("id,time,id", .duplicateColumn("id")),
        ] as [(String, ImportError)])
    func aHeaderThatDoesNotFitIsRefused(_ header: String, _ error: ImportError) {
        #expect(throws: error) {
            _ = try TransactionParser(.example, header: header.split(separator: ",").map(String.init)).hasLabels
        }
    }

    @Test func scoringNeedsNoLabels() throws {
        let header = ["id", "time", "card", "amount", "score", "since", "known"]
        let parser = try TransactionParser(.example, header: header, requiringLabels: false)
        let hasLabels = parser.hasLabels
        #expect(!hasLabels)
        #expect(parser.schema.columns.map(\.name) == ["arrival_time", "id", "card", "amount", "score", "since"])
    }

    @Test func aSpecificationThatDeclaresTheLabelIsRefused() {
        var specification = InputSpecification.example
        specification.columns.append(Column("fraud", .long))
        #expect(throws: ImportError.reservedColumn("fraud")) { try specification.validate() }
        specification = .example
        specification.idColumn = "amount"
        #expect(throws: ImportError.invalidID("amount")) { try specification.validate() }
    }

    @Test func aTextualIDIsKept() throws {
        var specification = InputSpecification.example
        specification.columns = [Column("card", .string), Column("id", .string)]
        let parsed = try parse("T-é-1,2018-04-01,c1,1,", header: "id,time,card,fraud,known", specification)
        #expect(parsed.id == .text("T-é-1"))
        #expect(parsed.values == ["card": "c1", "id": "T-é-1"])
    }
}
