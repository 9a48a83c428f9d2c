import EventModel
import Features
import Windowing

/// Reads input records into a block: each by its own writer's schema, resolved against the pipeline's
/// (`SchemaResolution`). What was written by a schema that does not resolve is undecodable.
public struct RecordDecoder: ~Copyable {
    /// How a field was written; `promoted` is a long that is read as a double.
    enum FieldKind: UInt8 { case number, decimal, double, promoted, text }

    /// What becomes of one field of a row; a place of -1 is none.
    struct Field: BitwiseCopyable {
        var kind: FieldKind
        /// The hash of a declared column's name; 0 for a column that is not declared.
        var declared: UInt64 = 0
        var isID = false
        var isArrival = false
        var integerPlace = -1
        var doublePlace = -1
        /// Bit w is set where the field is word w of the row's keys.
        var keyWords: UInt64 = 0
        /// Its place among the parts of pairs that are compared as texts.
        var part = -1
    }

    enum ReadingKind: UInt8 { case unprepared, row, label, command, ignored, unknown }

    /// How values of one schema are read: `fields` from `start` on, then `defaults` from `defaultStart` on.
    struct Reading: BitwiseCopyable {
        var kind = ReadingKind.unprepared
        /// For rows: their kind, by its place among the plan's.
        var rowKind: UInt8 = 0
        var start: Int32 = 0
        var count: Int32 = 0
        var defaultStart: Int32 = 0
        var defaultCount: Int32 = 0
        /// What the defaults add to a payload's hash.
        var payload: UInt64 = 0
    }

    /// A declared column that the writer lacks, or one that only other kinds have.
    private struct Default {
        var field: Field
        var value: ColumnValue
    }

    /// An entity whose key is a pair with a text.
    private struct TextPair {
        var entity: Int
        /// The places of its columns among the parts.
        var first: Int
        var second: Int
    }

