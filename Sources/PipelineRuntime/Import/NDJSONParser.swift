import EventModel

/// What a line of JSON says.
public enum NDJSONRecord {
    case transaction(ParsedRow)
    /// Of another kind, by its name.
    case event(kind: String, ParsedRow)
    case label(ParsedLabel)
    /// Of a reference table.
    case change(ParsedChange)
    /// Event time has come as far as this although no transaction says so.
    case heartbeat(EventTime)
}

/// Turns lines of JSON, one object each, into transactions, labels and heartbeats.
///
/// - A **transaction** has a member for each declared column and for the event time, in any order (a column with a
///   default may be left out); the label and its time where they are known. Numbers may stand as numbers or in strings,
///   and are read from their text, so that decimals are exact; a string column also takes a number or a truth value as
///   it is written.
/// - A **label** has the id (under the id column's name or `transaction_id`), the label (under its column's name or
///   `label`) and none of the other declared columns; it may have `source` and a time (under the label-time column's
///   name, `label_time`, or the event time's name).
/// - `{"command": "heartbeat", "event_time": ...}` is a **heartbeat**.
/// - Where the specification declares other kinds of events, a line with `"kind": NAME` is an **event** of that kind,
///   with a member for each of the kind's columns and for its event time.
///
/// - Where the specification declares reference tables, a line with `"table": NAME`, or an envelope of change capture,
///   is a **change** of a row (`TableChangeReader`).
///
/// Columns that are not declared are passed over (and counted), but for the extra ones that the caller names: these
/// are kept behind the declared ones as strings, empty where they are missing. A declared column's name always means
/// that column.
public struct NDJSONParser: ~Copyable {
    /// The schema of the transactions: the arrival time, the declared columns, the extra ones.
    public let schema: RecordSchema
    /// Members passed over so far because nobody declared them.
    public private(set) var ignoredMembers = 0

    /// Decimals rounded so far because only a double's noise was in them (`85.64999999999999` for 85.65).
    public var roundedDecimals: Int { encoder.roundedDecimals }

    private let specification: InputSpecification
    private let columns: [Column]
    /// -1: events of this kind have no ids.
    private let idIndex: Int
    /// For the other kinds of events.
    private let kinds: [KindParser]
    private let hasTables: Bool
    private var changes: TableChangeReader
    private var members: JSONMembers
    private var encoder: RowEncoder

    /// - Parameters:
    ///   - extraColumns: names that Avro allows, not declared.
    ///   - roundingNoise: as for `TransactionParser`.
    public init(
        _ specification: InputSpecification, extraColumns: [String] = [], roundingNoise: Bool = true
    ) throws(ImportError) {
        var all = specification
        all.columns += extraColumns.map { Column($0, .string, default: .text("")) }
        try all.validate()
        var kinds: [KindParser] = []
        for event in specification.events {
            guard let input = specification.input(ofKind: event.name) else { continue }
            kinds.append(KindParser(event.name, try NDJSONParser(input, roundingNoise: roundingNoise)))
        }
        self.specification = specification
        columns = all.columns
        schema = specification.recordSchema(columns: columns)
        idIndex = columns.firstIndex { $0.name == specification.idColumn } ?? -1
        self.kinds = kinds
        hasTables = !specification.tables.isEmpty
        changes = TableChangeReader(specification, roundingNoise: roundingNoise)
        members = JSONMembers(specification, columns: columns)
        encoder = RowEncoder(specification.eventTimeFormat, roundsNoise: roundingNoise)
    }

    /// What `line` says; a transaction's body is valid until the next call.
    /// - Complexity: O(line × columns) at worst, O(line) when the members come in the same order each time.
    public mutating func parse(_ line: InputLine) throws(MalformedRow) -> NDJSONRecord {
        do {
            let ignored = try members.read(line)
            if hasTables, members.isChange { return .change(try changes.read(line)) }
            if !kinds.isEmpty, let kind = try parser(ofKind: members[.kind]) {
                return .event(kind: kind.name, try kind.parser.row(line))
            }
            ignoredMembers += ignored
            if members[.command].isPresent { return .heartbeat(try heartbeat()) }
            if isLabel { return .label(try label()) }
            return .transaction(try transaction(line: line.number))
        } catch {
            throw MalformedRow(line: line.number, byteOffset: line.byteOffset, reason: error)
        }
    }

    /// The schema of the events of a kind.
    public func schema(ofKind name: String) -> RecordSchema? { kinds.first { $0.name == name }?.parser.schema }

    /// The schema of the changes of a reference table.
    public func schema(ofTable name: String) -> RecordSchema? { changes.schema(ofTable: name) }

