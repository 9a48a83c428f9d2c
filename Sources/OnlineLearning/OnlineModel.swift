import EventModel
import LinearAlgebra

/// The models of a pipeline as one: raw features → published scale → clusters (optional) → logistic regression.
///
/// Rows are `featureCount` contiguous doubles, finite and at most 1e100 in magnitude. `observe` is for each accepted
/// transaction: what learns without labels. `learn` is for each label, with the raw row as it was scored; scale and
/// clusters are applied anew when its mini-batch is learned.
public struct OnlineModel: ~Copyable, Sendable {
    public let specification: ModelSpecification
    public let featureCount: Int
    public internal(set) var scaler: RunningScaler
    /// Clusters of scaled rows; without clusters when the specification has none.
    public internal(set) var clusters: StreamingKMeans
    /// Its inputs are the scaled features, then (if they are inputs) the distances to the clusters over √featureCount.
    public internal(set) var classifier: LogisticRegression
    /// The classifier's weight of each feature over the feature's deviation.
    var foldedWeights: Vector

    /// - Precondition: the specification passes `validate()`.
    public init(_ specification: ModelSpecification, featureCount: Int) {
        precondition(featureCount >= 1, "a model has at least one feature")
        self.specification = specification
        self.featureCount = featureCount
        scaler = RunningScaler(columnCount: featureCount, specification: specification.scaler)
        clusters = StreamingKMeans(columnCount: featureCount, specification: specification.kMeans ?? .none)
        classifier = LogisticRegression(
            inputCount: specification.inputCount(featureCount: featureCount), specification: specification.classifier)
        foldedWeights = Vector(count: featureCount)
    }

    // MARK: learning

    /// An accepted transaction: scaler and clusters learn.
    public mutating func observe(_ row: UnsafePointer<Double>, at time: EventTime = .distantPast) {
        if scaler.publishesNext {
            observeWithNewScale(row)
        } else {
            scaler.learn(row)
        }
        guard hasClusters else { return }
        clusters.append(row, at: time)
        if clusters.isBatchFull { learnClusters() }
    }

    /// Centroids are places among the raw features: they stay there when the scale changes.
    private mutating func observeWithNewScale(_ row: UnsafePointer<Double>) {
        if clusters.isStarted {
            for cluster in 0..<clusters.centroids.rows { scaler.undoTransform(clusters.centroids.row(cluster)) }
        }
        scaler.learn(row)
        if clusters.isStarted {
            for cluster in 0..<clusters.centroids.rows {
                let centroid = clusters.centroids.row(cluster)
                scaler.transform(centroid, into: centroid)
            }
            clusters.arrangeCentroids()
        }
        foldWeights()
    }

    private mutating func learnClusters() {
        for index in 0..<clusters.pendingCount {
            let row = clusters.pending.row(index)
            scaler.transform(row, into: row)
        }
        clusters.learnPending()
        guard distancesAreInputs, !clusters.replacedPlaces.isEmpty else { return }
        for place in clusters.replacedPlaces { classifier.resetInput(featureCount + place) }
        foldWeights()
    }

    /// A label, with the raw row as it was scored; `weight` multiplies its gradient.
    public mutating func learn(
        _ row: UnsafePointer<Double>, isPositive: Bool, weight: Double = 1, at time: EventTime = .distantPast
    ) {
        classifier.append(row, count: featureCount, isPositive: isPositive, weight: weight, at: time)
        if classifier.isMiniBatchFull { learnMiniBatch() }
    }

    private mutating func learnMiniBatch() {
        for index in 0..<classifier.pendingCount {
            let row = classifier.miniBatch.row(index)
            scaler.transform(row, into: row)
            if distancesAreInputs { fillClusterInputs(of: row, into: row + featureCount) }
        }
        classifier.learnMiniBatch()
        foldWeights()
    }

    /// To be called whenever the weights or the published scale have changed.
    mutating func foldWeights() {
        let (weights, inverseDeviation) = (classifier.answeringWeights, scaler.publishedInverseDeviation.pointer)
        let folded = foldedWeights.pointer
        for feature in 0..<featureCount { folded[feature] = weights[feature] * inverseDeviation[feature] }
    }

    // MARK: what there is

    var hasClusters: Bool { clusters.centroids.rows > 0 }
    var distancesAreInputs: Bool { classifier.inputCount > featureCount }

    /// Accepted transactions.
    public var observedCount: Int { scaler.count }

    /// Whether both classes have been learned. Until then the model is warming up.
    public var isReady: Bool {
        classifier.learnedPositives > 0 && classifier.learnedPositives < classifier.learnedCount
    }
}

extension ModelSpecification {
    func inputCount(featureCount: Int) -> Int {
        featureCount + (clustersAsInputs ? kMeans?.clusters ?? 0 : 0)
    }
}
