import Testing

@testable import EventModel

@Suite struct JSONTests {
    @Test(
        arguments: [
            ("null", .null), (" true ", true), ("false", false), ("0", .number("0")), ("-0.50e+2", .number("-0.50e+2")),
            ("\"\"", ""), ("[]", []), ("{}", .object([])), ("[1,[2],{\"a\":null}]", [1, [2], ["a": nil]]),
            ("\t{\"a\" : 1 ,\r\n \"b\":[true]}", ["a": 1, "b": [true]]),
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u00e9\u20AC""#, "é€"), (#""\ud83d\ude00""#, "😀"),
            (#""\u0000""#, "\0"), ("\"é€😀\u{7F}\"", "é€😀\u{7F}"), ("{\"\":{\"\":0}}", ["": ["": 0]]),
        ] as [(String, JSONValue)])
    func validTextIsRead(_ text: String, _ expected: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == expected)
    }

    @Test(
        arguments: [
            ("", 0, .value), ("  ", 2, .value), ("nul", 0, .value), ("nulll", 4, .endOfText), ("True", 0, .value),
            ("01", 1, .endOfText), ("-", 1, .digit), ("1.", 2, .digit), (".5", 0, .value), ("+1", 0, .value),
            ("1e", 2, .digit), ("1e+", 3, .digit), ("NaN", 0, .value), ("-Infinity", 1, .digit), ("0x1", 1, .endOfText),
            ("[1,]", 3, .value), ("[1 2]", 3, .commaOrEndOfArray), ("[1", 2, .commaOrEndOfArray), ("[", 1, .value),
            ("{\"a\":1,}", 7, .key), ("{a:1}", 1, .key), ("{\"a\" 1}", 5, .colon), ("{\"a\":}", 5, .value),
            ("{\"a\":1", 6, .commaOrEndOfObject), ("{\"a\":1 \"b\":2}", 7, .commaOrEndOfObject), ("'a'", 0, .value),
            ("\"a", 2, .endOfString), ("\"a\nb\"", 2, .escapedControlCharacter), (#""\x""#, 1, .escape),
            (#""\u12g4""#, 1, .escape), (#""\u12"#, 1, .escape), (#""\ud800""#, 7, .surrogatePair),
            (#""\udc00""#, 1, .surrogatePair), (#""\ud800\u0041""#, 7, .surrogatePair), (#""\"#, 1, .endOfString),
            ("1 2", 2, .endOfText), ("{\"a\":1,\"a\":2}", 11, .uniqueKey("a")), ("\u{FEFF}1", 0, .value),
            ("/**/1", 0, .value),
        ] as [(String, Int, JSONError.Expectation)])
    func textThatIsNotJSONIsRefusedWhereItGoesWrong(
        _ text: String, _ position: Int, _ expected: JSONError.Expectation
    ) {
        #expect(throws: JSONError(position: position, expected: expected)) { try JSONValue(parsing: text) }
        let isDuplicate = if case .uniqueKey = expected { true } else { false }
        #expect(canSkip(text) == isDuplicate)
    }

    private func canSkip(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { bytes in
            var reader = JSONReader(bytes)
            do {
                try reader.skipValue()
                try reader.readEnd()
                return true
            } catch { return false }
        }
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82], [0xFF], [0xE9, 0x61],
        ] as [[UInt8]])
    func textThatIsNotUTF8IsRefused(_ bytes: [UInt8]) {
        let text = [0x22] + bytes + [0x22]
        text.withUnsafeBytes { text in
            _ = #expect(throws: JSONError(position: 1, expected: .validUTF8)) { try JSONValue(parsing: text) }
        }
    }

    @Test func utf8IsValidatedAsTheStandardLibraryDoes() {
        var random = SplitMix(seed: 7)
        let interesting: [UInt8] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF, 0xF0,
            0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        for round in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                interesting.randomElement(using: &random)!
            }
            let isValid = bytes.withUnsafeBytes { isValidUTF8($0) }
            if isValid != (String(validating: bytes, as: UTF8.self) != nil) { Issue.record("round \(round): \(bytes)") }
        }
    }

    @Test func nestingHasALimit() throws {
        let limit = JSONReader.nestingLimit
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSONValue(parsing: nested(limit))
        #expect(throws: JSONError(position: limit, expected: .nesting(limit: limit))) {
            try JSONValue(parsing: nested(limit + 1))
        }
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "{\"a\":", count: 100_000)) }
    }

    @Test func randomValuesComeBack() throws {
        for seed in 1...300 as ClosedRange<UInt64> {
            var random = SplitMix(seed: seed)
            let value = randomValue(depth: 0, &random)
            #expect(try JSONValue(parsing: value.description) == value, "seed \(seed)")
            #expect(try JSONValue(parsing: value.prettyDescription) == value, "seed \(seed)")
        }
    }

    @Test func everyPrefixOfAnObjectIsRefused() {
        let text = #"{"a":[1.5e3,"é\u00e9",true,null],"b":{}}"#
        for count in 0..<text.utf8.count {
            let bytes = Array(text.utf8.prefix(count))
            bytes.withUnsafeBytes { prefix in _ = #expect(throws: JSONError.self) { try JSONValue(parsing: prefix) } }
        }
    }

    @Test func decimalsAndDoublesAreExact() throws {
        let value = try JSONValue(parsing: #"{"amount": 90071992547409.93, "x": 0.1, "n": 3e2, "big": 1e999}"#)
        #expect(value["amount"]?.decimal(scale: 2) == 9_007_199_254_740_993)
        #expect(value["amount"]?.decimal(scale: 1) == nil)
        #expect(value["x"]?.double == 0.1)
        #expect(value["n"]?.int == 300)
        #expect(value["big"]?.double == nil)
        #expect(value["none"] == nil)
        for number in [0.1, 1e-5, 5e20, -1.0 / 3, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -0.0] {
            #expect(try JSONValue(parsing: JSONValue.number(number).description).double == number)
        }
        #expect(JSONValue.number(Double.nan) == .null)
        #expect(JSONValue.decimal(-5, scale: 2).description == "-0.05")
    }

    @Test func prettyTextIsIndentedByTwo() {
        let value: JSONValue = ["a": [1, "x"], "b": [:], "c": []]
        #expect(value.prettyDescription == "{\n  \"a\": [\n    1,\n    \"x\"\n  ],\n  \"b\": {},\n  \"c\": []\n}\n")
    }

    @Test func controlCharactersAreEscaped() {
        #expect(JSONValue.string("\u{1}\u{1F}\n\"\\é").description == #""\u0001\u001f\n\"\\é""#)
    }

    private func randomValue(depth: Int, _ random: inout SplitMix) -> JSONValue {
        switch Int.random(in: 0..<(depth < 4 ? 7 : 5), using: &random) {
        case 0: .null
        case 1: .bool(.random(using: &random))
        case 2: .number(Int64.random(in: .min ... .max, using: &random))
        case 3: .number(Double(bitPattern: UInt64.random(in: 0...(.max), using: &random)))
        case 4: .string(randomText(&random))
        case 5: .array((0..<Int.random(in: 0...4, using: &random)).map { _ in randomValue(depth: depth + 1, &random) })
        default:
            .object(
                (0..<Int.random(in: 0...4, using: &random)).map { index in
                    JSONMember("\(index)" + randomText(&random), randomValue(depth: depth + 1, &random))
                })
        }
    }

    private func randomText(_ random: inout SplitMix) -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "\"", "\\", "/", "\0", "\n", "\u{1F}", "é", "€", "😀", "\u{7F}", "\u{FFFF}",
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...6, using: &random) { text.append(scalars.randomElement(using: &random)!) }
        return String(text)
    }
}

