/// A dense matrix of doubles, row after row without gaps, in its own memory aligned to 64 bytes.
///
/// One owner, freed once. A mini-batch that is not full uses the first rows; so the products take a row count.
public struct Matrix: ~Copyable, @unchecked Sendable {
    public let rows: Int
    public let columns: Int
    /// The first element of the first row. Valid while the matrix lives.
    public let pointer: UnsafeMutablePointer<Double>

    /// A matrix of zeros.
    public init(rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "a matrix cannot have \(rows) rows and \(columns) columns")
        BLAS.useOneThread()
        self.rows = rows
        self.columns = columns
        pointer = allocateDoubles(rows * columns)
    }

    /// - Precondition: all rows have the same length.
    public init(_ values: [[Double]]) {
        self.init(rows: values.count, columns: values.first?.count ?? 0)
        for (index, row) in values.enumerated() {
            precondition(row.count == columns, "row \(index) has \(row.count) values; the first has \(columns)")
            for (column, value) in row.enumerated() { self[index, column] = value }
        }
    }

    deinit { UnsafeMutableRawPointer(pointer).deallocate() }

    @inlinable public subscript(row: Int, column: Int) -> Double {
        get {
            assert(row >= 0 && row < rows && column >= 0 && column < columns)
            return pointer[row &* columns &+ column]
        }
        set {
            assert(row >= 0 && row < rows && column >= 0 && column < columns)
            pointer[row &* columns &+ column] = newValue
        }
    }

    /// The first element of a row, which is contiguous.
    @inlinable public func row(_ index: Int) -> UnsafeMutablePointer<Double> {
        assert(index >= 0 && index < rows)
        return pointer + index &* columns
    }

    public mutating func fill(with value: Double) { pointer.update(repeating: value, count: rows * columns) }

    /// A copy, row by row.
    public var arrays: [[Double]] {
        var copy: [[Double]] = []
        for index in 0..<rows { copy.append(Array(UnsafeBufferPointer(start: row(index), count: columns))) }
        return copy
    }
}
