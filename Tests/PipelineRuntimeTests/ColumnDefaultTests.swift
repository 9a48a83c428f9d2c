import EventModel
import PipelineCore
import Testing

@testable import PipelineRuntime

/// Columns declared with a default or with names that they had before.
struct ColumnDefaultTests {
    private func columns(_ lines: String...) -> Result<[Column], SpecificationError> {
        let declared = lines.map { "    \($0)\n" }.joined()
        let text = """
            pipeline: a
            input:
              id: id
              event_time: { column: at, format: iso8601 }
              label: { column: fraud, delay: 1d }
              columns:
                id: long
            \(declared)
            features: [{ name: night, hour: [0, 6] }]
            """
        do throws(SpecificationError) {
            return .success(try PipelineSpecification(yaml: text, file: "a.yaml").input.columns)
        } catch { return .failure(error) }
    }

    private func message(_ line: String) -> String {
        switch columns(line) {
        case .success(let columns): "accepted: \(columns)"
        case .failure(let error): error.description
        }
    }

    @Test func aDefaultIsWrittenAsATableWouldWriteIt() throws {
        let read = try columns(
            "a: { type: string, default: web }", "b: { type: string, default: \"\" }",
            "c: { type: decimal(2), default: 0.3 }", "d: { type: long, default: -4 }",
            "e: { type: double, default: 1e-3, aliases: [old_e, older_e] }",
            "f: { type: timestamp, default: 2018-04-01 00:00:01 }", "g: { type: string }"
        ).get()
        let expected = [
            Column("id", .long), Column("a", .string, default: .text("web")),
            Column("b", .string, default: .text("")), Column("c", .decimal(scale: 2), default: .integer(30)),
            Column("d", .long, default: .integer(-4)),
            Column("e", .double, default: .double(0.001), aliases: ["old_e", "older_e"]),
            Column("f", .timestamp, default: .integer(1_522_540_801_000)), Column("g", .string),
        ]
        #expect(read == expected)
    }

    @Test(arguments: [
        ("a: { type: long, default: web }", "8: input.columns.a.default: 'web' is not a whole number"),
        ("a: { type: long, default: }", "8: input.columns.a.default: an empty value is not a value of type long"),
        (
            "a: { type: decimal(2), default: 0.305 }",
            "8: input.columns.a.default: '0.305' has more than the 2 decimals that the column is declared with"
        ),
        ("a: { type: double, default: nan }", "8: input.columns.a.default: 'nan' is not a finite number"),
        (
            "a: { type: double, default: 1e101 }",
            "8: input.columns.a.default: '1e101' is beyond ±1e+100, the largest number that models take"
        ),
        (
            "a: { type: timestamp, default: soon }",
            "8: input.columns.a.default: 'soon' is not a time like 2018-04-01 00:00:31"
        ),
        (
            "a: { type: text }",
            "8: input.columns.a.type: 'text' is not "
                + "a type: long, double, string, timestamp or decimal(SCALE) with a scale from 0 to 18"
        ),
        ("a: { default: 1 }", "8: input.columns.a: the key 'type' is missing"),
        (
            "a: { type: long, defalt: 1 }",
            "8: input.columns.a: unknown key 'defalt'; did you mean 'default'? the keys here: type, default, aliases"
        ),
        ("a: { type: long, aliases: b }", "8: input.columns.a.aliases: 'b' is not a list of names"),
        ("a: { type: long, aliases: [id] }", "8: input.columns.a.aliases[0]: 'id' is input.columns.id already"),
        ("a: { type: long, aliases: [at] }", "8: input.columns.a.aliases[0]: 'at' is input.event_time.column already"),
    ])
    func aWrongDeclarationIsNamed(_ line: String, _ problem: String) {
        #expect(message(line) == "a.yaml:\(problem)")
    }

    @Test func theIdHasNoDefault() {
        let text = """
            pipeline: a
            input:
              id: id
              event_time: { column: at, format: iso8601 }
              columns:
                id: { type: long, default: 1 }
            features: [{ name: night, hour: [0, 6] }]
            """
        #expect(
            throws: SpecificationError(
                file: "a.yaml", line: 3, key: "input.id",
                problem: "'id' has a default, which would be the id of many transactions; leave it out")
        ) { try PipelineSpecification(yaml: text, file: "a.yaml") }
    }

    // MARK: tables

    private var specification: InputSpecification {
        var specification = InputSpecification.example
        specification.columns[1] = Column("card", .string, default: .text("none"), aliases: ["pan"])
        return specification
    }

    @Test func aTableMayLackAColumnThatHasADefault() throws {
        let header = "time,id,amount,score,since,fraud,known,note"
        let (_, values, id) = try parse(
            "2018-04-01 00:00:00,5,1.50,1,2018-01-01,1,2018-05-01,x", header: header, specification)
        #expect(values["card"] == nil && values["note"] == "x" && id == .number(5))
        let parser = try TransactionParser(specification, header: header.split(separator: ",").map(String.init))
        #expect(parser.schema.columns.map(\.name) == ["arrival_time", "id", "amount", "score", "since", "note"])
        #expect(parser.schema.columns.last == Column("note", .string, default: .text("")))
        let reader = try #require(specification.readerSchemas.first)
        let resolution = try SchemaResolution(writer: parser.schema, reader: reader)
        #expect(resolution.defaults.map(\.field) == [2])
        #expect(resolution.defaults.map(\.value) == [.text("none")])
    }

    @Test func aTableMayHaveAColumnUnderItsOldName() throws {
        let header = "id,time,pan,amount,score,since,fraud,known"
        let (_, values, _) = try parse(
            "5,2018-04-01 00:00:00,4711,1.50,1,2018-01-01,1,2018-05-01", header: header, specification)
        #expect(values["card"] == "4711")
        let both = "id,time,pan,card,amount,score,since,fraud,known"
        let (_, named, _) = try parse(
            "5,2018-04-01 00:00:00,4711,c,1.50,1,2018-01-01,1,2018-05-01", header: both, specification)
        #expect(named["card"] == "c" && named["pan"] == "4711")
    }

    @Test func tablesWithMoreAndFewerUndeclaredColumnsReadEachOther() throws {
        let headers = ["", ",note", ",note,more", ",other"].map { "id,time,card,amount,score,since,fraud,known\($0)" }
        let schemas = try headers.map { header in
            try TransactionParser(.example, header: header.split(separator: ",").map(String.init)).schema
        }
        for writer in schemas {
            for reader in schemas { _ = try SchemaResolution(writer: writer, reader: reader) }
        }
    }

    @Test func aTableMayNotLackTheId() {
        var specification = specification
        specification.columns[0] = Column("id", .long, default: .integer(1))
        #expect(throws: ImportError.missingColumn("id", .declared, header: ["time"])) {
            var without = specification
            without.label = nil
            _ = try TransactionParser(without, header: ["time"])
        }
    }
}
