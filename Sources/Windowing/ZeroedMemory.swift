import CMemory

/// Words that are zero until they are written, and that can become more: from a large page on without a copy, and without
/// touching what has no value yet.
struct ZeroedMemory: ~Copyable, @unchecked Sendable {
    private(set) var words: UnsafeMutablePointer<Int64>
    private var count: Int
    private var isMapped: Bool

    private static let largePageBytes = 2 << 20

    init(count: Int) {
        self.count = count
        (words, isMapped) = Self.allocate(count)
    }

    deinit { Self.deallocate(words, count, isMapped: isMapped) }

    /// Makes them `more`; their address changes.
    mutating func grow(to more: Int) {
        if isMapped, let moved = tidemark_grow_large(words, Self.bytes(count), Self.bytes(more)) {
            words = moved.bindMemory(to: Int64.self, capacity: more)
        } else {
            let (larger, isLargerMapped) = Self.allocate(more)
            larger.update(from: words, count: count)
            Self.deallocate(words, count, isMapped: isMapped)
            (words, isMapped) = (larger, isLargerMapped)
        }
        count = more
    }

    /// As many whole large pages as are needed.
    private static func bytes(_ count: Int) -> Int {
        (count * 8 + largePageBytes - 1) / largePageBytes * largePageBytes
    }

    private static func allocate(_ count: Int) -> (UnsafeMutablePointer<Int64>, isMapped: Bool) {
        if count * 8 >= largePageBytes / 2, let memory = tidemark_map_large(bytes(count)) {
            return (memory.bindMemory(to: Int64.self, capacity: count), true)
        }
        let words = LargeMemory.allocateWords(count)
        words.initialize(repeating: 0, count: count)
        return (words, false)
    }

    private static func deallocate(_ words: UnsafeMutablePointer<Int64>, _ count: Int, isMapped: Bool) {
        if isMapped { tidemark_unmap_large(words, bytes(count)) } else { words.deallocate() }
    }
}
