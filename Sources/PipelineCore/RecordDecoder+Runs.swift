import CVarints
import EventModel
import Features

extension RecordDecoder {
    /// Memory for the records of a run that go the fast way.
    struct NumericRun: ~Copyable {
        /// By record: the number of its schema.
        var schemaNumbers = BlockBuffer<Int32>()
        /// By row and by label: its record's place in the run.
        var rowPlaces = BlockBuffer<Int32>()
        var labelPlaces = BlockBuffer<Int32>()
        var rows = BlockBuffer<tidemark_row>()
        var labels = BlockBuffer<tidemark_row>()
        /// What the labels' fields say.
        var labelWords = BlockBuffer<Int64>()
        /// The rows of one schema where there are several, and their places among all rows.
        var group = BlockBuffer<tidemark_row>()
        var members = BlockBuffer<Int32>()

        mutating func reserve(_ count: Int, labelColumns: Int) {
            schemaNumbers.reserve(count)
            rowPlaces.reserve(count)
            labelPlaces.reserve(count)
            rows.reserve(count)
            labels.reserve(count)
            labelWords.reserve(count * labelColumns)
            group.reserve(count)
            members.reserve(count)
        }
    }

    /// Of fewer records each goes the careful way.
    private static let leastRun = 8

    /// Appends records of a batch that were read at once, as `RecordIterator.read(into:atMost:)` does: in the order of their
    /// bytes, each with eight bytes or more from its value's beginning to `end`, up to where may be looked at.
    public mutating func append(
        _ heads: UnsafeBufferPointer<tidemark_record_head>, baseOffset: Offset, baseTime: EventTime,
        end: UnsafePointer<UInt8>, to block: inout EventBlock
    ) {
        block.reserve(records: heads.count, doubles: doubleCount)
        run.reserve(heads.count, labelColumns: labelSteps.count)
        var next = 0
        // Where the unusual is frequent, less of what follows is looked at in vain.
        var most = heads.count
        while next < heads.count {
            let rest = UnsafeBufferPointer(rebasing: heads[next..<min(next &+ most, heads.count)])
            var count = 0
            if rest.count >= Self.leastRun {
                count = appendNumeric(rest, baseOffset: baseOffset, baseTime: baseTime, end: end, to: &block)
                most = count == rest.count ? most &* 2 : Self.leastRun
            }
            next &+= count
            guard count < rest.count else { continue }
            let head = heads[next]
            let value = UnsafeRawBufferPointer(start: head.value, count: Int(head.value_count))
            appendReserved(
                offset: Offset(baseOffset.value &+ head.offset_delta),
                timestamp: EventTime(milliseconds: baseTime.milliseconds &+ head.timestamp_delta), value: value,
                slack: UnsafeRawPointer(end) - (UnsafeRawPointer(head.value.unsafelyUnwrapped) + value.count),
                to: &block)
            next &+= 1
        }
    }

    /// Appends rows and labels of which nothing but numbers is kept, up to the first record that is something else or has to
    /// be read carefully: first it is told what each record is, then one field of all is read after the other.
    /// - Returns: the number of records.
    private mutating func appendNumeric(
        _ heads: UnsafeBufferPointer<tidemark_record_head>, baseOffset: Offset, baseTime: EventTime,
        end: UnsafePointer<UInt8>, to block: inout EventBlock
    ) -> Int {
        let (known, labelCount) = tellApart(heads, baseOffset: baseOffset, baseTime: baseTime, end: end, into: &block)
        let rowCount = known &- labelCount
        let goodRows = readRows(rowCount, heads, end, &block)
        let goodLabels = readLabels(labelCount, heads, end)
        var count = goodRows < rowCount ? Int(run.rowPlaces[goodRows]) : known
        if goodLabels < labelCount { count = min(count, Int(run.labelPlaces[goodLabels])) }
        var labels = goodLabels
        while labels > 0, Int(run.labelPlaces[labels &- 1]) >= count { labels &-= 1 }
        finishRows(count &- labels, &block)
        finishLabels(labels, &block)
        block.recordCount &+= count
        return count
    }

