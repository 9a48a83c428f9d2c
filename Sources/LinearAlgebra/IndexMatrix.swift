/// A matrix of 32-bit indices, row after row without gaps, in its own memory.
public struct IndexMatrix: ~Copyable, @unchecked Sendable {
    public let rows: Int
    public let columns: Int
    /// The first element of the first row. Valid while the matrix lives.
    public let pointer: UnsafeMutablePointer<Int32>

    /// A matrix that holds `value` everywhere.
    public init(rows: Int, columns: Int, filledWith value: Int32 = 0) {
        precondition(rows >= 0 && columns >= 0, "a matrix cannot have \(rows) rows and \(columns) columns")
        self.rows = rows
        self.columns = columns
        pointer = .allocate(capacity: max(rows * columns, 1))
        pointer.initialize(repeating: value, count: max(rows * columns, 1))
    }

    deinit { pointer.deallocate() }

    /// The first element of a row, which is contiguous.
    @inlinable public func row(_ index: Int) -> UnsafeMutablePointer<Int32> {
        assert(index >= 0 && index < rows)
        return pointer + index &* columns
    }
}
