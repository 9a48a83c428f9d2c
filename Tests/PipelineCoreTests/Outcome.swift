import EventModel
import Features
import PipelineCore

/// All that a pipeline's two stages say of an input, doubles by their bits.
struct Outcome: Equatable {
    struct Decided: Equatable {
        var offset: Int
        var id: TransactionID
        var status: DecisionStatus
        var features: [UInt64]
        var probability: UInt64
        var anomaly: UInt64
        var classifiers: [UInt64]
    }

    struct Side: Equatable {
        var offset: Int
        var reason: SideReason
    }

    struct Repeat: Equatable {
        var offset: Int
        var decision: Int64
    }

    var decisions: [Decided] = []
    var sides: [Side] = []
    var repeats: [Repeat] = []
    var labels: [Int] = []
    var commands: [Int] = []
    var changes: [Int] = []
    var events: [Int] = []
    var ignored: [Int] = []
    var tally = Tally()
    var watermark = EventTime.distantPast
    var featureDigest = StateDigest()
    var modelDigest = StateDigest()
}

/// Drives both stages over an input, in blocks.
///
/// - Parameters:
///   - block: records in a block; the last may be shorter.
///   - cuts: before these records both stages are saved, and new ones take up what was saved.
func runStages(
    _ input: EncodedInput, _ specification: PipelineSpecification, style: KeyStyle, block size: Int = 64,
    cuts: Set<Int> = []
) throws -> Outcome {
    let plan = try specification.makePlan()
    var features = FeatureStage(plan: plan, specification: specification)
    var models = ModelStage(plan: plan, specification: specification)
    var decoder = RecordDecoder(plan: plan, input: specification.input) { EncodedInput.schema($0, style: style) }
    var block = EventBlock(plan: plan, idType: specification.input.idType)
    var outcome = Outcome()
    for (offset, record) in input.records.enumerated() {
        if cuts.contains(offset) {
            outcome.take(&block, features, models)
            (features, models) = try restored(features, models, plan, specification)
        }
        decoder.append(
            offset: Offset(Int64(offset)), timestamp: record.timestamp, value: record.value, to: &block)
        if block.recordCount == size { outcome.take(&block, features, models) }
    }
    outcome.take(&block, features, models)
    outcome.tally = features.tally
    outcome.watermark = features.watermark
    outcome.featureDigest = features.digest
    outcome.modelDigest = models.digest
    return outcome
}

/// New stages that have taken up the state of others.
func restored(
    _ features: FeatureStage, _ models: ModelStage, _ plan: FeaturePlan, _ specification: PipelineSpecification
) throws -> (FeatureStage, ModelStage) {
    var state = ByteWriter()
    features.encode(into: &state)
    models.encode(into: &state)
    let newFeatures = FeatureStage(plan: plan, specification: specification)
    let newModels = ModelStage(plan: plan, specification: specification)
    var reader = ByteReader(state.bytes)
    try newFeatures.decode(from: &reader)
    try newModels.decode(from: &reader, specification: specification)
    guard reader.remaining == 0 else { throw StateCodingError("\(reader.remaining) bytes were not taken up") }
    guard newFeatures.digest == features.digest, newModels.digest == models.digest else {
        throw StateCodingError("the digest changed on the way")
    }
    return (newFeatures, newModels)
}

extension Outcome {
    /// Runs the stages over a block, notes what they say, and empties it.
    fileprivate mutating func take(_ block: inout EventBlock, _ features: FeatureStage, _ models: ModelStage) {
        features.process(&block)
        models.process(&block)
        for index in 0..<block.decisionCount {
            let decision = block.decision(index)
            decisions.append(
                Decided(
                    offset: Int(decision.inputOffset.value), id: block.transactionID(row: decision.row),
                    status: decision.status, features: block.features(row: decision.row).map(\.bitPattern),
                    probability: decision.probability.bitPattern, anomaly: decision.anomaly.bitPattern,
                    classifiers: block.classifierScores(row: decision.row).map(\.bitPattern)))
        }
        let aside = Set(block.sideRecords.map(\.record))
        for side in block.sideRecords {
            sides.append(Side(offset: Int(block.input(side.record).offset.value), reason: side.reason))
        }
        for again in block.repeats {
            repeats.append(
                Repeat(offset: Int(block.input(again.record).offset.value), decision: again.decision.value))
        }
        for index in 0..<block.recordCount where !aside.contains(index) {
            switch block.decoded(index) {
            case .label: labels.append(Int(block.input(index).offset.value))
            case .change: changes.append(Int(block.input(index).offset.value))
            case .heartbeat: commands.append(Int(block.input(index).offset.value))
            case .event(let kind, _):
                if kind < 0 {
                    ignored.append(Int(block.input(index).offset.value))
                } else {
                    events.append(Int(block.input(index).offset.value))
                }
            case .transaction, .undecodable: continue
            }
        }
        block.removeAll()
    }
}
