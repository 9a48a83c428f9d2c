/// How the scores of frauds rank among all scores: all that average precision and the area under the ROC curve need.
///
/// Only the frauds' scores are sorted; each other score is then counted into the gap where it falls. Both results are
/// exact with ties: counts are integers, and equal scores stand together.
public struct ScoreRanking: Sendable {
    /// The rows at one distinct score of a fraud, and the legitimate rows just above it.
    private struct Step {
        var score: Double
        var frauds = 0
        var legitimateTied = 0
        /// Below the next higher step's score, above this one's.
        var legitimateAbove = 0
    }
    /// Ascending by score.
    private var steps: [Step] = []
    public let fraudCount: Int
    public let legitimateCount: Int

    /// - Parameters:
    ///   - frauds: the frauds' scores, in any order; not NaN.
    ///   - legitimate: all other scores, in any order; not NaN.
    /// - Complexity: O((frauds + legitimate) · log frauds).
    public init(frauds: [Double], legitimate: [Double]) {
        fraudCount = frauds.count
        legitimateCount = legitimate.count
        for score in frauds.sorted() {
            if steps.last?.score != score { steps.append(Step(score: score)) }
            steps[steps.count - 1].frauds += 1
        }
        let scores = steps.map(\.score)
        for score in legitimate { count(legitimate: score, among: scores) }
    }

    /// Counts one legitimate score into the step at it or below it; below all frauds it ranks last and is not needed.
    @inline(__always) private mutating func count(legitimate score: Double, among scores: [Double]) {
        var start = 0
        var length = scores.count
        while length > 0 {
            let half = length / 2
            let isAbove = scores[start + half] <= score
            start = isAbove ? start + half + 1 : start
            length = isAbove ? length - half - 1 : half
        }
        if start == 0 { return }
        if scores[start - 1] == score {
            steps[start - 1].legitimateTied += 1
        } else {
            steps[start - 1].legitimateAbove += 1
        }
    }

    /// Average precision, step-wise: Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores from the highest down, as scikit-learn
    /// computes it; nil without frauds.
    public var averagePrecision: Double? {
        if fraudCount == 0 { return nil }
        var sum = 0.0
        var frauds = 0
        var rows = 0
        for step in steps.reversed() {
            frauds += step.frauds
            rows += step.legitimateAbove + step.frauds + step.legitimateTied
            sum += Double(step.frauds) * (Double(frauds) / Double(rows))
        }
        return sum / Double(fraudCount)
    }

    /// The area under the ROC curve: the chance that a fraud scores higher than a legitimate transaction, ties counting
    /// half; nil unless there are both.
    public var areaUnderROC: Double? {
        if fraudCount == 0 || legitimateCount == 0 { return nil }
        var halves = 0
        var legitimateAtOrAbove = 0
        for step in steps.reversed() {
            legitimateAtOrAbove += step.legitimateAbove + step.legitimateTied
            halves += step.frauds * (2 * (legitimateCount - legitimateAtOrAbove) + step.legitimateTied)
        }
        return Double(halves) / 2 / Double(fraudCount) / Double(legitimateCount)
    }
}
