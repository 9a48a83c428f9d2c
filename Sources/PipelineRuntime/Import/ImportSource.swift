import EventModel
import Platform

/// By what schema some of a source's rows are written.
struct ImportStream {
    var schema: RecordSchema
    /// Of a reference table's changes: where the key's columns stand among the schema's, operation and arrival counted.
    var keyIndices: [Int] = []
    /// At the same time changes come before events, and events before transactions.
    var rank = 2
}

/// Where an import's rows come from: a table or lines of JSON.
protocol ImportSource: AnyObject {
    /// What error texts call it.
    var name: String { get }
    /// What its rows are written by; `ParsedRow.stream` is an index into it.
    var streams: [ImportStream] { get }
    var bytesRead: Int64 { get }
    /// The bytes of all of it, where that is known.
    var totalBytes: Int64? { get }
    var roundedDecimals: Int { get }

    /// Calls `body` with what stands next, row or other item, up to `most` of them, and with the source's identity, which is
    /// told by its first row and nil before. A row's body is valid until `body` returns.
    /// - Returns: false at the end of the source.
    func forEach(
        upTo most: Int, _ body: (ImportItem, SourceIdentity?) throws(RuntimeError) -> Void
    ) throws(RuntimeError) -> Bool
}

/// What stands next in a source.
enum ImportItem {
    case row(ParsedRow)
    case label(ParsedLabel)
    case heartbeat(EventTime, line: Int)
    case malformed(MalformedRow)
}

/// The rows of a CSV table, all of one kind.
final class TableSource: ImportSource {
    let name: String
    let streams: [ImportStream]
    let totalBytes: Int64?
    private var rows: TableRows

    var bytesRead: Int64 { rows.table.bytesRead }
    var roundedDecimals: Int { rows.parser.roundedDecimals }

    /// - Parameters:
    ///   - rows: what they look like: transactions, or events or changes of one kind.
    init(_ stream: InputStream, name: String, rows: InputSpecification) throws(RuntimeError) {
        self.name = name
        totalBytes = stream.size.map(Int64.init)
        var table = try TableReader(stream, name: name)
        guard let header = try table.header() else { throw .usage("\(name): there is no header line") }
        let parser: TransactionParser
        do throws(ImportError) { parser = try TransactionParser(rows, header: header) } catch {
            throw .importing(error, source: name)
        }
        streams = [parser.stream(rows)]
        self.rows = TableRows(
            table: table, parser: parser, header: header,
            kind: rows.kind ?? rows.table.map { RecordSchema.tablePrefix + $0 })
    }

    func forEach(
        upTo most: Int, _ body: (ImportItem, SourceIdentity?) throws(RuntimeError) -> Void
    ) throws(RuntimeError) -> Bool {
        try rows.forEach(upTo: most, body)
    }
}

/// The rows of a table and how they are parsed: no object, so that going through them needs no run-time checks of access.
private struct TableRows: ~Copyable {
    var table: TableReader
    var parser: TransactionParser
    let header: [String]
    let kind: String?
    private var identity: SourceIdentity?

    init(table: consuming TableReader, parser: consuming TransactionParser, header: [String], kind: String?) {
        self.table = table
        self.parser = parser
        self.header = header
        self.kind = kind
    }

    mutating func forEach(
        upTo most: Int, _ body: (ImportItem, SourceIdentity?) throws(RuntimeError) -> Void
    ) throws(RuntimeError) -> Bool {
        for _ in 0..<most {
            switch try table.next() {
            case .end: return false
            case .malformed(let error): try body(.malformed(error), identity)
            case .row(let row):
                if identity == nil { identity = SourceIdentity(header: header, firstRow: row, kind: kind) }
                try body(parser.item(row), identity)
            }
        }
        return true
    }
}

extension TransactionParser {
    @inline(__always) fileprivate mutating func item(_ row: CSVRow) -> ImportItem {
        do throws(MalformedRow) { return .row(try parse(row)) } catch { return .malformed(error) }
    }

    fileprivate func stream(_ rows: InputSpecification) -> ImportStream {
        ImportStream(
            schema: schema, keyIndices: rows.table == nil ? [] : plan.keyIndices.map { $0 + 2 },
            rank: rows.table != nil ? 0 : rows.kind != nil ? 1 : 2)
    }
}

/// Lines of JSON: transactions, events, labels, heartbeats and changes of tables as they come.
final class LineSource: ImportSource {
    let name: String
    private var identity: SourceIdentity?
    let streams: [ImportStream]
    let totalBytes: Int64?
    private(set) var bytesRead: Int64 = 0
    private let stream: InputStream
    private var lines = LineReader()
    private var parser: NDJSONParser
    private let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    private var isFinished = false

    var roundedDecimals: Int { parser.roundedDecimals }

    init(_ stream: InputStream, name: String, input: InputSpecification) throws(RuntimeError) {
        self.stream = stream
        self.name = name
        totalBytes = stream.size.map(Int64.init)
        do throws(ImportError) { parser = try NDJSONParser(input) } catch { throw .importing(error, source: name) }
        var streams = [ImportStream(schema: parser.schema)]
        for event in input.events {
            if let schema = parser.schema(ofKind: event.name) { streams.append(ImportStream(schema: schema, rank: 1)) }
        }
        for table in input.tables {
            guard let schema = parser.schema(ofTable: table.name) else { continue }
            streams.append(ImportStream(schema: schema, keyIndices: table.keyIndices.map { $0 + 2 }, rank: 0))
        }
        self.streams = streams
    }

    deinit { chunk.deallocate() }

    func forEach(
        upTo most: Int, _ body: (ImportItem, SourceIdentity?) throws(RuntimeError) -> Void
    ) throws(RuntimeError) -> Bool {
        for _ in 0..<most {
            guard let item = try next() else { return false }
            try body(item, identity)
        }
        return true
    }

    private func next() throws(RuntimeError) -> ImportItem? {
        while true {
            do throws(MalformedRow) {
                if let line = try lines.next() { return try item(line) }
            } catch { return .malformed(error) }
            if isFinished { return nil }
            let count: Int
            do throws(FileError) { count = try stream.read(into: chunk) } catch { throw .file(error) }
            if count == 0 {
                isFinished = true
                lines.finish()
            } else {
                bytesRead += Int64(count)
                lines.append(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            }
        }
    }

    private func item(_ line: InputLine) throws(MalformedRow) -> ImportItem {
        if identity == nil { identity = SourceIdentity(firstLine: line) }
        switch try parser.parse(line) {
        case .transaction(let row): return .row(row)
        case .event(let kind, let row): return .row(placed(row, RecordSchema.eventPrefix + kind))
        case .change(let change):
            guard change.hasTime || change.operation == .insert else {
                throw MalformedRow(
                    line: line.number, byteOffset: line.byteOffset,
                    reason: .changeWithoutTime(change.operation.rawValue))
            }
            return .row(placed(change.row, RecordSchema.tablePrefix + change.table))
        case .label(let label): return .label(label)
        case .heartbeat(let time): return .heartbeat(time, line: line.number)
        }
    }

    private func placed(_ row: ParsedRow, _ name: String) -> ParsedRow {
        var row = row
        row.stream = Int32(streams.firstIndex { $0.schema.name == name } ?? 0)
        return row
    }
}