@Suite struct AvscTests {
    private static let schema = RecordSchema.transaction(columns: [
        Column("id", .long), Column("amount", .decimal(scale: 2)), Column("x", .double), Column("name", .string),
        Column("since", .timestamp), Column("whole", .decimal(scale: 0)), Column("tiny", .decimal(scale: 18)),
    ])

    @Test(arguments: [schema, .label(idType: .string), .command])
    func aSchemaComesBack(_ schema: RecordSchema) throws { #expect(try RecordSchema(avsc: schema.avsc) == schema) }

    @Test func otherSpellingsAreRead() throws {
        let text = """
            {"type":"record","name":"other.space.Transaction","doc":"d","aliases":[],"fields":[
            {"name":"a","type":{"type":"long"},"doc":"x","default":0},{"name":"b","type":{"type":"string"}},
            {"name":"c","type":{"type":"bytes","logicalType":"decimal","precision":9}}]}
            """
        let columns = [
            Column("a", .long, default: .integer(0)), Column("b", .string), Column("c", .decimal(scale: 0)),
        ]
        #expect(try RecordSchema(avsc: text) == RecordSchema(name: "Transaction", columns: columns))
    }

    @Test(
        arguments: [
            ("{", .json(JSONError(position: 1, expected: .key))), ("\"long\"", .notARecord),
            (#"{"type":"record","name":"A"}"#, .notARecord), (#"{"type":"enum","name":"A","fields":[]}"#, .notARecord),
            (#"{"type":"record","name":"A","fields":[{"type":"long"}]}"#, .field(index: 0)),
            (#"{"type":"record","name":"A","fields":[{"name":"1a","type":"long"}]}"#, .field(index: 0)),
            (
                #"{"type":"record","name":"A","fields":[{"name":"a","type":"long"},{"name":"a","type":"long"}]}"#,
                .duplicateField("a")
            ),
            (
                #"{"type":"record","name":"A","fields":[{"name":"a","type":"float"}]}"#,
                .type(field: "a", found: "\"float\"")
            ),
            (
                #"{"type":"record","name":"A","fields":[{"name":"a","type":["null","long"]}]}"#,
                .type(field: "a", found: "[\"null\",\"long\"]")
            ),
        ] as [(String, AvscError)])
    func whatTheLogDoesNotHoldIsRefused(_ text: String, _ error: AvscError) {
        #expect(throws: error) { try RecordSchema(avsc: text) }
    }
}

private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return mixed(state)
    }
}
