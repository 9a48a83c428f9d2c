import EventModel

/// An exponentially decayed sum as of the newest of a sequence of events in time order.
///
/// Time is cut in periods of one half-life. Within a period an event of value v weighs v · 2^(part of the period gone),
/// the power with 40 binary places, so that the sum of a period is an exact integer whatever the order (up to four million
/// events of a key in one half-life even if their values take all 64 bits). The sums of the periods before it follow each
/// other as doubles, each halved a period: so events of the same time may be added in any order, and the same events give
/// the same bits.
struct DecayState {
    /// Words: two of `sum`, `older`, and the number of events since the period before.
    static let words = 4
    static let noBucket = Int64.min
    static let fractionBits = 40

    /// The period of the newest event.
    var bucket = DecayState.noBucket
    /// Over the events of that period.
    var sum: Int128 = 0
    /// Over all events before it, as of it.
    var older = 0.0

    /// What an event adds to its period's sum.
    @inline(__always) static func weight(of value: Int64, at time: Int64, halfLife: Int64) -> Int128 {
        product(value, power(at: time, halfLife: halfLife))
    }

    /// 2^(part of the period gone), in units of 2^−40.
    @inline(__always) private static func power(at time: Int64, halfLife: Int64) -> Int64 {
        let power = PowerOfTwo.shared(fraction: Double(floorModulo(time, halfLife)) / Double(halfLife))
        return Int64((power * Double(1 << fractionBits as Int64)).rounded(.toNearestOrEven))
    }

    /// Adds an event that is not earlier than the newest.
    @inline(__always) mutating func add(_ weight: Int128, bucket newest: Int64) {
        if newest == bucket {
            sum &+= weight
        } else {
            if bucket != Self.noBucket {
                let halved = scaled(older + nearDouble(sum), byPowerOfTwo: bucket - newest)
                // So far down doubles are no longer halved exactly.
                older = abs(halved) < 1e-290 ? 0 : halved
            }
            bucket = newest
            sum = weight
        }
    }

    /// The sum as of `time`.
    func value(at time: Int64, halfLife: Int64) -> Double {
        guard bucket != Self.noBucket else { return 0 }
        return Self.value(older + nearDouble(sum), bucket: bucket, at: time, halfLife: halfLife)
    }

    /// The sum of a period, and of those before it, as of `time`.
    static func value(_ sum: Double, bucket: Int64, at time: Int64, halfLife: Int64) -> Double {
        scaled(sum / Double(power(at: time, halfLife: halfLife)), byPowerOfTwo: bucket - floorDivide(time, halfLife))
    }

    // MARK: words

    init() {}

    init(_ words: UnsafePointer<Int64>, bucket: Int64) {
        self.bucket = bucket
        sum = loadWide(words)
        older = Double(bitPattern: UInt64(bitPattern: words[2]))
    }

    func store(_ words: UnsafeMutablePointer<Int64>) {
        storeWide(sum, words)
        words[2] = Int64(bitPattern: older.bitPattern)
    }
}
