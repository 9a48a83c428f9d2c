import EventModel
import Features
import OnlineLearning
import PipelineCore
import Testing

/// Who says that a transaction was a fraud, and who learns it.
struct LabelSourceTests {
    private let specification: PipelineSpecification

    init() {
        var specification = testPipeline(seed: 0, style: .numbers)
        specification.input.labelSources = ["bank", "analyst", "police"]
        specification.time.labelHorizon = 10 * .day
        specification.model = ModelSpecification()
        specification.model.classifiers = [[], ["bank"], ["analyst", "police"]].enumerated().map { index, sources in
            var classifier = ClassifierSpecification()
            classifier.name = "c\(index)"
            classifier.regression.miniBatch = 1
            classifier.labelSources = sources
            return classifier
        }
        self.specification = specification
    }

    private func transaction(_ id: Int) -> ScriptRecord {
        .transaction(
            ScriptTransaction(
                id: id, minute: id, arrival: id, customer: 1, terminal: 2, cents: 500, measure: 1, items: 1))
    }

    private struct Learned: Equatable {
        /// Labels learned, and frauds among them, by classifier.
        var counts: [[Int]]
        var asides: [SideReason]
        var corrections: Int64
    }

    private func learned(_ labels: [(id: Int, isFraud: Bool, source: String)]) throws -> Learned {
        let script =
            (0..<3).map(transaction) + labels.map { .label(id: $0.id, isPositive: $0.isFraud, source: $0.source) }
        let input = EncodedInput(script, style: .numbers)
        let plan = try specification.makePlan()
        let (features, models) = (
            FeatureStage(plan: plan, specification: specification),
            ModelStage(plan: plan, specification: specification)
        )
        var decoder = RecordDecoder(plan: plan, input: specification.input) {
            EncodedInput.schema($0, style: .numbers)
        }
        var block = EventBlock(plan: plan, idType: .long)
        for (offset, record) in input.records.enumerated() {
            decoder.append(
                offset: Offset(Int64(offset)), timestamp: record.timestamp, value: record.value, to: &block)
        }
        features.process(&block)
        models.process(&block)
        #expect(features.tally.isBalanced)
        let counts = models.withModel { model in
            (0..<3).map { index in
                model.withClassifier(index) { [$0.regression.learnedCount, $0.regression.learnedPositives] }
            }
        }
        return Learned(
            counts: counts, asides: block.sideRecords.map(\.reason), corrections: features.tally.corrections)
    }

    @Test func aLabelIsLearnedByThoseThatNameItsSource() throws {
        let learned = try learned([(0, true, "bank"), (1, false, "analyst"), (2, true, "police")])
        #expect(learned == Learned(counts: [[3, 2], [1, 1], [2, 1]], asides: [], corrections: 0))
    }

    @Test func theSameFromAnotherSourceIsLearnedOnlyByThoseWhoDidNotKnow() throws {
        let learned = try learned([(0, true, "analyst"), (0, true, "bank"), (0, true, "police")])
        #expect(learned == Learned(counts: [[1, 1], [1, 1], [1, 1]], asides: [], corrections: 0))
    }

    @Test func theSameFromTheSameSourceIsSetAside() throws {
        let learned = try learned([(0, true, "bank"), (0, false, "analyst"), (0, true, "bank"), (0, false, "analyst")])
        #expect(learned.asides == [.sameLabelAgain, .sameLabelAgain])
        #expect(learned.counts == [[2, 1], [1, 1], [1, 0]] && learned.corrections == 1)
    }

    @Test func anotherValueIsLearnedAnew() throws {
        let learned = try learned([(0, true, "bank"), (0, false, "bank"), (0, true, "bank")])
        #expect(learned == Learned(counts: [[3, 2], [3, 2], [0, 0]], asides: [], corrections: 2))
    }

    @Test func aSourceThatIsNotDeclaredGoesToQuarantineWithTheReason() throws {
        let learned = try learned([(0, true, "stranger"), (1, true, ""), (2, true, "bank")])
        #expect(learned.asides == [.labelOfUnknownSource, .labelOfUnknownSource])
        #expect(learned.counts == [[1, 1], [1, 1], [0, 0]])
        #expect(SideReason.labelOfUnknownSource.output == .quarantine)
    }

    @Test func whereNoneIsDeclaredAllAreOne() throws {
        var any = self
        any = Self(any.specification) {
            $0.input.labelSources = []
            for index in $0.model.classifiers.indices { $0.model.classifiers[index].labelSources = [] }
        }
        let learned = try any.learned([(0, true, "stranger"), (0, true, "bank"), (1, false, "police")])
        #expect(learned.asides == [.sameLabelAgain] && learned.counts[0] == [2, 1])
    }

    private init(_ specification: PipelineSpecification, _ change: (inout PipelineSpecification) -> Void) {
        var specification = specification
        change(&specification)
        self.specification = specification
    }
}
