import EventModel
import LinearAlgebra

/// Mini-batch k-means with forgetting.
///
/// The first `startRows` rows wait; then k-means++ chooses centroids among them ("k-means++: The Advantages of Careful
/// Seeding", 2007) with a generator seeded by the specification. From then on, for each batch of a fixed number of rows
/// and each cluster: weight = decay·old weight + rows of the batch; centroid = (decay·old weight·centroid + sum of its
/// rows) / weight. A cluster without rows only loses weight. With a half-life, the decay of a batch follows from its rows
/// or from the event time that passed since the batch before.
public struct StreamingKMeans: ~Copyable, Sendable {
    public let specification: KMeansSpecification
    public let columnCount: Int

    /// One row for each cluster. Whoever changes it calls `arrangeCentroids`.
    var centroids: Matrix
    /// The same, arranged for the distances of one row.
    private var arranged: PointSet
    var weights: Vector
    /// The identity of the cluster in each place: kept while it lives, never used again.
    public internal(set) var ids: [Int]
    public internal(set) var isStarted = false
    /// Clusters that died and were replaced by a part of the largest.
    public internal(set) var splitCount = 0
    /// The places whose cluster was replaced when rows were last learned, in ascending order: what the classifier
    /// learned of them it must forget.
    public internal(set) var replacedPlaces: [Int] = []
    /// Rows learned; those that wait are not among them.
    public internal(set) var learnedCount = 0
    var clock = LearningClock()

    /// Rows that wait for their batch to fill.
    public internal(set) var pendingCount = 0
    var pending: Matrix

    /// −2·x·c, filled up with zeros to a multiple of 4 clusters, and ‖c‖², filled up with infinities.
    private var products: Matrix
    private var norms: Vector
    private var sums: Matrix
    private var counts: Vector
    /// The place of the nearest cluster of each row of the batch.
    var assignments: IndexMatrix

    public init(columnCount: Int, specification: KMeansSpecification = KMeansSpecification()) {
        let clusters = specification.clusters
        precondition(
            clusters == 0 || (specification.batchRows >= 1 && specification.startRows >= 1),
            "k-means: a batch and the start have at least one row")
        self.specification = specification
        self.columnCount = columnCount
        centroids = Matrix(rows: clusters, columns: columnCount)
        arranged = PointSet(count: clusters, dimension: columnCount)
        weights = Vector(count: clusters)
        ids = Array(0..<clusters)
        let rows = clusters == 0 ? 0 : specification.batchRows
        pending = Matrix(rows: clusters == 0 ? 0 : max(rows, specification.startRows), columns: columnCount)
        let padded = (clusters + 3) & ~3
        products = Matrix(rows: rows, columns: padded)
        norms = Vector(count: padded)
        sums = Matrix(rows: clusters, columns: columnCount)
        counts = Vector(count: clusters)
        assignments = IndexMatrix(rows: 1, columns: rows)
        norms.fill(with: .infinity)
    }

    /// Starts from given centroids and weights, without waiting for rows.
    public init(centroids: [[Double]], weights: [Double], specification: KMeansSpecification) {
        precondition(
            centroids.count == specification.clusters && weights.count == specification.clusters,
            "k-means: \(centroids.count) centroids and \(weights.count) weights for \(specification.clusters) clusters")
        self.init(columnCount: centroids.first?.count ?? 0, specification: specification)
        for (index, centroid) in centroids.enumerated() {
            precondition(centroid.count == columnCount, "k-means: centroids differ in length")
            self.centroids.row(index).update(from: centroid, count: columnCount)
            self.weights[index] = weights[index]
        }
        isStarted = true
        arrangeCentroids()
    }

    // MARK: learning

    /// Takes in a row of `columnCount` finite values; learns when a batch is full. `time` is the row's event time, by
    /// which old rows fade.
    /// - Complexity: O(clusters · columns), amortised.
    public mutating func learn(_ row: UnsafePointer<Double>, at time: EventTime) {
        append(row, at: time)
        if isBatchFull { learnPending() }
    }

