import LinearAlgebra

/// What a model says of one row.
public struct Score: Hashable, Sendable {
    public var logit: Double
    /// Within [0, 1].
    public var probability: Double
    /// Distance to the nearest cluster, in deviations; 0 without clusters and before they have started.
    public var anomaly: Double
}

extension OnlineModel {
    /// The score of a raw row that is served: the blend's, or the first classifier's.
    ///
    /// One kernel for one row with a fixed order of additions: the same bits whatever stands before or after the row.
    /// - Complexity: O(features + bins located), with clusters O(features · clusters).
    @inline(never) public func score(of row: UnsafePointer<Double>) -> Score {
        if classifiers.count > 1 {
            return withUnsafeTemporaryAllocation(of: Double.self, capacity: classifiers.count) { each in
                score(of: row, each: each.baseAddress!)
            }
        }
        let logit = classifiers.pointer[0].featureLogit(of: row, centre: scaler.publishedMean.pointer)
        if clusters.isStarted {
            return withSquaredDistances(of: row) { distances in
                let anomaly = least(distances).squareRoot()
                guard clustersAreInputs else { return served(logit: logit, anomaly: anomaly) }
                clusters.makeInputs(ofSquaredDistances: distances)
                let added = classifiers.pointer[0].clusterLogit(distances, count: clusters.centroids.rows)
                return served(logit: logit + added, anomaly: anomaly)
            }
        }
        return served(logit: logit, anomaly: 0)
    }

    /// The same score of a model that may be changed: its address is handed on, where `score` has it copied.
    @inline(never) public mutating func scoreInPlace(of row: UnsafePointer<Double>) -> Score {
        guard classifiers.count == 1, !clusters.isStarted, !classifiers.pointer[0].encoding.isActive else {
            return scoreOfAllParts(row)
        }
        return served(
            logit: classifiers.pointer[0].denseLogit(of: row, centre: scaler.publishedMean.pointer), anomaly: 0)
    }

    /// Whether `probabilities` can be asked for.
    public var scoresRowsTogether: Bool { classifiers.count == 1 && !hasClusters }

    /// For how many labels and transactions more what `learn` and `observe` take in changes no score: the last of so many
    /// may, and does so after it was scored.
    public var steadiness: (labels: Int, transactions: Int) {
        var steady = (labels: Int.max, transactions: scaler.rowsToPublication)
        for index in 0..<classifiers.count {
            steady.labels = min(steady.labels, classifiers.pointer[index].regression.missingCount)
            steady.transactions = min(
                steady.transactions, classifiers.pointer[index].encoding.rowsToEdges ?? .max)
        }
        return steady
    }

    /// The probabilities that `score` gives for each row, bit for bit, of a model that `scoresRowsTogether`.
    public mutating func probabilities(
        of rows: UnsafeBufferPointer<UnsafePointer<Double>?>, into probabilities: UnsafeMutablePointer<Double>
    ) {
        precondition(scoresRowsTogether, "the model has clusters, or several classifiers")
        classifiers.pointer[0].featureLogits(of: rows, centre: scaler.publishedMean.pointer, into: probabilities)
        for index in 0..<rows.count { probabilities[index] = sigmoid(probabilities[index]) }
    }

    @inline(never) private mutating func scoreOfAllParts(_ row: UnsafePointer<Double>) -> Score { score(of: row) }

    /// The same, and each classifier's own probability.
    @inline(never) public func score(
        of row: UnsafePointer<Double>, each probabilities: UnsafeMutablePointer<Double>
    ) -> Score {
        for index in 0..<classifiers.count {
            probabilities[index] = classifiers.pointer[index].featureLogit(
                of: row, centre: scaler.publishedMean.pointer)
        }
        var anomaly = 0.0
        if clusters.isStarted {
            anomaly = withSquaredDistances(of: row) { distances in
                let anomaly = least(distances).squareRoot()
                guard clustersAreInputs else { return anomaly }
                clusters.makeInputs(ofSquaredDistances: distances)
                for index in 0..<classifiers.count {
                    probabilities[index] += classifiers.pointer[index].clusterLogit(
                        distances, count: clusters.centroids.rows)
                }
                return anomaly
            }
        }
        let logit = blend(probabilities)
        for index in 0..<classifiers.count { probabilities[index] = sigmoid(probabilities[index]) }
        return served(logit: logit, anomaly: anomaly)
    }

    @inline(__always) private func served(logit: Double, anomaly: Double) -> Score {
        Score(logit: logit, probability: sigmoid(logit), anomaly: anomaly)
    }

    /// The logit that is served, from those of the classifiers.
    func blend(_ logits: UnsafePointer<Double>) -> Double {
        guard let blendWeights, let blend = specification.blend else { return logits[0] }
        var sum = 0.0
        switch blend.space {
        case .logit:
            for index in 0..<classifiers.count { sum += blendWeights[index] * logits[index] }
            return sum
        case .probability:
            for index in 0..<classifiers.count { sum += blendWeights[index] * sigmoid(logits[index]) }
            // Rounding may reach 0 or 1, whose logits are not finite.
            return logit(min(max(sum, .leastNormalMagnitude), 1 - 0x1p-53))
        }
    }

    /// Distance to the nearest cluster, in deviations; 0 without clusters and before they have started.
    public func anomalyScore(of row: UnsafePointer<Double>) -> Double {
        guard clusters.isStarted else { return 0 }
        return withSquaredDistances(of: row) { least($0).squareRoot() }
    }

    private func least(_ distances: UnsafePointer<Double>) -> Double {
        var least = distances[0]
        let count = clusters.centroids.rows
        for cluster in 1..<count { least = min(least, distances[cluster]) }
        return least
    }

    /// Calls `body` with the squared distances of a raw row to the clusters, which it may change.
    @inline(__always) func withSquaredDistances<Result>(
        of row: UnsafePointer<Double>, _ body: (UnsafeMutablePointer<Double>) -> Result
    ) -> Result {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: featureCount + clusters.centroids.rows) { scratch in
            let scaled = scratch.baseAddress!
            let distances = scaled + featureCount
            scaler.transform(row, into: scaled)
            clusters.squaredDistances(of: scaled, into: distances)
            return body(distances)
        }
    }
}
