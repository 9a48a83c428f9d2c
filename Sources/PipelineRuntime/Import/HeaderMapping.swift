import EventModel

/// Which field of a table belongs to which column.
struct HeaderMapping {
    private let header: [String]
    private let changed: [String]
    private var isTaken: [Bool]

    init(_ header: [String]) throws(ImportError) {
        self.header = header
        changed = header.map(Self.allowed)
        isTaken = header.map { _ in false }
        var names: Set<String> = []
        for name in header where !names.insert(name).inserted { throw .duplicateColumn(name) }
    }

    func has(_ name: String) -> Bool { field(of: name) != nil }

    /// The field of the column `name`, which has this one use.
    mutating func take(_ name: String, _ role: ImportError.Role) throws(ImportError) -> Int {
        guard let field = field(of: name) else { throw .missingColumn(name, role, header: header) }
        if isTaken[field] { throw .duplicateColumn(header[field]) }
        isTaken[field] = true
        return field
    }

    /// The field of a declared column, under its name or else one of its aliases; nil when there is none and none is
    /// required.
    mutating func take(_ column: Column, isRequired: Bool) throws(ImportError) -> Int? {
        for name in [column.name] + column.aliases where has(name) { return try take(name, .declared) }
        if isRequired { throw .missingColumn(column.name, .declared, header: header) }
        return nil
    }

    /// The fields that nobody took, under names that Avro allows and that are not yet `taken`.
    func rest(taken: [String]) -> [(name: String, field: Int)] {
        var taken = Set(taken)
        return header.indices.filter { !isTaken[$0] }.map { field in
            var name = changed[field]
            var number = 2
            while !taken.insert(name).inserted {
                name = "\(changed[field])_\(number)"
                number += 1
            }
            return (name, field)
        }
    }

    private func field(of name: String) -> Int? { header.firstIndex(of: name) ?? changed.firstIndex(of: name) }

    private static func allowed(_ name: String) -> String {
        let characters = name.unicodeScalars.map { scalar in
            scalar.isASCII && Column.isValidName("a\(scalar)") ? Character(scalar) : "_"
        }
        let text = String(characters)
        return Column.isValidName(text) ? text : "_" + text
    }
}

extension InputSpecification {
    /// Whether the declared columns can be a transaction's.
    func validate() throws(ImportError) {
        var names: Set<String> = []
        let apart = [eventTimeColumn, label?.column, label?.timeColumn, RecordSchema.arrivalTimeColumn]
        for column in columns {
            guard Column.isValidName(column.name) else { throw .invalidName(column.name) }
            guard names.insert(column.name).inserted else { throw .duplicateColumn(column.name) }
            if apart.contains(column.name) { throw .reservedColumn(column.name) }
        }
        // Events of another kind need none.
        if kind != nil || table != nil, idColumn.isEmpty { return }
        guard names.contains(idColumn), idType == .long || idType == .string else { throw .invalidID(idColumn) }
    }
}
