/// Memory for the rows of a block, kept from block to block.
public struct BlockBuffer<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
    public private(set) var pointer: UnsafeMutablePointer<Element>
    private var capacity: Int

    public init(capacity: Int = 16) {
        self.capacity = max(capacity, 16)
        pointer = .allocate(capacity: self.capacity)
    }

    deinit { pointer.deallocate() }

    /// Makes room for `count` elements and keeps those there are.
    @inline(__always) public mutating func reserve(_ count: Int) {
        if count > capacity { grow(to: count) }
    }

    @inline(never) private mutating func grow(to count: Int) {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: max(count, capacity * 2))
        larger.update(from: pointer, count: capacity)
        pointer.deallocate()
        pointer = larger
        capacity = max(count, capacity * 2)
    }

    public subscript(index: Int) -> Element {
        @inline(__always) get {
            assert(index >= 0 && index < capacity)
            return pointer[index]
        }
        @inline(__always) set {
            assert(index >= 0 && index < capacity)
            pointer[index] = newValue
        }
    }
}
