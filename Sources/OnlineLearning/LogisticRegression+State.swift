import EventModel
import LinearAlgebra

extension LogisticRegression: LearnedState {
    public func encode(into writer: inout ByteWriter) {
        writer.encode(inputCount)
        writer.encode(specification.miniBatch)
        writer.encode(learnedCount)
        writer.encode(learnedPositives)
        writer.encode(weights)
        writer.encode(squaredGradients)
        writer.encode(curvature.lowerTriangle)
        writer.encode(curvature.unsolved)
        writer.encode(pendingCount)
        writer.encode(miniBatch, rows: pendingCount)
        for row in 0..<pendingCount {
            writer.encode(labels[row] == 1)
            writer.encode(rowWeights[row])
        }
    }

    /// Restores what `encode` wrote, under the same specification.
    public init(
        decoding reader: inout ByteReader, inputCount: Int, specification: LogisticRegressionSpecification
    ) throws(StateCodingError) {
        self.init(inputCount: inputCount, specification: specification)
        try reader.expect(inputCount, "logistic regression: number of inputs")
        try reader.expect(specification.miniBatch, "logistic regression: mini-batch")
        learnedCount = try reader.decodeCounter("logistic regression: labels learned", below: 1 << 56)
        learnedPositives = try reader.decodeCounter("logistic regression: positives", below: learnedCount + 1)
        try reader.decode(into: &weights, "logistic regression: weights")
        try reader.decode(into: &squaredGradients, "logistic regression: squared gradients")
        try curvature.decode(&reader)
        pendingCount = try reader.decodeCounter("logistic regression: rows waiting", below: specification.miniBatch)
        try reader.decode(into: &miniBatch, rows: pendingCount, "logistic regression: rows waiting")
        for row in 0..<pendingCount {
            let isPositive = try reader.decodeBool()
            labels[row] = isPositive ? 1 : 0
            if isPositive { pendingPositives += 1 }
            rowWeights[row] = try reader.decodeDouble()
        }
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
