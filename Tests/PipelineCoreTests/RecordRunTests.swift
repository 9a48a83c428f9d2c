import CVarints
import EventModel
import Features
import TestSupport
import Testing

@testable import PipelineCore

/// Records decoded many at a time against the same ones decoded one by one.
struct RecordRunTests {
    private static let columns = [
        Column("ID", .long), Column("CUSTOMER", .long), Column("AMOUNT", .decimal(scale: 2)),
        Column("SINCE", .timestamp), Column("FEE", .decimal(scale: 2), default: .integer(30)),
    ]
    private static let ping = [Column("TERMINAL", .long), Column("CUSTOMER", .long), Column("ITEMS", .long)]

    /// The schemas by number: the pipeline's own, another order with what is not declared and without what has a default,
    /// another kind, one that is not declared, labels, commands, and a table's rows.
    private static let schemas: [RecordSchema] = [
        .transaction(columns: columns),
        .transaction(columns: [
            columns[2], Column("NOTE", .string), columns[1], Column("SCORE", .double), columns[0], columns[3],
        ]),
        .event(kind: "ping", columns: ping), .event(kind: "unknown", columns: ping), .label(idType: .long), .command,
    ]

    private func specification(withKinds: Bool) -> PipelineSpecification {
        var specification = testPipeline(seed: 0, style: .numbers)
        specification.input.columns = Self.columns
        specification.input.tables = []
        specification.input.events =
            withKinds
            ? [
                EventKindSpecification(
                    name: "ping", columns: Self.ping, idColumn: nil, eventTimeColumn: "TIME",
                    eventTimeFormat: .milliseconds)
            ] : []
        specification.entities = [EntitySpecification(name: "customer", keyColumn: "CUSTOMER")]
        specification.features = ["CUSTOMER", "AMOUNT", "FEE"].map {
            FeatureSpecification(name: $0.lowercased(), definition: .column($0))
        }
        let window = WindowFeature(entity: "customer", length: .hour, delay: .zero, aggregate: .count, column: nil)
        specification.features.append(FeatureSpecification(name: "count", definition: .window(window)))
        if withKinds {
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

    private func value(of schema: Int, _ random: inout SeededRandom) -> [UInt8] {
        var writer = ByteWriter()
        writer.appendEnvelope(SchemaID(Int32(schema)))
        guard Self.schemas.indices.contains(schema - 1) else { return writer.array }
        if schema == 5 {
            writer.appendVarint(number(&random))
            writer.appendVarint(random.isTrue(95) ? Int64(random.int(0...1)) : number(&random))
            writer.appendAvro(random.pick(["bank", "", "a source"]))
            return writer.array
        }
        if schema == 6 {
            writer.appendAvro("heartbeat")
            return writer.array
        }
        for column in Self.schemas[schema - 1].columns {
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
    private func records(_ count: Int, strange: Int, _ random: inout SeededRandom) -> [Record] {
        (0..<count).map { index in
            let schema = random.pick(random.isTrue(strange) ? [4, 6, 7, 77] : [1, 1, 1, 2, 3, 5, 5, 5])
            var bytes = value(of: schema, &random)
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
            case .label:
                let label = block.labels[place]
                all += [label.id, label.isPositive ? 1 : 0, Int64(label.source)]
            case .ignored, .change, .heartbeat, .undecodable: break
            }
            return all
        }
    }

    @Test(arguments: 0..<24 as Range<UInt64>)
    func whatIsDecodedTogetherIsWhatIsDecodedAlone(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let specification = specification(withKinds: seed % 2 == 0)
        let plan = try specification.makePlan()
        let records = records(1_500, strange: [0, 1, 5, 40][Int(seed / 2 % 4)], &random)
        var alone = EventBlock(plan: plan, idType: .long)
        var together = EventBlock(plan: plan, idType: .long)
        var slow = makeDecoder(plan, specification)
        var fast = makeDecoder(plan, specification)
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
        for schema in [1, 2, 5] { #expect(fast.readings[schema].isNumeric, "schema \(schema) goes the careful way") }
        #expect(fast.readings[3].isNumeric == (seed % 2 == 0))
    }

    private func makeDecoder(_ plan: FeaturePlan, _ specification: PipelineSpecification) -> RecordDecoder {
        RecordDecoder(plan: plan, input: specification.input) { id in
            Self.schemas.indices.contains(Int(id.number) - 1) ? Self.schemas[Int(id.number) - 1] : nil
        }
    }
}
