import CMemory
import EventModel

/// Asks for the cache line at `address` before it is needed; it shows in no result.
@inlinable @inline(__always) public func fetchEarly(_ address: UnsafeRawPointer) { tidemark_prefetch(address) }

/// A hash index from a 64-bit key to a dense number of the caller's, below 2³² − 1.
///
/// Open addressing with linear probing at most half full; removal shifts the run back, so there are no tombstones and
/// no layout shows in an answer. It keeps 32 bits of each key's hash and no key, so eight slots share a cache line: keys
/// are told apart by the caller's `isSame`.
/// - Complexity: O(1) expected for each verb; 16 to 32 bytes a key when large.
public struct KeyIndex: ~Copyable, @unchecked Sendable {
    @usableFromInline struct Slot {
        /// The key's hash, whose low bits say where it should stand.
        @usableFromInline var hash: UInt32
        /// The dense number plus one; 0: free.
        @usableFromInline var mark: UInt32

        @inlinable init(hash: UInt32, mark: UInt32) {
            self.hash = hash
            self.mark = mark
        }
    }

    @usableFromInline var slots: UnsafeMutablePointer<Slot>
    @usableFromInline var mask: Int
    private var memory: ZeroedMemory
    /// Keys held.
    public private(set) var count = 0
    /// Bytes of memory.
    public var byteCount: Int { (mask + 1) * MemoryLayout<Slot>.stride }

    public init() {
        mask = 63
        memory = ZeroedMemory(count: mask + 1)
        slots = Self.slots(of: memory)
    }

    private static func slots(of memory: borrowing ZeroedMemory) -> UnsafeMutablePointer<Slot> {
        UnsafeMutableRawPointer(memory.words).assumingMemoryBound(to: Slot.self)
    }

    @inlinable @inline(__always) static func hash(_ key: Int64) -> UInt32 {
        let product = UInt64(bitPattern: key).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return UInt32(truncatingIfNeeded: product.high ^ product.low)
    }

    @inlinable @inline(__always) func home(_ hash: UInt32) -> Int { Int(hash) & mask }

    /// Whether it is so small that it stays in the processor's cache.
    @inlinable @inline(__always) var isNear: Bool { mask < 1 << 17 }

    /// Brings the place of `key` close and, where the index is not near, the next slots, in case that it is taken: they may
    /// be in the next cache line.
    @inlinable @inline(__always) public func prefetch(_ key: Int64) {
        let home = home(Self.hash(key))
        tidemark_prefetch(slots + home)
        if !isNear { tidemark_prefetch(slots + (home &+ 2)) }
    }

    /// The dense number under `key` for which `isSame` holds, or nil. Others than those under `key` may be asked about.
    @inlinable @inline(__always) public func find(_ key: Int64, isSame: (Int) -> Bool) -> Int? {
        let hash = Self.hash(key)
        var position = home(hash)
        while true {
            let slot = slots[position]
            if slot.mark == 0 { return nil }
            let dense = Int(slot.mark &- 1)
            if slot.hash == hash, isSame(dense) { return dense }
            position = (position &+ 1) & mask
        }
    }

    /// Adds `dense` under `key`. The pair must not be there yet.
    @inlinable public mutating func insert(_ key: Int64, _ dense: Int) {
        precondition(dense >= 0 && dense < Int(UInt32.max), "number \(dense) for a key; there is room for 2³² − 1")
        if hasToGrow { grow() }
        let hash = Self.hash(key)
        var position = home(hash)
        while slots[position].mark != 0 { position = (position &+ 1) & mask }
        slots[position] = Slot(hash: hash, mark: UInt32(truncatingIfNeeded: dense) &+ 1)
        changeCount(by: 1)
    }

    /// Removes the pair; it must be there.
    @inlinable public mutating func remove(_ key: Int64, _ dense: Int) {
        var hole = home(Self.hash(key))
        // A number stands in it once.
        let mark = UInt32(truncatingIfNeeded: dense) &+ 1
        while slots[hole].mark != mark {
            precondition(slots[hole].mark != 0, "removal of a key that is not in the index")
            hole = (hole &+ 1) & mask
        }
        var next = (hole &+ 1) & mask
        while slots[next].mark != 0 {
            let home = home(slots[next].hash)
            if (next &- home) & mask >= (next &- hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next &+ 1) & mask
        }
        slots[hole].mark = 0
        changeCount(by: -1)
    }

    @usableFromInline var hasToGrow: Bool { count * 2 >= mask }

    @usableFromInline mutating func changeCount(by delta: Int) { count &+= delta }

    /// Doubles the slots where they are, so that no more memory is touched than there will be.
    @inline(never) @usableFromInline mutating func grow() {
        let oldMask = mask
        mask = mask * 2 + 1
        memory.grow(to: mask + 1)
        slots = Self.slots(of: memory)
        var start = 0
        while slots[start].mark != 0 { start += 1 }
        // From behind a free slot on each is put anew: where it was, before that, or as far into the new half. What would
        // keep it from its place has been put already.
        for step in 1...oldMask + 1 {
            let position = (start + step) & oldMask
            let slot = slots[position]
            guard slot.mark != 0 else { continue }
            slots[position].mark = 0
            var place = home(slot.hash)
            while slots[place].mark != 0 { place = (place &+ 1) & mask }
            slots[place] = slot
        }
    }
}
