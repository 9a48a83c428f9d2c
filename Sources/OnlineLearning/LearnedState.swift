import EventModel
import LinearAlgebra

/// A learner that can write its entire state: what is restored from it goes on exactly as the original would.
public protocol LearnedState: ~Copyable {
    /// Appends all that the future depends on, scratch memory excepted.
    func encode(into writer: inout ByteWriter)
}

extension LearnedState where Self: ~Copyable {
    /// A hash over the bits of the state. Equal states have equal digests wherever they lie in memory.
    /// - Complexity: O(size of the state): for checkpoints, not for each event.
    public var digest: StateDigest {
        var writer = ByteWriter(capacity: 4096)
        encode(into: &writer)
        return StateDigest(sum: stableHash(writer.bytes))
    }
}

extension ByteWriter {
    mutating func encode(_ vector: borrowing Vector) { encode(vector.pointer, count: vector.count) }

    /// The first `rows` rows.
    mutating func encode(_ matrix: borrowing Matrix, rows: Int) {
        encode(matrix.pointer, count: rows * matrix.columns)
    }

    private mutating func encode(_ doubles: UnsafePointer<Double>, count: Int) {
        encode(count)
        encode(raw: UnsafeRawBufferPointer(start: doubles, count: count * MemoryLayout<Double>.stride))
    }
}

extension ByteReader {
    /// Fills a vector; the saved one must have its length.
    mutating func decode(into vector: inout Vector, _ what: String) throws(StateCodingError) {
        try decode(into: vector.pointer, count: vector.count, what)
    }

    /// Fills the first `rows` rows; as many must have been saved.
    mutating func decode(into matrix: inout Matrix, rows: Int, _ what: String) throws(StateCodingError) {
        precondition(rows <= matrix.rows)
        try decode(into: matrix.pointer, count: rows * matrix.columns, what)
    }

    private mutating func decode(
        into doubles: UnsafeMutablePointer<Double>, count: Int, _ what: String
    ) throws(StateCodingError) {
        let saved = try decodeCount(size: 8)
        guard saved == count else {
            throw StateCodingError(
                "\(what): \(saved) numbers are saved, the specification needs \(count); "
                    + "use the specification that the state was saved with")
        }
        let target = UnsafeMutableRawBufferPointer(start: doubles, count: count * MemoryLayout<Double>.stride)
        target.copyMemory(from: readBytes(target.count))
    }

    /// A counter, which cannot be negative.
    mutating func decodeCounter(_ what: String, below limit: Int = .max) throws(StateCodingError) -> Int {
        let value = try decodeInt()
        guard value >= 0, value < limit else { throw StateCodingError("\(what) is \(value)") }
        return value
    }

    /// A number that must be what the specification says.
    mutating func expect(_ expected: Int, _ what: String) throws(StateCodingError) {
        let saved = try decodeInt()
        guard saved == expected else {
            throw StateCodingError(
                "\(what) is \(saved), the specification says \(expected); "
                    + "use the specification that the state was saved with")
        }
    }
}
