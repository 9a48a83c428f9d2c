import CVarints
import EventModel
import Features
import TestSupport
import Testing

@testable import PipelineCore

/// Records decoded many at a time against the same ones decoded one by one.
struct RecordRunTests {
    /// What a pipeline has that tells which records go the fast way.
    enum Variant: UInt64, CaseIterable {
        case plain, kinds, labelSources, textIDs
        /// An entity of a number and a text, which not all writers have.
        case textPairs
        /// A declared column of doubles, which some write as longs.
        case doubles

        /// The numbers of the schemas whose records are rows or labels of which nothing but numbers is kept.
        var numericSchemas: [Int] {
            switch self {
            case .plain: [1, 2, 5, 7]
            case .kinds: [1, 2, 3, 5, 7]
            case .labelSources: [1, 2, 7]
            case .textIDs: []
            case .textPairs: [5]
            case .doubles: [5, 7]
            }
        }

        var idType: ColumnType { self == .textIDs ? .string : .long }

        var columns: [Column] {
            var columns = [
                Column("ID", idType), Column("CUSTOMER", .long), Column("AMOUNT", .decimal(scale: 2)),
                Column("SINCE", .timestamp), Column("FEE", .decimal(scale: 2), default: .integer(30)),
            ]
            if self == .textPairs { columns.append(Column("SHOP", .string, default: .text("web"))) }
            if self == .doubles { columns.append(Column("RATE", .double, default: .double(2))) }
            return columns
        }

        /// By number: the pipeline's own; another order with what is not declared and without what has a default; another
        /// kind with fields of the same types; one that is not declared; labels; commands; two columns exchanged.
        var schemas: [RecordSchema] {
            let columns = columns
            var reordered = [
                columns[2], Column("NOTE", .string), columns[1], Column("SCORE", .double), columns[0], columns[3],
            ]
            if self == .doubles { reordered.append(Column("RATE", .long)) }
            return [
                .transaction(columns: columns), .transaction(columns: reordered),
                .event(kind: "ping", columns: Self.ping), .event(kind: "unknown", columns: Self.ping),
                .label(idType: idType), .command,
                .transaction(columns: [columns[1], columns[0], columns[2], columns[3], columns[4]]),
            ]
        }

        static let ping = [
            Column("TERMINAL", .long), Column("CUSTOMER", .long), Column("COST", .decimal(scale: 2)),
            Column("ITEMS", .long), Column("TAX", .decimal(scale: 2)),
        ]
    }

    private func specification(_ variant: Variant, customerIsFeature: Bool) -> PipelineSpecification {
        var specification = testPipeline(seed: 0, style: .numbers)
        specification.input.columns = variant.columns
        specification.input.tables = []
        specification.input.labelSources = variant == .labelSources ? ["bank", "a source"] : []
        specification.input.events =
            variant == .kinds
            ? [
                EventKindSpecification(
                    name: "ping", columns: Variant.ping, idColumn: nil, eventTimeColumn: "TIME",
                    eventTimeFormat: .milliseconds)
            ] : []
        specification.entities = [EntitySpecification(name: "customer", keyColumn: "CUSTOMER")]
        if variant == .textPairs {
            specification.entities.append(EntitySpecification(name: "shop", keyColumns: ["CUSTOMER", "SHOP"]))
        }
        var columns = ["AMOUNT", "FEE"]
        if customerIsFeature { columns.append("CUSTOMER") }
        if variant == .doubles { columns.append("RATE") }
        specification.features = columns.map { FeatureSpecification(name: $0.lowercased(), definition: .column($0)) }
        for entity in specification.entities.map(\.name) {
            let window = WindowFeature(entity: entity, length: .hour, delay: .zero, aggregate: .count, column: nil)
            specification.features.append(FeatureSpecification(name: "\(entity)s", definition: .window(window)))
        }
        if variant == .kinds {
            var items = WindowFeature(
                entity: "customer", length: .hour, delay: .zero, aggregate: .sum, column: "ITEMS")
            items.filter = "kind == 'ping'"
            specification.features.append(FeatureSpecification(name: "items", definition: .window(items)))
        }
        return specification
    }

    private struct Record {
        var time: EventTime
        var value: [UInt8]
    }

    private func number(_ random: inout SeededRandom) -> Int64 {
        // One in fifty takes nine bytes or more.
        let bits = random.isTrue(2) ? random.int(56...63) : random.int(0...40)
        let number = Int64(bitPattern: random.next() >> UInt64(63 - bits))
        return random.isTrue(50) ? number : ~number
    }

    private func value(of schema: Int, _ schemas: [RecordSchema], _ random: inout SeededRandom) -> [UInt8] {
        var writer = ByteWriter()
        writer.appendEnvelope(SchemaID(Int32(schema)))
        guard schemas.indices.contains(schema - 1) else { return writer.array }
        if schema == 5 {
            if schemas[4].columns[0].type == .string {
                writer.appendAvro("transaction \(random.int(0...99))")
            } else {
                writer.appendVarint(number(&random))
            }
            writer.appendVarint(random.isTrue(95) ? Int64(random.int(0...1)) : number(&random))
            writer.appendAvro(random.pick(["bank", "bank", "", "a source"]))
            return writer.array
        }
        if schema == 6 {
            writer.appendAvro("heartbeat")
            return writer.array
        }
        for column in schemas[schema - 1].columns {
            switch column.type {
            case .string: writer.appendAvro(String(repeating: "x", count: random.int(0...(random.isTrue(3) ? 99 : 20))))
            case .double: writer.appendAvro(Double(random.int(0...9)))
            case .decimal: writer.appendAvroDecimal(number(&random))
            case .long, .timestamp: writer.appendVarint(number(&random))
            }
        }
        return writer.array
    }

