#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Log-loss and Brier score, added up row by row; both are nil once a score was no probability, or without rows.
public struct ProbabilityLoss: Sendable {
    private var logLossSum = 0.0
    private var squareSum = 0.0
    private var count = 0
    private var areProbabilities = true

    public init() {}

    /// - Parameter score: a probability of fraud; the log-loss clips it to 10⁻¹⁵ ... 1 − 10⁻¹⁵.
    public mutating func add(score: Double, isFraud: Bool) {
        guard score >= 0 && score <= 1 else {
            areProbabilities = false
            return
        }
        let clipped = min(max(score, 1e-15), 1 - 1e-15)
        logLossSum -= isFraud ? log(clipped) : log1p(-clipped)
        let error = isFraud ? 1 - score : score
        squareSum += error * error
        count += 1
    }

    public mutating func add(_ other: ProbabilityLoss) {
        logLossSum += other.logLossSum
        squareSum += other.squareSum
        count += other.count
        areProbabilities = areProbabilities && other.areProbabilities
    }

    /// The mean negative logarithm of the probability given to what happened.
    public var logLoss: Double? { mean(logLossSum) }

    /// The mean squared difference of the probability from what happened.
    public var brierScore: Double? { mean(squareSum) }

    private func mean(_ sum: Double) -> Double? { areProbabilities && count > 0 ? sum / Double(count) : nil }
}
