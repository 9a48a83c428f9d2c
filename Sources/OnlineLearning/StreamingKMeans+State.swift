import EventModel
import LinearAlgebra

extension StreamingKMeans: LearnedState {
    public func encode(into writer: inout ByteWriter) {
        writer.encode(specification.clusters)
        writer.encode(columnCount)
        writer.encode(specification.batchRows)
        writer.encode(isStarted)
        writer.encode(splitCount)
        writer.encode(learnedCount)
        clock.encode(into: &writer)
        for id in ids { writer.encode(id) }
        writer.encode(weights)
        writer.encode(centroids, rows: centroids.rows)
        writer.encode(pendingCount)
        writer.encode(pending, rows: pendingCount)
    }

    /// Restores what `encode` wrote, under the same specification.
    public init(
        decoding reader: inout ByteReader, columnCount: Int, specification: KMeansSpecification
    ) throws(StateCodingError) {
        self.init(columnCount: columnCount, specification: specification)
        try reader.expect(specification.clusters, "k-means: number of clusters")
        try reader.expect(columnCount, "k-means: number of columns")
        try reader.expect(specification.batchRows, "k-means: rows of a batch")
        isStarted = try reader.decodeBool()
        splitCount = try reader.decodeCounter("k-means: splits", below: 1 << 56)
        learnedCount = try reader.decodeCounter("k-means: rows learned", below: 1 << 56)
        clock = try LearningClock(decoding: &reader, "k-means")
        for cluster in ids.indices { ids[cluster] = try reader.decodeCounter("k-means: an identity") }
        try reader.decode(into: &weights, "k-means: weights")
        try reader.decode(into: &centroids, rows: centroids.rows, "k-means: centroids")
        let limit = isStarted ? specification.batchRows : specification.startRows
        pendingCount = try reader.decodeCounter("k-means: rows waiting", below: limit)
        try reader.decode(into: &pending, rows: pendingCount, "k-means: rows waiting")
        arrangeCentroids()
    }
}
