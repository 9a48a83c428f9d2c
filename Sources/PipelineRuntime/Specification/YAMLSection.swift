import Yams

/// A mapping of a YAML file: keys with values, in the file's order.
struct YAMLSection {
    struct Entry {
        var key: String
        /// Where the key stands.
        var line: Int
        var value: YAMLValue
    }

    let value: YAMLValue
    let entries: [Entry]

    init(_ value: YAMLValue) throws(SpecificationError) {
        guard let mapping = value.node.mapping else { throw value.error(expected: "a section with keys and values") }
        var entries: [Entry] = []
        for (keyNode, node) in mapping {
            let line = keyNode.mark?.line ?? value.line
            guard let key = keyNode.scalar?.string, !key.isEmpty else {
                throw SpecificationError(
                    file: value.file, line: line, key: value.path, problem: "\(keyNode.textForPeople) is not a key")
            }
            let path = value.path.isEmpty ? key : "\(value.path).\(key)"
            let entry = YAMLValue(file: value.file, path: path, node: node, keyLine: line)
            entries.append(Entry(key: key, line: line, value: entry))
        }
        self.value = value
        self.entries = entries
    }

    subscript(key: String) -> YAMLValue? { entries.first { $0.key == key }?.value }

    func required(_ key: String) throws(SpecificationError) -> YAMLValue {
        guard let value = self[key] else { throw self.value.error("the key '\(key)' is missing") }
        return value
    }

    /// The value under `key` as a section, and one without entries where there is none.
    func section(_ key: String, keys: [String]) throws(SpecificationError) -> YAMLSection {
        if let value = self[key] { return try value.section(keys: keys) }
        let path = value.path.isEmpty ? key : "\(value.path).\(key)"
        return try YAMLSection(YAMLValue(file: value.file, path: path, node: .mapping(.init([])), keyLine: value.line))
    }

    /// Throws for the first key that is none of `known`.
    func require(_ known: [String]) throws(SpecificationError) {
        for entry in entries where !known.contains(entry.key) {
            let guess = nearest(to: entry.key, among: known).map { "did you mean '\($0)'? " } ?? ""
            throw error(
                at: entry, "unknown key \(quoted(entry.key)); \(guess)the keys here: \(known.joined(separator: ", "))")
        }
    }

    /// Throws for the first key that is none of `allowed` although it means something elsewhere.
    func require(_ allowed: [String], beside reason: String) throws(SpecificationError) {
        for entry in entries where !allowed.contains(entry.key) {
            throw error(at: entry, "'\(entry.key)' has no meaning beside \(reason); leave it out")
        }
    }

    private func error(at entry: Entry, _ problem: String) -> SpecificationError {
        SpecificationError(file: value.file, line: entry.line, key: value.path, problem: problem)
    }
}

/// The name that differs least from `name`, when it differs little.
func nearest(to name: String, among names: [String]) -> String? {
    let written = Array(name.lowercased().prefix(60))
    let distances = names.map { (name: $0, distance: editDistance(written, Array($0.lowercased()))) }
    guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(1, best.name.count / 3) ? best.name : nil
}

/// How many characters have to be inserted, removed or replaced.
/// - Complexity: O(|a|·|b|)
private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for i in a.indices {
        var diagonal = row[0]
        row[0] = i + 1
        for j in b.indices {
            let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
        }
    }
    return row[b.count]
}
