/// Powers of two with a broken exponent, from additions, multiplications and square roots alone, so that every machine
/// gives the same bits. Relative error below 3 · 10⁻¹⁶.
struct PowerOfTwo: Sendable {
    /// 2^(j / 64) for j in 0 ..< 64.
    private let steps: [Double]

    static let shared = PowerOfTwo()

    private init() {
        var roots: [Double] = []
        var root = 2.0
        for _ in 0..<6 {
            root = root.squareRoot()
            roots.append(root)
        }
        steps = (0..<64).map { step in
            (0..<6).reduce(1.0) { step >> (5 - $1) & 1 == 1 ? $0 * roots[$1] : $0 }
        }
    }

    /// 2^x for x in 0 ..< 1.
    func callAsFunction(fraction x: Double) -> Double {
        let step = min(Int(x * 64), 63)
        let y = (x - Double(step) / 64) * 0.693_147_180_559_945_3
        // e^y for y below 0.011.
        let series = 1 + y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4 * (1 + y / 5 * (1 + y / 6)))))
        return steps[step] * series
    }
}

/// x · 2^exponent; 0 and infinity beyond the exponents of doubles.
@inline(__always) func scaled(_ x: Double, byPowerOfTwo exponent: Int64) -> Double {
    if exponent < -1022 { return exponent < -2044 ? 0 : x * 0x1p-1022 * scaled(1, byPowerOfTwo: exponent + 1022) }
    if exponent > 1023 { return x * .infinity }
    return x * Double(bitPattern: UInt64(exponent + 1023) << 52)
}
