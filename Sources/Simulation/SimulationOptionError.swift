/// An option of a simulation that cannot be.
public struct SimulationOptionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The option's name, as the options' struct spells it.
    public var option: String
    public var value: String
    /// What the option must be.
    public var requirement: String

    public var description: String { "simulation option \(option) is \(value): it must be \(requirement)" }
}

/// Throws unless the option holds what it must.
func require<Value>(
    _ isMet: Bool, _ option: String, _ value: Value, _ requirement: String
) throws(SimulationOptionError) {
    if !isMet { throw SimulationOptionError(option: option, value: "\(value)", requirement: requirement) }
}
