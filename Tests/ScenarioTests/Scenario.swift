import EventModel
import Foundation
import LogStorage
import ModelExchange
import OnlineLearning
import PipelineCore
import PipelineRuntime
import Platform
import Simulation
import TestSupport

/// Simulated card transactions, with frauds enough to learn from.
struct CardTable {
    let rows: [SimulatedTransaction]
    private static let start = CardFraudOptions().startTime

    init(customers: Int = 60, days: Int = 40, seed: UInt64 = 1) throws {
        var options = CardFraudOptions()
        options.seed = seed
        options.customerCount = customers
        options.terminalCount = 100
        options.radius = 20
        options.compromisedTerminalsPerDay = 1
        options.compromisedCustomersPerDay = 1
        var simulation = try CardFraudSimulation(options)
        var rows: [SimulatedTransaction] = []
        for _ in 0..<days { simulation.appendNextDay(to: &rows) }
        self.rows = rows
    }

    static func csv(_ rows: some Sequence<SimulatedTransaction>) -> [UInt8] {
        var writer = ByteWriter()
        var csv = HandbookCSV(startTime: start)
        csv.appendHeader(to: &writer)
        for row in rows { csv.append(row, to: &writer) }
        return writer.array
    }

    static func json(_ row: SimulatedTransaction) -> String {
        """
        {"TRANSACTION_ID": \(row.id), "TX_DATETIME": "\(row.time)", "CUSTOMER_ID": \(row.customer), \
        "TERMINAL_ID": \(row.terminal), "TX_AMOUNT": \(decimalDescription(row.amount, scale: 2))}
        """
    }
}

/// The shipped card-fraud pipeline, and a log of its own in a temporary directory.
final class Scenario {
    let directory: TemporaryDirectory
    let log: LogDirectory
    let fileSystem = PosixFileSystem()
    let text: String
    var specification: PipelineSpecification

    init() throws {
        directory = try TemporaryDirectory()
        log = LogDirectory("\(directory.path)/log")
        let file = repositoryFile("models/card-fraud.yaml")
        text = String(decoding: try fileSystem.read(file), as: UTF8.self)
        specification = try PipelineSpecification(yaml: text, file: "card-fraud.yaml")
        // Small data: let the models change often.
        specification.model.scaler.refresh = 256
        specification.model.kMeans?.clusters = 4
        specification.model.kMeans?.startRows = 300
        specification.model.clustersAsInputs = true
        specification.model.classifier.miniBatch = 16
    }

    /// Bins and crosses, and two classifiers that learn from different sources; labels of the table are chargebacks.
    func declareSeveralClassifiers(blend: BlendSpecification.Space? = .logit, frozenAfter: Int = 700) {
        var encoding = EncodingSpecification()
        encoding.bins = [
            BinnedFeatures(nil, shape: BinShape(count: 6, tailRows: 5)),
            BinnedFeatures(["TX_AMOUNT"], shape: BinShape(count: 9, tail: .both), encoding: .piecewiseLinear),
        ]
        encoding.crosses = [
            Cross(["TX_AMOUNT", "TERMINAL_ID_RISK_7DAY_WINDOW"], shape: BinShape(steps: 1)),
            Cross(["TX_AMOUNT", "CUSTOMER_ID_NB_TX_1DAY_WINDOW"], buckets: 64),
        ]
        encoding.binsFrozenAfter = frozenAfter
        specification.input.label?.source = "chargeback"
        specification.input.labelSources = ["chargeback", "analyst"]
        specification.model.classifiers[0].name = "slow"
        specification.model.classifiers[0].labelSources = ["chargeback"]
        specification.model.classifiers[0].encoding = encoding
        var fast = ClassifierSpecification()
        fast.name = "fast"
        fast.regression.miniBatch = 1
        fast.encoding.dense = .only(["TX_AMOUNT", "TX_DURING_NIGHT"])
        fast.encoding.crosses = [Cross(["TX_DURING_NIGHT", "TX_DURING_WEEKEND"], buckets: 8)]
        specification.model.classifiers.append(fast)
        specification.model.blend = blend.map {
            BlendSpecification([.init("slow", weight: 0.75), .init("fast", weight: 0.25)], space: $0)
        }
    }

    @discardableResult func importTable(
        _ csv: [UInt8], input: InputSpecification? = nil, flushLabels: Bool = false
    ) throws -> Importer.Report {
        let file = try directory.write(csv, to: "table.csv")
        return try Importer(log: log, input: input ?? specification.input, fileSystem: fileSystem)
            .importTable(
                from: InputStream(path: file, fileSystem: fileSystem), name: "table.csv", flushLabels: flushLabels)
    }

    func open(
        block: Int = 4096, threads: Int = 1, checkpointEvery: Int = 4_000_000, fresh: Bool = false
    ) throws -> PipelineRun {
        var options = PipelineRun.Options()
        options.blockRecords = block
        options.threads = threads
        options.recordsPerCheckpoint = checkpointEvery
        options.fresh = fresh
        return try PipelineRun(
            log: log, specification: specification, text: text, options: options, fileSystem: fileSystem,
            document: ModelDocument.make)
    }

    /// All that a finished run leaves behind; runs are equal when these are.
    struct Result: Equatable {
        var digest: String
        var tally: Tally
        var decisions: [RecordedDecision]
        /// Key and value of each record of the other outputs.
        var others: [String: [StoredRecord]]
    }

    func result(_ run: PipelineRun) throws -> Result {
        var others: [String: [StoredRecord]] = [:]
        for topic in ["alerts-0", "late-0", "quarantine-0", "duplicates-0"] {
            others[topic] = try records(log.topic(topic, of: specification.name))
        }
        return Result(
            digest: run.digest.description, tally: run.tally, decisions: try decisions(), others: others)
    }

    /// A replay from the start of the log.
    func fresh(block: Int = 4096, threads: Int = 1) throws -> Result {
        let run = try open(block: block, threads: threads, fresh: true)
        try run.run()
        return try result(run)
    }

    func decisions() throws -> [RecordedDecision] {
        let reader = try DecisionLog(log, pipeline: specification.name, fileSystem: fileSystem)
        var decisions: [RecordedDecision] = []
        while let decision = try reader.next() { decisions.append(decision) }
        return decisions
    }

    struct StoredRecord: Hashable {
        var offset: Offset
        var timestamp: EventTime
        var key: [UInt8]
        var value: [UInt8]

        var keyText: String { String(decoding: key, as: UTF8.self) }
        var text: String { String(decoding: value, as: UTF8.self) }
    }

    func records(_ topic: String) throws -> [StoredRecord] {
        let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
        let cursor = try reader.cursor(from: reader.startOffset)
        var stored: [StoredRecord] = []
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() {
                stored.append(
                    StoredRecord(
                        offset: record.offset, timestamp: record.timestamp, key: record.key.map(Array.init) ?? [],
                        value: Array(record.value)))
            }
        }
        return stored
    }

    /// Where the transactions of the input stand.
    func transactionOffsets() throws -> [Offset] {
        let schemas = try SchemaRegistry(log, fileSystem: fileSystem)
        return try records(log.input).filter { record in
            record.value.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                return reader.readEnvelope().flatMap { schemas.schema($0) }?.name == "Transaction"
            }
        }
        .map(\.offset)
    }
}
