import EventModel
import LogStorage
import PipelineCore
import Platform

/// Scores a live stream: each line of input gets a line of JSON, in order, as soon as it is decided.
///
/// Lines that come together are handled together: they are appended to the input log as one batch and synced, and only
/// then decided and answered. So an answer is never given for what the log does not hold, and a replay gives the same.
public final class ScoringSession {
    public enum Format: String, Sendable, CaseIterable {
        case ndjson, csv
    }

    public let run: PipelineRun
    private let format: Format
    private let clock: any Clock
    private let writer: TopicWriter
    private let malformed: MalformedLog
    private let tables: TableTopics
    private var hasNewChanges = false
    private let labelSchema: SchemaID
    private let commandSchema: SchemaID
    private var transactionSchema: SchemaID?
    private var eventSchemas: [String: SchemaID] = [:]
    private var changeSchemas: [String: (schema: SchemaID, key: TableKeyReader)] = [:]
    private var lines = LineReader()
    private var ndjson: NDJSONParser
    private var table = CSVRowReader()
    private var tableParser: TableParserBox?
    /// Live records between two checkpoints, so that little is to be gone through again after a kill.
    private static let recordsPerCheckpoint = 200_000
    private var sinceCheckpoint = 0
    private var batch = RecordBatchBuilder()
    private var value = ByteWriter()
    private var pending: [Answer] = []
    /// Lines answered, malformed ones among them.
    public private(set) var lineCount: Int64 = 0
    public private(set) var malformedCount: Int64 = 0
    /// Labels inside transactions, which scoring does not use: a label is known from its own line on.
    public private(set) var ignoredLabels: Int64 = 0

    private final class TableParserBox {
        var parser: TransactionParser

        init(_ parser: consuming TransactionParser) {
            self.parser = parser
        }
    }

    /// What a line is answered by: the result of a record, or an error.
    private enum Answer {
        case transaction(Offset, TransactionID)
        case event(Offset, kind: String)
        case change(Offset, table: String)
        case label(Offset, TransactionID)
        case heartbeat(Offset)
        case malformed(MalformedRow)
    }

    /// - Parameter run: a pipeline that has gone through the log up to its end.
    public init(
        run: PipelineRun, format: Format, clock: any Clock, fileSystem: any FileSystem
    ) throws(RuntimeError) {
        self.run = run
        self.format = format
        self.clock = clock
        let input = run.specification.input
        do throws(LogError) {
            writer = try TopicWriter(
                directory: run.log.input, fileSystem: fileSystem,
                options: TopicOptions(segmentBytes: run.options.segmentBytes))
            labelSchema = try run.schemas.register(.label(idType: input.idType))
            commandSchema = try run.schemas.register(.command)
        } catch { throw .log(error) }
        malformed = MalformedLog(MalformedTopic(run.log, fileSystem: fileSystem), source: "standard input")
        tables = TableTopics(run.log, fileSystem: fileSystem)
        try malformed.begin("stream@\(writer.endOffset)", isReadAgain: false)
        do throws(ImportError) { ndjson = try NDJSONParser(input) } catch { throw .importing(error, source: "input") }
        run.explainsEveryDecision = true
    }

    /// Takes bytes of input and gives the answers to all lines that are whole.
    public func take(_ bytes: UnsafeRawBufferPointer, answer: (JSONValue) throws -> Void) throws {
        if format == .ndjson { lines.append(bytes) } else { table.append(bytes) }
        try process(answer)
    }

    /// Makes the outputs so far durable, so that those who follow them see them. Answers do not wait for that.
    public func settle() throws(RuntimeError) {
        try run.syncOutputs()
        if hasNewChanges { try tables.follow() }
        hasNewChanges = false
    }

    /// Takes the end of the input: answers its last line, then writes a checkpoint.
    public func finish(answer: (JSONValue) throws -> Void) throws {
        if format == .ndjson { lines.finish() } else { table.finish() }
        try process(answer)
        try stop()
    }

