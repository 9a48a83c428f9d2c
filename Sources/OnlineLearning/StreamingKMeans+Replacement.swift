import LinearAlgebra

extension StreamingKMeans {
    /// A cluster whose weight fell below `dyingShare` of the heaviest one's dies. In its place a new one, with a new
    /// identity and weight 0, is put beside the heaviest: a quarter of the way from its centroid to one of its rows of
    /// the batch, that of median distance (for the second cluster that dies in a batch the next farther row, and so on).
    ///
    /// So the step is of the size of the cluster whatever the units, in columns that are 0 too, and the next batch parts
    /// the heaviest cluster's rows between the two. A heaviest cluster whose rows all lie at its centroid is not parted,
    /// and nothing dies.
    mutating func replaceDyingClusters(_ rows: Range<Int>) {
        let count = centroids.rows
        guard count > 1 else { return }
        var (heaviest, second, lightest) = (0, 1, 0)
        for cluster in 1..<count {
            if weights[cluster] > weights[heaviest] {
                (heaviest, second) = (cluster, heaviest)
            } else if weights[cluster] > weights[second] {
                second = cluster
            }
            if weights[cluster] < weights[lightest] { lightest = cluster }
        }
        let isForced = specification.resplitAt.map { learnedCount - rows.count < $0 && learnedCount >= $0 } ?? false
        let least = specification.dyingShare * weights[heaviest]
        guard isForced || weights[lightest] < least else { return }

        var places: [Int]?
        for cluster in 0..<count where cluster != heaviest {
            guard weights[cluster] < least || isForced && cluster == second else { continue }
            let candidates = places ?? rowsByDistance(rows, from: heaviest)
            guard let row = candidates.first else { return }
            places = Array(candidates.dropFirst())
            replace(cluster, between: heaviest, and: row)
        }
    }

    /// The rows of a cluster that do not lie at its centroid, from that of median distance outwards.
    private func rowsByDistance(_ rows: Range<Int>, from cluster: Int) -> [Int] {
        var distances: [(row: Int, distance: Double)] = []
        for (index, row) in rows.enumerated() where Int(assignments.pointer[index]) == cluster {
            let distance = RowKernel.squaredDistance(pending.row(row), centroids.row(cluster), count: columnCount)
            distances.append((row, distance))
        }
        distances.sort { ($0.distance, $0.row) < ($1.distance, $1.row) }
        return distances[(distances.count / 2)...].filter { $0.distance > 0 }.map(\.row)
    }

    private mutating func replace(_ cluster: Int, between heaviest: Int, and row: Int) {
        let (origin, goal, target) = (centroids.row(heaviest), pending.row(row), centroids.row(cluster))
        var isApart = false
        for column in 0..<columnCount {
            target[column] = origin[column] + (goal[column] - origin[column]) / 4
            if target[column] != origin[column] { isApart = true }
        }
        // A row so near that a quarter of the way is lost in rounding.
        if !isApart { target.update(from: goal, count: columnCount) }
        weights[cluster] = 0
        ids[cluster] = centroids.rows + splitCount
        splitCount += 1
        if !replacedPlaces.contains(cluster) { replacedPlaces.append(cluster) }
    }
}
