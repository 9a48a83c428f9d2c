import EventModel

/// One of many independent streams of random numbers, named by (seed, purpose, index).
///
/// The same name gives the same numbers, whatever other streams exist and in which order they are drawn; so an option
/// that concerns one part of a simulation leaves the other parts as they were. A stream costs five hashes to make.
/// The generator is xoshiro256** ("Scrambled Linear Pseudorandom Number Generators", Blackman and Vigna, 2018).
public struct RandomStream: RandomNumberGenerator, Sendable {
    @usableFromInline var s0: UInt64
    @usableFromInline var s1: UInt64
    @usableFromInline var s2: UInt64
    @usableFromInline var s3: UInt64
    /// The second normal number of the last pair; NaN when it has been given.
    @usableFromInline var spareNormal = Double.nan

    @inlinable public init(seed: UInt64, purpose: UInt64, index: UInt64 = 0) {
        let name = mixed(mixed(mixed(seed) ^ purpose) ^ index)
        s0 = mixed(name)
        s1 = mixed(name &+ 0x9E37_79B9_7F4A_7C15)
        s2 = mixed(name &+ 0x3C6E_F372_FE94_F82A)
        s3 = mixed(name &+ 0xDAA6_6D2C_7DDF_743F)
    }

    @inlinable @inline(__always) public mutating func next() -> UInt64 {
        let product = s1 &* 5
        let result = (product << 7 | product >> 57) &* 9
        let shifted = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = s3 << 45 | s3 >> 19
        return result
    }

    /// Uniform in [0, 1): a multiple of 2⁻⁵³.
    @inlinable @inline(__always) public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform in the range.
    @inlinable @inline(__always) public mutating func uniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + uniform() * (range.upperBound - range.lowerBound)
    }

    /// Uniform in 0 ..< `bound`, without bias ("Fast Random Integer Generation in an Interval", Lemire, 2019).
    @inlinable @inline(__always) public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "a random number below \(bound): the bound must be above 0")
        let bound = UInt64(bound)
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return Int(product.high)
    }
}
