import LinearAlgebra

extension OnlineModel {
    /// The entries that `contributions` fills: one for each feature, and one for all clusters if they are inputs.
    public var contributionCount: Int { featureCount + (clustersAreInputs ? 1 : 0) }

    /// What each feature adds to the logit that is served, over what it adds on average: its scaled value times its
    /// weight; its bin's weight less the mean of its bins' weights over what was seen when they were fixed; of each cross
    /// an equal part. With clusters as inputs one entry more has what they add.
    /// - Returns: what belongs to no feature: intercepts and means, and with a blend of probabilities what takes the
    ///   blend of the logits to the logit of the blend. With it the entries sum to the logit of `score`.
    public func contributions(
        of row: UnsafePointer<Double>, into contributions: UnsafeMutablePointer<Double>
    ) -> Double {
        contributions.update(repeating: 0, count: contributionCount)
        var base = 0.0
        for index in 0..<classifiers.count {
            let share = blendWeights.map { $0[index] } ?? (index == 0 ? 1 : 0)
            if share != 0 { base += share * add(index, times: share, of: row, to: contributions) }
        }
        guard case .probability? = specification.blend?.space else { return base }
        var rest = score(of: row).logit
        for index in 0..<contributionCount { rest -= contributions[index] }
        return rest
    }

    /// - Returns: what belongs to no feature, not multiplied.
    private func add(
        _ index: Int, times share: Double, of row: UnsafePointer<Double>,
        to contributions: UnsafeMutablePointer<Double>
    ) -> Double {
        let base = classifiers.pointer[index].addContributions(
            of: row, centre: scaler.publishedMean.pointer, times: share, to: contributions)
        if classifiers.pointer[index].takesClusters, clusters.isStarted {
            contributions[featureCount] +=
                share
                * withSquaredDistances(of: row) { distances in
                    clusters.makeInputs(ofSquaredDistances: distances)
                    return classifiers.pointer[index].clusterLogit(distances, count: clusters.centroids.rows)
                }
        }
        return base
    }
}

extension Classifier {
    /// Adds what each feature contributes, times `share`.
    /// - Returns: what belongs to none, not multiplied.
    fileprivate func addContributions(
        of row: UnsafePointer<Double>, centre: UnsafePointer<Double>, times share: Double,
        to contributions: UnsafeMutablePointer<Double>
    ) -> Double {
        for feature in 0..<foldedWeights.count {
            contributions[feature] += share * ((row[feature] - centre[feature]) * foldedWeights[feature])
        }
        guard encoding.isActive else { return regression.intercept }
        // A closure takes what it captures by copying it.
        let (groups, intercept) = (encoding.groups, regression.intercept)
        let (weights, count) = (regression.sparseAnswers, regression.sparseCount)
        return encoding.tables.withEntries(of: row) { indices, values in
            var base = intercept
            var entry = 0
            for group in groups {
                var added = 0.0
                for place in entry..<entry + group.entryCount where indices[place] < count {
                    added += weights[Int(indices[place])] * values[place]
                }
                entry += group.entryCount
                let mean = meanContribution(of: group, weights)
                base += mean
                for source in group.features {
                    contributions[source] += share * (added - mean) / Double(group.features.count)
                }
            }
            return base
        }
    }
}

/// What a group of bins adds on average, by the shares of the values when the edges were fixed; 0 of a cross.
private func meanContribution(of group: InputEncoding.Group, _ weights: SparseAnswers) -> Double {
    var sum = 0.0
    for (index, share) in zip(group.weights, group.shares) { sum += weights[index] * share }
    return sum
}
