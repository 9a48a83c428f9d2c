/// A value of one column, as the log holds it.
public enum ColumnValue: Hashable, Sendable {
    /// A long, a decimal's unscaled integer, or the milliseconds of a timestamp.
    case integer(Int64)
    case double(Double)
    case text(String)

    /// Whether a column of `type` can hold the value: a decimal has at most 18 digits, a double is finite.
    public func fits(_ type: ColumnType) -> Bool {
        switch (self, type) {
        case (.integer, .long), (.integer, .timestamp), (.text, .string): true
        case (.integer(let unscaled), .decimal): unscaled.magnitude < 1_000_000_000_000_000_000
        case (.double(let number), .double): number.isFinite
        default: false
        }
    }
}