    /// Writes a checkpoint where the input has not ended: what has come of the next line is left, since half of it could
    /// be taken for another.
    public func stop() throws {
        try run.run()
        try malformed.close()
        try writer.close()
        try tables.follow()
        try tables.close()
    }

    private func process(_ answer: (JSONValue) throws -> Void) throws {
        var isMore = true
        while isMore {
            isMore = false
            while pending.count < 4096 {
                guard try format == .ndjson ? takeLine() : takeRow() else { break }
                isMore = pending.count >= 4096
            }
            if let headerFailure { throw headerFailure }
            guard !pending.isEmpty else { return }
            try decide(answer)
        }
    }

    // MARK: lines in

    private func takeLine() throws -> Bool {
        do throws(MalformedRow) {
            guard let line = try lines.next() else { return false }
            try append(try ndjson.parse(line), line: line.number, byteOffset: line.byteOffset)
        } catch { pending.append(.malformed(error)) }
        return true
    }

    private func takeRow() throws -> Bool {
        do throws(MalformedRow) {
            guard let row = try table.next() else { return false }
            guard let box = tableParser else {
                startTable(row)
                return true
            }
            guard row.isTerminated else {
                throw MalformedRow(line: row.line, byteOffset: row.byteOffset, reason: .unterminated)
            }
            let parsed = try box.parser.parse(row)
            try append(.transaction(parsed), line: row.line, byteOffset: row.byteOffset)
        } catch {
            guard tableParser != nil else { throw RuntimeError.usage("the header is malformed: \(error)") }
            pending.append(.malformed(error))
        }
        return true
    }

    private var headerFailure: RuntimeError?

    private func startTable(_ row: CSVRow) {
        let names = row.strings ?? []
        do throws(ImportError) {
            let parser = try TransactionParser(run.specification.input, header: names, requiringLabels: false)
            tableParser = TableParserBox(parser)
        } catch { headerFailure = .importing(error, source: "the header") }
    }

    private func append(_ record: NDJSONRecord, line: Int, byteOffset: Int) throws(MalformedRow) {
        let now = EventTime(milliseconds: clock.processingTimeMilliseconds)
        let offset = writer.endOffset.advanced(by: batch.count)
        value.removeAll()
        switch record {
        case .transaction(let row):
            if row.label != nil { ignoredLabels += 1 }
            let schema = schemaOfTransactions()
            value.append(row, schema: schema, arrivalTime: now)
            batch.append(timestamp: row.eventTime, value: value.bytes)
            pending.append(.transaction(offset, row.id))
        case .event(let kind, let row):
            value.append(row, schema: schemaOfEvents(kind), arrivalTime: now)
            batch.append(timestamp: row.eventTime, value: value.bytes)
            pending.append(.event(offset, kind: kind))
        case .change(let change): append(change, now)
        case .label(let label):
            value.appendEnvelope(labelSchema)
            value.appendAvro(
                Label(
                    transactionID: label.id, isPositive: label.isPositive,
                    source: label.source ?? run.specification.input.label?.source ?? "stream"))
            batch.append(timestamp: label.time ?? now, value: value.bytes)
            pending.append(.label(offset, label.id))
        case .heartbeat(let time):
            guard time <= now else {
                throw MalformedRow(
                    line: line, byteOffset: byteOffset,
                    reason: .field(column: "event_time", .aheadOfArrival, value: time.description))
            }
            value.appendEnvelope(commandSchema)
            value.appendAvro("heartbeat")
            batch.append(timestamp: time, value: value.bytes)
            pending.append(.heartbeat(offset))
        }
    }

    /// A change that does not say since when holds from now on.
    private func append(_ change: ParsedChange, _ now: EventTime) {
        let offset = writer.endOffset.advanced(by: batch.count)
        guard let known = schemaOfChanges(change.table) else { return }
        var row = change.row
        if !change.hasTime { row.eventTime = now }
        value.append(row, schema: known.schema, arrivalTime: now)
        Array(known.key.key(of: row.body).utf8).withUnsafeBytes {
            batch.append(timestamp: row.eventTime, key: $0, value: value.bytes)
        }
        pending.append(.change(offset, table: change.table))
        hasNewChanges = true
    }

