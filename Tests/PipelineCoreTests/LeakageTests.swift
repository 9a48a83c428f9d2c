import EventModel
import Features
import PipelineCore
import TestSupport
import Testing

/// What a record must not change.
struct LeakageTests {
    @Test(arguments: 0..<3 as Range<UInt64>, KeyStyle.allCases)
    func changingALabelChangesNoFeatureAndNoScoreBeforeIt(seed: UInt64, style: KeyStyle) throws {
        let script = randomScript(seed: seed, count: 120)
        let specification = testPipeline(seed: seed, style: style)
        let reference = try runStages(EncodedInput(script, style: style), specification, style: style)
        for (place, record) in script.enumerated() {
            guard case .label(let id, let isPositive, let source) = record else { continue }
            let changes: [ScriptRecord] = [
                .label(id: id, isPositive: !isPositive, source: source), .label(id: -1, isPositive: true),
            ]
            for change in changes {
                var changed = script
                changed[place] = change
                let other = try runStages(EncodedInput(changed, style: style), specification, style: style)
                let before = reference.decisions.prefix { $0.offset < place }
                #expect(other.decisions.prefix(before.count) == before, "label at \(place)")
                #expect(other.decisions.map(\.status) == reference.decisions.map(\.status))
            }
        }
    }

    @Test(arguments: 0..<3 as Range<UInt64>)
    func changingAnyRecordChangesNothingBeforeIt(seed: UInt64) throws {
        let script = randomScript(seed: seed, count: 120)
        let specification = testPipeline(seed: seed, style: .numbers)
        let reference = try runStages(EncodedInput(script, style: .numbers), specification, style: .numbers)
        var random = SeededRandom(seed: seed)
        for _ in 0..<30 {
            let place = random.int(script.indices)
            var changed = script
            changed[place...] = randomScript(seed: random.next(), count: script.count)[place...]
            let other = try runStages(EncodedInput(changed, style: .numbers), specification, style: .numbers)
            let before = reference.decisions.prefix { $0.offset < place }
            #expect(other.decisions.prefix(before.count) == before)
            #expect(other.sides.prefix { $0.offset < place } == reference.sides.prefix { $0.offset < place })
        }
    }

    @Test(arguments: 0..<3 as Range<UInt64>, KeyStyle.allCases)
    func aRowWithABadClockChangesNoOtherRow(seed: UInt64, style: KeyStyle) throws {
        let script = randomScript(seed: seed, count: 150)
        let specification = testPipeline(seed: seed, style: style)
        let reference = try runStages(EncodedInput(script, style: style), specification, style: style)
        for place in stride(from: 0, through: script.count, by: 10) {
            let arrival = script.prefix(place + 1).reduce(0) {
                if case .transaction(let transaction) = $1 { max($0, transaction.arrival) } else { $0 }
            }
            let future = ScriptTransaction(
                id: 500_000, minute: arrival + 10 * 366 * 1440, arrival: arrival, customer: 1, terminal: 1,
                cents: 99_999, measure: 2, items: 3)
            var changed = script
            changed.insert(.transaction(future), at: place)
            var other = try runStages(EncodedInput(changed, style: style), specification, style: style)
            let index = try #require(other.decisions.firstIndex { $0.offset == place })
            #expect(other.decisions[index].status == .quarantined)
            other.decisions.remove(at: index)
            for row in other.decisions.indices where other.decisions[row].offset > place {
                other.decisions[row].offset -= 1
            }
            #expect(other.decisions == reference.decisions, "inserted at \(place)")
            #expect(other.watermark == reference.watermark)
        }
    }

    /// A label is known from its own record on, though its transaction lies in the window long before.
    @Test func aLabelCountsFromItsOwnRecordOn() throws {
        func transaction(_ id: Int, minute: Int) -> ScriptRecord {
            .transaction(
                ScriptTransaction(
                    id: id, minute: minute, arrival: minute, customer: 1, terminal: 1, cents: 100, measure: 1, items: 1)
            )
        }
        let script = [
            transaction(1, minute: 0), transaction(2, minute: 10), .label(id: 1, isPositive: true),
            transaction(3, minute: 10), .label(id: 1, isPositive: false), transaction(4, minute: 10),
        ]
        var specification = testPipeline(seed: 0, style: .numbers)
        specification.time.labelHorizon = .day
        let outcome = try runStages(EncodedInput(script, style: .numbers), specification, style: .numbers)
        let place = try #require(specification.features.firstIndex { $0.name == "terminal_frauds" })
        #expect(outcome.decisions.map { Double(bitPattern: $0.features[place]) } == [0, 0, 1, 0])
        #expect(outcome.tally.corrections == 1)
    }
}
