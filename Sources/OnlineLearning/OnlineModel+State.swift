import EventModel

extension OnlineModel: LearnedState {
    public func encode(into writer: inout ByteWriter) {
        scaler.encode(into: &writer)
        clusters.encode(into: &writer)
        for index in 0..<classifiers.count { classifiers.pointer[index].encode(into: &writer) }
    }

    /// Restores what `encode` wrote, under the same specification.
    public init(
        decoding reader: inout ByteReader, _ specification: ModelSpecification, featureNames: [String]
    ) throws(StateCodingError) {
        self.init(specification, featureNames: featureNames)
        parts.pointee.scaler = try RunningScaler(
            decoding: &reader, columnCount: featureCount, specification: specification.scaler)
        parts.pointee.clusters = try StreamingKMeans(
            decoding: &reader, columnCount: featureCount, specification: specification.kMeans ?? .none)
        for index in 0..<classifiers.count { try classifiers.pointer[index].decode(from: &reader, scaler.published) }
    }

    /// The same with features that are named by their positions.
    public init(
        decoding reader: inout ByteReader, _ specification: ModelSpecification, featureCount: Int
    ) throws(StateCodingError) {
        try self.init(decoding: &reader, specification, featureNames: (0..<featureCount).map(String.init))
    }
}
