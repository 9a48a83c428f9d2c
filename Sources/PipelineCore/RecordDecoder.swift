import EventModel
import Features

/// Reads input records into a block, each by its own writer's schema.
public struct RecordDecoder: ~Copyable {
    enum FieldKind: UInt8 { case number, decimal, double, text }

    /// What becomes of one field of a transaction; a place of -1 is none.
    struct Field: BitwiseCopyable {
        var kind: FieldKind
        /// The hash of a declared column's name; 0 for a column that is not declared.
        var declared: UInt64 = 0
        var isID = false
        var isArrival = false
        var integerPlace = -1
        var doublePlace = -1
        /// Bit e is set where the field is the key of entity e.
        var entities: UInt64 = 0
    }

    enum ReadingKind: UInt8 { case unprepared, transaction, label, command, unknown }

    /// How values of one schema are read; `fields` counts from `start`.
    struct Reading: BitwiseCopyable {
        var kind = ReadingKind.unprepared
        var start = 0
        var count = 0
    }

    private let plan: FeaturePlan
    private let idColumn: Column
    /// What the payload of a transaction is: undeclared columns and their order make no other one of it.
    private let declaredColumns: [Column]
    private let integerCount: Int
    private let doubleCount: Int
    private let entityCount: Int
    /// By schema number; numbers are small.
    private var readings = BlockBuffer<Reading>()
    private var readingCount = 0
    private var fields = BlockBuffer<Field>()
    private var fieldCount = 0
    private let schema: (SchemaID) -> RecordSchema?

    /// - Parameter schema: the writer's schema under a number, nil when there is none.
    public init(
        plan: FeaturePlan, input: InputSpecification, schema: @escaping (SchemaID) -> RecordSchema?
    ) {
        precondition(plan.entities.count <= 64, "a plan has at most 64 entities")
        self.plan = plan
        idColumn = Column(input.idColumn, input.idType)
        declaredColumns = input.columns
        integerCount = plan.integerColumns.count
        doubleCount = plan.doubleColumns.count
        entityCount = plan.entities.count
        self.schema = schema
    }

    /// Appends a record to `block`.
    public mutating func append(
        offset: Offset, timestamp: EventTime, value: UnsafeRawBufferPointer, to block: inout EventBlock
    ) {
        let index = block.recordCount
        block.records.reserve(index + 1)
        var record = EventBlock.Record(
            kind: .undecodable, index: 0, offset: offset.value, time: timestamp.milliseconds, value: value)
        var reader = ByteReader(value)
        if EventTime.range.contains(timestamp), let number = reader.readEnvelope() {
            let reading = reading(of: Int(number.number))
            switch reading.kind {
            case .transaction:
                if appendRow(reading, &reader, record: index, timestamp: timestamp, to: &block) {
                    record.kind = .transaction
                    record.index = Int32(truncatingIfNeeded: block.rowCount - 1)
                }
            case .label:
                if appendLabel(&reader, to: &block) {
                    record.kind = .label
                    record.index = Int32(truncatingIfNeeded: block.labelCount - 1)
                }
            case .command:
                if reader.readAvroString() == "heartbeat", reader.isValid, reader.remaining == 0 {
                    record.kind = .heartbeat
                }
            case .unknown, .unprepared: break
            }
        }
        block.records[index] = record
        block.recordCount = index + 1
    }

    // MARK: how a schema is read

    /// Schemas are numbered in order of registration, so a large number is a damaged one.
    private static let largestSchemaNumber = 65_535

    @inline(__always) private mutating func reading(of number: Int) -> Reading {
        if number >= 0, number < readingCount, readings[number].kind != .unprepared { return readings[number] }
        return prepare(number)
    }

    @inline(never) private mutating func prepare(_ number: Int) -> Reading {
        guard (1...Self.largestSchemaNumber).contains(number) else { return Reading(kind: .unknown) }
        readings.reserve(number + 1)
        while readingCount <= number {
            readings[readingCount] = Reading()
            readingCount += 1
        }
        readings[number] = makeReading(schema(SchemaID(Int32(number))))
        return readings[number]
    }

    private mutating func makeReading(_ schema: RecordSchema?) -> Reading {
        switch schema?.name {
        case "Transaction": makeTransactionReading(schema?.columns ?? [])
        case "Label": Reading(kind: .label)
        case "Command": Reading(kind: .command)
        default: Reading(kind: .unknown)
        }
    }