    @inline(__always) mutating func append(_ row: UnsafePointer<Double>, at time: EventTime) {
        clock.advance(to: time)
        pending.row(pendingCount).update(from: row, count: columnCount)
        pendingCount &+= 1
    }

    var isBatchFull: Bool { pendingCount == (isStarted ? specification.batchRows : specification.startRows) }

    /// Learns the rows that wait, as a batch although it may not be full.
    public mutating func learnPending() {
        replacedPlaces.removeAll(keepingCapacity: true)
        guard pendingCount > 0 else { return }
        if !isStarted { start() }
        var elapsed = clock.learnBatch()
        var first = 0
        while first < pendingCount {
            let end = min(first + specification.batchRows, pendingCount)
            learnBatch(first..<end, elapsed)
            elapsed = .zero
            first = end
        }
        pendingCount = 0
        arrangeCentroids()
    }

    mutating func arrangeCentroids() { arranged.set(centroids) }

    private mutating func learnBatch(_ rows: Range<Int>, _ elapsed: EventDuration) {
        assign(rows)
        let keeping =
            specification.halfLife?.keeping(rows: rows.count, elapsed: elapsed) ?? specification.decay
        for cluster in 0..<centroids.rows { move(cluster, keeping) }
        learnedCount &+= rows.count
        replaceDyingClusters(rows)
    }

    /// Adds each row to the sum of its nearest cluster. ‖x‖² is the same for all clusters and left out.
    private mutating func assign(_ rows: Range<Int>) {
        for cluster in 0..<centroids.rows {
            let centroid = centroids.row(cluster)
            norms[cluster] = RowKernel.dot(centroid, centroid, count: columnCount)
        }
        pending.multiplyTransposed(centroids, rows: rows, factor: -2, into: &products)
        sums.fill(with: 0)
        counts.fill(with: 0)
        for (index, row) in rows.enumerated() {
            let nearest = RowKernel.indexOfLeastSum(products.row(index), norms.pointer, count: norms.count)
            RowKernel.add(pending.row(row), times: 1, count: columnCount, to: sums.row(nearest))
            counts[nearest] += 1
            assignments.pointer[index] = Int32(truncatingIfNeeded: nearest)
        }
    }

    private mutating func move(_ cluster: Int, _ keeping: Double) {
        let columnCount = columnCount
        let kept = keeping * weights[cluster]
        let weight = kept + counts[cluster]
        weights[cluster] = weight
        guard counts[cluster] > 0 else { return }
        let centroid = centroids.row(cluster)
        let sum = sums.row(cluster)
        for column in 0..<columnCount { centroid[column] = (kept * centroid[column] + sum[column]) / weight }
    }

    // MARK: answers

    /// Squared distances of a row to each centroid; zeros before the start.
    /// - Complexity: O(clusters · columns)
    public func squaredDistances(of row: UnsafePointer<Double>, into distances: UnsafeMutablePointer<Double>) {
        guard isStarted else { return distances.update(repeating: 0, count: centroids.rows) }
        arranged.squaredDistances(of: row, into: distances)
    }

    /// The place of the nearest centroid and the squared distance to it; nil before the start.
    public func nearest(to row: UnsafePointer<Double>) -> (place: Int, squaredDistance: Double)? {
        guard isStarted, centroids.rows > 0 else { return nil }
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: centroids.rows) { distances in
            arranged.squaredDistances(of: row, into: distances.baseAddress!)
            var nearest = 0
            for cluster in 1..<centroids.rows where distances[cluster] < distances[nearest] { nearest = cluster }
            return (nearest, distances[nearest])
        }
    }

    /// One centroid for each cluster.
    public var centroidRows: [[Double]] { centroids.arrays }

    /// The weight of each cluster: its rows, each decayed once per batch since.
    public var clusterWeights: [Double] { weights.array }
}
