import EventModel
import Features
import PipelineCore
import TestSupport
import Testing

/// Records of one pipeline written by many schemas.
struct SchemaEvolutionTests {
    /// What the pipeline declares; the last five have defaults.
    private static let declared = [
        Column("ID", .string), Column("CARD", .string), Column("AMOUNT", .decimal(scale: 2)), Column("RATE", .double),
        Column("SINCE", .timestamp),
        Column("CHANNEL", .string, default: .text("wéb")),
        Column("SHOP", .long, default: .integer(7)),
        Column("FEE", .decimal(scale: 2), default: .integer(30)),
        Column("RISK", .double, default: .double(2)),
        Column("OPENED", .timestamp, default: .integer(startOfScript)),
    ]
    private static let defaulted = 5..<10

    private let specification: PipelineSpecification = {
        var specification = testPipeline(seed: 3, style: .text)
        specification.input.columns = Self.declared
        specification.entities = [
            EntitySpecification(name: "card", keyColumn: "CARD"),
            EntitySpecification(name: "channel", keyColumn: "CHANNEL"),
            EntitySpecification(name: "shop", keyColumn: "SHOP"),
        ]
        let columns = ["AMOUNT", "RATE", "SHOP", "FEE", "RISK", "SINCE", "OPENED"]
        specification.features = columns.map { FeatureSpecification(name: $0.lowercased(), definition: .column($0)) }
        for entity in specification.entities.map(\.name) {
            for (aggregate, column) in [(.count, nil), (.sum, "FEE"), (.sum, "AMOUNT")]
                as [(WindowFeature.Aggregate, String?)]
            {
                let window = WindowFeature(
                    entity: entity, length: .hour, delay: .zero, aggregate: aggregate, column: column)
                specification.features.append(
                    FeatureSpecification(
                        name: "\(entity)_\(aggregate)_\(column ?? "")", definition: .window(window)))
            }
        }
        return specification
    }()