    /// Tells of each record what it is, and writes it down as if all that follows were as it should be.
    /// - Returns: how many records there are before the first one that has to be read carefully, and how many of these are
    ///   labels.
    @inline(__always) private mutating func tellApart(
        _ heads: UnsafeBufferPointer<tidemark_record_head>, baseOffset: Offset, baseTime: EventTime,
        end: UnsafePointer<UInt8>, into block: inout EventBlock
    ) -> (count: Int, labels: Int) {
        let (firstRow, firstLabel) = (block.rowCount, block.labelCount)
        let (schemaNumbers, rowPlaces, labelPlaces) = (
            run.schemaNumbers.pointer, run.rowPlaces.pointer, run.labelPlaces.pointer
        )
        let (readings, readingCount) = (readings.pointer, UInt32(truncatingIfNeeded: readingCount))
        let records = block.records.pointer + block.recordCount
        var labels = 0
        for index in 0..<heads.count {
            let head = heads[index]
            let time = EventTime(milliseconds: baseTime.milliseconds &+ head.timestamp_delta)
            let value = UnsafeRawPointer(head.value.unsafelyUnwrapped)
            // A zero byte and the schema's number; the bytes are there, whatever the value's length.
            assert(UnsafeRawPointer(end) - value >= 8)
            let envelope = UInt64(littleEndian: value.loadUnaligned(as: UInt64.self))
            let number = UInt32(truncatingIfNeeded: envelope &>> 8).byteSwapped
            guard Int(head.value_count) >= envelopeLength, envelope & 0xFF == 0, time.isInRange, number < readingCount
            else { return (index, labels) }
            let reading = readings + Int(number)
            guard reading.pointee.isNumeric else { return (index, labels) }
            // Which of the two a record is, nobody can foretell: so it is not told by branches.
            let isLabel = reading.pointee.kind == .label ? 1 : 0
            let (row, label) = (firstRow &+ index &- labels, firstLabel &+ labels)
            rowPlaces[index &- labels] = Int32(truncatingIfNeeded: index)
            labelPlaces[labels] = Int32(truncatingIfNeeded: index)
            schemaNumbers[index] = Int32(truncatingIfNeeded: number)
            (records + index).initialize(
                to: EventBlock.Record(
                    kind: reading.pointee.recordKind, index: Int32(truncatingIfNeeded: row ^ (row ^ label) & -isLabel),
                    offset: baseOffset.value &+ head.offset_delta, time: time.milliseconds,
                    value: UnsafeRawBufferPointer(start: value, count: Int(head.value_count))))
            labels &+= isLabel
        }
        return (heads.count, labels)
    }

    /// - Returns: how many rows were read, from the first one on.
    @inline(__always) private mutating func readRows(
        _ count: Int, _ heads: UnsafeBufferPointer<tidemark_record_head>, _ end: UnsafePointer<UInt8>,
        _ block: inout EventBlock
    ) -> Int {
        guard count > 0 else { return 0 }
        let records = block.records.pointer + block.recordCount
        let first = run.schemaNumbers[Int(run.rowPlaces[0])]
        let rows = run.rows.pointer
        var words = block.row(block.rowCount)
        var others: Int32 = 0
        for row in 0..<count {
            let place = Int(run.rowPlaces[row])
            let schema = run.schemaNumbers[place]
            others |= schema ^ first
            let record = records + place
            let payload = mixed(UInt64(bitPattern: record.pointee.time)) &+ readings[Int(schema)].payload
            (rows + row).initialize(to: Self.row(heads[place], words, hash: payload))
            words[EventBlock.RowWord.time] = record.pointee.time
            words[EventBlock.RowWord.offset] = record.pointee.offset
            words += block.rowWords
        }
        if others != 0 { return readRowsOfSeveralSchemas(count, end) }
        return read(rows, count, end, readings.pointer + Int(first))
    }

