#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension RandomStream {
    /// Normal with the mean and the standard deviation given (the polar method of Marsaglia and Bray, 1964).
    @inlinable public mutating func normal(mean: Double = 0, deviation: Double = 1) -> Double {
        mean + deviation * standardNormal()
    }

    @inlinable mutating func standardNormal() -> Double {
        if !spareNormal.isNaN {
            defer { spareNormal = .nan }
            return spareNormal
        }
        while true {
            let x = 2 * uniform() - 1
            let y = 2 * uniform() - 1
            let square = x * x + y * y
            if square < 1 && square > 0 {
                let factor = (-2 * log(square) / square).squareRoot()
                spareNormal = y * factor
                return x * factor
            }
        }
    }

    /// The exponential of a normal number with this mean and standard deviation.
    @inlinable public mutating func logNormal(mean: Double, deviation: Double) -> Double {
        exp(normal(mean: mean, deviation: deviation))
    }

    /// Poisson, by searching the distribution function upwards; large means are summed from parts of at most 16.
    /// - Complexity: O(mean).
    @inlinable public mutating func poisson(mean: Double) -> Int {
        precondition(mean >= 0 && mean.isFinite, "a Poisson mean is 0 or more, and finite")
        var count = 0
        var rest = mean
        while rest > 16 {
            count += smallPoisson(mean: 16, atZero: exp(-16))
            rest -= 16
        }
        return count + smallPoisson(mean: rest, atZero: exp(-rest))
    }

    /// - Parameter atZero: exp(−mean), so that the caller can keep it.
    @inlinable mutating func smallPoisson(mean: Double, atZero: Double) -> Int {
        assert(mean <= 16)
        var rest = uniform()
        var probability = atZero
        var count = 0
        while rest >= probability && count < 200 {
            rest -= probability
            count += 1
            probability *= mean / Double(count)
        }
        return count
    }

    /// Gamma with mean shape · scale ("A Simple Method for Generating Gamma Variables", Marsaglia and Tsang, 2000).
    public mutating func gamma(shape: Double, scale: Double) -> Double {
        precondition(shape > 0 && scale > 0, "a gamma distribution's shape and scale are above 0")
        if shape < 1 {
            return gamma(shape: shape + 1, scale: scale) * pow(1 - uniform(), 1 / shape)
        }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = standardNormal()
            let root = 1 + c * x
            if root <= 0 { continue }
            let v = root * root * root
            if log(1 - uniform()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v * scale }
        }
    }

    /// The number of successes among `trials` of this probability, by splitting at a beta-distributed order statistic
    /// ("Non-Uniform Random Variate Generation", Devroye, 1986, X.4).
    /// - Complexity: O(log trials).
    public mutating func binomial(trials: Int, probability: Double) -> Int {
        precondition(trials >= 0 && (0...1).contains(probability), "a binomial needs trials >= 0, probability in 0...1")
        var successes = 0
        var trials = trials
        var probability = probability
        while trials > 16 {
            let a = trials / 2 + 1
            let left = gamma(shape: Double(a), scale: 1)
            let split = left / (left + gamma(shape: Double(trials + 1 - a), scale: 1))
            if split >= probability {
                trials = a - 1
                probability = min(1, probability / split)
            } else {
                successes += a
                trials -= a
                probability = min(1, (probability - split) / (1 - split))
            }
        }
        for _ in 0..<trials where uniform() < probability { successes += 1 }
        return successes
    }
}
