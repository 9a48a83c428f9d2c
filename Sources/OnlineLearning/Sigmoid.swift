#if canImport(Glibc)
    import Glibc
#endif

/// The probability that belongs to a logit: 1/(1 + e^−logit), within [0, 1] for every logit, infinities included.
public func sigmoid(_ logit: Double) -> Double { 1 / (1 + exp(-logit)) }

/// The logit that belongs to a probability within (0, 1).
public func logit(_ probability: Double) -> Double { log(probability / (1 - probability)) }

/// The natural logarithm.
func logarithm(_ x: Double) -> Double { log(x) }

/// x to the power of y.
func power(_ x: Double, _ y: Double) -> Double { pow(x, y) }
