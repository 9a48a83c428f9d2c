import EventModel

/// The members of one object that a parser knows by name, in place; read anew for each line.
struct JSONMembers: ~Copyable {
    struct Member {
        enum Kind { case absent, scalar, nested }

        /// `null` is absent.
        var kind = Kind.absent
        /// A string's characters, or the value as written.
        var text = UnsafeRawBufferPointer(start: nil, count: 0)
        /// The line that has it; a member of an earlier line counts for nothing.
        var line = -1

        var isPresent: Bool { kind != .absent }
    }

    /// Members with a meaning of their own.
    enum Role: Int, CaseIterable {
        case eventTime, label, labelTime, command, transactionID, source, kind, table, after, before, payload
    }

    private var members: [Member]
    private let columnCount: Int
    /// The names in the order in which the last line had them, with their member's index.
    private var names: [(name: [UInt8], index: Int)] = []
    private var nextName = 0
    private var unescaped = ByteWriter(capacity: 1_024)
    private var generation = 0

    init(_ specification: InputSpecification, columns: [Column]) {
        columnCount = columns.count
        members = Array(repeating: Member(), count: columns.count + Role.allCases.count)
        var known: Set<String> = []
        func add(_ name: String?, _ index: Int) {
            guard let name, known.insert(name).inserted else { return }
            names.append((Array(name.utf8), index))
        }
        for (index, column) in columns.enumerated() { add(column.name, index) }
        let roles: [(String?, Role)] = [
            (specification.eventTimeColumn, .eventTime), (specification.label?.column, .label),
            (specification.label?.timeColumn, .labelTime), ("command", .command), ("event_time", .eventTime),
            ("label", .label), ("label_time", .labelTime), ("transaction_id", .transactionID), ("source", .source),
            (specification.events.isEmpty && specification.kind == nil ? nil : "kind", .kind),
        ]
        if !specification.tables.isEmpty {
            for (name, role) in [
                ("table", Role.table), ("after", .after), ("before", .before), ("payload", .payload),
            ] { add(name, columns.count + role.rawValue) }
        }
        for (name, role) in roles { add(name, columns.count + role.rawValue) }
    }

    subscript(role: Role) -> Member { self[column: columnCount + role.rawValue] }

    subscript(column index: Int) -> Member { members[index].line == generation ? members[index] : Member() }

    /// Whether the line is a change of a reference table.
    var isChange: Bool {
        self[.table].isPresent || [Role.after, .before, .payload, .source].contains { self[$0].kind == .nested }
    }

    /// Reads a line; the number of members that nobody knows.
    mutating func read(_ line: InputLine) throws(MalformedRow.Reason) -> Int {
        generation += 1
        nextName = 0
        unescaped.removeAll()
        unescaped.reserve(line.bytes.count)
        var bytes = line.bytes
        if line.number == 1, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = .init(rebasing: bytes[3...]) }
        var reader = JSONReader(bytes)
        guard reader.peek() == UInt8(ascii: "{") else { throw .notAnObject }
        do {
            let ignored = try readObject(&reader, bytes)
            try reader.readEnd()
            return ignored
        } catch { throw .json(error) }
    }

    private mutating func readObject(
        _ reader: inout JSONReader, _ bytes: UnsafeRawBufferPointer
    ) throws(JSONError) -> Int {
        var ignored = 0
        _ = reader.skip(UInt8(ascii: "{"))
        if reader.skip(UInt8(ascii: "}")) { return 0 }
        repeat {
            let key = try reader.readKey()
            guard let index = index(of: text(of: key)) else {
                ignored += 1
                try reader.skipValue(depth: 1)
                continue
            }
            guard members[index].line != generation else { throw reader.error(.uniqueKey(key.string)) }
            members[index] = try readMember(&reader, bytes)
        } while reader.skip(UInt8(ascii: ","))
        guard reader.skip(UInt8(ascii: "}")) else { throw reader.error(.commaOrEndOfObject) }
        return ignored
    }

    private mutating func readMember(
        _ reader: inout JSONReader, _ bytes: UnsafeRawBufferPointer
    ) throws(JSONError) -> Member {
        switch reader.peek() {
        case UInt8(ascii: "\""): return Member(kind: .scalar, text: text(of: try reader.readString()), line: generation)
        case UInt8(ascii: "n"):
            try reader.readWord("null")
            return Member(line: generation)
        case let first:
            let start = reader.position
            try reader.skipValue(depth: 1)
            let isNested = first == UInt8(ascii: "[") || first == UInt8(ascii: "{")
            let text = UnsafeRawBufferPointer(rebasing: bytes[start..<reader.position])
            return Member(kind: isNested ? .nested : .scalar, text: text, line: generation)
        }
    }

    /// The characters, in place or unescaped into memory that the line's length is reserved in, so that it stays put.
    private mutating func text(of text: JSONText) -> UnsafeRawBufferPointer {
        guard text.hasEscapes else { return text.literal }
        let start = unescaped.count
        unescaped.append(text)
        return UnsafeRawBufferPointer(rebasing: unescaped.bytes[start...])
    }

    /// The member of the name `key`. Names move to where lines have them, so that the next one is mostly the right one.
    private mutating func index(of key: UnsafeRawBufferPointer) -> Int? {
        for step in 0..<names.count {
            let position = (nextName + step) % names.count
            guard names[position].name.count == key.count, names[position].name.elementsEqual(key) else { continue }
            names.swapAt(nextName, position)
            defer { nextName = (nextName + 1) % names.count }
            return names[nextName].index
        }
        return nil
    }
}
