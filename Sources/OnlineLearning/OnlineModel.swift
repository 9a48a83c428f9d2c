import EventModel
import LinearAlgebra

/// The models of a pipeline as one: raw features → published scale → clusters (optional) → one or more classifiers →
/// blend (optional).
///
/// Rows are `featureCount` contiguous doubles, finite and at most 1e100 in magnitude. `observe` is for each accepted
/// transaction: what learns without labels. `learn` is for each label, with the raw row as it was scored. Times are those
/// that event time had come to when the record stood in the log, so they never go back.
public struct OnlineModel: ~Copyable, @unchecked Sendable {
    /// In memory of their own: a model is passed to what is not inlined by copying it, and the parts are large.
    let parts: UnsafeMutablePointer<ModelParts>

    public var specification: ModelSpecification { parts.pointee.specification }
    public var featureCount: Int { parts.pointee.featureCount }
    public internal(set) var scaler: RunningScaler {
        _read { yield parts.pointee.scaler }
        _modify { yield &parts.pointee.scaler }
    }
    /// Clusters of scaled rows; without clusters when the specification has none.
    public internal(set) var clusters: StreamingKMeans {
        _read { yield parts.pointee.clusters }
        _modify { yield &parts.pointee.clusters }
    }
    var classifiers: ClassifierList {
        _read { yield parts.pointee.classifiers }
    }
    /// What each classifier counts in the blend; nil: the first one's score is served.
    var blendWeights: [Double]? { parts.pointee.blendWeights }
    var clustersAreInputs: Bool { parts.pointee.clustersAreInputs }

    /// - Precondition: the specification passes `validate()`, and its encodings `validate(featureNames:as:)`.
    public init(_ specification: ModelSpecification, featureNames: [String]) {
        parts = .allocate(capacity: 1)
        parts.initialize(to: ModelParts(specification, featureNames: featureNames))
    }

    deinit {
        parts.deinitialize(count: 1)
        parts.deallocate()
    }

    /// The same with features that are named by their positions.
    public init(_ specification: ModelSpecification, featureCount: Int) {
        self.init(specification, featureNames: (0..<featureCount).map(String.init))
    }

    // MARK: learning

    /// An accepted transaction: scaler, clusters and bins learn.
    public mutating func observe(_ row: UnsafePointer<Double>, at time: EventTime) {
        if scaler.publishesNext {
            observeWithNewScale(row)
        } else {
            scaler.learn(row)
        }
        for index in 0..<classifiers.count { classifiers.pointer[index].observe(row) }
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
        for index in 0..<classifiers.count { classifiers.pointer[index].foldWeights(scaler.published) }
    }

    private mutating func learnClusters() {
        for index in 0..<clusters.pendingCount {
            let row = clusters.pending.row(index)
            scaler.transform(row, into: row)
        }
        clusters.learnPending()
        guard !clusters.replacedPlaces.isEmpty else { return }
        for index in 0..<classifiers.count {
            classifiers.pointer[index].forgetClusters(clusters.replacedPlaces, scaler.published)
        }
    }

    /// A label, with the raw row as it was scored; `weight` multiplies its gradient. Bit i of `learners` is set where
    /// classifier i learns it.
    public mutating func learn(
        _ row: UnsafePointer<Double>, isPositive: Bool, weight: Double = 1, at time: EventTime,
        by learners: UInt64 = .max
    ) {
        for index in 0..<classifiers.count where learners >> UInt64(index) & 1 == 1 {
            classifiers.pointer[index].append(row, isPositive: isPositive, weight: weight, at: time)
            if classifiers.pointer[index].regression.isMiniBatchFull { learnMiniBatch(index) }
        }
    }

    @inline(never) private mutating func learnMiniBatch(_ index: Int) {
        let parts = parts
        classifiers.pointer[index].learnMiniBatch(parts.pointee.scaler.published) { row, inputs in
            parts.pointee.clusters.fillInputs(of: row, into: inputs)
        }
    }

    // MARK: what there is

    var hasClusters: Bool { clusters.centroids.rows > 0 }

    public var classifierCount: Int { classifiers.count }

    /// The first classifier's regression.
    public var classifier: LogisticRegression {
        _read { yield classifiers.pointer[0].regression }
    }

    /// Gives read access to a classifier.
    public func withClassifier<Result>(_ index: Int, _ body: (borrowing Classifier) -> Result) -> Result {
        precondition(index >= 0 && index < classifiers.count, "classifier \(index) of \(classifiers.count)")
        return body(classifiers.pointer[index])
    }

    /// Accepted transactions.
    public var observedCount: Int { scaler.count }

    /// Whether each classifier whose score is served has learned both classes. Until then the model is warming up.
    public var isReady: Bool {
        (0..<classifiers.count).allSatisfy { index in
            blendWeights.map { $0[index] == 0 } ?? (index > 0) || classifiers.pointer[index].regression.isReady
        }
    }
}

extension LogisticRegression {
    /// Whether both classes have been learned.
    public var isReady: Bool { learnedPositives > 0 && learnedPositives < learnedCount }
}

/// What an `OnlineModel` consists of.
struct ModelParts: ~Copyable {
    let specification: ModelSpecification
    let featureCount: Int
    var scaler: RunningScaler
    var clusters: StreamingKMeans
    let classifiers: ClassifierList
    let blendWeights: [Double]?
    let clustersAreInputs: Bool

    init(_ specification: ModelSpecification, featureNames: [String]) {
        precondition(!featureNames.isEmpty, "a model has at least one feature")
        precondition(!specification.classifiers.isEmpty, "a model has at least one classifier")
        self.specification = specification
        featureCount = featureNames.count
        scaler = RunningScaler(columnCount: featureCount, specification: specification.scaler)
        clusters = StreamingKMeans(columnCount: featureCount, specification: specification.kMeans ?? .none)
        let clusterCount = specification.kMeans?.clusters ?? 0
        classifiers = ClassifierList(
            specification.classifiers, clusterCount: clusterCount, featureNames: featureNames)
        blendWeights = specification.blend.map { blend in
            specification.classifiers.map { blend.weight(of: $0.name) }
        }
        clustersAreInputs = clusterCount > 0 && specification.classifiers.contains { $0.takesClusters }
    }
}
