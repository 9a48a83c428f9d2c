/// Reads the rows of a table as comma-separated values (RFC 4180) from chunks of bytes of any size.
///
/// Fields may stand in double quotes and then hold commas, line feeds and doubled quotes; a quote inside an unquoted
/// field is a character like any other. Rows end with LF or CRLF, the last with or without. A UTF-8 byte-order mark is
/// passed over; so are empty lines, which are counted.
///
/// What cannot be a row costs no more than its own line: a line longer than the limit is skipped to its end; a row
/// whose quoting is broken (a quote never closed before the end of the input or within the limit, or text behind a
/// closing quote) is reported for the line where it began, and reading goes on with the line after it. So the rows do
/// not depend on the chunks' sizes.
///
///     while let chunk = read() {
///         reader.append(chunk)
///         while let row = try reader.next() { ... }     // a MalformedRow thrown: report it and go on
///     }
///     reader.finish()
///     while let row = try reader.next() { ... }
public struct CSVRowReader: ~Copyable {
    var buffer = ChunkBuffer(capacity: 1 << 17)
    var fields: UnsafeMutablePointer<CSVRow.Field>
    var fieldCapacity = 64
    var fieldCount = 0
    /// The fields of the row whose quotes are doubled, still as written.
    var escapedFields: [Int] = []

    /// The longest row that is read, in bytes without its line feed.
    public let maximumRowLength: Int
    /// The line on which the next row begins.
    public private(set) var line = 1
    /// Empty lines passed over so far.
    public private(set) var emptyLines = 0

    private var isFinished = false
    private var isAtStart = true
    /// Bytes of the buffer's first row that were searched for its end in vain.
    private var searched = 0
    private var skipped: (offset: Int, length: Int)?

    /// - Parameter maximumRowLength: 1 byte to 1 GiB; 1 MiB by default.
    public init(maximumRowLength: Int = 1 << 20) {
        precondition((1...1 << 30).contains(maximumRowLength), "the longest row is 1 byte to 1 GiB")
        self.maximumRowLength = maximumRowLength
        fields = .allocate(capacity: fieldCapacity)
    }

    deinit { fields.deallocate() }

    /// Adds bytes to the input; rows given before become invalid.
    public mutating func append(_ chunk: UnsafeRawBufferPointer) {
        precondition(!isFinished, "append after finish")
        buffer.append(chunk)
    }

    /// Says that the input has ended.
    public mutating func finish() { isFinished = true }

    /// The next row; nil when it takes more input, or after `finish` when there is none.
    /// - Complexity: O(row).
    public mutating func next() throws(MalformedRow) -> CSVRow? {
        if isAtStart, !skipByteOrderMark() { return nil }
        if skipped != nil { return try skipLongLine() }
        while buffer.count > 0 {
            if searched > 0, !canEndNow() { return nil }
            let row = buffer.first
            let available = min(buffer.count, maximumRowLength + 1)
            let scan = scanRow(row, available, isAtEnd: isFinished && buffer.count <= maximumRowLength)
            switch scan.outcome {
            case .row:
                let (rowLine, offset) = (line, buffer.consumed)
                buffer.consume(scan.length)
                line += scan.lineFeeds
                searched = 0
                if fieldCount == 1, fields[0].end == 0 {
                    emptyLines += 1
                    continue
                }
                if !escapedFields.isEmpty { unescapeFields(row) }
                return CSVRow(
                    base: UnsafePointer(row), fields: UnsafePointer(fields), count: fieldCount, line: rowLine,
                    byteOffset: offset, isTerminated: row[scan.length - 1] == UInt8(ascii: "\n"))
            case .incomplete:
                if buffer.count > maximumRowLength || isFinished { return try dropLine(.unclosedQuote) }
                searched = buffer.count
                return nil
            case .textAfterQuote: return try dropLine(.textAfterQuote)
            }
        }
        return nil
    }

    /// Whether a row whose end was not found can end in what has come since: it takes a line feed.
    private mutating func canEndNow() -> Bool {
        if isFinished || buffer.count > maximumRowLength || buffer.lineFeed(in: searched..<buffer.count) != nil {
            return true
        }
        searched = buffer.count
        return false
    }

    /// Drops the buffer's first line because of `reason`; nil when its end has not come yet.
    private mutating func dropLine(_ reason: MalformedRow.Reason) throws(MalformedRow) -> CSVRow? {
        let available = min(buffer.count, maximumRowLength + 1)
        if let end = buffer.lineFeed(in: 0..<available) {
            throw dropLine(bytes: end + 1, reason)
        } else if buffer.count > maximumRowLength {
            skipped = (buffer.consumed, 0)
            return try skipLongLine()
        } else if isFinished {
            throw dropLine(bytes: buffer.count, reason)
        }
        searched = buffer.count
        return nil
    }

    private mutating func dropLine(bytes: Int, _ reason: MalformedRow.Reason) -> MalformedRow {
        defer {
            buffer.consume(bytes)
            line += 1
            searched = 0
        }
        return MalformedRow(line: line, byteOffset: buffer.consumed, reason: reason)
    }

    private mutating func skipLongLine() throws(MalformedRow) -> CSVRow? {
        guard let (offset, length) = skipped else { return nil }
        let end = buffer.lineFeed(in: 0..<buffer.count)
        let total = length + (end ?? buffer.count)
        buffer.consume(end.map { $0 + 1 } ?? buffer.count)
        guard end != nil || isFinished else {
            skipped = (offset, total)
            return nil
        }
        defer { line += 1 }
        skipped = nil
        searched = 0
        throw MalformedRow(
            line: line, byteOffset: offset, reason: .tooLong(bytes: total, limit: maximumRowLength))
    }

    /// False while too little has come to tell.
    private mutating func skipByteOrderMark() -> Bool {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let common = min(buffer.count, 3)
        guard (0..<common).allSatisfy({ buffer.first[$0] == mark[$0] }) else {
            isAtStart = false
            return true
        }
        guard common == 3 || isFinished else { return false }
        if common == 3 { buffer.consume(3) }
        isAtStart = false
        return true
    }
}
