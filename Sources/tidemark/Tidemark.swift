import ArgumentParser
import PipelineRuntime
import Platform

@main
struct Tidemark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tidemark",
        abstract:
            "Online machine learning for fraud detection: one log, exact features, models that learn as labels arrive.",
        discussion: """
            Bring a table into a log, train by replaying it, score what comes live, export the models:

              tidemark import transactions.csv --pipeline models/card-fraud.yaml --log mylog
              tidemark train --pipeline models/card-fraud.yaml --log mylog
              tidemark score --pipeline models/card-fraud.yaml --log mylog < live.ndjson
              tidemark export --log mylog --output model.json

            What a replay learns is, bit for bit, what was learned live. 'tidemark demo' shows all of it in a minute.
            """,
        version: Program.version,
        subcommands: [
            DemoCommand.self, GenerateCommand.self, ImportCommand.self, TrainCommand.self, ScoreCommand.self,
            FeaturesCommand.self, StateCommand.self, EvaluateCommand.self, ExportCommand.self, LogCommand.self,
            BenchCommand.self,
        ])

    static func main() {
        ProcessResources.preferLargePages()
        main(nil)
    }
}