    private func schemaOfChanges(_ table: String) -> (schema: SchemaID, key: TableKeyReader)? {
        if let known = changeSchemas[table] { return known }
        guard let specification = run.specification.input.tables.first(where: { $0.name == table }),
            let schema = ndjson.schema(ofTable: table),
            let key = TableKeyReader(
                ImportStream(schema: schema, keyIndices: specification.keyIndices.map { $0 + 2 }, rank: 0))
        else { return nil }
        let known = (schema: register(schema), key: key)
        changeSchemas[table] = known
        return known
    }

    private func schemaOfTransactions() -> SchemaID {
        if let transactionSchema { return transactionSchema }
        let id = register(tableParser?.parser.schema ?? ndjson.schema)
        transactionSchema = id
        return id
    }

    private func schemaOfEvents(_ kind: String) -> SchemaID {
        if let id = eventSchemas[kind] { return id }
        let id = ndjson.schema(ofKind: kind).map(register) ?? SchemaID(0)
        eventSchemas[kind] = id
        return id
    }

    private func register(_ schema: RecordSchema) -> SchemaID {
        do throws(LogError) { return try run.schemas.register(schema) } catch {
            headerFailure = .log(error)
            return SchemaID(0)
        }
    }

    // MARK: answers out

    private func decide(_ answer: (JSONValue) throws -> Void) throws {
        if let headerFailure { throw headerFailure }
        for case .malformed(let row) in pending { try malformed.append(row) }
        try malformed.flush()
        sinceCheckpoint += batch.count
        if batch.count > 0 {
            try writer.append(&batch)
            try writer.sync()
        }
        let isCheckpointDue = sinceCheckpoint >= Self.recordsPerCheckpoint
        if isCheckpointDue { sinceCheckpoint = 0 }
        let collected = Collected()
        let names = run.plan.names
        let reasonTexts = run.plan.reasons
        let threshold = run.specification.decision.alertThreshold
        let classifiers = run.specification.model.namesWhereSeveral
        try run.run(
            withCheckpoint: isCheckpointDue,
            observe: { block in
                for explanation in block.explanations {
                    let decision = block.decision(row: explanation.row)
                    let scores = Self.scores(classifiers, block.classifierScores(row: explanation.row))
                    collected.answers[decision.inputOffset] = Self.answer(
                        decision, id: block.transactionID(row: explanation.row), scores: scores,
                        reasons: explanation.reasons, names, reasonTexts, threshold)
                }
                for again in block.repeats { collected.repeats[block.input(again.record).offset] = again.decision }
                for side in block.sideRecords where collected.answers[block.input(side.record).offset] == nil {
                    collected.sides[block.input(side.record).offset] = side.reason
                }
            })
        for pending in pending {
            lineCount += 1
            try answer(try text(of: pending, collected))
        }
        pending.removeAll(keepingCapacity: true)
    }

    private final class Collected {
        var answers: [Offset: JSONValue] = [:]
        var repeats: [Offset: Offset] = [:]
        var sides: [Offset: SideReason] = [:]
    }

