/// What tells the keys of an entity apart.
public enum EntityKeyKind: UInt8, Hashable, Sendable {
    case number
    case text
    /// Two numbers.
    case pair
}
