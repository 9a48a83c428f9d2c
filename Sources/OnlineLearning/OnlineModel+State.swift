import EventModel

extension OnlineModel: LearnedState {
    public func encode(into writer: inout ByteWriter) {
        scaler.encode(into: &writer)
        clusters.encode(into: &writer)
        classifier.encode(into: &writer)
    }

    /// Restores what `encode` wrote, under the same specification.
    public init(
        decoding reader: inout ByteReader, _ specification: ModelSpecification, featureCount: Int
    ) throws(StateCodingError) {
        self.init(specification, featureCount: featureCount)
        scaler = try RunningScaler(
            decoding: &reader, columnCount: featureCount, specification: specification.scaler)
        clusters = try StreamingKMeans(
            decoding: &reader, columnCount: featureCount, specification: specification.kMeans ?? .none)
        classifier = try LogisticRegression(
            decoding: &reader, inputCount: specification.inputCount(featureCount: featureCount),
            specification: specification.classifier)
        foldWeights()
    }
}
