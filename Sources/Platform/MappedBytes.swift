import Glibc

/// Bytes that do not change and stay where they are while this object lives: a mapped file or a copy on the heap.
///
/// Whoever alone holds a copy on the heap may fill it anew.
public final class MappedBytes: @unchecked Sendable {
    public private(set) var bytes: UnsafeRawBufferPointer
    private let isMapped: Bool
    /// Of memory on the heap: bytes that find room in it.
    public let capacity: Int

    /// Up to `capacity` bytes on the heap; `fill` writes them and gives their number.
    public init<Failure>(
        capacity: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(capacity, 1), alignment: 16)
        bytes = UnsafeRawBufferPointer(start: memory.baseAddress, count: 0)
        isMapped = false
        self.capacity = capacity
        try refill(fill: fill)
    }

    /// Writes other bytes over those that are there; nobody else may hold this object.
    public func refill<Failure>(
        fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        precondition(!isMapped, "a mapped file is not filled")
        let memory = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        let count = try fill(UnsafeMutableRawBufferPointer(start: memory, count: capacity))
        precondition(count >= 0 && count <= capacity, "filled \(count) bytes of a buffer of \(capacity)")
        bytes = UnsafeRawBufferPointer(start: memory, count: count)
    }

    public convenience init(copying source: UnsafeRawBufferPointer) {
        self.init(capacity: source.count) { target in
            target.copyMemory(from: source)
            return source.count
        }
    }

    /// Owns `memory`, which `mmap` gave.
    init(mapped memory: UnsafeRawBufferPointer) {
        bytes = memory
        isMapped = true
        capacity = 0
    }

    /// Lets the memory of mapped bytes go from one position up to another; who reads there again gets them from the
    /// file. So reading a long file once does not fill the memory.
    public func release(_ range: Range<Int>) {
        let page = 1 << 12
        let start = (range.lowerBound + page - 1) / page * page
        let end = min(range.upperBound, bytes.count) / page * page
        guard isMapped, start < end, let base = bytes.baseAddress else { return }
        madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, Int32(MADV_DONTNEED))
    }

    deinit {
        if isMapped {
            munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
        } else {
            bytes.baseAddress?.deallocate()
        }
    }
}
