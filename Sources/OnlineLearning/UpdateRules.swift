import LinearAlgebra

/// How one weight moves down its gradient; it may keep two numbers of its own from step to step, 0 at the start.
protocol UpdateRule {
    /// Whether an l2 penalty is to be part of the gradient; else the rule has it already.
    var addsRidgeToGradient: Bool { get }
    /// The same without penalties, for the intercept.
    var unregularised: Self { get }
    /// The weight after a step. `rows`: over how many rows the gradient was summed.
    func stepped(
        _ weight: Double, gradient: Double, rows: Double, _ first: inout Double, _ second: inout Double
    ) -> Double
}

/// What update rules keep: no, one or two numbers for each weight.
struct WeightMemory: ~Copyable, Sendable {
    var first: Vector
    var second: Vector

    init(count: Int, vectors: Int) {
        first = Vector(count: vectors > 0 ? count : 0)
        second = Vector(count: vectors > 1 ? count : 0)
    }

    mutating func reset(_ index: Int) {
        if first.count > 0 { first[index] = 0 }
        if second.count > 0 { second[index] = 0 }
    }
}

extension Learner {
    var memoryVectors: Int {
        switch self {
        case .sgd, .newton: 0
        case .adaGrad: 1
        case .ftrl, .adam: 2
        }
    }

    var sparseMemoryVectors: Int { isSecondOrder ? 1 : memoryVectors }
}

/// Stochastic gradient descent. L1 is a proximal step after each gradient step: the weight is drawn towards 0 and not
/// beyond it ("Efficient Online and Batch Learning Using Forward Backward Splitting", 2009).
struct GradientDescent: UpdateRule {
    let rate: Double
    let l1: Double

    var addsRidgeToGradient: Bool { true }
    var unregularised: Self { Self(rate: rate, l1: 0) }

    @inline(__always) func stepped(
        _ weight: Double, gradient: Double, rows: Double, _: inout Double, _: inout Double
    ) -> Double {
        drawn(weight - rate * gradient, by: rate * l1 * rows)
    }
}

/// AdaGrad, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization" (2011); the root is taken of
/// the sum of squares plus 1e-8. L1 is its composite mirror descent: a proximal step by the weight's own rate.
struct AdaptiveGradient: UpdateRule {
    let rate: Double
    let l1: Double

    var addsRidgeToGradient: Bool { true }
    var unregularised: Self { Self(rate: rate, l1: 0) }

    /// The magnitude changes nothing; see `RowKernel.takeRoots`.
    @inline(__always) func stepped(
        _ weight: Double, gradient: Double, rows: Double, _ squares: inout Double, _: inout Double
    ) -> Double {
        let sum = squares + gradient * gradient
        squares = sum
        let root = (sum + 1e-8).magnitude.squareRoot()
        return drawn(weight - rate * gradient / root, by: rate * l1 * rows / root)
    }
}

/// FTRL-Proximal, "Ad Click Prediction: a View from the Trenches" (2013), algorithm 1: z and the sum of squares n.
struct FollowTheLeader: UpdateRule {
    let alpha: Double
    let beta: Double
    let l1: Double
    let l2: Double

    var addsRidgeToGradient: Bool { false }
    var unregularised: Self { Self(alpha: alpha, beta: beta, l1: 0, l2: 0) }

    /// The rule itself, which steps many weights at a time.
    var kernel: RowKernel.FollowTheLeader { RowKernel.FollowTheLeader(alpha: alpha, beta: beta, l1: l1, l2: l2) }

    @inline(__always) func stepped(
        _ weight: Double, gradient: Double, rows: Double, _ z: inout Double, _ n: inout Double
    ) -> Double {
        var (weight, first) = (weight, Int32(0))
        withUnsafePointer(to: gradient) { gradient in
            RowKernel.step(
                kernel, touched: &first, count: 1, gradient: gradient, weights: &weight, z: &z, squares: &n, scale: 1,
                lag: nil)
        }
        return weight
    }
}

/// Adam, "Adam: A Method for Stochastic Optimization" (2015), with the gradient and its square faded only when the
/// weight was active. L1 is a proximal step by the weight's own rate.
struct AdaptiveMoments: UpdateRule {
    let rate: Double
    let l1: Double
    private let firstShare: Double
    private let secondShare: Double

    /// `step` counts from 1.
    init(rate: Double, l1: Double, step: Int) {
        self.rate = rate
        self.l1 = l1
        firstShare = 1 - power(0.9, Double(step))
        secondShare = 1 - power(0.999, Double(step))
    }

    var addsRidgeToGradient: Bool { true }
    var unregularised: Self { Self(rate: rate, l1: 0, firstShare: firstShare, secondShare: secondShare) }

    private init(rate: Double, l1: Double, firstShare: Double, secondShare: Double) {
        (self.rate, self.l1, self.firstShare, self.secondShare) = (rate, l1, firstShare, secondShare)
    }

    @inline(__always) func stepped(
        _ weight: Double, gradient: Double, rows: Double, _ mean: inout Double, _ square: inout Double
    ) -> Double {
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient * gradient
        let root = (square / secondShare).magnitude.squareRoot() + 1e-8
        return drawn(weight - rate * (mean / firstShare) / root, by: rate * l1 * rows / root)
    }
}

/// A weight drawn towards 0 by so much, and not beyond it.
@inline(__always) private func drawn(_ weight: Double, by distance: Double) -> Double {
    guard distance > 0 else { return weight }
    let rest = max(weight.magnitude - distance, 0)
    return weight < 0 ? -rest : rest
}