    @inline(__always) private static func row(
        _ head: tidemark_record_head, _ words: UnsafeMutablePointer<Int64>, hash: UInt64
    ) -> tidemark_row {
        let value = head.value.unsafelyUnwrapped
        return tidemark_row(
            position: value + envelopeLength, end: value + Int(head.value_count), words: words, hash: hash)
    }

    @inline(__always) private func read(
        _ rows: UnsafeMutablePointer<tidemark_row>, _ count: Int, _ end: UnsafePointer<UInt8>,
        _ reading: UnsafePointer<Reading>
    ) -> Int {
        tidemark_read_rows(
            rows, count, end, numericSteps.pointer + Int(reading.pointee.start), Int(reading.pointee.count))
    }

    @inline(never) private mutating func readRowsOfSeveralSchemas(_ count: Int, _ end: UnsafePointer<UInt8>) -> Int {
        var good = count
        var leader = 0
        while leader < good {
            let schema = run.schemaNumbers[Int(run.rowPlaces[leader])]
            var size = 0
            for row in leader..<good where run.schemaNumbers[Int(run.rowPlaces[row])] == schema {
                run.group[size] = run.rows[row]
                run.members[size] = Int32(truncatingIfNeeded: row)
                size &+= 1
            }
            let whole = read(run.group.pointer, size, end, readings.pointer + Int(schema))
            for member in 0..<whole { run.rows[Int(run.members[member])].hash = run.group[member].hash }
            if whole < size { good = Int(run.members[whole]) }
            leader = nextLeader(after: leader, before: good)
        }
        return good
    }

    /// The next row whose schema no row before it has.
    private func nextLeader(after row: Int, before end: Int) -> Int {
        var next = row + 1
        while next < end {
            let schema = run.schemaNumbers[Int(run.rowPlaces[next])]
            if !(0..<next).contains(where: { run.schemaNumbers[Int(run.rowPlaces[$0])] == schema }) { break }
            next += 1
        }
        return next
    }

    /// - Returns: how many labels were read, from the first one on.
    @inline(__always) private mutating func readLabels(
        _ count: Int, _ heads: UnsafeBufferPointer<tidemark_record_head>, _ end: UnsafePointer<UInt8>
    ) -> Int {
        guard count > 0 else { return 0 }
        let labels = run.labels.pointer
        var words = run.labelWords.pointer
        for label in 0..<count {
            let place = Int(run.labelPlaces[label])
            (labels + label).initialize(to: Self.row(heads[place], words, hash: 0))
            words += labelSteps.count
        }
        let good = labelSteps.withUnsafeBufferPointer {
            tidemark_read_rows(labels, count, end, $0.baseAddress.unsafelyUnwrapped, $0.count)
        }
        words = run.labelWords.pointer
        for label in 0..<good {
            guard UInt64(bitPattern: words[1]) <= 1 else { return label }
            words += labelSteps.count
        }
        return good
    }

    /// Completes the first `count` rows of the run.
    @inline(__always) private mutating func finishRows(_ count: Int, _ block: inout EventBlock) {
        for index in 0..<count {
            let row = run.rows.pointer + index
            row.pointee.words[EventBlock.RowWord.payload] = Int64(bitPattern: row.pointee.hash)
        }
        guard completesRows else {
            block.rowCount &+= count
            return
        }
        for index in 0..<count {
            let schema = run.schemaNumbers[Int(run.rowPlaces[index])]
            complete(readings[Int(schema)], &block)
            block.rowCount &+= 1
        }
    }

    @inline(__always) private mutating func finishLabels(_ count: Int, _ block: inout EventBlock) {
        let labels = block.labels.pointer + block.labelCount
        var words = run.labelWords.pointer
        for label in 0..<count {
            (labels + label).initialize(to: EventBlock.Label(id: words[0], isPositive: words[1] == 1, source: 0))
            words += labelSteps.count
        }
        block.labelCount &+= count
    }
}
