import EventModel
import Features

/// A change of a reference table, decoded.
struct TableChange {
    /// By its place among the plan's.
    var table: Int32
    /// Where its values stand among the block's.
    var valueStart: Int32
    var change: ReferenceTable.Change
    /// The key as text, where a part of the table's keys is one.
    var text: String
}

extension RecordDecoder {
    /// How the changes of a table that one schema wrote are read.
    struct TableReading {
        var table: Int
        var resolution: SchemaResolution
        /// Among the reader's fields: what is done, the keys, and for each value of a version its field.
        var keyFields: [Int]
        var valueFields: [Int]
    }

    /// The table of a schema's changes; nil where the pipeline declares none of that name.
    func tableReading(of writer: RecordSchema) -> (isDeclared: Bool, reading: TableReading?) {
        let name = writer.name.dropFirst(RecordSchema.tablePrefix.utf8.count)
        guard let table = plan.tables.firstIndex(where: { $0.name == name }),
            let specification = input.tables.first(where: { $0.name == name })
        else { return (false, nil) }
        let reader = specification.readerSchema
        guard let resolution = try? SchemaResolution(writer: writer, reader: reader) else { return (true, nil) }
        return (
            true,
            TableReading(
                table: table, resolution: resolution, keyFields: specification.keyColumns.compactMap(reader.index),
                valueFields: plan.tables[table].stored.compactMap { reader.index(of: $0.name) })
        )
    }

    /// Appends a change to the block; false where its bytes are none.
    func append(
        change reading: TableReading, _ start: ByteReader, offset: Offset, timestamp: EventTime,
        to block: inout EventBlock
    ) -> Bool {
        var reader = start
        guard let values = reading.resolution.values(reading: &reader), reader.remaining == 0,
            case .text(let text) = values[1], let operation = TableOperation(rawValue: text)
        else { return false }
        // Without the arrival, which makes no other change of it.
        var payload: UInt64 = 0
        for (index, value) in values.enumerated().dropFirst(2) {
            if case .double(let number) = value, !(number.magnitude <= largestFeature) { return false }
            payload = mixed(payload ^ Self.payloadWord(value), UInt64(index))
        }
        let key = reading.keyFields.map { values[$0] }
        let start = block.changeValueCount
        block.changeValues.reserve(start + reading.valueFields.count)
        for field in reading.valueFields {
            block.changeValues[block.changeValueCount] = Int64(bitPattern: Self.payloadWord(values[field]))
            block.changeValueCount += 1
        }
        block.changes.append(
            TableChange(
                table: Int32(reading.table), valueStart: Int32(truncatingIfNeeded: start),
                change: ReferenceTable.Change(
                    key: ReferenceTables.words(key), effective: timestamp,
                    payload: operation == .delete ? 0 : payload, isDeletion: operation == .delete, offset: offset.value),
                text: plan.tables[reading.table].hasTextKeys ? tableKey(key) : ""))
        return true
    }
}
