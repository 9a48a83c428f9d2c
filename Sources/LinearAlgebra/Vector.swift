/// A vector of doubles in its own memory, aligned to 64 bytes, so that no result depends on where it happens to lie.
///
/// One owner, freed once. Element access is checked by `assert`; the kernels take the pointer and a count.
public struct Vector: ~Copyable, @unchecked Sendable {
    public let count: Int
    /// The first element. Behind the last one stand `spareCount` zeros that nobody writes. Valid while the vector lives.
    public let pointer: UnsafeMutablePointer<Double>

    /// So many entries of a row that are not active can each be one of another weight; where they were of one, each addition
    /// to its gradient would wait for the one before.
    public static var spareCount: Int { 8 }

    /// `count` zeros.
    public init(count: Int) {
        precondition(count >= 0, "a vector cannot have \(count) elements")
        self.count = count
        pointer = allocateDoubles(count + Self.spareCount)
    }

    public init(_ values: [Double]) {
        self.init(count: values.count)
        for (index, value) in values.enumerated() { pointer[index] = value }
    }

    deinit { UnsafeMutableRawPointer(pointer).deallocate() }

    @inlinable public subscript(index: Int) -> Double {
        get {
            assert(index >= 0 && index < count)
            return pointer[index]
        }
        set {
            assert(index >= 0 && index < count)
            pointer[index] = newValue
        }
    }

    public mutating func fill(with value: Double) { pointer.update(repeating: value, count: count) }

    /// A copy of the elements.
    public var array: [Double] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}

/// `count` zeros, aligned to 64 bytes.
func allocateDoubles(_ count: Int) -> UnsafeMutablePointer<Double> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<Double>.stride, alignment: 64)
    let doubles = memory.bindMemory(to: Double.self, capacity: max(count, 1))
    doubles.initialize(repeating: 0, count: max(count, 1))
    return doubles
}