    /// Some transactions by column; a value equals its default in half of the cases.
    private func transactions(seed: UInt64, count: Int) -> [[ColumnValue]] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { number in
            [
                .text("transaction \(number)"), .text("card \(random.int(0..<3))"),
                .integer(Int64(random.int(0..<100_000))), .double(Double(random.int(-9...9))),
                .integer(startOfScript + Int64(random.int(0..<1000))),
                .text(random.pick(["wéb", "app"])), .integer(random.pick([7, 8])), .integer(random.pick([30, -31])),
                .double(random.pick([2, 3])), .integer(random.pick([startOfScript, 5])),
            ]
        }
    }

    /// A schema, and the place of each of its columns among the declared ones; nil: not declared.
    private struct Writer {
        var schema: RecordSchema
        var sources: [Int?]

        /// Columns of `type` in the order of the writer's.
        func encode(_ values: [ColumnValue], number: Int, as id: SchemaID) -> [UInt8] {
            var bytes = ByteWriter()
            bytes.appendEnvelope(id)
            for (column, source) in zip(schema.columns, sources) {
                switch (source, column.type) {
                case (nil, .timestamp): bytes.appendVarint(time(ofMinute: number).milliseconds)
                case (nil, _): bytes.appendAvro("something else")
                case (let source?, .long):
                    if case .double(let number) = values[source] {
                        bytes.appendVarint(Int64(number))
                    } else {
                        bytes.appendAvro(values[source], as: .long)
                    }
                case (let source?, let type): bytes.appendAvro(values[source], as: type)
                }
            }
            return bytes.array
        }
    }

    /// - Parameters:
    ///   - absent: declared columns that are left out.
    ///   - seed: for the order, columns of another name, and longs instead of doubles and timestamps; nil: as declared.
    private func writer(without absent: Set<Int>, seed: UInt64? = nil) -> Writer {
        let arrival = (Column(RecordSchema.arrivalTimeColumn, .timestamp), Int?.none)
        var columns = [arrival] + Self.declared.indices.filter { !absent.contains($0) }.map { (Self.declared[$0], $0) }
        if let seed {
            var random = SeededRandom(seed: seed)
            columns = columns.map { column, source in
                let isLong = (column.type == .double || column.type == .timestamp) && source != nil && random.isTrue(50)
                return (isLong ? Column(column.name, .long) : column, source)
            }
            for extra in 0..<random.int(0...2) { columns.append((Column("EXTRA_\(extra)", .string), nil)) }
            columns.shuffle(using: &random)
        }
        return Writer(schema: RecordSchema(name: "Transaction", columns: columns.map(\.0)), sources: columns.map(\.1))
    }

    private struct Result: Equatable {
        var features: [[UInt64]] = []
        var sides: [SideReason] = []
        var digest = StateDigest()
        var tally = Tally()
    }

    private func run(
        _ values: [[UInt8]], _ schemas: [RecordSchema], _ specification: PipelineSpecification
    ) throws -> Result {
        let plan = try specification.makePlan()
        let stage = FeatureStage(plan: plan, specification: specification)
        var decoder = RecordDecoder(plan: plan, input: specification.input) { id in
            schemas.indices.contains(Int(id.number) - 1) ? schemas[Int(id.number) - 1] : nil
        }
        var block = EventBlock(plan: plan, idType: specification.input.idType)
        let input = EncodedInput([], style: .text)
        for (number, value) in values.enumerated() { input.append(timestamp: time(ofMinute: number), value: value) }
        for (offset, record) in input.records.enumerated() {
            decoder.append(
                offset: Offset(Int64(offset)), timestamp: record.timestamp, value: record.value, to: &block)
        }
        stage.process(&block)
        return Result(
            features: block.decidedRowsInOrder.map { row in block.features(row: row).map(\.bitPattern) },
            sides: block.sideRecords.map(\.reason), digest: stage.digest, tally: stage.tally)
    }

    /// All subsets of the columns with defaults are left out in turn, in any order, with longs for doubles. What was
    /// written with all columns gives the features, windows and payloads that it must.
    @Test func aColumnLeftOutIsTheSameAsItsDefaultWrittenOut() throws {
        let all = writer(without: [])
        for subset in 0..<1 << Self.defaulted.count {
            let absent = Set(Self.defaulted.filter { subset >> ($0 - Self.defaulted.lowerBound) & 1 == 1 })
            let other = writer(without: absent, seed: UInt64(subset))
            var transactions = transactions(seed: UInt64(subset), count: 24)
            for index in transactions.indices where index % 2 == 1 {
                for column in absent { transactions[index][column] = try #require(Self.declared[column].default) }
            }
            let expected = try run(
                transactions.enumerated().map { all.encode($1, number: $0, as: SchemaID(1)) }, [all.schema],
                specification)
            let found = try run(
                transactions.enumerated().map { number, values in
                    number % 2 == 1
                        ? other.encode(values, number: number, as: SchemaID(2))
                        : all.encode(values, number: number, as: SchemaID(1))
                }, [all.schema, other.schema], specification)
            #expect(expected.features.count == 24 && expected.sides.isEmpty)
            #expect(found == expected, "without \(absent.map { Self.declared[$0].name }), \(other.schema.avsc)")
        }
    }

    @Test func theSamePayloadByAnotherSchemaIsARepetitionAndOneValueMoreIsNone() throws {
        let all = writer(without: [])
        var values = transactions(seed: 1, count: 1)[0]
        for column in Self.defaulted { values[column] = try #require(Self.declared[column].default) }
        var specification = specification
        specification.time.duplicateHorizon = .day
        // The event time is part of the payload: all at one time.
        func sides(_ first: [UInt8], _ second: [UInt8], _ schemas: [RecordSchema]) throws -> [SideReason] {
            let plan = try specification.makePlan()
            let stage = FeatureStage(plan: plan, specification: specification)
            var decoder = RecordDecoder(plan: plan, input: specification.input) { schemas[Int($0.number) - 1] }
            var block = EventBlock(plan: plan, idType: .string)
            let input = EncodedInput([], style: .text)
            for value in [first, second] { input.append(timestamp: time(ofMinute: 0), value: value) }
            for record in input.records {
                decoder.append(offset: .zero, timestamp: record.timestamp, value: record.value, to: &block)
            }
            stage.process(&block)
            return block.sideRecords.map(\.reason)
        }
        for column in Self.defaulted {
            let other = writer(without: [column], seed: UInt64(column))
            let written = all.encode(values, number: 0, as: SchemaID(1))
            let absent = other.encode(values, number: 9, as: SchemaID(2))
            let schemas = [all.schema, other.schema]
            #expect(try sides(written, absent, schemas) == [.sameTransactionAgain])
            #expect(try sides(absent, written, schemas) == [.sameTransactionAgain])
            var changed = values
            changed[column] =
                transactions(seed: 0, count: 20).map { $0[column] }.first { $0 != values[column] } ?? .text("")
            let different = all.encode(changed, number: 0, as: SchemaID(1))
            #expect(try sides(absent, different, schemas) == [.otherPayloadUnderTheSameID])
        }
    }

    @Test func aRenamedColumnIsReadByItsAlias() throws {
        let all = writer(without: [])
        let transactions = transactions(seed: 9, count: 10)
        let values = transactions.enumerated().map { all.encode($1, number: $0, as: SchemaID(1)) }
        var old = all.schema
        old.columns = old.columns.map { $0.name == "AMOUNT" ? Column("BETRAG", $0.type) : $0 }
        var renamed = specification
        renamed.input.columns[2] = Column("AMOUNT", .decimal(scale: 2), aliases: ["BETRAG"])
        let expected = try run(values, [all.schema], specification)
        #expect(try run(values, [old], renamed) == expected)
        #expect(try run(values, [old], specification).sides == Array(repeating: .undecodable, count: 10))
    }

    /// Not one record of a schema that does not resolve is processed, though every column that a feature uses be there.
    @Test func whatDoesNotResolveIsUndecodable() throws {
        let all = writer(without: [])
        let values = transactions(seed: 2, count: 3)
        func sides(_ change: (inout [Column]) -> Void) throws -> [SideReason] {
            var schema = all.schema
            change(&schema.columns)
            let encoded = values.enumerated().map { all.encode($1, number: $0, as: SchemaID(1)) }
            return try run(encoded, [schema], specification).sides
        }
        #expect(try sides { _ in }.isEmpty)
        for index in all.schema.columns.indices {
            let column = all.schema.columns[index]
            let others: [ColumnType] = [.decimal(scale: 3), column.type == .string ? .long : .string]
            for type in others {
                #expect(
                    try sides { $0[index] = Column(column.name, type) } == Array(repeating: .undecodable, count: 3),
                    "\(column.name) as \(type)")
            }
            if column.default == nil {
                #expect(
                    try sides { $0[index] = Column("OTHER", column.type) } == Array(repeating: .undecodable, count: 3),
                    "without \(column.name)")
            }
        }
    }

    @Test func aLabelWithAnIdOfAnotherTypeIsUndecodable() throws {
        var bytes = ByteWriter()
        bytes.appendEnvelope(SchemaID(1))
        bytes.appendAvro(Label(transactionID: .number(3), isPositive: true, source: "x"))
        #expect(try run([bytes.array], [.label(idType: .long)], specification).sides == [.undecodable])
        #expect(
            try run([bytes.array], [.label(idType: .string)], specification).sides == [.undecodable],
            "its bytes are no text")
    }

    @Test func anIdHasNoDefault() throws {
        var specification = specification
        specification.input.columns[0] = Column("ID", .string, default: .text("x"))
        let without = writer(without: [0])
        let value = without.encode(transactions(seed: 1, count: 1)[0], number: 0, as: SchemaID(1))
        #expect(try run([value], [without.schema], specification).sides == [.undecodable])
    }

    @Test func aDefaultTooLargeToLearnFromReadsNothing() throws {
        var specification = specification
        specification.input.columns[8] = Column("RISK", .double, default: .double(1e101))
        let without = writer(without: [8])
        let value = without.encode(transactions(seed: 1, count: 1)[0], number: 0, as: SchemaID(1))
        #expect(try run([value], [without.schema], specification).sides == [.undecodable])
    }
}
