import EventModel
import Testing

/// A record written by one schema and read by another.
@Suite struct SchemaResolutionTests {
    private static let types: [ColumnType] = [
        .long, .double, .string, .timestamp, .decimal(scale: 0), .decimal(scale: 2),
    ]

    private func schema(_ columns: [Column], name: String = "R") -> RecordSchema {
        RecordSchema(name: name, columns: columns)
    }

    private func read(
        _ bytes: [UInt8], _ writer: RecordSchema, _ reader: RecordSchema
    ) throws -> [ColumnValue]? {
        let resolution = try SchemaResolution(writer: writer, reader: reader)
        return bytes.withUnsafeBytes { bytes in
            var input = ByteReader(bytes)
            let values = resolution.values(reading: &input)
            return input.remaining == 0 ? values : nil
        }
    }

    /// By the specification, and by what fastavro 1.13 reads where it keeps to it.
    @Test func aTypeBecomesAnotherOnlyWhereAvroSaysSo() {
        let readable: [ColumnType: [ColumnType]] = [.long: [.timestamp, .double], .timestamp: [.long]]
        for writer in Self.types {
            for reader in Self.types {
                let expected = writer == reader || readable[writer, default: []].contains(reader)
                do throws(SchemaResolutionError) {
                    let resolution = try SchemaResolution(
                        writer: schema([Column("f", writer)]), reader: schema([Column("f", reader)]))
                    #expect(expected, "\(writer) became \(reader)")
                    let isPromoted = writer == .long && reader == .double
                    #expect(resolution.steps.map(\.use) == [isPromoted ? .promoted(0) : .same(0)])
                } catch {
                    #expect(!expected, "\(writer) did not become \(reader)")
                    #expect(error == .type(field: "f", writer: writer, reader: reader))
                }
            }
        }
    }

    /// Bytes and values that fastavro 1.13 gives for the same schemas (`schemaless_writer`, `schemaless_reader`).
    @Test func anotherImplementationReadsTheSame() throws {
        let text = try read(
            [0x0D, 0x06, 0x78, 0x79, 0x7A, 0x0A, 0xC3, 0xA9, 0x74, 0xC3, 0xA9],
            schema([Column("a", .long), Column("gone", .string), Column("b", .string)]),
            schema([Column("b", .string), Column("new", .string, default: .text("web")), Column("a", .long)]))
        #expect(text == [.text("été"), .text("web"), .integer(-7)])
        let promoted = try read(
            [0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20], schema([Column("x", .long)]),
            schema([Column("x", .double)]))
        #expect(promoted == [.double(9_007_199_254_740_992)])
        let renamed = try read(
            [0xD8, 0x04, 0, 0, 0, 0, 0, 0, 0xD0, 0xBF], schema([Column("old", .long), Column("b", .double)]),
            schema([Column("b", .double), Column("fresh", .double, aliases: ["older", "old"])]))
        #expect(renamed == [.double(-0.25), .double(300)])
    }

