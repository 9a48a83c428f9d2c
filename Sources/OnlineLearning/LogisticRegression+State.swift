import EventModel
import LinearAlgebra

extension LogisticRegression: LearnedState {
    public func encode(into writer: inout ByteWriter) {
        writer.encode(inputCount)
        writer.encode(sparseCount)
        writer.encode(activeCount)
        writer.encode(specification.miniBatch)
        writer.encode(seenCount)
        writer.encode(learnedCount)
        writer.encode(learnedPositives)
        writer.encode(learnedMiniBatches)
        clock.encode(into: &writer)
        writer.encode(weights)
        writer.encode(sparseWeights)
        memory.encode(into: &writer)
        sparseMemory.encode(into: &writer)
        writer.encode(curvature.lowerTriangle)
        writer.encode(curvature.unsolved)
        answering.encode(into: &writer)
        writer.encode(pendingCount)
        writer.encode(miniBatch, rows: pendingCount)
        for row in 0..<pendingCount {
            for entry in 0..<activeCount {
                let index = Int64(activeIndices.row(entry)[row])
                writer.encode(index < sparseCount ? index : -1)
            }
        }
        var values = Matrix(rows: pendingCount, columns: activeCount)
        for row in 0..<pendingCount {
            for entry in 0..<activeCount { values[row, entry] = activeValues[entry, row] }
        }
        writer.encode(values, rows: pendingCount)
        for row in 0..<pendingCount {
            writer.encode(labels[row] == 1)
            writer.encode(rowWeights[row])
        }
    }

    /// Restores what `encode` wrote, under the same specification.
    public init(
        decoding reader: inout ByteReader, inputCount: Int, sparseCount: Int = 0, activeCount: Int = 0,
        specification: LogisticRegressionSpecification
    ) throws(StateCodingError) {
        self.init(
            inputCount: inputCount, sparseCount: sparseCount, activeCount: activeCount, specification: specification)
        try reader.expect(inputCount, "logistic regression: number of inputs")
        try reader.expect(sparseCount, "logistic regression: number of sparse weights")
        try reader.expect(activeCount, "logistic regression: sparse entries of a row")
        try reader.expect(specification.miniBatch, "logistic regression: mini-batch")
        seenCount = try reader.decodeCounter("logistic regression: labels seen", below: 1 << 56)
        learnedCount = try reader.decodeCounter("logistic regression: labels learned", below: seenCount + 1)
        learnedPositives = try reader.decodeCounter("logistic regression: positives", below: learnedCount + 1)
        learnedMiniBatches = try reader.decodeCounter("logistic regression: mini-batches", below: learnedCount + 1)
        clock = try LearningClock(decoding: &reader, "logistic regression")
        try reader.decode(into: &weights, "logistic regression: weights")
        try reader.decode(into: &sparseWeights, "logistic regression: sparse weights")
        try memory.decode(&reader)
        try sparseMemory.decode(&reader)
        try curvature.decode(&reader)
        try answering.decode(from: &reader, weights)
        pendingCount = try reader.decodeCounter("logistic regression: rows waiting", below: specification.miniBatch)
        try reader.decode(into: &miniBatch, rows: pendingCount, "logistic regression: rows waiting")
        for entry in 0..<pendingCount * activeCount {
            let index = try reader.decodeInt()
            guard (-1..<sparseCount).contains(index) else {
                throw StateCodingError("logistic regression: sparse weight \(index) of \(sparseCount) is active")
            }
            setEntry(entry % activeCount, ofRow: entry / activeCount, Int32(index), 0)
        }
        var values = Matrix(rows: pendingCount, columns: activeCount)
        try reader.decode(into: &values, rows: pendingCount, "logistic regression: sparse values waiting")
        for row in 0..<pendingCount {
            for entry in 0..<activeCount { activeValues[entry, row] = values[row, entry] }
        }
        for row in 0..<pendingCount {
            let isPositive = try reader.decodeBool()
            labels[row] = isPositive ? 1 : 0
            if isPositive { pendingPositives += 1 }
            rowWeights[row] = try reader.decodeDouble()
        }
    }
}

extension WeightMemory {
    fileprivate func encode(into writer: inout ByteWriter) {
        writer.encode(first)
        writer.encode(second)
    }

    fileprivate mutating func decode(_ reader: inout ByteReader) throws(StateCodingError) {
        try reader.decode(into: &first, "logistic regression: the learner's memory")
        try reader.decode(into: &second, "logistic regression: the learner's memory")
    }
}

extension Curvature {
    fileprivate mutating func decode(_ reader: inout ByteReader) throws(StateCodingError) {
        let triangle = try reader.decodeDoubles()
        let expected = precision.rows * (precision.rows + 1) / 2
        guard triangle.count == expected else {
            throw StateCodingError(
                "second-order learner: \(triangle.count) numbers are saved, the specification needs \(expected); "
                    + "use the specification that the state was saved with")
        }
        var next = 0
        for row in 0..<precision.rows {
            for column in 0...row {
                precision[row, column] = triangle[next]
                next += 1
            }
        }
        unsolved = try reader.decodeCounter("second-order learner: unsolved mini-batches")
    }
}
