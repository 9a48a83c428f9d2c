import Evaluation

/// The metrics by their definitions, slowly.
enum Naive {
    /// Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores from the highest down.
    static func averagePrecision(_ frauds: [Double], _ legitimate: [Double]) -> Double? {
        if frauds.isEmpty { return nil }
        var sum = 0.0
        var recallBefore = 0.0
        for threshold in Set(frauds + legitimate).sorted(by: >) {
            let found = Double(frauds.filter { $0 >= threshold }.count)
            let alarms = found + Double(legitimate.filter { $0 >= threshold }.count)
            let recall = found / Double(frauds.count)
            sum += (recall - recallBefore) * found / alarms
            recallBefore = recall
        }
        return sum
    }

    static func areaUnderROC(_ frauds: [Double], _ legitimate: [Double]) -> Double? {
        if frauds.isEmpty || legitimate.isEmpty { return nil }
        var sum = 0.0
        for fraud in frauds {
            for other in legitimate { sum += fraud > other ? 1 : fraud == other ? 0.5 : 0 }
        }
        return sum / Double(frauds.count) / Double(legitimate.count)
    }

    /// Card precision@k of each day that has rows.
    static func cardPrecision(_ rows: [EvaluationRow], _ scheme: EvaluationProtocol) -> [Int32: Double] {
        var result: [Int32: Double] = [:]
        var detected = Set<Int32>()
        for day in scheme.firstDay...scheme.lastDay {
            if (Int(day) - Int(scheme.firstDay)) % scheme.blockDays == 0 { detected = [] }
            let ofDay = rows.filter { $0.day == day }
            if ofDay.isEmpty { continue }
            let cards = Dictionary(grouping: ofDay.filter { !detected.contains($0.card) }, by: \.card)
            let ranked = cards.map { card, rows in
                (score: rows.map(\.score).max() ?? 0, card: card, isCompromised: rows.contains(where: \.isFraud))
            }
            let top = ranked.sorted { ($1.score, $0.card) < ($0.score, $1.card) }.prefix(scheme.cardsPerDay)
            let hits = top.filter(\.isCompromised).map(\.card)
            detected.formUnion(hits)
            result[day] = Double(hits.count) / Double(scheme.cardsPerDay)
        }
        return result
    }

    static func filtered(_ rows: [EvaluationRow], _ scheme: EvaluationProtocol) -> [EvaluationRow] {
        rows.filter { row in
            guard (scheme.firstDay...scheme.lastDay).contains(row.day) else { return false }
            let block = (Int(row.day) - Int(scheme.firstDay)) / scheme.blockDays
            let trainStart = Int(scheme.firstDay) + block * scheme.blockDays - scheme.trainingDays
            return !rows.contains {
                $0.isFraud && $0.card == row.card && Int($0.day) >= trainStart
                    && Int($0.day) <= Int(row.day) - scheme.labelDelayDays - 1
            }
        }
    }
}

func isClose(_ a: Double?, _ b: Double?) -> Bool {
    guard let a, let b else { return a == nil && b == nil }
    return abs(a - b) < 1e-12
}