    @Test func aFieldOfTheReadersNameGoesBeforeItsAliases() throws {
        let writer = schema([Column("old", .long), Column("new", .long)])
        let resolution = try SchemaResolution(writer: writer, reader: schema([Column("new", .long, aliases: ["old"])]))
        #expect(resolution.steps.map(\.use) == [.skip, .same(0)])
        let both = schema([Column("new", .long, aliases: ["old"]), Column("old", .long)])
        #expect(throws: SchemaResolutionError.missing(field: "new", type: .long)) {
            try SchemaResolution(writer: schema([Column("old", .long)]), reader: both)
        }
    }

    @Test func errorsNameTheFieldBothTypesAndWhatToDo() throws {
        let writer = schema([Column("amount", .decimal(scale: 2))])
        func message(_ reader: RecordSchema) -> String {
            do {
                _ = try SchemaResolution(writer: writer, reader: reader)
                return "resolved"
            } catch { return error.text(writer: "schemas/1.avsc") }
        }
        #expect(
            message(schema([Column("amount", .string)]))
                == "field amount is decimal(2) in schemas/1.avsc and would become string; declare it as decimal(2), or "
                + "give the string a name of its own and a default")
        #expect(
            message(schema([Column("amount", .decimal(scale: 2)), Column("channel", .string)]))
                == "field channel (string) is not in schemas/1.avsc and has no default; declare one, as in "
                + "'channel: { type: string, default: ... }', or, if it had another name there, its 'aliases'")
        #expect(
            message(schema([], name: "Other"))
                == "schemas/1.avsc is of R records; read them by a schema of that name, not by one of Other")
    }

    /// Against a reading by name: all that was written, then each of the reader's fields looked for in it.
    @Test(arguments: 0..<2000 as Range<UInt64>)
    func anyTwoSchemasReadAsByName(seed: UInt64) throws {
        var random = Numbers(seed: seed)
        let writer = random.schema(readers: false)
        let reader = random.schema(readers: true)
        let written = writer.columns.map { random.value($0.type) }
        var bytes = ByteWriter()
        for (column, value) in zip(writer.columns, written) { bytes.appendAvro(value, as: column.type) }
        var expected: [ColumnValue]? = []
        for column in reader.columns {
            let names = [column.name] + column.aliases.filter { reader.index(of: $0) == nil }
            let source = names.lazy.compactMap { writer.index(of: $0) }.first
            guard
                let value = source.map({ converted(written[$0], writer.columns[$0].type, column.type) })
                    ?? column.default
            else {
                expected = nil
                break
            }
            expected?.append(value)
        }
        let found = try? read(bytes.array, writer, reader)
        #expect(found == expected, "writer \(writer.avsc) reader \(reader.avsc)")
    }

    private func converted(_ value: ColumnValue, _ from: ColumnType, _ to: ColumnType) -> ColumnValue? {
        if from == to { return value }
        switch (value, from, to) {
        case (_, .long, .timestamp), (_, .timestamp, .long): return value
        case (.integer(let number), .long, .double): return .double(Double(number))
        default: return nil
        }
    }

    @Test(arguments: 0..<500 as Range<UInt64>)
    func aSchemaWithDefaultsAndAliasesComesBackFromItsFile(seed: UInt64) throws {
        var random = Numbers(seed: seed)
        let schema = random.schema(readers: true)
        #expect(try RecordSchema(avsc: schema.avsc) == schema)
    }

    /// A default of bytes stands in JSON as the code points 0 to 255; these literals are from the specification's rule.
    @Test func aDecimalDefaultIsWrittenAsAvrosBytes() throws {
        func line(_ unscaled: Int64) -> String {
            let avsc = schema([Column("d", .decimal(scale: 2), default: .integer(unscaled))]).avsc
            return avsc.split(separator: "\n").first { $0.contains("default") }.map(String.init) ?? ""
        }
        #expect(line(30).hasSuffix("\"default\": \"\\u001e\"}"))
        #expect(line(-129).hasSuffix("\"default\": \"\u{FF}\u{7F}\"}"))
        #expect(line(0).hasSuffix("\"default\": \"\\u0000\"}"))
        #expect(line(92).hasSuffix("\"default\": \"\\\\\"}"))
    }

    @Test(
        arguments: [
            (#""type":"long","default":"1""#, .defaultValue(field: "f", type: .long, found: "\"1\"")),
            (#""type":"long","default":null"#, .defaultValue(field: "f", type: .long, found: "null")),
            (#""type":"long","default":1.5"#, .defaultValue(field: "f", type: .long, found: "1.5")),
            (#""type":"double","default":1e999"#, .defaultValue(field: "f", type: .double, found: "1e999")),
            (#""type":"string","default":1"#, .defaultValue(field: "f", type: .string, found: "1")),
            (
                #""type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2},"default":0.3"#,
                .defaultValue(field: "f", type: .decimal(scale: 2), found: "0.3")
            ),
            (
                #""type":{"type":"bytes","logicalType":"decimal","precision":9},"default":"Ā""#,
                .defaultValue(field: "f", type: .decimal(scale: 0), found: "\"Ā\"")
            ),
            (
                #""type":{"type":"bytes","logicalType":"decimal","precision":9},"default":"""#,
                .defaultValue(field: "f", type: .decimal(scale: 0), found: "\"\"")
            ),
            (#""type":"long","aliases":"a""#, .aliases(field: "f", found: "\"a\"")),
            (#""type":"long","aliases":[1]"#, .aliases(field: "f", found: "[1]")),
            (#""type":"long","aliases":["1f"]"#, .aliases(field: "f", found: "[\"1f\"]")),
        ] as [(String, AvscError)])
    func aDefaultOrAliasThatIsNoneIsRefused(_ attributes: String, _ error: AvscError) {
        #expect(throws: error) {
            try RecordSchema(avsc: #"{"type":"record","name":"A","fields":[{"name":"f",\#(attributes)}]}"#)
        }
    }
}

/// Schemas and values of a few names, so that they meet.
private struct Numbers {
    private var state: UInt64

    init(seed: UInt64) { state = mixed(seed) }

    mutating func below(_ limit: Int) -> Int {
        state = mixed(state)
        return Int(state % UInt64(limit))
    }

    mutating func schema(readers: Bool) -> RecordSchema {
        var names = ["a", "b", "c", "d", "e"]
        var columns: [Column] = []
        for _ in 0..<below(4) {
            let name = names.remove(at: below(names.count))
            let type: ColumnType = [.long, .long, .double, .string, .timestamp, .decimal(scale: below(2))][below(6)]
            var aliases: [String] = []
            if readers, below(2) == 0 { aliases.append(names.remove(at: below(names.count))) }
            columns.append(Column(name, type, default: below(3) > 0 ? value(type) : nil, aliases: aliases))
            if names.count < 2 { break }
        }
        return RecordSchema(name: "R", columns: columns)
    }

    mutating func value(_ type: ColumnType) -> ColumnValue {
        let number = Int64(bitPattern: mixed(UInt64(below(1 << 30)))) >> Int64(5 + below(59))
        switch type {
        case .long, .timestamp, .decimal: return .integer(number)
        case .double: return .double(Double(number) / 8)
        case .string: return .text(["", "web", "été \"\\\n", "\u{0}"][below(4)])
        }
    }
}