    /// The parser of the kind that a line names; nil for transactions, labels and heartbeats.
    private func parser(ofKind member: JSONMembers.Member) throws(MalformedRow.Reason) -> KindParser? {
        guard member.isPresent else { return nil }
        let name = try scalar(member, "kind")
        if name.elementsEqual("transaction".utf8) { return nil }
        guard let kind = kinds.first(where: { name.elementsEqual($0.name.utf8) }) else {
            throw .unknownKind(printable(name), known: ["transaction"] + kinds.map(\.name))
        }
        return kind
    }

    /// A row of the parser's own kind.
    private mutating func row(_ line: InputLine) throws(MalformedRow.Reason) -> ParsedRow {
        ignoredMembers += try members.read(line)
        return try transaction(line: line.number)
    }

    private var isLabel: Bool {
        guard members[.label].isPresent else { return false }
        let declared = specification.columns.indices
        if declared.contains(where: { $0 != idIndex && members[column: $0].isPresent }) { return false }
        return declared.count > 1 || !members[.eventTime].isPresent
    }

    private mutating func transaction(line: Int) throws(MalformedRow.Reason) -> ParsedRow {
        let eventTime = try time(members[.eventTime], specification.eventTimeColumn)
        encoder.removeAll()
        for index in columns.indices {
            let member = members[column: index]
            let column = columns[index]
            if index != idIndex, !member.isPresent, let value = column.default {
                encoder.body.appendAvro(value, as: column.type)
                continue
            }
            let text = try scalar(member, column.name)
            let problem = index == idIndex ? encoder.appendID(text, column.type) : encoder.append(text, column.type)
            if let problem { throw .field(column: column.name, problem, value: printable(text)) }
        }
        var label: Bool?
        var labelTime = eventTime + (specification.label?.delay ?? .zero)
        if members[.label].isPresent {
            label = try labelValue()
            if members[.labelTime].isPresent { labelTime = max(try time(members[.labelTime], "label_time"), eventTime) }
        }
        return encoder.row(eventTime: eventTime, label: label, labelTime: labelTime, line: line)
    }

    private mutating func label() throws(MalformedRow.Reason) -> ParsedLabel {
        let declared = members[column: idIndex]
        let text = try scalar(declared.isPresent ? declared : members[.transactionID], specification.idColumn)
        encoder.removeAll()
        if let problem = encoder.appendID(text, specification.idType) {
            throw .field(column: specification.idColumn, problem, value: printable(text))
        }
        guard let isPositive = try labelValue() else { throw .missingField(column: labelName) }
        let timeMember = members[.labelTime].isPresent ? members[.labelTime] : members[.eventTime]
        let time = timeMember.isPresent ? try time(timeMember, "label_time") : nil
        let source = members[.source].isPresent ? try scalar(members[.source], "source") : nil
        let id = encoder.row(eventTime: .distantPast, label: nil, labelTime: .distantPast, line: 0).id
        return ParsedLabel(
            id: id, isPositive: isPositive, source: source.map { String(decoding: $0, as: UTF8.self) }, time: time)
    }

    private mutating func heartbeat() throws(MalformedRow.Reason) -> EventTime {
        let name = try scalar(members[.command], "command")
        guard name.elementsEqual("heartbeat".utf8) else { throw .unknownCommand(printable(name)) }
        return try time(members[.eventTime], specification.eventTimeColumn)
    }

    private var labelName: String { specification.label?.column ?? "label" }

    private func labelValue() throws(MalformedRow.Reason) -> Bool? {
        let text = try scalar(members[.label], labelName)
        switch parseLabel(text) {
        case .value(let value): return value
        case .problem(let problem): throw .field(column: labelName, problem, value: printable(text))
        }
    }

    private mutating func time(_ member: JSONMembers.Member, _ name: String) throws(MalformedRow.Reason) -> EventTime {
        let text = try scalar(member, name)
        switch encoder.times.time(of: text) {
        case .value(let time): return time
        case .problem(let problem): throw .field(column: name, problem, value: printable(text))
        }
    }

    private func scalar(
        _ member: JSONMembers.Member, _ name: String
    ) throws(MalformedRow.Reason) -> UnsafeRawBufferPointer {
        switch member.kind {
        case .absent: throw .missingField(column: name)
        case .nested: throw .field(column: name, .notAScalar, value: printable(member.text))
        case .scalar: return member.text
        }
    }
}

private final class KindParser {
    let name: String
    var parser: NDJSONParser

    init(_ name: String, _ parser: consuming NDJSONParser) {
        self.name = name
        self.parser = parser
    }
}
