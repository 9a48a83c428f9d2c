import EventModel
import LinearAlgebra

/// One of a pipeline's classifiers: how it sees a row, and what it learned.
///
/// The inputs of its regression are the dense features, scaled; then (if they are inputs) the distances to the clusters
/// over √features; and as sparse entries the bins and crosses. Scale, clusters and bins are applied anew when a label's
/// mini-batch is learned.
public struct Classifier: ~Copyable, Sendable {
    public let specification: ClassifierSpecification
    public internal(set) var regression: LogisticRegression
    var encoding: InputEncoding
    /// For each feature its weight over its deviation; 0 for one that is no dense input.
    var foldedWeights: Vector
    /// The raw rows that wait for their mini-batch; empty where all features are dense inputs: then those hold them.
    private var rawRows: Matrix
    let takesClusters: Bool
    /// The features that are dense inputs; nil: all.
    private let dense: [Int]?
    let denseCount: Int
    /// The features behind these are no dense inputs. In eights, so that the terms that are left keep their order.
    private let denseEnd: Int

    init(_ specification: ClassifierSpecification, clusterCount: Int, featureNames: [String]) {
        let encoding = InputEncoding(EncodingLayout(specification.encoding, featureNames: featureNames))
        let layout = encoding.layout
        self.specification = specification
        dense = layout.dense
        denseCount = layout.denseCount
        denseEnd = min(((dense.map { ($0.max() ?? -1) + 1 } ?? layout.featureCount) + 7) & ~7, layout.featureCount)
        takesClusters = specification.takesClusters && clusterCount > 0
        regression = LogisticRegression(
            inputCount: denseCount + (takesClusters ? clusterCount : 0), sparseCount: encoding.sparseCount,
            activeCount: layout.activeCount, specification: specification.regression)
        foldedWeights = Vector(count: layout.featureCount)
        rawRows = Matrix(
            rows: layout.dense == nil ? 0 : specification.regression.miniBatch, columns: layout.featureCount)
        self.encoding = encoding
    }

    // MARK: learning

    /// An accepted transaction.
    @inline(__always) mutating func observe(_ row: UnsafePointer<Double>) {
        if encoding.observe(row) { regression.makeSparseWeights(encoding.sparseCount) }
    }

    /// A label, with the raw row as it was scored; it waits for its mini-batch.
    @inline(__always) mutating func append(
        _ row: UnsafePointer<Double>, isPositive: Bool, weight: Double, at time: EventTime
    ) {
        if isPositive { encoding.observeFraud(row) }
        let place = regression.pendingCount
        if rawRows.rows == 0 {
            regression.append(
                row, count: foldedWeights.count, isPositive: isPositive, weight: weight, at: time,
                entriesFollow: encoding.isActive)
        } else {
            regression.append(
                row, count: 0, isPositive: isPositive, weight: weight, at: time, entriesFollow: encoding.isActive)
            if regression.pendingCount > place { rawRows.row(place).update(from: row, count: foldedWeights.count) }
        }
    }

