extension CSVRowReader {
    struct Scan {
        enum Outcome { case row, incomplete, textAfterQuote }

        var outcome: Outcome
        /// Bytes up to the next row.
        var length = 0
        /// Lines that the row takes.
        var lineFeeds = 1
    }

    /// Finds the fields of the row at `base`, of which `count` bytes are there; `isAtEnd`: no more will come.
    mutating func scanRow(_ base: UnsafePointer<UInt8>, _ count: Int, isAtEnd: Bool) -> Scan {
        let comma = UInt8(ascii: ","), quote = UInt8(ascii: "\"")
        fieldCount = 0
        escapedFields.removeAll(keepingCapacity: true)
        var lineFeeds = 1
        var fieldStart = 0
        nextField: while true {
            if fieldStart < count, base[fieldStart] == quote {
                let scan = scanQuotedField(base, count, fieldStart, &lineFeeds, isAtEnd: isAtEnd)
                guard scan.outcome == .row, scan.lineFeeds == 0 else { return scan }
                fieldStart = scan.length
                continue nextField
            }
            var position = fieldStart
            while position < count {
                let word = UnsafeRawPointer(base + position).loadUnaligned(as: UInt64.self).littleEndian
                var hits = matches(word, Pattern.comma) | matches(word, Pattern.lineFeed)
                while hits != 0 {
                    let found = position &+ hits.trailingZeroBitCount >> 3
                    if found >= count { break }
                    hits &= hits &- 1
                    if base[found] == comma {
                        appendField(fieldStart, found)
                        fieldStart = found &+ 1
                        if base[fieldStart] == quote { continue nextField }
                    } else {
                        appendLastField(base, fieldStart, found)
                        return Scan(outcome: .row, length: found + 1, lineFeeds: lineFeeds)
                    }
                }
                position &+= 8
            }
            guard isAtEnd else { return Scan(outcome: .incomplete) }
            appendLastField(base, fieldStart, count)
            return Scan(outcome: .row, length: count, lineFeeds: lineFeeds)
        }
    }

    /// Scans the quoted field at `start`. When a comma follows it: `.row` with `lineFeeds` 0 and the next field's start
    /// as the length; else as `scanRow`.
    private mutating func scanQuotedField(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ start: Int, _ lineFeeds: inout Int, isAtEnd: Bool
    ) -> Scan {
        let quote = UInt8(ascii: "\""), lineFeed = UInt8(ascii: "\n")
        var position = start + 1
        var hasEscapes = false
        while true {
            while position < count, base[position] != quote {
                if base[position] == lineFeed { lineFeeds += 1 }
                position += 1
            }
            guard position < count else { return Scan(outcome: .incomplete) }
            guard position + 1 < count, base[position + 1] == quote else { break }
            hasEscapes = true
            position += 2
        }
        if hasEscapes { escapedFields.append(fieldCount) }
        appendField(start + 1, position)
        position += 1
        if position < count, base[position] == UInt8(ascii: ",") {
            return Scan(outcome: .row, length: position + 1, lineFeeds: 0)
        }
        if position < count, base[position] == UInt8(ascii: "\r") { position += 1 }
        if position == count {
            return isAtEnd
                ? Scan(outcome: .row, length: count, lineFeeds: lineFeeds) : Scan(outcome: .incomplete)
        }
        guard base[position] == lineFeed else { return Scan(outcome: .textAfterQuote) }
        return Scan(outcome: .row, length: position + 1, lineFeeds: lineFeeds)
    }

    @inline(__always) private mutating func appendField(_ start: Int, _ end: Int) {
        if fieldCount == fieldCapacity { growFields() }
        fields[fieldCount] = CSVRow.Field(
            start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end))
        fieldCount &+= 1
    }

    /// Appends an unquoted field without the carriage return of the row's end.
    private mutating func appendLastField(_ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) {
        appendField(start, end > start && base[end - 1] == UInt8(ascii: "\r") ? end - 1 : end)
    }

    @inline(never) private mutating func growFields() {
        let larger = UnsafeMutablePointer<CSVRow.Field>.allocate(capacity: fieldCapacity * 2)
        larger.update(from: fields, count: fieldCount)
        fields.deallocate()
        fields = larger
        fieldCapacity *= 2
    }

    /// Makes one quote of each two in the fields that have any, in place.
    mutating func unescapeFields(_ base: UnsafeMutablePointer<UInt8>) {
        for index in escapedFields {
            let field = fields[index]
            var target = Int(field.start)
            var source = target
            while source < field.end {
                base[target] = base[source]
                source += base[source] == UInt8(ascii: "\"") ? 2 : 1
                target += 1
            }
            fields[index].end = Int32(target)
        }
    }
}
