/// What an evaluation found, with and without the transactions of customers known to be compromised.
public struct EvaluationReport: Hashable, Sendable {
    /// How it was evaluated.
    public var evaluationProtocol: EvaluationProtocol
    /// Without the customers known to be compromised; nil when the protocol does not filter.
    public var filtered: EvaluationView?
    /// All transactions of the test days.
    public var unfiltered: EvaluationView
}

/// The metrics of one view of the test days. A metric that does not exist is nil: average precision without frauds,
/// the area under the ROC curve with one class only, log-loss and Brier score unless all scores are probabilities.
public struct EvaluationView: Hashable, Sendable {
    public var rowCount = 0
    public var fraudCount = 0
    /// The mean of the days' average precisions, over the days that have frauds.
    public var meanDailyAveragePrecision: Double?
    /// Of all rows ranked together.
    public var pooledAveragePrecision: Double?
    /// Pooled.
    public var areaUnderROC: Double?
    public var logLoss: Double?
    public var brierScore: Double?
    /// Card precision@k, the mean over the days that have rows; nil when none has.
    public var cardPrecision: Double?
    /// What card precision a perfect ranking reaches.
    public var oracleCardPrecision: Double?
    /// The days that have rows, in order.
    public var days: [DailyMetrics] = []
}

/// The metrics of one test day.
public struct DailyMetrics: Hashable, Sendable {
    /// Days since 1970-01-01.
    public var day: Int32
    public var rowCount: Int
    public var fraudCount: Int
    public var averagePrecision: Double?
    public var areaUnderROC: Double?
    public var logLoss: Double?
    public var brierScore: Double?
    public var cardPrecision: Double
    public var oracleCardPrecision: Double
}