    /// Learns the mini-batch, which is full. `fillClusters` makes a scaled row's inputs that come of clusters.
    @inline(__always) mutating func learnMiniBatch(
        _ scale: PublishedScale,
        _ fillClusters: (UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Void
    ) {
        if encoding.isActive { fillPendingEntries() }
        for index in 0..<regression.pendingCount {
            let inputs = regression.pendingInputs(index)
            let row = rawRows.rows == 0 ? inputs : rawRows.row(index)
            if dense == nil || takesClusters { scale.transform(row, into: row) }
            if let dense {
                for input in 0..<dense.count {
                    let value = row[dense[input]]
                    inputs[input] = takesClusters ? value : scale.scaled(value, column: dense[input])
                }
            }
            if takesClusters { fillClusters(row, inputs + denseCount) }
        }
        regression.learnMiniBatch()
        foldWeights(scale)
    }

    /// Sets the sparse entries of the raw rows that wait.
    private mutating func fillPendingEntries() {
        let count = regression.pendingCount
        withUnsafeTemporaryAllocation(of: UnsafePointer<Double>?.self, capacity: count) { rows in
            for index in 0..<count {
                rows[index] = UnsafePointer(rawRows.rows == 0 ? regression.pendingInputs(index) : rawRows.row(index))
            }
            encoding.tables.fill(UnsafeBufferPointer(rows), into: regression.pendingEntries)
        }
    }

    /// To be called whenever the weights or the published scale have changed.
    mutating func foldWeights(_ scale: PublishedScale) {
        let (weights, inverseDeviation) = (regression.answeringWeights, scale.inverseDeviation)
        let folded = foldedWeights.pointer
        if let dense {
            for (input, feature) in dense.enumerated() { folded[feature] = weights[input] * inverseDeviation[feature] }
        } else {
            for feature in 0..<foldedWeights.count { folded[feature] = weights[feature] * inverseDeviation[feature] }
        }
    }

    /// Forgets what was learned of clusters that were replaced.
    mutating func forgetClusters(_ places: [Int], _ scale: PublishedScale) {
        guard takesClusters else { return }
        for place in places { regression.resetInput(denseCount + place) }
        foldWeights(scale)
    }

    // MARK: answers

    /// The logit of a raw row from the dense features alone.
    @inline(__always) func denseLogit(of row: UnsafePointer<Double>, centre: UnsafePointer<Double>) -> Double {
        regression.intercept
            + RowKernel.centredDot(row, centre: centre, weights: foldedWeights.pointer, count: denseEnd)
    }

    /// The logit of a raw row, clusters left out.
    @inline(__always) func featureLogit(of row: UnsafePointer<Double>, centre: UnsafePointer<Double>) -> Double {
        let dense = denseLogit(of: row, centre: centre)
        return encoding.isActive ? dense + sparseLogit(of: row) : dense
    }

    /// The logits of `count` raw rows, clusters left out: what `featureLogit` gives for each, bit for bit.
    func featureLogits(
        of rows: UnsafeBufferPointer<UnsafePointer<Double>?>, centre: UnsafePointer<Double>,
        into logits: UnsafeMutablePointer<Double>
    ) {
        for index in 0..<rows.count {
            logits[index] = denseLogit(of: rows[index].unsafelyUnwrapped, centre: centre)
        }
        if encoding.isActive { addSparseLogits(of: rows, to: logits) }
    }

    @inline(never) private func addSparseLogits(
        of rows: UnsafeBufferPointer<UnsafePointer<Double>?>, to logits: UnsafeMutablePointer<Double>
    ) {
        let tables = encoding.tables
        let (weights, lag) = (regression.sparseWeights.pointer, regression.answering.lag.pointer)
        let scale = regression.answering.lag.count > 0 ? regression.answering.scale : 0
        let (count, numbers) = (rows.count, rows.count &* tables.activeCount)
        // The values, the sums, then the indices.
        withUnsafeTemporaryAllocation(
            of: Double.self, capacity: numbers &+ 2 &* count &+ (numbers &+ 2) / 2
        ) { scratch in
            let values = scratch.baseAddress.unsafelyUnwrapped
            let sums = values + numbers, lags = sums + count
            let indices = UnsafeMutableRawPointer(lags + count).bindMemory(to: Int32.self, capacity: numbers &+ 1)
            let entries = RowKernel.SparseRows(indices: indices, values: values, stride: count)
            tables.fill(rows, into: entries)
            guard scale != 0 else {
                RowKernel.sparseDots(entries, entries: tables.activeCount, count: count, weights: weights, into: sums)
                for row in 0..<count { logits[row] += sums[row] }
                return
            }
            RowKernel.sparseDots(
                entries, entries: tables.activeCount, count: count, weights: weights, others: lag, into: sums, lags)
            for row in 0..<count { logits[row] += sums[row] - scale * lags[row] }
        }
    }

    /// Closures take what they capture by copying it, so they capture no more than pointers.
    @inline(__always) private func sparseLogit(of row: UnsafePointer<Double>) -> Double {
        let tables = encoding.tables
        let (weights, lag) = (regression.sparseWeights.pointer, regression.answering.lag.pointer)
        let scale = regression.answering.lag.count > 0 ? regression.answering.scale : 0
        return tables.withEntries(of: row) { indices, values in
            let count = tables.activeCount
            guard scale != 0 else { return RowKernel.sparseDot(indices, values, count: count, weights: weights) }
            let (sum, lagging) = RowKernel.sparseDots(indices, values, count: count, weights: weights, others: lag)
            return sum - scale * lagging
        }
    }

    /// What the clusters add to the logit, from their inputs.
    @inline(__always) func clusterLogit(_ inputs: UnsafePointer<Double>, count: Int) -> Double {
        takesClusters ? RowKernel.dot(inputs, regression.answeringWeights + denseCount, count: count) : 0
    }

    // MARK: saved state

    func encode(into writer: inout ByteWriter) {
        encoding.encode(into: &writer)
        // They follow from the raw rows.
        regression.clearPendingEntries()
        regression.encode(into: &writer)
        if rawRows.rows > 0 { writer.encode(rawRows, rows: regression.pendingCount) }
    }

    /// Takes up what `encode` wrote for the same specification.
    mutating func decode(from reader: inout ByteReader, _ scale: PublishedScale) throws(StateCodingError) {
        try encoding.decode(from: &reader)
        regression = try LogisticRegression(
            decoding: &reader, inputCount: regression.inputCount, sparseCount: encoding.sparseCount,
            activeCount: regression.activeCount, specification: specification.regression)
        if rawRows.rows > 0 {
            try reader.decode(into: &rawRows, rows: regression.pendingCount, "classifier: rows waiting")
        }
        foldWeights(scale)
    }
}

/// The classifiers of a pipeline, in their own memory.
struct ClassifierList: ~Copyable, @unchecked Sendable {
    let count: Int
    /// Valid while the list lives.
    let pointer: UnsafeMutablePointer<Classifier>

    init(_ specifications: [ClassifierSpecification], clusterCount: Int, featureNames: [String]) {
        count = specifications.count
        pointer = .allocate(capacity: count)
        for (index, specification) in specifications.enumerated() {
            (pointer + index).initialize(
                to: Classifier(specification, clusterCount: clusterCount, featureNames: featureNames))
        }
    }

    deinit {
        pointer.deinitialize(count: count)
        pointer.deallocate()
    }
}

extension StreamingKMeans {
    /// The inputs that clusters give for a scaled row: distances divided by √columns, so that they are of the size of a
    /// scaled feature; without that they would drown the features in adaptive learners.
    func fillInputs(of scaled: UnsafePointer<Double>, into inputs: UnsafeMutablePointer<Double>) {
        squaredDistances(of: scaled, into: inputs)
        makeInputs(ofSquaredDistances: inputs)
    }

    @inline(__always) func makeInputs(ofSquaredDistances distances: UnsafeMutablePointer<Double>) {
        let count = centroids.rows
        let share = 1 / Double(columnCount)
        for cluster in 0..<count { distances[cluster] *= share }
        RowKernel.takeRoots(distances, count: count)
    }
}
