import TestSupport
import Testing

extension Program {
    /// The `tidemark` that was built with these tests, nil if there is none.
    static let path = find("tidemark")

    /// Starts `tidemark`.
    convenience init(_ arguments: [String]) throws { try self.init(path: try #require(Self.path), arguments) }

    /// Runs `tidemark` to its end and gives what it printed.
    @discardableResult static func expect(
        _ code: Int32, _ arguments: [String], _ location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let program = try Program(arguments)
        program.closeInput()
        let text = program.rest()
        let found = program.wait()
        #expect(found == code, "tidemark \(arguments.joined(separator: " "))", sourceLocation: location)
        return text
    }
}
