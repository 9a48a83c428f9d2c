import EventModel
import LinearAlgebra

extension RunningScaler: LearnedState {
    public func encode(into writer: inout ByteWriter) {
        writer.encode(columnCount)
        writer.encode(specification.refresh)
        writer.encode(specification.block)
        writer.encode(count)
        writer.encode(mergedCount)
        writer.encode(publishedCount)
        writer.encode(publishedMean)
        writer.encode(publishedInverseDeviation)
        writer.encode(means)
        writer.encode(squaredDeviations)
        guard count > mergedCount else { return }
        writer.encode(origin)
        writer.encode(sums)
        writer.encode(squares)
    }

    /// Restores what `encode` wrote, under the same specification.
    public init(
        decoding reader: inout ByteReader, columnCount: Int, specification: ScalerSpecification
    ) throws(StateCodingError) {
        self.init(columnCount: columnCount, specification: specification)
        try reader.expect(columnCount, "scaler: number of columns")
        try reader.expect(specification.refresh, "scaler: refresh")
        try reader.expect(specification.block, "scaler: block")
        count = try reader.decodeCounter("scaler: rows learned")
        mergedCount = try reader.decodeCounter("scaler: rows in ended blocks")
        publishedCount = try reader.decodeCounter("scaler: rows published")
        guard publishedCount <= mergedCount, mergedCount <= count, count < 1 << 56 else {
            throw StateCodingError("scaler: \(count) rows, \(mergedCount) merged, \(publishedCount) published")
        }
        try reader.decode(into: &publishedMean, "scaler: published means")
        try reader.decode(into: &publishedInverseDeviation, "scaler: published inverse deviations")
        try reader.decode(into: &means, "scaler: means")
        try reader.decode(into: &squaredDeviations, "scaler: squared deviations")
        if count > mergedCount {
            try reader.decode(into: &origin, "scaler: first row of the block")
            try reader.decode(into: &sums, "scaler: sums of the block")
            try reader.decode(into: &squares, "scaler: squares of the block")
        }
        planBlock()
    }
}