    private let plan: FeaturePlan
    private let input: InputSpecification
    private let hasKinds: Bool
    /// Whether each row has a text in `idTexts`.
    private let hasTextIDs: Bool
    private let textPairs: [TextPair]
    private let partColumns: [String]
    /// The parts of the row that is being read.
    private var parts: [String]
    /// The pipeline's own: the arrival time and the declared columns, which are what the payload of a transaction is.
    /// Undeclared columns, the columns' order, and whether a default was written out make no other one of it.
    private let readerSchemas: [RecordSchema]
    private let integerCount: Int
    private let doubleCount: Int
    private let keyWords: Int
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
        precondition(plan.keyWords <= 64, "the keys of a plan's entities take at most 64 words")
        self.plan = plan
        self.input = input
        hasKinds = plan.kinds.count > 1
        hasTextIDs = input.idType == .string || input.events.contains { $0.idType == .string }
        var partColumns: [String] = []
        var textPairs: [TextPair] = []
        for (index, entity) in plan.entities.enumerated() where entity.keysAreText && entity.keyColumns.count == 2 {
            let places = entity.keyColumns.map { column in
                if let place = partColumns.firstIndex(of: column.name) { return place }
                partColumns.append(column.name)
                return partColumns.count - 1
            }
            textPairs.append(TextPair(entity: index, first: places[0], second: places[1]))
        }
        self.partColumns = partColumns
        self.textPairs = textPairs
        parts = partColumns.map { _ in "" }
        readerSchemas = input.readerSchemas
        integerCount = plan.integerColumns.count
        doubleCount = plan.doubleColumns.count
        keyWords = plan.keyWords
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
            case .row:
                if appendRow(reading, &reader, record: index, timestamp: timestamp, to: &block) {
                    record.kind = reading.rowKind == 0 ? .transaction : .event
                    record.index = Int32(truncatingIfNeeded: block.rowCount - 1)
                }
            case .ignored: record.kind = .ignored
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
        guard let writer else { return Reading(kind: .unknown) }
        let isEvent = writer.name.hasPrefix(RecordSchema.eventPrefix)
        let kind = isEvent ? kind(of: writer) : 0
        // Of another pipeline's interest.
        guard let kind else { return Reading(kind: .ignored) }
        guard let reader = readerSchemas.first(where: { $0.name == writer.name }),
            let resolution = try? SchemaResolution(writer: writer, reader: reader)
        else { return Reading(kind: .unknown) }
        if isEvent { return makeRowReading(resolution, reader.columns, kind: kind) }
        switch reader.name {
        case "Transaction": return makeRowReading(resolution, reader.columns, kind: 0)
        case "Label" where resolution.isIdentity: return Reading(kind: .label)
        case "Command" where resolution.isIdentity: return Reading(kind: .command)
        default: return Reading(kind: .unknown)
        }
    }

    /// The kind of a schema's events among the plan's, nil where it is none of them.
    private func kind(of writer: RecordSchema) -> Int? {
        let name = writer.name.dropFirst(RecordSchema.eventPrefix.utf8.count)
        guard input.events.contains(where: { $0.name == name }) else { return nil }
        return plan.kinds.dropFirst().firstIndex { $0.name == name }
    }

    private mutating func makeRowReading(_ resolution: SchemaResolution, _ columns: [Column], kind: Int) -> Reading {
        var reading = Reading(
            kind: .row, rowKind: UInt8(kind), start: Int32(fieldCount), count: Int32(resolution.steps.count),
            defaultStart: Int32(defaults.count))
        let idColumn = kind == 0 ? input.idColumn : input.events.first { $0.name == plan.kinds[kind].name }?.idColumn
        fields.reserve(fieldCount + resolution.steps.count)
        for step in resolution.steps {
            switch step.use {
            case .skip: fields[fieldCount] = Field(kind: Self.kind(of: step.type))
            case .same(let index): fields[fieldCount] = field(for: columns[index], Self.kind(of: step.type), idColumn)
            case .promoted(let index): fields[fieldCount] = field(for: columns[index], .promoted, idColumn)
            }
            fieldCount += 1
        }
        for missing in resolution.defaults {
            let column = columns[missing.field]
            let field = field(for: column, Self.kind(of: column.type), idColumn)
            if case .double(let number) = missing.value, !(number.magnitude <= largestFeature) {
                return Reading(kind: .unknown)
            }
            reading.payload &+= mixed(field.declared, Self.payloadWord(missing.value))
            defaults.append(Default(field: field, value: missing.value))
        }
        appendForeignColumns(kind: kind)
        reading.defaultCount = Int32(defaults.count) - reading.defaultStart
        return reading
    }

    /// Columns that the plan reads and events of this kind do not have: 0, or the empty text.
    private mutating func appendForeignColumns(kind: Int) {
        let own = plan.kinds[kind].columns.map(\.name)
        for (place, column) in plan.integerColumns.enumerated() where !own.contains(column.name) {
            let value: ColumnValue = column.type == .string ? .text("") : .integer(0)
            defaults.append(Default(field: Field(kind: .number, integerPlace: place), value: value))
        }
        for (place, column) in plan.doubleColumns.enumerated() where !own.contains(column.name) {
            defaults.append(Default(field: Field(kind: .double, doublePlace: place), value: .double(0)))
        }
    }

    /// What becomes of a column of the reader's.
    private func field(for column: Column, _ kind: FieldKind, _ idColumn: String?) -> Field {
        if column.name == RecordSchema.arrivalTimeColumn { return Field(kind: kind, isArrival: true) }
        var field = Field(kind: kind, declared: stableHash(column.name) | 1, isID: column.name == idColumn)
        field.integerPlace = plan.integerColumns.firstIndex { $0.name == column.name } ?? -1
        field.doublePlace = plan.doubleColumns.firstIndex { $0.name == column.name } ?? -1
        field.part = partColumns.firstIndex(of: column.name) ?? -1
        for entity in plan.entities where !(entity.keysAreText && entity.keyColumns.count == 2) {
            for (word, key) in entity.keyColumns.enumerated() where key.name == column.name {
                field.keyWords |= 1 << UInt64(entity.keyWord + word)
            }
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
        block.reserveRow(integers: integerCount, doubles: doubleCount, keyWords: keyWords)
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
                setKey(number, field.keyWords, row, &block)
                if field.part >= 0 { setPart(field.part, number) }
            case .double, .promoted:
                let number = field.kind == .double ? reader.readAvroDouble() : Double(reader.readVarint())
                if field.declared != 0 { payload &+= mixed(field.declared, number.bitPattern) }
                guard field.doublePlace >= 0 || field.integerPlace >= 0 else { continue }
                guard number.magnitude <= largestFeature else { return undo(row, &block) }
                if field.doublePlace >= 0 { block.doubles[row &* doubleCount &+ field.doublePlace] = number }
                if field.integerPlace >= 0 {
                    block.integers[row &* integerCount &+ field.integerPlace] = inMillionths(number)
                }
            case .text:
                let bytes = reader.readAvroBytes()
                guard field.declared != 0 else { continue }
                let hash = stableHash(bytes)
                payload &+= mixed(field.declared, hash)
                if field.integerPlace >= 0 {
                    block.integers[row &* integerCount &+ field.integerPlace] = Int64(bitPattern: hash)
                }
                if field.isID || field.keyWords != 0 || field.part >= 0 { appendText(bytes, hash, field, row, &block) }
            }
        }
        guard reader.isValid, reader.remaining == 0 else { return undo(row, &block) }
        if reading.defaultCount > 0 { appendDefaults(reading, row, &block) }
        if hasKinds || !textPairs.isEmpty { completeTexts(kind: reading.rowKind, row, &block) }
        block.payloads[row] = payload
        block.rowTimes[row] = timestamp.milliseconds
        block.rowRecords[row] = Int32(truncatingIfNeeded: record)
        block.rowCount = row + 1
        return true
    }

    @inline(never) private mutating func appendDefaults(_ reading: Reading, _ row: Int, _ block: inout EventBlock) {
        for standIn in defaults[Int(reading.defaultStart)..<Int(reading.defaultStart + reading.defaultCount)] {
            let field = standIn.field
            switch standIn.value {
            case .integer(let number):
                if field.integerPlace >= 0 { block.integers[row &* integerCount &+ field.integerPlace] = number }
                setKey(number, field.keyWords, row, &block)
                if field.part >= 0 { setPart(field.part, number) }
            case .double(let number):
                if field.doublePlace >= 0 { block.doubles[row &* doubleCount &+ field.doublePlace] = number }
                if field.integerPlace >= 0 {
                    block.integers[row &* integerCount &+ field.integerPlace] = inMillionths(number)
                }
            case .text(let text):
                let hash = stableHash(text)
                if field.integerPlace >= 0 {
                    block.integers[row &* integerCount &+ field.integerPlace] = Int64(bitPattern: hash)
                }
                if field.keyWords != 0 { appendKey(text, hash, field.keyWords, row, &block) }
                if field.part >= 0 { parts[field.part] = text }
            }
        }
    }

    /// Writes down the row's kind, the keys of pairs, and an empty text wherever the row has none.
    @inline(never) private mutating func completeTexts(kind: UInt8, _ row: Int, _ block: inout EventBlock) {
        if hasKinds {
            block.kinds.reserve(row + 1)
            block.kinds[row] = kind
        }
        for pair in textPairs where plan.entities[pair.entity].kinds >> UInt64(kind) & 1 == 1 {
            let text = EntityKey.text(ofPair: parts[pair.first], parts[pair.second])
            appendKey(text, stableHash(text), 1 << UInt64(plan.entities[pair.entity].keyWord), row, &block)
        }
        guard hasKinds else { return }
        if hasTextIDs, block.idTexts.count == row { block.idTexts.append("") }
        for entity in plan.entities.indices where plan.entities[entity].keysAreText {
            if block.keyTexts[entity].count == row { block.keyTexts[entity].append("") }
        }
    }

    @inline(never) private mutating func setPart(_ part: Int, _ number: Int64) { parts[part] = String(number) }

    @inline(__always) private func setKey(_ key: Int64, _ words: UInt64, _ row: Int, _ block: inout EventBlock) {
        var rest = words
        while rest != 0 {
            block.keys[row &* keyWords &+ rest.trailingZeroBitCount] = key
            rest &= rest &- 1
        }
    }

    @inline(never) private mutating func appendText(
        _ bytes: UnsafeRawBufferPointer, _ hash: UInt64, _ field: Field, _ row: Int, _ block: inout EventBlock
    ) {
        let text = String(decoding: bytes, as: UTF8.self)
        if field.isID {
            block.idTexts.append(text)
            block.ids[row] = Int64(bitPattern: hash)
        }
        if field.part >= 0 { parts[field.part] = text }
        appendKey(text, hash, field.keyWords, row, &block)
    }

    private func appendKey(_ text: String, _ hash: UInt64, _ words: UInt64, _ row: Int, _ block: inout EventBlock) {
        setKey(Int64(bitPattern: hash), words, row, &block)
        for entity in plan.entities.indices where words >> UInt64(plan.entities[entity].keyWord) & 1 == 1 {
            block.keyTexts[entity].append(text)
        }
    }

    /// Takes back the texts of a row that turned out not to be one.
    private func undo(_ row: Int, _ block: inout EventBlock) -> Bool {
        if block.idTexts.count > row { block.idTexts.removeLast(block.idTexts.count - row) }
        for entity in plan.entities.indices where block.keyTexts[entity].count > row {
            block.keyTexts[entity].removeLast(block.keyTexts[entity].count - row)
        }
        return false
    }

    /// Where no source is declared, all are one.
    @inline(__always) private func place(ofSource name: UnsafeRawBufferPointer) -> UInt8 {
        if input.labelSources.isEmpty { return 0 }
        let place = input.labelSources.firstIndex { name.elementsEqual($0.utf8) }
        return place.map { UInt8($0) } ?? EventBlock.unknownSource
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
        let source = reader.readAvroBytes()
        guard reader.isValid, reader.remaining == 0, value == 0 || value == 1 else { return false }
        block.labelSources.reserve(index + 1)
        block.labelSources[index] = place(ofSource: source)
        block.labelIsPositive[index] = value == 1
        if block.idIsText { block.labelIDTexts.append(text) }
        block.labelCount = index + 1
        return true
    }
}
