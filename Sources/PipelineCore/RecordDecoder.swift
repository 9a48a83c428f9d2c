import EventModel
import Features

/// Reads input records into a block: each by its own writer's schema, resolved against the pipeline's
/// (`SchemaResolution`). What was written by a schema that does not resolve is undecodable.
public struct RecordDecoder: ~Copyable {
    /// How a field was written; `promoted` is a long that is read as a double.
    enum FieldKind: UInt8 { case number, decimal, double, promoted, text }

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

    /// How values of one schema are read: `fields` from `start` on, then `defaults` from `defaultStart` on.
    struct Reading: BitwiseCopyable {
        var kind = ReadingKind.unprepared
        var start: Int32 = 0
        var count: Int32 = 0
        var defaultStart: Int32 = 0
        var defaultCount: Int32 = 0
        /// What the defaults add to a payload's hash.
        var payload: UInt64 = 0
    }

    /// A declared column that the writer lacks.
    private struct Default {
        var field: Field
        var value: ColumnValue
    }

    private let plan: FeaturePlan
    private let idColumn: String
    /// The pipeline's own: the arrival time and the declared columns, which are what the payload of a transaction is.
    /// Undeclared columns, the columns' order, and whether a default was written out make no other one of it.
    private let readerSchemas: [RecordSchema]
    private let integerCount: Int
    private let doubleCount: Int
    private let entityCount: Int
    /// By schema number; numbers are small.
    private var readings = BlockBuffer<Reading>()
    private var readingCount = 0
    private var fields = BlockBuffer<Field>()
    private var fieldCount = 0
    private var defaults: [Default] = []
    private let schema: (SchemaID) -> RecordSchema?

    /// - Parameter schema: the writer's schema under a number, nil when there is none.
    public init(
        plan: FeaturePlan, input: InputSpecification, schema: @escaping (SchemaID) -> RecordSchema?
    ) {
        precondition(plan.entities.count <= 64, "a plan has at most 64 entities")
        self.plan = plan
        idColumn = input.idColumn
        readerSchemas = input.readerSchemas
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

    private mutating func makeReading(_ writer: RecordSchema?) -> Reading {
        guard let writer, let reader = readerSchemas.first(where: { $0.name == writer.name }),
            let resolution = try? SchemaResolution(writer: writer, reader: reader)
        else { return Reading(kind: .unknown) }
        switch reader.name {
        case "Transaction": return makeTransactionReading(resolution, reader.columns)
        case "Label" where resolution.isIdentity: return Reading(kind: .label)
        case "Command" where resolution.isIdentity: return Reading(kind: .command)
        default: return Reading(kind: .unknown)
        }
    }

    private mutating func makeTransactionReading(_ resolution: SchemaResolution, _ columns: [Column]) -> Reading {
        var reading = Reading(
            kind: .transaction, start: Int32(fieldCount), count: Int32(resolution.steps.count),
            defaultStart: Int32(defaults.count), defaultCount: Int32(resolution.defaults.count))
        fields.reserve(fieldCount + resolution.steps.count)
        for step in resolution.steps {
            switch step.use {
            case .skip: fields[fieldCount] = Field(kind: Self.kind(of: step.type))
            case .same(let index): fields[fieldCount] = field(for: columns[index], Self.kind(of: step.type))
            case .promoted(let index): fields[fieldCount] = field(for: columns[index], .promoted)
            }
            fieldCount += 1
        }
        for missing in resolution.defaults {
            let column = columns[missing.field]
            let field = field(for: column, Self.kind(of: column.type))
            if case .double(let number) = missing.value, field.doublePlace >= 0, number.magnitude > largestFeature {
                return Reading(kind: .unknown)
            }
            reading.payload &+= mixed(field.declared, Self.payloadWord(missing.value))
            defaults.append(Default(field: field, value: missing.value))
        }
        return reading
    }

    /// What becomes of a column of the reader's.
    private func field(for column: Column, _ kind: FieldKind) -> Field {
        if column.name == RecordSchema.arrivalTimeColumn { return Field(kind: kind, isArrival: true) }
        var field = Field(kind: kind, declared: stableHash(column.name) | 1, isID: column.name == idColumn)
        field.integerPlace = plan.integerColumns.firstIndex { $0.name == column.name } ?? -1
        field.doublePlace = plan.doubleColumns.firstIndex { $0.name == column.name } ?? -1
        for (entity, declared) in plan.entities.enumerated() where declared.keyColumn.name == column.name {
            field.entities |= 1 << UInt64(entity)
        }
        return field
    }

    /// As which word a value of a declared column enters the payload's hash.
    private static func payloadWord(_ value: ColumnValue) -> UInt64 {
        switch value {
        case .integer(let number): UInt64(bitPattern: number)
        case .double(let number): number.bitPattern
        case .text(let text): stableHash(text)
        }
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
        var payload = mixed(UInt64(bitPattern: timestamp.milliseconds)) &+ reading.payload
        for index in Int(reading.start)..<Int(reading.start &+ reading.count) {
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
            case .double, .promoted:
                let number = field.kind == .double ? reader.readAvroDouble() : Double(reader.readVarint())
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
        if reading.defaultCount > 0 { appendDefaults(reading, row, &block) }
        block.payloads[row] = payload
        block.rowTimes[row] = timestamp.milliseconds
        block.rowRecords[row] = Int32(truncatingIfNeeded: record)
        block.rowCount = row + 1
        return true
    }

    @inline(never) private func appendDefaults(_ reading: Reading, _ row: Int, _ block: inout EventBlock) {
        for standIn in defaults[Int(reading.defaultStart)..<Int(reading.defaultStart + reading.defaultCount)] {
            let field = standIn.field
            switch standIn.value {
            case .integer(let number):
                if field.integerPlace >= 0 { block.integers[row &* integerCount &+ field.integerPlace] = number }
                setKey(number, field.entities, row, &block)
            case .double(let number):
                if field.doublePlace >= 0 { block.doubles[row &* doubleCount &+ field.doublePlace] = number }
            case .text(let text):
                if field.entities != 0 { appendKey(text, stableHash(text), field.entities, row, &block) }
            }
        }
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
        appendKey(text, hash, field.entities, row, &block)
    }

    private func appendKey(
        _ text: String, _ hash: UInt64, _ entities: UInt64, _ row: Int, _ block: inout EventBlock
    ) {
        setKey(Int64(bitPattern: hash), entities, row, &block)
        for entity in 0..<entityCount where entities >> UInt64(entity) & 1 == 1 {
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
