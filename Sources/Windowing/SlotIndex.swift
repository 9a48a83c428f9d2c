import CMemory
import EventModel

/// A hash index from a 64-bit key to a slot of a `SlotRing`. It keeps no keys: whoever asks compares with the key in the
/// slot's row.
///
/// A bucket is a cache line:
///
///     byte 0 … 11   a tag for each of 12 places: 0x80 and seven bits that follow from the key; 0: free
///          12 … 15  how many slots went on from here to a later bucket, because all places were taken
///          16 … 63  the low 32 bits of each place's slot
///
/// Four keys in a row share a bucket, so ids that are given in order touch few lines. Removal leaves nothing behind, and no
/// layout shows in an answer.
/// - Complexity: O(1) expected for each verb; 6 to 13 bytes a key when large.
public struct SlotIndex: ~Copyable, @unchecked Sendable {
    @usableFromInline static var placeCount: Int { 12 }
    /// Buckets hold so many keys on average before their number doubles.
    private static let meanLoad = 5

    @usableFromInline var buckets: UnsafeMutablePointer<UInt64>
    @usableFromInline let mask: Int
    /// Slots held.
    @usableFromInline var held = 0
    public var count: Int { held }
    /// The number of slots for which there is room.
    public let capacity: Int
    /// Bytes of memory.
    public var byteCount: Int { (mask + 1) * 64 }

    /// - Parameter capacity: at least so many slots will find room.
    public init(capacity: Int = 0) {
        var bucketCount = 16
        while bucketCount * Self.meanLoad < capacity { bucketCount *= 2 }
        mask = bucketCount - 1
        self.capacity = bucketCount * Self.meanLoad
        let words = LargeMemory.allocateWords(bucketCount * 8)
        words.update(repeating: 0, count: bucketCount * 8)
        buckets = UnsafeMutableRawPointer(words).bindMemory(to: UInt64.self, capacity: bucketCount * 8)
    }

    deinit { buckets.deallocate() }

    // MARK: verbs

    /// Brings the bucket of `key` close.
    @inlinable @inline(__always) public func prefetch(_ key: Int64) {
        tidemark_prefetch(buckets + Int(truncatingIfNeeded: Self.hash(key)) & mask &* 8)
    }

    /// The low 32 bits of the slot under `key` for which `isSame` holds, or nil. Others than those under `key` may be
    /// asked about.
    @inlinable @inline(__always) public func find(_ key: Int64, isSame: (UInt32) -> Bool) -> UInt32? {
        let hash = Self.hash(key)
        let tag = Self.tag(key, hash)
        var bucket = Int(truncatingIfNeeded: hash) & mask
        while true {
            let words = buckets + bucket &* 8
            var found = Self.places(with: tag, words)
            while found != 0 {
                let slot = Self.slots(words)[Self.firstPlace(found)]
                if isSame(slot) { return slot }
                found &= found &- 1
            }
            if words[1] >> 32 == 0 { return nil }
            bucket = (bucket &+ 1) & mask
        }
    }

    /// Adds a slot under `key`; it must not be there yet, and `count` must be below `capacity`.
    @inlinable @inline(__always) public mutating func insert(_ key: Int64, _ slot: Int) {
        assert(held < capacity, "an index of \(capacity) slots is full")
        let hash = Self.hash(key)
        var words = buckets + (Int(truncatingIfNeeded: hash) & mask) &* 8
        var free = Self.freePlaces(words)
        if free == 0 {
            words = passOn(from: words)
            free = Self.freePlaces(words)
        }
        let place = Self.firstPlace(free)
        UnsafeMutableRawPointer(words).storeBytes(of: Self.tag(key, hash), toByteOffset: place, as: UInt8.self)
        Self.slots(words)[place] = UInt32(truncatingIfNeeded: slot)
        held &+= 1
    }

