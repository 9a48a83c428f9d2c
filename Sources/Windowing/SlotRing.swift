import CPrefetch
import EventModel

/// A row of words for each transaction that is remembered. Slots count up for ever; a row lies at its slot's low bits.
public struct SlotRing: ~Copyable, @unchecked Sendable {
    public private(set) var words: UnsafeMutablePointer<Int64>
    /// Words a row.
    public let stride: Int
    /// The number of rows that there is room for, less one: a power of two less one.
    public private(set) var mask = 1023

    public init(stride: Int) {
        self.stride = stride
        words = LargeMemory.allocateWords((mask + 1) * stride)
    }

    deinit { words.deallocate() }

    /// The row of a slot that is held.
    @inlinable @inline(__always) public func row(_ slot: Int) -> UnsafeMutablePointer<Int64> {
        words + (slot & mask) &* stride
    }

    /// Writes a value into all words of some rows.
    public func fill(_ slots: Range<Int>, with value: Int64) {
        for slot in slots { row(slot).update(repeating: value, count: stride) }
    }

    public var byteCount: Int { (mask + 1) * stride * 8 }

    /// Makes room for the rows of `slots`. Those that have a value keep it, as long as the ranges asked for never begin
    /// earlier than the one before.
    public mutating func hold(_ slots: Range<Int>) {
        if slots.count > mask + 1 { grow(to: slots) }
    }

    private mutating func grow(to slots: Range<Int>) {
        let (old, oldMask) = (words, mask)
        while slots.count > mask + 1 { mask = mask * 2 + 1 }
        words = LargeMemory.allocateWords((mask + 1) * stride)
        for slot in slots.lowerBound...slots.lowerBound + oldMask {
            row(slot).update(from: old + (slot & oldMask) * stride, count: stride)
        }
        old.deallocate()
    }

    /// Writes the rows of `slots`, which are held.
    public func encode(_ slots: Range<Int>, into writer: inout ByteWriter) {
        var slots = slots
        while !slots.isEmpty {
            // Up to where the memory begins anew.
            let count = min(slots.count, mask + 1 - slots.lowerBound & mask)
            writer.encode(raw: UnsafeRawBufferPointer(start: row(slots.lowerBound), count: count * stride * 8))
            slots = slots.lowerBound + count..<slots.upperBound
        }
    }

    /// Takes up what `encode` wrote of the same slots; the ring must be new.
    public mutating func decode(_ slots: Range<Int>, from reader: inout ByteReader) throws(StateCodingError) {
        guard reader.remaining / 8 / max(stride, 1) >= slots.count else { throw StateCodingError("ends early") }
        hold(slots)
        for slot in slots {
            UnsafeMutableRawBufferPointer(start: row(slot), count: stride * 8)
                .copyMemory(from: reader.readBytes(stride * 8))
        }
    }
}

/// Memory for tables that are read at random places.
enum LargeMemory {
    /// Whole large pages are asked for, since a processor keeps few places of small ones in mind; also where half of one
    /// is enough.
    private static let largePageBytes = 2 << 20

    /// Words without a value yet; `deallocate()` gives them back.
    static func allocateWords(_ count: Int) -> UnsafeMutablePointer<Int64> {
        var bytes = max(count, 1) * 8
        let isLarge = bytes >= largePageBytes / 2
        if isLarge { bytes = (bytes + largePageBytes - 1) / largePageBytes * largePageBytes }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? largePageBytes : 64)
        if isLarge { tidemark_prefer_large_pages(memory, bytes) }
        return memory.bindMemory(to: Int64.self, capacity: max(count, 1))
    }
}
