/// What is wrong in a pipeline's file, and where:
/// `card-fraud.yaml:14: features[3].aggregate: 'cout' is none of count, sum, mean, ...`.
public struct SpecificationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file as the caller named it.
    public var file: String
    /// Counted from 1.
    public var line: Int
    /// Counted from 1; only where the text is not YAML at all.
    public var column: Int?
    /// Such as `features[3].aggregate` (items count from 0); empty for the file as a whole.
    public var key: String
    /// What was found and what was expected.
    public var problem: String

    public init(file: String, line: Int, column: Int? = nil, key: String = "", problem: String) {
        self.file = file
        self.line = line
        self.column = column
        self.key = key
        self.problem = problem
    }

    public var description: String {
        let place = column.map { "\(file):\(line):\($0)" } ?? "\(file):\(line)"
        return key.isEmpty ? "\(place): \(problem)" : "\(place): \(key): \(problem)"
    }
}
