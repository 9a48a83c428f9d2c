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
    /// The score of a raw row.
    ///
    /// One kernel for one row with a fixed order of additions: the same bits whatever stands before or after the row.
    /// - Complexity: O(features), with clusters O(features · clusters).
    @inline(never) public func score(of row: UnsafePointer<Double>) -> Score {
        let logit = featureLogit(of: row)
        if clusters.isStarted { return clusteredScore(of: row, featureLogit: logit) }
        return Score(logit: logit, probability: sigmoid(logit), anomaly: 0)
    }

    @inline(never) private func clusteredScore(of row: UnsafePointer<Double>, featureLogit: Double) -> Score {
        guard distancesAreInputs else {
            return Score(logit: featureLogit, probability: sigmoid(featureLogit), anomaly: anomalyScore(of: row))
        }
        return withSquaredDistances(of: row) { distances in
            let anomaly = least(distances).squareRoot()
            makeInputs(ofSquaredDistances: distances)
            let logit = featureLogit + distanceLogit(distances)
            return Score(logit: logit, probability: sigmoid(logit), anomaly: anomaly)
        }
    }

    /// Distance to the nearest cluster, in deviations; 0 without clusters and before they have started.
    public func anomalyScore(of row: UnsafePointer<Double>) -> Double {
        guard clusters.isStarted else { return 0 }
        return withSquaredDistances(of: row) { least($0).squareRoot() }
    }

    /// The entries that `contributions` fills: one for each feature, and one for all clusters if they are inputs.
    public var contributionCount: Int { featureCount + (distancesAreInputs ? 1 : 0) }

    /// What each feature adds to the logit, weight·(value − mean)/deviation; with the intercept they sum to the logit.
    public func contributions(of row: UnsafePointer<Double>, into contributions: UnsafeMutablePointer<Double>) {
        RowKernel.scale(
            row, centre: scaler.publishedMean.pointer, factors: foldedWeights.pointer, count: featureCount,
            into: contributions)
        guard distancesAreInputs else { return }
        guard clusters.isStarted else { return contributions[featureCount] = 0 }
        contributions[featureCount] = withSquaredDistances(of: row) { distances in
            makeInputs(ofSquaredDistances: distances)
            return distanceLogit(distances)
        }
    }

    @inline(__always) private func featureLogit(of row: UnsafePointer<Double>) -> Double {
        classifier.intercept
            + RowKernel.centredDot(
                row, centre: scaler.publishedMean.pointer, weights: foldedWeights.pointer, count: featureCount)
    }

    private func distanceLogit(_ distances: UnsafePointer<Double>) -> Double {
        RowKernel.dot(distances, classifier.answeringWeights + featureCount, count: clusters.centroids.rows)
    }

    private func least(_ distances: UnsafePointer<Double>) -> Double {
        var least = distances[0]
        let count = clusters.centroids.rows
        for cluster in 1..<count { least = min(least, distances[cluster]) }
        return least
    }

    /// Calls `body` with the squared distances of a raw row to the clusters, which it may change.
    @inline(__always) private func withSquaredDistances<Result>(
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

    /// The classifier's inputs from the clusters, for a scaled row.
    func fillClusterInputs(of scaled: UnsafePointer<Double>, into inputs: UnsafeMutablePointer<Double>) {
        clusters.squaredDistances(of: scaled, into: inputs)
        makeInputs(ofSquaredDistances: inputs)
    }

    /// Distances are divided by √features, so that they are of the size of a scaled feature; without that they would
    /// drown the features in adaptive learners.
    @inline(__always) private func makeInputs(ofSquaredDistances distances: UnsafeMutablePointer<Double>) {
        let count = clusters.centroids.rows
        let share = 1 / Double(featureCount)
        for cluster in 0..<count { distances[cluster] *= share }
        RowKernel.takeRoots(distances, count: count)
    }
}
