import EventModel
import LinearAlgebra

/// The weights that answer: those that learn, or a mean of them over the mini-batches; with the correction for negatives
/// that were left out, ln of the share that was learned, added to the intercept.
///
/// A mean over all steps would cost all sparse weights at each step. Instead m = w − scale·lag is kept: at step t, of
/// share γ, m ← m + γ(w − m) is scale ← (1 − γ)·scale, and only a weight that moved by Δ changes its own lag, by
/// Δ/(scale before).
@usableFromInline struct AnsweringWeights: ~Copyable, Sendable {
    let averaging: Averaging?
    let correction: Double
    /// One weight for each input, then the intercept with the correction.
    @usableFromInline var dense: Vector
    /// Empty without averaging.
    @usableFromInline var lag: Vector
    @usableFromInline var scale = 1.0
    /// Mini-batches averaged.
    var steps = 0

    /// What the current step counts; 1 while there is nothing to average.
    private var share = 1.0

    init(inputCount: Int, sparseCount: Int, averaging: Averaging?, correction: Double) {
        self.averaging = averaging
        self.correction = correction
        dense = Vector(count: inputCount + 1)
        lag = Vector(count: averaging == nil ? 0 : sparseCount)
    }

    /// Takes the latest weights as they are.
    mutating func take(_ weights: borrowing Vector) {
        dense.pointer.update(from: weights.pointer, count: weights.count)
        dense[weights.count - 1] += correction
    }

    /// Before the weights move.
    mutating func startStep(rowsBefore: Int, miniBatch: Int) {
        switch averaging {
        case nil: return
        case .all(let afterRows):
            guard rowsBefore >= afterRows else { return }
            steps &+= 1
            share = 1 / Double(steps)
        case .decayed(let halfLifeRows):
            steps &+= 1
            share = max(1 / Double(steps), 1 - power(2, -Double(miniBatch) / halfLifeRows))
        }
        // Long before the divisions by the scale overflow.
        guard scale < 0x1p-512 else { return }
        for index in 0..<lag.count { lag[index] *= scale }
        scale = 1
    }

    /// The lags of the sparse weights, to which the current step adds what each weight moves by, over the scale; nil where
    /// the latest weights answer.
    var movingLag: UnsafeMutablePointer<Double>? { share < 1 && lag.count > 0 ? lag.pointer : nil }

    /// After the weights have moved.
    mutating func endStep(_ weights: borrowing Vector) {
        guard share < 1 else { return take(weights) }
        scale *= 1 - share
        let last = weights.count - 1
        for index in 0..<last { dense[index] += share * (weights[index] - dense[index]) }
        dense[last] += share * (weights[last] + correction - dense[last])
    }

    /// An input was forgotten: a mean moves as the weights that learn did.
    mutating func reset(_ input: Int, before: [Double], _ weights: borrowing Vector) {
        guard averaging != nil else { return take(weights) }
        for index in 0..<weights.count { dense[index] += weights[index] - before[index] }
        dense[input] = 0
    }

    func encode(into writer: inout ByteWriter) {
        guard averaging != nil else { return }
        writer.encode(dense)
        writer.encode(lag)
        writer.encode(scale)
        writer.encode(steps)
    }

    /// The weights that learn must have been restored.
    mutating func decode(from reader: inout ByteReader, _ weights: borrowing Vector) throws(StateCodingError) {
        guard averaging != nil else { return take(weights) }
        try reader.decode(into: &dense, "logistic regression: mean weights")
        try reader.decode(into: &lag, "logistic regression: lags of the mean weights")
        scale = try reader.decodeDouble()
        steps = try reader.decodeCounter("logistic regression: mini-batches averaged", below: 1 << 56)
        guard scale > 0, scale <= 1 else { throw StateCodingError("logistic regression: a scale of \(scale)") }
    }
}
