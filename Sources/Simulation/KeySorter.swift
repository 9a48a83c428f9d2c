/// Sorts 64-bit keys by some of their bits, stably: one counting pass for each 10 bits.
struct KeySorter: Sendable {
    private var scratch: [UInt64] = []
    private static let digit = 10

    /// Sorts by the bits from `bit` upwards, `width` of them; what lies outside of them goes along.
    /// - Complexity: O(count · width / 10).
    mutating func sort(_ keys: inout [UInt64], bit: Int, width: Int) {
        if keys.count < 2 { return }
        if scratch.count < keys.count { scratch = [UInt64](repeating: 0, count: keys.count + keys.count / 4) }
        let count = keys.count
        for shift in stride(from: bit, to: bit + width, by: Self.digit) {
            let mask: UInt64 = 1 << UInt64(min(Self.digit, bit + width - shift)) - 1
            scratch.withUnsafeMutableBufferPointer { target in
                keys.withUnsafeMutableBufferPointer { source in
                    Self.pass(source, target, shift: UInt64(shift), mask: mask)
                    source.baseAddress?.update(from: target.baseAddress!, count: count)
                }
            }
        }
    }

    private static func pass(
        _ source: UnsafeMutableBufferPointer<UInt64>, _ target: UnsafeMutableBufferPointer<UInt64>, shift: UInt64,
        mask: UInt64
    ) {
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 1 << digit) { starts in
            starts.initialize(repeating: 0)
            for key in source { starts[Int(key >> shift & mask)] += 1 }
            var start = 0
            for value in starts.indices {
                let count = starts[value]
                starts[value] = start
                start += count
            }
            for key in source {
                let value = Int(key >> shift & mask)
                target[starts[value]] = key
                starts[value] += 1
            }
        }
    }
}
