import Glibc

/// Bytes that do not change and stay where they are while this object lives: a mapped file or a copy on the heap.
public final class MappedBytes: @unchecked Sendable {
    public let bytes: UnsafeRawBufferPointer
    private let isMapped: Bool

    /// Up to `capacity` bytes on the heap; `fill` writes them and gives their number.
    public init<Failure>(
        capacity: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(capacity, 1), alignment: 16)
        do throws(Failure) {
            let count = try fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<capacity]))
            precondition(count >= 0 && count <= capacity, "filled \(count) bytes of a buffer of \(capacity)")
            bytes = UnsafeRawBufferPointer(start: memory.baseAddress, count: count)
        } catch {
            memory.deallocate()
            throw error
        }
        isMapped = false
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
