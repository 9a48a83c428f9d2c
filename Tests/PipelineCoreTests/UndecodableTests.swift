import EventModel
import Features
import PipelineCore
import TestSupport
import Testing

/// Values that are not what a schema says become side records, each; nothing traps, and nothing else changes.
struct UndecodableTests {
    private let specification = testPipeline(seed: 1, style: .text)
    private let transaction = ScriptTransaction(
        id: 7, minute: 100, arrival: 100, customer: 1, terminal: 2, cents: 12_345, measure: 1.5, items: 2)

    private func value(of record: ScriptRecord) -> [UInt8] {
        Array(EncodedInput([record], style: .text).records[0].value)
    }

    /// Puts values between good records, and expects each of them in quarantine.
    private func expectAllSetAside(_ values: [[UInt8]], timestamp: EventTime = time(ofMinute: 100)) throws {
        let script = randomScript(seed: 5, count: 80)
        let input = EncodedInput(script, style: .text)
        for value in values { input.append(timestamp: timestamp, value: value) }
        let outcome = try runStages(input, specification, style: .text, block: 16)
        let expected = (script.count..<input.records.count).map { Outcome.Side(offset: $0, reason: .undecodable) }
        #expect(outcome.sides.filter { $0.offset >= script.count } == expected)
        #expect(outcome.tally.isBalanced)
        let alone = try runStages(
            EncodedInput(script, style: .text), specification, style: .text)
        #expect(outcome.decisions == alone.decisions)
        #expect(outcome.featureDigest == alone.featureDigest && outcome.modelDigest == alone.modelDigest)
    }

    @Test(arguments: [
        ScriptRecord.label(id: 3, isPositive: true), .heartbeat(minute: 50),
    ])
    func aValueCutAtAnyByteIsSetAside(_ record: ScriptRecord) throws {
        let whole = value(of: record)
        try expectAllSetAside(whole.indices.map { Array(whole[..<$0]) })
    }

    @Test func aTransactionCutAtAnyByteIsSetAside() throws {
        let whole = value(of: .transaction(transaction))
        try expectAllSetAside(whole.indices.map { Array(whole[..<$0]) })
    }

    @Test func bytesBehindAWholeValueSetItAside() throws {
        let records: [ScriptRecord] = [
            .transaction(transaction), .label(id: 3, isPositive: true), .heartbeat(minute: 50),
        ]
        try expectAllSetAside(records.map { value(of: $0) + [0] })
    }

    @Test func anUnknownSchemaOrOneOfAnotherKindIsSetAside() throws {
        let body = value(of: .transaction(transaction)).dropFirst(5)
        try expectAllSetAside(
            [0, 2, 4, 5, 77, 65_535, 65_536, .max, -1, .min].map { (number: Int32) in
                var writer = ByteWriter()
                writer.appendEnvelope(SchemaID(number))
                return writer.array + body
            })
        try expectAllSetAside([[1] + value(of: .transaction(transaction)).dropFirst()])
    }

    @Test func aTimeOutsideTheYearsThatHaveATextIsSetAside() throws {
        let whole = value(of: .transaction(transaction))
        for milliseconds in [Int64.min, .max, EventTime.range.upperBound.milliseconds + 1] {
            try expectAllSetAside([whole], timestamp: EventTime(milliseconds: milliseconds))
        }
    }

    @Test func aDoubleThatIsNotFiniteOrTooLargeToLearnFromIsSetAside() throws {
        try expectAllSetAside(
            [.nan, .infinity, -.infinity, .signalingNaN, 1.01e100, -1e308].map { (measure: Double) in
                var wrong = transaction
                wrong.measure = measure
                return value(of: .transaction(wrong))
            })
    }

    @Test func aLabelThatIsNeither0Nor1IsSetAside() throws {
        var writer = ByteWriter()
        writer.appendEnvelope(EncodedInput.labelSchema)
        writer.appendAvro("transaction 1, été")
        writer.appendVarint(2)
        writer.appendAvro("test")
        try expectAllSetAside([writer.array])
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func damagedBytesNeverTrapAndAreAccountedFor(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let input = EncodedInput(randomScript(seed: seed, count: 40), style: .text)
        let wholes = [
            value(of: .transaction(transaction)), value(of: .label(id: 3, isPositive: true)),
            value(of: .heartbeat(minute: 9)),
        ]
        for _ in 0..<300 {
            var bytes = random.pick(wholes)
            for _ in 0..<random.int(1...4) { bytes[random.int(bytes.indices)] = UInt8(random.int(0...255)) }
            if random.isTrue(20) { bytes.removeLast(random.int(0..<bytes.count)) }
            input.append(timestamp: time(ofMinute: random.int(0...200)), value: bytes)
        }
        let reference = try runStages(input, specification, style: .text, block: 1)
        #expect(reference.tally.isBalanced)
        #expect(reference.tally.records == 340)
        #expect(try runStages(input, specification, style: .text, block: 64, cuts: [170]) == reference)
    }

    @Test func hugeValuesLeaveTheModelsFinite() throws {
        let input = EncodedInput(randomScript(seed: 5, count: 80), style: .text)
        for (number, measure) in [1e100, -1e100, 1e60, .leastNonzeroMagnitude, 0x1p-1000].enumerated() {
            var huge = transaction
            (huge.id, huge.measure, huge.cents) = (900 + number, measure, 999_999_999_999_999_999)
            huge.minute = 4000
            huge.arrival = 4000
            input.append(.transaction(huge), style: .text)
            input.append(.label(id: 900 + number, isPositive: true), style: .text)
        }
        for record in randomScript(seed: 6, count: 80) {
            guard case .transaction(var transaction) = record else { continue }
            transaction.id += 2000
            transaction.minute = 4001
            transaction.arrival = 4001
            input.append(.transaction(transaction), style: .text)
            input.append(.label(id: transaction.id, isPositive: false), style: .text)
        }
        let outcome = try runStages(input, specification, style: .text)
        #expect(outcome.decisions.allSatisfy { (0...1).contains(Double(bitPattern: $0.probability)) })
        #expect(outcome.decisions.allSatisfy { Double(bitPattern: $0.anomaly).isFinite })
        #expect(outcome.decisions.allSatisfy { $0.features.allSatisfy { Double(bitPattern: $0).isFinite } })
    }

    @Test(arguments: 0..<3 as Range<UInt64>)
    func aSavedStateThatIsCutOrDamagedIsRefusedOrTakenUpAndNeverTraps(seed: UInt64) throws {
        let plan = try specification.makePlan()
        let features = FeatureStage(plan: plan, specification: specification)
        let input = EncodedInput(randomScript(seed: seed, count: 60), style: .text)
        var decoder = RecordDecoder(plan: plan, input: specification.input) { EncodedInput.schema($0, style: .text) }
        var block = EventBlock(plan: plan, idType: .string)
        for (offset, record) in input.records.enumerated() {
            decoder.append(offset: Offset(Int64(offset)), timestamp: record.timestamp, value: record.value, to: &block)
        }
        features.process(&block)
        var writer = ByteWriter()
        features.encode(into: &writer)
        let whole = writer.array
        for end in stride(from: 0, to: whole.count, by: 37) {
            #expect(throws: StateCodingError.self) {
                try whole[..<end].withUnsafeBytes { bytes in
                    var reader = ByteReader(bytes)
                    try FeatureStage(plan: plan, specification: specification).decode(from: &reader)
                }
            }
        }
    }
}
