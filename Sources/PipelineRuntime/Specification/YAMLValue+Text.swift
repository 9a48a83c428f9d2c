import Yams

extension YAMLValue {
    /// Reads a file's text, which holds one YAML document.
    init(yaml text: String, file: String) throws(SpecificationError) {
        let root: Node?
        // Editors of other systems put a byte-order mark before the text.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        do {
            root = try compose(yaml: text, .basic, .default, .utf8)
        } catch {
            throw Self.error(error, text: text, file: file)
        }
        guard let root else {
            throw SpecificationError(file: file, line: 1, problem: "the file is empty; it has to declare a pipeline")
        }
        self.init(file: file, path: "", node: root, keyLine: root.mark?.line ?? 1)
    }

    private static func error(_ error: any Error, text: String, file: String) -> SpecificationError {
        func notYAML(_ problem: String, line: Int, column: Int) -> SpecificationError {
            SpecificationError(file: file, line: line, column: column, problem: "not valid YAML: \(problem)")
        }
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
            let since = context.map { " (\($0.text) that begins in line \($0.mark.line))" } ?? ""
            return notYAML(problem + since, line: mark.line, column: mark.column)
        case .composer(_, let problem, let mark, _):
            return notYAML(problem, line: mark.line, column: mark.column)
        case .reader(let problem, let offset, _, _):
            let before = text.prefix(offset ?? 0).unicodeScalars
            let column = before.reversed().prefix { $0 != "\n" }.count + 1
            return notYAML(problem, line: before.count { $0 == "\n" } + 1, column: column)
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.map(quoted).joined(separator: ", ")
            return SpecificationError(
                file: file, line: context.mark.line,
                problem: "\(names) stands more than once in one section (first in this line); keep one")
        default:
            return SpecificationError(file: file, line: 1, problem: "cannot be read as YAML: \(error)")
        }
    }
}