    /// Removes a slot from under `key`; it must be there.
    @inlinable @inline(__always) public mutating func remove(_ key: Int64, _ slot: Int) {
        let hash = Self.hash(key)
        let words = buckets + (Int(truncatingIfNeeded: hash) & mask) &* 8
        if !Self.take(slot, Self.tag(key, hash), outOf: words) { removeFurtherOn(words, Self.tag(key, hash), slot) }
        held &-= 1
    }

    // MARK: a bucket

    @inlinable @inline(__always) static func hash(_ key: Int64) -> UInt64 {
        let product = UInt64(bitPattern: key >> 2).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }

    /// Different for keys that share a bucket because they follow each other.
    @inlinable @inline(__always) static func tag(_ key: Int64, _ hash: UInt64) -> UInt8 {
        UInt8(truncatingIfNeeded: hash >> 59) &<< 2 | UInt8(truncatingIfNeeded: key & 3) | 0x80
    }

    @inlinable @inline(__always) static func slots(
        _ words: UnsafeMutablePointer<UInt64>
    ) -> UnsafeMutablePointer<UInt32> {
        UnsafeMutableRawPointer(words + 2).assumingMemoryBound(to: UInt32.self)
    }

    /// A bit for each place, of bytes that may be `tag`; all that are, and seldom one beside them.
    @inlinable @inline(__always) static func places(with tag: UInt8, _ words: UnsafeMutablePointer<UInt64>) -> UInt64 {
        let tags = UInt64(tag) &* 0x0101_0101_0101_0101
        let (first, second) = (words[0] ^ tags, words[1] ^ tags)
        return joined(
            (first &- 0x0101_0101_0101_0101) & ~first & 0x8080_8080_8080_8080,
            (second &- 0x0101_0101) & ~second & 0x8080_8080)
    }

    @inlinable @inline(__always) static func freePlaces(_ words: UnsafeMutablePointer<UInt64>) -> UInt64 {
        joined(~words[0] & 0x8080_8080_8080_8080, ~words[1] & 0x8080_8080)
    }

    /// The top bits of twelve bytes, those of the last four beside those of the first.
    @inlinable @inline(__always) static func joined(_ first: UInt64, _ second: UInt64) -> UInt64 {
        first >> 7 | second >> 6
    }

    /// The place of the lowest bit that is set.
    @inlinable @inline(__always) static func firstPlace(_ bits: UInt64) -> Int {
        let bit = bits.trailingZeroBitCount
        return bit >> 3 &+ (bit & 1) &<< 3
    }

    @inlinable @inline(__always) static func take(
        _ slot: Int, _ tag: UInt8, outOf words: UnsafeMutablePointer<UInt64>
    ) -> Bool {
        var found = places(with: tag, words)
        while found != 0 {
            let place = firstPlace(found)
            if slots(words)[place] == UInt32(truncatingIfNeeded: slot) {
                UnsafeMutableRawPointer(words).storeBytes(of: 0, toByteOffset: place, as: UInt8.self)
                return true
            }
            found &= found &- 1
        }
        return false
    }

    /// Notes in full buckets that a slot went on from them.
    /// - Returns: the first bucket that has a free place.
    @inline(never) @usableFromInline func passOn(
        from start: UnsafeMutablePointer<UInt64>
    ) -> UnsafeMutablePointer<UInt64> {
        var words = start
        while Self.freePlaces(words) == 0 {
            words[1] &+= 1 << 32
            words = bucket(after: words)
        }
        return words
    }

    @inline(never) @usableFromInline func removeFurtherOn(
        _ start: UnsafeMutablePointer<UInt64>, _ tag: UInt8, _ slot: Int
    ) {
        var words = start
        repeat {
            precondition(words[1] >> 32 != 0, "removal of a slot that is not in the index")
            words[1] &-= 1 << 32
            words = bucket(after: words)
        } while !Self.take(slot, tag, outOf: words)
    }

    private func bucket(after words: UnsafeMutablePointer<UInt64>) -> UnsafeMutablePointer<UInt64> {
        buckets + (((words - buckets) / 8 + 1) & mask) * 8
    }
}
