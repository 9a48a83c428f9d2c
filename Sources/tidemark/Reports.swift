import Evaluation
import EventModel
import PipelineCore
import PipelineRuntime

extension Tally {
    var json: JSONValue {
        var members = [
            JSONMember("records", .number(records)), JSONMember("transactions", .number(transactions)),
            JSONMember("labels", .number(labels)), JSONMember("corrected_labels", .number(corrections)),
            JSONMember("commands", .number(commands)),
            JSONMember("events", .number(events)), JSONMember("ignored_events", .number(ignoredEvents)),
            JSONMember("table_changes", .number(changes)),
        ]
        for status in DecisionStatus.allCases {
            members.append(JSONMember(status.name, .number(decisions(status))))
        }
        let sides = SideReason.Output.allCases.map { output in
            let count = SideReason.allCases.filter { $0.output == output }.reduce(Int64(0)) { $0 + side($1) }
            return JSONMember(String(output.rawValue.dropLast(2)), .number(count))
        }
        members.append(JSONMember("side_outputs", .object(sides)))
        members.append(JSONMember("balanced", .bool(isBalanced)))
        return .object(members)
    }

    /// Where the records went, in a few lines.
    var text: String {
        var lines = [
            """
            \(grouped(records)) records: \(grouped(transactions)) transactions decided \
            (\(grouped(decisions(.late))) late, \(grouped(decisions(.tooLate))) too late, \
            \(grouped(decisions(.quarantined))) quarantined), \(grouped(labels)) labels, \(grouped(commands)) commands
            """
        ]
        if events + ignoredEvents > 0 {
            lines.append(
                "\(grouped(events)) events of other kinds, and \(grouped(ignoredEvents)) that the pipeline does not declare"
            )
        }
        if changes > 0 { lines.append("\(grouped(changes)) changes of reference tables") }
        for reason in SideReason.allCases where side(reason) > 0 {
            lines.append("\(grouped(side(reason))) in \(reason.output.rawValue): \(reason.text)")
        }
        if !isBalanced { lines.append("the counts do not add up: this is a defect of the program") }
        return lines.joined(separator: "\n")
    }
}

extension EvaluationView {
    func json(withDays: Bool) -> JSONValue {
        var members = [
            JSONMember("transactions", .number(rowCount)), JSONMember("frauds", .number(fraudCount)),
            JSONMember("mean_daily_average_precision", .optional(meanDailyAveragePrecision)),
            JSONMember("average_precision", .optional(pooledAveragePrecision)),
            JSONMember("auc_roc", .optional(areaUnderROC)), JSONMember("log_loss", .optional(logLoss)),
            JSONMember("brier_score", .optional(brierScore)),
            JSONMember("card_precision", .optional(cardPrecision)),
            JSONMember("card_precision_of_an_oracle", .optional(oracleCardPrecision)),
        ]
        if withDays {
            members.append(
                JSONMember(
                    "days",
                    .array(
                        days.map { day in
                            .object([
                                JSONMember("day", .string(dateText(day.day))),
                                JSONMember("transactions", .number(day.rowCount)),
                                JSONMember("frauds", .number(day.fraudCount)),
                                JSONMember("average_precision", .optional(day.averagePrecision)),
                                JSONMember("auc_roc", .optional(day.areaUnderROC)),
                                JSONMember("log_loss", .optional(day.logLoss)),
                                JSONMember("card_precision", .number(day.cardPrecision)),
                            ])
                        })))
        }
        return .object(members)
    }

    func row(_ name: String) -> String {
        let columns = [
            meanDailyAveragePrecision, pooledAveragePrecision, areaUnderROC, logLoss, cardPrecision,
        ]
        let numbers = columns.map { value in leftPadded(value.map { fixed($0, 4) } ?? "-", 10) }.joined()
        return padded(name, 26) + leftPadded(grouped(rowCount), 11) + leftPadded(grouped(fraudCount), 8) + numbers
    }

    static let heading =
        padded("", 26) + leftPadded("rows", 11) + leftPadded("frauds", 8)
        + ["daily AP", "AP", "AUC", "log-loss", "CP@k"].map { leftPadded($0, 10) }.joined()
}

extension PipelineEvaluation {
    func json(withDays: Bool) -> JSONValue {
        var members: [JSONMember] = [
            JSONMember("first_day", .string(dateText(Int32(report.evaluationProtocol.firstDay)))),
            JSONMember("last_day", .string(dateText(Int32(report.evaluationProtocol.lastDay)))),
            JSONMember("decisions", .number(decisionCount)), JSONMember("labelled", .number(labelledCount)),
        ]
        if let filtered = report.filtered { members.append(JSONMember("filtered", filtered.json(withDays: withDays))) }
        members.append(JSONMember("unfiltered", report.unfiltered.json(withDays: withDays)))
        if let baseline { members.append(JSONMember("baseline", baseline.unfiltered.json(withDays: false))) }
        return .object(members)
    }

    /// A table: the model with and without known compromised cards, and the baseline.
    var text: String {
        var lines = [
            """
            \(dateText(Int32(report.evaluationProtocol.firstDay))) to \
            \(dateText(Int32(report.evaluationProtocol.lastDay))), k = \(report.evaluationProtocol.cardsPerDay)
            """,
            EvaluationView.heading,
        ]
        if let filtered = report.filtered { lines.append(filtered.row("known cards left out")) }
        lines.append(report.unfiltered.row("all transactions"))
        if let baseline { lines.append(baseline.unfiltered.row("all, ranked by amount")) }
        return lines.joined(separator: "\n")
    }
}

func dateText(_ day: Int32) -> String { EventTime(milliseconds: Int64(day) * 86_400_000).dateDescription }

func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}

func leftPadded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}