    private mutating func makeTransactionReading(_ columns: [Column]) -> Reading {
        let used = [idColumn] + plan.entities.map(\.keyColumn) + plan.integerColumns + plan.doubleColumns
        guard used.allSatisfy(columns.contains) else { return Reading(kind: .unknown) }
        let start = fieldCount
        fields.reserve(start + columns.count)
        for column in columns {
            var field = Field(kind: Self.kind(of: column.type))
            field.isID = column == idColumn
            if declaredColumns.contains(column) { field.declared = stableHash(column.name) | 1 }
            field.isArrival = column.name == RecordSchema.arrivalTimeColumn
            field.integerPlace = plan.integerColumns.firstIndex(of: column) ?? -1
            field.doublePlace = plan.doubleColumns.firstIndex(of: column) ?? -1
            for (entity, declared) in plan.entities.enumerated() where declared.keyColumn == column {
                field.entities |= 1 << UInt64(entity)
            }
            fields[fieldCount] = field
            fieldCount += 1
        }
        return Reading(kind: .transaction, start: start, count: columns.count)
    }

    private static func kind(of type: ColumnType) -> FieldKind {
        switch type {
        case .long, .timestamp: .number
        case .decimal: .decimal
        case .double: .double
        case .string: .text
        }
    }

    // MARK: records

    private mutating func appendRow(
        _ reading: Reading, _ reader: inout ByteReader, record: Int, timestamp: EventTime, to block: inout EventBlock
    ) -> Bool {
        let row = block.rowCount
        block.reserveRow(integers: integerCount, doubles: doubleCount, entities: entityCount)
        var payload = mixed(UInt64(bitPattern: timestamp.milliseconds))
        for index in reading.start..<reading.start + reading.count {
            let field = fields[index]
            switch field.kind {
            case .number, .decimal:
                let number = field.kind == .number ? reader.readVarint() : reader.readAvroDecimal()
                if field.isArrival {
                    block.arrivals[row] = number
                    continue
                }
                if field.declared != 0 { payload &+= mixed(field.declared, UInt64(bitPattern: number)) }
                if field.integerPlace >= 0 { block.integers[row &* integerCount &+ field.integerPlace] = number }
                if field.isID { block.ids[row] = number }
                setKey(number, field.entities, row, &block)
            case .double:
                let number = reader.readAvroDouble()
                if field.declared != 0 { payload &+= mixed(field.declared, number.bitPattern) }
                if field.doublePlace >= 0 {
                    guard number.magnitude <= largestFeature else { return undo(row, &block) }
                    block.doubles[row &* doubleCount &+ field.doublePlace] = number
                }
            case .text:
                let bytes = reader.readAvroBytes()
                guard field.declared != 0 else { continue }
                let hash = stableHash(bytes)
                payload &+= mixed(field.declared, hash)
                if field.isID || field.entities != 0 { appendText(bytes, hash, field, row, &block) }
            }
        }
        guard reader.isValid, reader.remaining == 0 else { return undo(row, &block) }
        block.payloads[row] = payload
        block.rowTimes[row] = timestamp.milliseconds
        block.rowRecords[row] = Int32(truncatingIfNeeded: record)
        block.rowCount = row + 1
        return true
    }

    @inline(__always) private func setKey(_ key: Int64, _ entities: UInt64, _ row: Int, _ block: inout EventBlock) {
        var rest = entities
        while rest != 0 {
            block.keys[row &* entityCount &+ rest.trailingZeroBitCount] = key
            rest &= rest &- 1
        }
    }

    @inline(never) private func appendText(
        _ bytes: UnsafeRawBufferPointer, _ hash: UInt64, _ field: Field, _ row: Int, _ block: inout EventBlock
    ) {
        let text = String(decoding: bytes, as: UTF8.self)
        if field.isID {
            block.idTexts.append(text)
            block.ids[row] = Int64(bitPattern: hash)
        }
        setKey(Int64(bitPattern: hash), field.entities, row, &block)
        for entity in 0..<entityCount where field.entities >> UInt64(entity) & 1 == 1 {
            block.keyTexts[entity].append(text)
        }
    }

    /// Takes back the texts of a row that turned out not to be one.
    private func undo(_ row: Int, _ block: inout EventBlock) -> Bool {
        if block.idTexts.count > row { block.idTexts.removeLast(block.idTexts.count - row) }
        for entity in 0..<entityCount where block.keyTexts[entity].count > row {
            block.keyTexts[entity].removeLast(block.keyTexts[entity].count - row)
        }
        return false
    }

    private func appendLabel(_ reader: inout ByteReader, to block: inout EventBlock) -> Bool {
        let index = block.labelCount
        block.labelIDs.reserve(index + 1)
        block.labelIsPositive.reserve(index + 1)
        var text = ""
        if block.idIsText {
            text = reader.readAvroString()
            block.labelIDs[index] = Int64(bitPattern: stableHash(text))
        } else {
            block.labelIDs[index] = reader.readVarint()
        }
        let value = reader.readVarint()
        _ = reader.readAvroBytes()
        guard reader.isValid, reader.remaining == 0, value == 0 || value == 1 else { return false }
        block.labelIsPositive[index] = value == 1
        if block.idIsText { block.labelIDTexts.append(text) }
        block.labelCount = index + 1
        return true
    }
}