    /// - Parameter strange: of how many records in a hundred bytes are changed, cut or added, and how many are of rare kinds.
    private func records(
        _ count: Int, _ schemas: [RecordSchema], strange: Int, _ random: inout SeededRandom
    ) -> [Record] {
        (0..<count).map { index in
            let schema = random.pick(random.isTrue(strange) ? [4, 6, 8, 77] : [1, 1, 1, 2, 3, 5, 5, 5, 7])
            var bytes = value(of: schema, schemas, &random)
            if random.isTrue(strange) {
                switch random.int(0...2) {
                case 0: bytes.removeLast(random.int(0...bytes.count))
                case 1: bytes.append(UInt8(random.int(0...255)))
                default: if !bytes.isEmpty { bytes[random.int(bytes.indices)] = UInt8(random.int(0...255)) }
                }
            }
            let isFar = random.int(0..<400) < strange
            return Record(time: isFar ? EventTime(milliseconds: .max - 9) : time(ofMinute: index), value: bytes)
        }
    }

    /// All that a decoder writes of a record, its row or label.
    private func contents(_ block: borrowing EventBlock) -> [[Int64]] {
        (0..<block.recordCount).map { index in
            let record = block.records[index]
            var all = [Int64(record.kind.rawValue), Int64(record.index), record.offset, record.time]
            all += record.value.map { Int64($0) }
            let place = Int(record.index)
            switch record.kind {
            case .transaction, .event:
                // The last word is nobody's, and a ping has no id.
                let words = (0..<block.rowWords - 1).filter {
                    record.kind == .transaction || $0 != EventBlock.RowWord.id
                }
                all += words.map { block.row(place)[$0] }
                if block.plan.kinds.count > 1 { all.append(Int64(block.kinds[place])) }
                let doubles = block.plan.doubleColumns.count
                all += (0..<doubles).map { Int64(bitPattern: block.doubles[place * doubles + $0].bitPattern) }
                all += ([block.idTexts] + block.keyTexts).filter { !$0.isEmpty }.map { hash($0[place]) }
            case .label:
                let label = block.labels[place]
                all += [label.id, label.isPositive ? 1 : 0, Int64(label.source)]
                if block.idIsText { all.append(hash(block.labelIDTexts[place])) }
            case .ignored, .change, .heartbeat, .undecodable: break
            }
            return all
        }
    }

    private func hash(_ text: String) -> Int64 { Int64(bitPattern: stableHash(text)) }

    @Test(arguments: Variant.allCases, 0..<8 as Range<UInt64>)
    func whatIsDecodedTogetherIsWhatIsDecodedAlone(variant: Variant, number: UInt64) throws {
        let seed = variant.rawValue * 100 + number
        var random = SeededRandom(seed: seed)
        let specification = specification(variant, customerIsFeature: number % 2 == 0)
        let plan = try specification.makePlan()
        let records = records(1_000, variant.schemas, strange: [0, 1, 5, 40][Int(number / 2)], &random)
        var alone = EventBlock(plan: plan, idType: variant.idType)
        var together = EventBlock(plan: plan, idType: variant.idType)
        var slow = makeDecoder(plan, specification, variant)
        var fast = makeDecoder(plan, specification, variant)
        var bytes = records.flatMap(\.value)
        let slack = random.pick([16, 64, 400])
        bytes += (0..<slack).map { _ in UInt8(random.int(0...255)) }
        bytes.withUnsafeBufferPointer { bytes in
            guard var position = bytes.baseAddress else { return }
            let end = position + bytes.count
            var heads: [tidemark_record_head] = []
            for (index, record) in records.enumerated() {
                heads.append(
                    tidemark_record_head(
                        timestamp_delta: record.time.milliseconds &- startOfScript, offset_delta: Int64(2 * index),
                        value: position, value_count: Int64(record.value.count)))
                slow.append(
                    offset: Offset(Int64(7 + 2 * index)), timestamp: record.time,
                    value: UnsafeRawBufferPointer(start: position, count: record.value.count), to: &alone)
                position += record.value.count
            }
            heads.withUnsafeBufferPointer { heads in
                var next = 0
                while next < heads.count {
                    let run = heads[next..<min(next + random.int(1...300), heads.count)]
                    fast.append(
                        UnsafeBufferPointer(rebasing: run), baseOffset: Offset(7),
                        baseTime: EventTime(milliseconds: startOfScript), end: end, to: &together)
                    next = run.endIndex
                }
            }
            let (expected, found) = (contents(alone), contents(together))
            #expect(expected.count == records.count)
            for index in expected.indices where index < found.count && expected[index] != found[index] {
                Issue.record("seed \(seed), record \(index): \(found[index]) instead of \(expected[index])")
                break
            }
            #expect(found.count == expected.count)
            #expect(alone.rowCount == together.rowCount && alone.labelCount == together.labelCount)
        }
        let numeric = variant.schemas.indices.map { $0 + 1 }.filter { fast.readings[$0].isNumeric }
        #expect(numeric == variant.numericSchemas, "\(variant)")
    }

    private func makeDecoder(
        _ plan: FeaturePlan, _ specification: PipelineSpecification, _ variant: Variant
    ) -> RecordDecoder {
        let schemas = variant.schemas
        return RecordDecoder(plan: plan, input: specification.input) { id in
            schemas.indices.contains(Int(id.number) - 1) ? schemas[Int(id.number) - 1] : nil
        }
    }
}
