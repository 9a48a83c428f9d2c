/// Bytes that arrived in chunks and were not consumed yet, in one piece of memory; one owner.
///
/// Eight bytes behind the end may be read (they mean nothing), so that a scan may load whole words.
struct ChunkBuffer: ~Copyable, @unchecked Sendable {
    private static let padding = 8

    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var start = 0
    private var end = 0
    /// Bytes consumed since the beginning of the input.
    private(set) var consumed = 0

    init(capacity: Int) {
        self.capacity = capacity
        memory = .allocate(capacity: capacity + Self.padding)
        memory.initialize(repeating: 0, count: capacity + Self.padding)
    }

    deinit { memory.deallocate() }

    var count: Int { end - start }

    /// The first byte; valid until the next `append`.
    var first: UnsafeMutablePointer<UInt8> { memory + start }

    /// - Complexity: O(chunk + what is left); memory grows to the longest row and one chunk.
    mutating func append(_ chunk: UnsafeRawBufferPointer) {
        guard let source = chunk.baseAddress, !chunk.isEmpty else { return }
        if end + chunk.count > capacity { makeRoom(for: chunk.count) }
        UnsafeMutableRawPointer(memory + end).copyMemory(from: source, byteCount: chunk.count)
        end += chunk.count
    }

    mutating func consume(_ bytes: Int) {
        assert(bytes <= count)
        start += bytes
        consumed += bytes
    }

    /// The position of the first line feed in `range`, or nil.
    func lineFeed(in range: Range<Int>) -> Int? {
        let bytes = first
        var position = range.lowerBound
        while position < range.upperBound {
            let word = UnsafeRawPointer(bytes + position).loadUnaligned(as: UInt64.self).littleEndian
            let hits = matches(word, Pattern.lineFeed)
            if hits != 0 {
                let found = position + hits.trailingZeroBitCount >> 3
                return found < range.upperBound ? found : nil
            }
            position += 8
        }
        return nil
    }

    private mutating func makeRoom(for additional: Int) {
        let kept = count
        if kept + additional > capacity {
            capacity = max(capacity * 2, kept + additional)
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity + Self.padding)
            larger.initialize(repeating: 0, count: capacity + Self.padding)
            larger.update(from: memory + start, count: kept)
            memory.deallocate()
            memory = larger
        } else {
            memory.update(from: memory + start, count: kept)
        }
        start = 0
        end = kept
    }
}

/// A character in each byte of a word.
enum Pattern {
    static let comma: UInt64 = 0x2C2C_2C2C_2C2C_2C2C
    static let lineFeed: UInt64 = 0x0A0A_0A0A_0A0A_0A0A
}

/// The high bit of each byte of `word` that equals `pattern`'s, and no other bit (exact: no carries between bytes).
@inline(__always) func matches(_ word: UInt64, _ pattern: UInt64) -> UInt64 {
    let low: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
    let difference = word ^ pattern
    return ~(((difference & low) &+ low) | difference) & ~low
}
