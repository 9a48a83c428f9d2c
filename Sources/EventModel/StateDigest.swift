import CVarints

/// A digest of logical state: the sum of a 64-bit hash of each item that the state holds.
///
/// Because it is a sum it can be kept while items come and go, and it does not depend on how they lie in memory.
/// Two states with the same items have the same digest; it is a check against error, not against an adversary.
public struct StateDigest: Hashable, Sendable, CustomStringConvertible {
    public var sum: UInt64

    @inlinable public init(sum: UInt64 = 0) { self.sum = sum }

    @inlinable public mutating func insert(_ hash: UInt64) { sum &+= hash }
    @inlinable public mutating func remove(_ hash: UInt64) { sum &-= hash }

    /// Sixteen hexadecimal digits.
    public var description: String {
        let digits = String(sum, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Mixes a word so that each input bit changes each output bit with a chance near one half (the finaliser of
/// SplitMix64, from "Fast Splittable Pseudorandom Number Generators", 2014).
@inlinable @inline(__always) public func mixed(_ word: UInt64) -> UInt64 {
    var z = word &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
}

/// A hash of a pair that depends on their order; cheaper than two full mixes.
@inlinable @inline(__always) public func mixed(_ a: UInt64, _ b: UInt64) -> UInt64 { tidemark_mixed(a, b) }

/// A 64-bit hash of bytes that is the same in every process (Swift's own is seeded anew each time).
public func stableHash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = mixed(UInt64(bytes.count))
    var position = 0
    while position + 8 <= bytes.count {
        hash = mixed(hash ^ bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian)
        position += 8
    }
    var tail: UInt64 = 0
    while position < bytes.count {
        tail = tail << 8 | UInt64(bytes[position])
        position += 1
    }
    return mixed(hash ^ tail)
}

public func stableHash(_ text: String) -> UInt64 {
    var text = text
    return text.withUTF8 { stableHash(UnsafeRawBufferPointer($0)) }
}