    private func text(of pending: Answer, _ collected: Collected) throws -> JSONValue {
        switch pending {
        case .malformed(let row):
            malformedCount += 1
            return .object([
                JSONMember("error", .string(row.reason.description)), JSONMember("line", .number(row.line)),
            ])
        case .event(let offset, let kind):
            return .object(
                [JSONMember("kind", .string(kind))]
                    + (collected.sides[offset].map(Self.setAside) ?? [JSONMember("status", .string("event_taken"))])
                    + [JSONMember("input_offset", .number(offset.value))])
        case .change(let offset, let table):
            return .object(
                [JSONMember("table", .string(table))]
                    + (collected.sides[offset].map(Self.setAside) ?? [JSONMember("status", .string("change_taken"))])
                    + [JSONMember("input_offset", .number(offset.value))])
        case .transaction(let offset, let id):
            if let answer = collected.answers[offset] { return answer }
            if let first = collected.repeats[offset] {
                let decision = try recordedDecision(first, for: id, offset)
                let isAlert = decision.probability >= run.specification.decision.alertThreshold
                let scores = Self.scores(run.specification.model.namesWhereSeveral, decision.classifierScores)
                return Self.reply(
                    id, offset,
                    [JSONMember("score", .number(decision.probability))] + scores + [
                        JSONMember("alert", .bool(isAlert)), JSONMember("status", .string("duplicate")),
                        JSONMember("first_status", .string(decision.status.name)),
                        JSONMember("anomaly", .number(decision.anomaly)),
                    ])
            }
            guard let reason = collected.sides[offset] else { throw RuntimeError.decisionMissing(inputOffset: offset) }
            return Self.reply(id, offset, Self.setAside(reason))
        case .label(let offset, let id):
            return Self.reply(
                id, offset,
                collected.sides[offset].map(Self.setAside) ?? [JSONMember("status", .string("label_taken"))])
        case .heartbeat(let offset):
            return Self.reply(
                nil, offset, collected.sides[offset].map(Self.setAside) ?? [JSONMember("status", .string("heartbeat"))])
        }
    }

    /// What was decided of a transaction when it came first.
    private func recordedDecision(
        _ number: Offset, for id: TransactionID, _ offset: Offset
    ) throws -> RecordedDecision {
        let place = run.offset(ofDecision: number)
        guard place >= .zero,
            let decision = try DecisionLog(
                run.log, pipeline: run.specification.name, from: place, fileSystem: run.fileSystem
            ).next(), decision.offset == place, decision.transactionID == id
        else { throw RuntimeError.decisionMissing(inputOffset: offset) }
        return decision
    }

    private static func setAside(_ reason: SideReason) -> [JSONMember] {
        [
            JSONMember("status", .string("set_aside")), JSONMember("output", .string(reason.output.rawValue)),
            JSONMember("reason", .string(reason.text)),
        ]
    }

    private static func reply(_ id: TransactionID?, _ offset: Offset, _ members: [JSONMember]) -> JSONValue {
        .object(
            [JSONMember("transaction_id", id.map(json) ?? .null)] + members
                + [JSONMember("input_offset", .number(offset.value))])
    }

    private static func json(_ id: TransactionID) -> JSONValue {
        switch id {
        case .number(let number): .number(number)
        case .text(let text): .string(text)
        }
    }

    /// What each classifier says, where there are several.
    private static func scores(_ classifiers: [String], _ scores: some Sequence<Double>) -> [JSONMember] {
        let members = zip(classifiers, scores).map { JSONMember($0, .number($1)) }
        return members.isEmpty ? [] : [JSONMember("scores", .object(members))]
    }

    private static func answer(
        _ decision: Decision, id: TransactionID, scores: [JSONMember], reasons: [Reason], _ names: [String],
        _ texts: [String], _ threshold: Double
    ) -> JSONValue {
        let score = [JSONMember("transaction_id", json(id)), JSONMember("score", .number(decision.probability))]
        return .object(
            score + scores + [
                JSONMember("alert", .bool(decision.probability >= threshold)),
                JSONMember("status", .string(decision.status.name)),
                JSONMember("anomaly", .number(decision.anomaly)),
                JSONMember(
                    "reasons",
                    .array(
                        reasons.map { reason in
                            .object([
                                JSONMember("feature", .string(reason.feature.map { names[$0] } ?? "clusters")),
                                JSONMember("text", .string(reason.feature.map { texts[$0] } ?? "unusual combination")),
                                JSONMember("value", .number(reason.value)),
                                JSONMember("contribution", .number(reason.contribution)),
                            ])
                        })),
                JSONMember("input_offset", .number(decision.inputOffset.value)),
            ])
    }
}
