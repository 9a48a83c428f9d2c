import CVarints
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

    /// The same, prepared for the rows' loop: how a field is read, and the word of the row that takes its value, which is
    /// the row's last one where it has no such place.
    struct Step: BitwiseCopyable {
        var kind: FieldKind
        /// Whether it has a text to be kept.
        var hasText: Bool
        /// Whether a number has to be kept as a text.
        var isPart: Bool
        var word: Int32
        /// The hash of its column's name, and a mask for what its value adds to the payload's hash: nothing where it is not
        /// declared.
        var declared: UInt64
        var payloadMask: UInt64
    }

    /// A word of a row that takes the value of another one.
    struct Copy: BitwiseCopyable {
        var from: Int32
        var to: Int32
    }

    enum ReadingKind: UInt8 { case unprepared, row, label, command, change, ignored, unknown }

    /// How values of one schema are read: `fields` from `start` on, then `defaults` from `defaultStart` on.
    struct Reading: BitwiseCopyable {
        var kind = ReadingKind.unprepared
        /// For changes: among the readings of tables.
        var table: Int32 = 0
        /// For rows: their kind, by its place among the plan's.
        var rowKind: UInt8 = 0
        /// What a record of these is.
        var recordKind = EventBlock.RecordKind.undecodable
        /// Whether it is a row or a label of which nothing but numbers is kept, and no text is made of those.
        var isNumeric = false
        var start: Int32 = 0
        var count: Int32 = 0
        var copyStart: Int32 = 0
        var copyCount: Int32 = 0
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

    let plan: FeaturePlan
    let input: InputSpecification
    private let hasKinds: Bool
    private let hasSources: Bool
    /// Whether each row has a text in `idTexts`.
    private let hasTextIDs: Bool
    private let textPairs: [TextPair]
    private let completesTexts: Bool
    /// Whether rows of any schema have something for `complete`.
    private(set) var completesRows: Bool
    private let partColumns: [String]
    /// The parts of the row that is being read.
    private var parts: [String]
    /// The pipeline's own: the arrival time and the declared columns, which are what the payload of a transaction is.
    /// Undeclared columns, the columns' order, and whether a default was written out make no other one of it.
    private let readerSchemas: [RecordSchema]
    let doubleCount: Int
    /// Where a row's integer values begin, and its last word.
    private let integerWord: Int
    private let spareWord: Int
    /// By schema number; numbers are small.
    private(set) var readings = BlockBuffer<Reading>()
    private(set) var readingCount = 0
    private var fields = BlockBuffer<Field>()
    private var steps = BlockBuffer<Step>()
    /// The same for `tidemark_read_rows`.
    var numericSteps = BlockBuffer<tidemark_field>()
    private var fieldCount = 0
    /// The steps of a label with a number as its id.
    let labelSteps: [tidemark_field]
    var run = NumericRun()
    private var copies = BlockBuffer<Copy>()
    private var copyCount = 0
    private var defaults: [Default] = []
    private var tableReadings: [TableReading] = []
    private let schema: (SchemaID) -> RecordSchema?

    /// - Parameter schema: the writer's schema under a number, nil when there is none.
    public init(
        plan: FeaturePlan, input: InputSpecification, schema: @escaping (SchemaID) -> RecordSchema?
    ) {
        precondition(plan.keyWords <= 64, "the keys of a plan's entities take at most 64 words")
        self.plan = plan
        self.input = input
        hasKinds = plan.kinds.count > 1
        hasSources = !input.labelSources.isEmpty
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
        completesTexts = hasKinds || !textPairs.isEmpty
        completesRows = completesTexts
        parts = partColumns.map { _ in "" }
        readerSchemas = input.readerSchemas
        doubleCount = plan.doubleColumns.count
        integerWord = EventBlock.RowWord.keys + plan.keyWords
        spareWord = integerWord + plan.integerColumns.count
        labelSteps = RecordSchema.label(idType: .long).columns.enumerated().map { $1.type.field(word: $0, salt: nil) }
        self.schema = schema
    }

    /// Appends a record to `block`.
    /// - Parameter slack: bytes behind the value that may be looked at.
    public mutating func append(
        offset: Offset, timestamp: EventTime, value: UnsafeRawBufferPointer, slack: Int = 0, to block: inout EventBlock
    ) {
        block.reserve(records: 1, doubles: doubleCount)
        appendReserved(offset: offset, timestamp: timestamp, value: value, slack: slack, to: &block)
    }

    /// The same where there is room.
    @inline(never) mutating func appendReserved(
        offset: Offset, timestamp: EventTime, value: UnsafeRawBufferPointer, slack: Int, to block: inout EventBlock
    ) {
        let index = block.recordCount
        block.recordCount = index &+ 1
        let record = block.records.pointer + index
        record.initialize(
            to: EventBlock.Record(
                kind: .undecodable, index: 0, offset: offset.value, time: timestamp.milliseconds, value: value))
        var reader = ByteReader(value, slack: slack)
        guard timestamp.isInRange, let number = reader.readEnvelope() else { return }
        let reading = reading(of: Int(number.number))
        // What most records are is told by branches: those are foretold, and a jump waits for its table.
        let kind = reading.pointee.kind
        if kind == .row {
            guard appendRow(reading, reader, offset: offset, timestamp: timestamp, to: &block) else { return }
            record.pointee.kind = reading.pointee.recordKind
            record.pointee.index = Int32(truncatingIfNeeded: block.rowCount &- 1)
        } else if kind == .label {
            guard appendLabel(reader, to: &block) else { return }
            record.pointee.kind = .label
            record.pointee.index = Int32(truncatingIfNeeded: block.labelCount &- 1)
        } else {
            appendOther(reading, reader, offset: offset, timestamp: timestamp, record, to: &block)
        }
    }

    @inline(never) private mutating func appendOther(
        _ reading: UnsafePointer<Reading>, _ reader: ByteReader, offset: Offset, timestamp: EventTime,
        _ record: UnsafeMutablePointer<EventBlock.Record>, to block: inout EventBlock
    ) {
        switch reading.pointee.kind {
        case .ignored: record.pointee.kind = .ignored
        case .change: append(change: reading, reader, offset: offset, timestamp: timestamp, record, to: &block)
        case .command: if Self.isHeartbeat(reader) { record.pointee.kind = .heartbeat }
        case .row, .label, .unknown, .unprepared: break
        }
    }

    private mutating func append(
        change reading: UnsafePointer<Reading>, _ reader: ByteReader, offset: Offset, timestamp: EventTime,
        _ record: UnsafeMutablePointer<EventBlock.Record>, to block: inout EventBlock
    ) {
        let table = tableReadings[Int(reading.pointee.table)]
        guard append(change: table, reader, offset: offset, timestamp: timestamp, to: &block) else { return }
        record.pointee.kind = .change
        record.pointee.index = Int32(truncatingIfNeeded: block.changes.count - 1)
    }

    @inline(never) private static func isHeartbeat(_ start: ByteReader) -> Bool {
        var reader = start
        return reader.readAvroString() == "heartbeat" && reader.isValid && reader.remaining == 0
    }

    // MARK: how a schema is read

    /// Schemas are numbered in order of registration, so a large number is a damaged one.
    private static let largestSchemaNumber = 65_535

    @inline(__always) private mutating func reading(of number: Int) -> UnsafePointer<Reading> {
        let known = number >= 0 && number < readingCount && readings[number].kind != .unprepared
        // Preparing may move the readings.
        let place = known ? number : prepare(number)
        return UnsafePointer(readings.pointer + place)
    }

    /// Prepares how values of a schema are read.
    /// - Returns: its place among the readings; 0 for a number that cannot be a schema's.
    @inline(never) private mutating func prepare(_ number: Int) -> Int {
        let isPossible = (1...Self.largestSchemaNumber).contains(number)
        readings.reserve(isPossible ? number + 1 : 1)
        while readingCount <= (isPossible ? number : 0) {
            readings[readingCount] = Reading()
            readingCount += 1
        }
        readings[0].kind = .unknown
        guard isPossible else { return 0 }
        readings[number] = makeReading(schema(SchemaID(Int32(number))))
        return number
    }

    private mutating func makeReading(_ writer: RecordSchema?) -> Reading {
        guard let writer else { return Reading(kind: .unknown) }
        if writer.name.hasPrefix(RecordSchema.tablePrefix) {
            let (isDeclared, reading) = tableReading(of: writer)
            guard let reading else { return Reading(kind: isDeclared ? .unknown : .ignored) }
            tableReadings.append(reading)
            return Reading(kind: .change, table: Int32(tableReadings.count - 1))
        }
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
        case "Label" where resolution.isIdentity:
            return Reading(kind: .label, recordKind: .label, isNumeric: !hasSources && input.idType != .string)
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
            kind: .row, rowKind: UInt8(kind), recordKind: kind == 0 ? .transaction : .event, isNumeric: true,
            start: Int32(fieldCount), count: Int32(resolution.steps.count),
            copyStart: Int32(copyCount), defaultStart: Int32(defaults.count))
        let idColumn = kind == 0 ? input.idColumn : input.events.first { $0.name == plan.kinds[kind].name }?.idColumn
        fields.reserve(fieldCount + resolution.steps.count)
        steps.reserve(fieldCount + resolution.steps.count)
        numericSteps.reserve(fieldCount + resolution.steps.count)
        for step in resolution.steps {
            switch step.use {
            case .skip: fields[fieldCount] = Field(kind: Self.kind(of: step.type))
            case .same(let index): fields[fieldCount] = field(for: columns[index], Self.kind(of: step.type), idColumn)
            case .promoted(let index): fields[fieldCount] = field(for: columns[index], .promoted, idColumn)
            }
            let made = makeStep(fields[fieldCount])
            steps[fieldCount] = made
            numericSteps[fieldCount] = step.type.field(
                word: Int(made.word), salt: made.declared == 0 ? nil : made.declared)
            if made.isPart || made.declared != 0 && made.kind != .number && made.kind != .decimal {
                reading.isNumeric = false
            }
            fieldCount += 1
        }
        reading.copyCount = Int32(copyCount) - reading.copyStart
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
        if reading.copyCount > 0 || reading.defaultCount > 0 { completesRows = true }
        return reading
    }

    /// Columns that the plan reads and events of this kind do not have: 0, or the empty text. What joins read is
    /// written by them.
    private mutating func appendForeignColumns(kind: Int) {
        let own = plan.kinds[kind].columns.map(\.name) + plan.joins.flatMap { $0.reads.map(\.name) }
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

    /// The first place of a field stands in its step; further ones are copied from it.
    private mutating func makeStep(_ field: Field) -> Step {
        let places = words(of: field)
        copies.reserve(copyCount + places.count)
        for place in places.dropFirst() {
            copies[copyCount] = Copy(from: Int32(places[0]), to: Int32(place))
            copyCount += 1
        }
        return Step(
            kind: field.kind, hasText: field.isID || field.keyWords != 0 || field.part >= 0, isPart: field.part >= 0,
            word: Int32(places.first ?? spareWord), declared: field.declared,
            payloadMask: field.declared == 0 ? 0 : ~0)
    }

    /// The words of a row that take a field's integer value or its text's hash.
    private func words(of field: Field) -> [Int] {
        var words: [Int] = []
        if field.isArrival { words.append(EventBlock.RowWord.arrival) }
        if field.isID { words.append(EventBlock.RowWord.id) }
        if field.integerPlace >= 0 { words.append(integerWord + field.integerPlace) }
        var rest = field.keyWords
        while rest != 0 {
            words.append(EventBlock.RowWord.keys + rest.trailingZeroBitCount)
            rest &= rest - 1
        }
        return words
    }

    /// As which word a value of a declared column enters the payload's hash.
    static func payloadWord(_ value: ColumnValue) -> UInt64 {
        switch value {
        case .integer(let number): UInt64(bitPattern: number)
        case .double(let number): payloadWord(number)
        case .text(let text): stableHash(text)
        }
    }

    /// 0 and -0 are the same number, which writers print as they like.
    @inline(__always) private static func payloadWord(_ number: Double) -> UInt64 { (number + 0).bitPattern }

    private static func kind(of type: ColumnType) -> FieldKind {
        switch type {
        case .long, .timestamp: .number
        case .decimal: .decimal
        case .double: .double
        case .string: .text
        }
    }

    // MARK: records

    @inline(__always) private mutating func appendRow(
        _ reading: UnsafePointer<Reading>, _ reader: ByteReader, offset: Offset, timestamp: EventTime,
        to block: inout EventBlock
    ) -> Bool {
        let row = block.rowCount
        let words = block.row(row)
        guard let fieldsPayload = readFields(reading, reader, row, &block) else { return undo(row, &block) }
        let payload = mixed(UInt64(bitPattern: timestamp.milliseconds)) &+ reading.pointee.payload &+ fieldsPayload
        complete(reading.pointee, &block)
        words[EventBlock.RowWord.payload] = Int64(bitPattern: payload)
        words[EventBlock.RowWord.time] = timestamp.milliseconds
        words[EventBlock.RowWord.offset] = offset.value
        block.rowCount = row &+ 1
        return true
    }

    /// Writes down what of the block's next row its fields do not say by themselves.
    @inline(__always) mutating func complete(_ reading: Reading, _ block: inout EventBlock) {
        let row = block.rowCount
        let words = block.row(row)
        var copy = copies.pointer + Int(reading.copyStart)
        let lastCopy = copy + Int(reading.copyCount)
        while copy < lastCopy {
            words[Int(copy.pointee.to)] = words[Int(copy.pointee.from)]
            copy += 1
        }
        if reading.defaultCount > 0 { appendDefaults(reading, row, &block) }
        if completesTexts { completeTexts(kind: reading.rowKind, row, &block) }
    }

    /// Reads fields one after the other.
    /// - Returns: what they add to the payload's hash, nil where they are not what the schema says.
    @inline(__always) private mutating func readFields(
        _ reading: UnsafePointer<Reading>, _ start: ByteReader, _ row: Int, _ block: inout EventBlock
    ) -> UInt64? {
        var reader = start
        var payload: UInt64 = 0
        let words = block.row(row)
        for index in Int(reading.pointee.start)..<Int(reading.pointee.start &+ reading.pointee.count) {
            let step = steps[index]
            switch step.kind {
            case .number, .decimal:
                let number = step.kind == .number ? reader.readVarint() : reader.readAvroDecimal()
                payload &+= mixed(step.declared, UInt64(bitPattern: number)) & step.payloadMask
                words[Int(step.word)] = number
                if step.isPart { setPart(fields[index].part, number) }
            case .double, .promoted:
                let number = step.kind == .double ? reader.readAvroDouble() : Double(reader.readVarint())
                payload &+= mixed(step.declared, Self.payloadWord(number)) & step.payloadMask
                if !keep(number, fields[index], row, &block) { return nil }
            case .text:
                let bytes = reader.readAvroBytes()
                guard step.declared != 0 else { continue }
                let hash = stableHash(bytes)
                payload &+= mixed(step.declared, hash)
                words[Int(step.word)] = Int64(bitPattern: hash)
                if step.hasText { appendText(bytes, fields[index], &block) }
            }
        }
        return reader.isValid && reader.remaining == 0 ? payload : nil
    }

    /// Keeps a double where a feature uses it.
    /// - Returns: false for one that no feature may have.
    @inline(__always) private func keep(
        _ number: Double, _ field: Field, _ row: Int, _ block: inout EventBlock
    ) -> Bool {
        guard field.doublePlace >= 0 || field.integerPlace >= 0 else { return true }
        guard number.magnitude <= largestFeature else { return false }
        if field.doublePlace >= 0 { block.doubles[row &* doubleCount &+ field.doublePlace] = number }
        if field.integerPlace >= 0 { block.row(row)[integerWord &+ field.integerPlace] = inMillionths(number) }
        return true
    }

    @inline(never) private mutating func appendDefaults(_ reading: Reading, _ row: Int, _ block: inout EventBlock) {
        let words = block.row(row)
        for standIn in defaults[Int(reading.defaultStart)..<Int(reading.defaultStart + reading.defaultCount)] {
            let field = standIn.field
            switch standIn.value {
            case .integer(let number):
                for word in self.words(of: field) { words[word] = number }
                if field.part >= 0 { setPart(field.part, number) }
            case .double(let number): _ = keep(number, field, row, &block)
            case .text(let text):
                let hash = Int64(bitPattern: stableHash(text))
                for word in self.words(of: field) { words[word] = hash }
                appendKey(text, field.keyWords, &block)
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
            let word = plan.entities[pair.entity].keyWord
            block.row(row)[EventBlock.RowWord.keys + word] = Int64(bitPattern: stableHash(text))
            appendKey(text, 1 << UInt64(word), &block)
        }
        guard hasKinds else { return }
        if hasTextIDs, block.idTexts.count == row { block.idTexts.append("") }
        for entity in plan.entities.indices where plan.entities[entity].keysAreText {
            if block.keyTexts[entity].count == row { block.keyTexts[entity].append("") }
        }
    }

    @inline(never) private mutating func setPart(_ part: Int, _ number: Int64) { parts[part] = String(number) }

    @inline(never) private mutating func appendText(
        _ bytes: UnsafeRawBufferPointer, _ field: Field, _ block: inout EventBlock
    ) {
        let text = String(decoding: bytes, as: UTF8.self)
        if field.isID { block.idTexts.append(text) }
        if field.part >= 0 { parts[field.part] = text }
        appendKey(text, field.keyWords, &block)
    }

    private func appendKey(_ text: String, _ words: UInt64, _ block: inout EventBlock) {
        guard words != 0 else { return }
        for entity in plan.entities.indices where words >> UInt64(plan.entities[entity].keyWord) & 1 == 1 {
            block.keyTexts[entity].append(text)
        }
    }

    /// Takes back the texts of a row that turned out not to be one.
    @inline(never) private func undo(_ row: Int, _ block: inout EventBlock) -> Bool {
        if block.idTexts.count > row { block.idTexts.removeLast(block.idTexts.count - row) }
        for entity in plan.entities.indices where block.keyTexts[entity].count > row {
            block.keyTexts[entity].removeLast(block.keyTexts[entity].count - row)
        }
        return false
    }

    @inline(never) private func place(ofSource name: UnsafeRawBufferPointer) -> UInt8 {
        let place = input.labelSources.firstIndex { name.elementsEqual($0.utf8) }
        return place.map { UInt8($0) } ?? EventBlock.unknownSource
    }

    @inline(__always) private mutating func appendLabel(_ start: ByteReader, to block: inout EventBlock) -> Bool {
        if block.idIsText { return appendLabelOfText(start, to: &block) }
        var reader = start
        let id = reader.readVarint()
        return append(&reader, id: id, to: &block)
    }

    @inline(never) private mutating func appendLabelOfText(_ start: ByteReader, to block: inout EventBlock) -> Bool {
        var reader = start
        let text = reader.readAvroString()
        guard append(&reader, id: Int64(bitPattern: stableHash(text)), to: &block) else { return false }
        block.labelIDTexts.append(text)
        return true
    }

    /// Appends a label of which the reader has come behind the id. Where no source is declared, all are one.
    @inline(__always) private mutating func append(
        _ reader: inout ByteReader, id: Int64, to block: inout EventBlock
    ) -> Bool {
        let value = reader.readVarint()
        let source = reader.readAvroBytes()
        guard reader.isValid, reader.remaining == 0 else { return false }
        return append(id: id, value: value, source: hasSources ? place(ofSource: source) : 0, to: &block)
    }

    @inline(__always) private func append(id: Int64, value: Int64, source: UInt8, to block: inout EventBlock) -> Bool {
        guard value == 0 || value == 1 else { return false }
        let index = block.labelCount
        block.labels[index] = EventBlock.Label(id: id, isPositive: value == 1, source: source)
        block.labelCount = index &+ 1
        return true
    }
}
