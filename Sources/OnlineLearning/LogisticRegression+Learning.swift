import EventModel
import LinearAlgebra

extension LogisticRegression {
    /// Learns a row of `inputCount` finite values without active sparse entries; `weight` multiplies its gradient.
    ///
    /// `time` is the event time as of which it is learned, by which old knowledge fades: when the label became known,
    /// not when its transaction happened.
    /// - Complexity: O(inputs), amortised; O(inputs²) for the second-order learner.
    public mutating func learn(
        _ row: UnsafePointer<Double>, isPositive: Bool, weight: Double = 1, at time: EventTime
    ) {
        append(row, count: inputCount, isPositive: isPositive, weight: weight, at: time)
        if isMiniBatchFull { learnMiniBatch() }
    }

    /// The same with `activeCount` sparse entries.
    public mutating func learn(
        _ row: UnsafePointer<Double>, indices: UnsafePointer<Int32>, values: UnsafePointer<Double>, isPositive: Bool,
        weight: Double = 1, at time: EventTime
    ) {
        let place = pendingCount
        append(row, count: inputCount, isPositive: isPositive, weight: weight, at: time)
        if pendingCount > place {
            for entry in 0..<activeCount { setEntry(entry, ofRow: place, indices[entry], values[entry]) }
        }
        if isMiniBatchFull { learnMiniBatch() }
    }

    /// Puts the first `count` inputs of a row into the mini-batch, unless it is a negative that the sample leaves out.
    /// The other inputs are 0 and no sparse entry is active until the caller sets them (`pendingRow`). One who sets all
    /// entries just before the mini-batch is learned says so with `entriesFollow`, and calls `clearPendingEntries` before
    /// the state is saved. The caller then asks `isMiniBatchFull`.
    @inline(__always)
    mutating func append(
        _ row: UnsafePointer<Double>, count: Int, isPositive: Bool, weight: Double, at time: EventTime,
        entriesFollow: Bool = false
    ) {
        assert(count <= inputCount && pendingCount < specification.miniBatch && weight >= 0 && weight.isFinite)
        clock.advance(to: time)
        seenCount &+= 1
        guard isPositive || isSampled(seenCount) else { return }
        let target = miniBatch.row(pendingCount)
        target.update(from: row, count: count)
        if count < inputCount { (target + count).update(repeating: 0, count: inputCount - count) }
        if sparseCount > 0, !entriesFollow { clearEntries(pendingCount) }
        labels[pendingCount] = isPositive ? 1 : 0
        rowWeights[pendingCount] =
            weight * (isPositive ? specification.positiveWeight : specification.negativeWeight)
        pendingCount &+= 1
        if isPositive { pendingPositives &+= 1 }
    }

    /// Makes no sparse entry of the rows that wait active; without sparse weights none ever is.
    func clearPendingEntries() {
        for row in 0..<pendingCount { clearEntries(row) }
    }

    private func clearEntries(_ row: Int) {
        for entry in 0..<activeCount { setEntry(entry, ofRow: row, -1, 0) }
    }

    /// A negative index is not active.
    func setEntry(_ entry: Int, ofRow row: Int, _ index: Int32, _ value: Double) {
        assert(index < sparseCount)
        activeIndices.row(entry)[row] = index < 0 ? Int32(truncatingIfNeeded: sparseCount) : index
        activeValues.row(entry)[row] = value
    }

    /// Whether a negative of this number is among those learned.
    @inline(__always) private func isSampled(_ number: Int) -> Bool {
        specification.negativeShare == 1
            || Double(mixed(UInt64(number)) >> 11) * 0x1p-53 < specification.negativeShare
    }

    var isMiniBatchFull: Bool { missingCount == 0 }

    /// The rows that the mini-batch lacks.
    var missingCount: Int { specification.miniBatch &- pendingCount }

    /// The `inputCount` inputs of a row that waits, to be set in place.
    func pendingInputs(_ index: Int) -> UnsafeMutablePointer<Double> {
        assert(index >= 0 && index < pendingCount)
        return miniBatch.row(index)
    }

    /// The sparse entries of the rows that wait, to be set in place; what is not active has an index from
    /// `sparseCount` on (`Vector.spareCount`).
    var pendingEntries: RowKernel.SparseRows {
        RowKernel.SparseRows(
            indices: activeIndices.pointer, values: activeValues.pointer, stride: specification.miniBatch)
    }

    /// Learns the full mini-batch.
    mutating func learnMiniBatch() {
        assert(isMiniBatchFull)
        takeErrors()
        takeGradient()
        let elapsed = clock.learnBatch()
        learnedMiniBatches &+= 1
        answering.startStep(rowsBefore: learnedCount, miniBatch: pendingCount)
        switch specification.learner {
        case .sgd(let schedule):
            let rule = GradientDescent(rate: schedule.rate(afterRows: learnedCount), l1: specification.l1)
            step(rule, sparse: rule)
        case .adaGrad(let rate):
            let rule = AdaptiveGradient(rate: rate, l1: specification.l1)
            step(rule, sparse: rule)
        case .ftrl(let alpha, let beta):
            let rule = FollowTheLeader(alpha: alpha, beta: beta, l1: specification.l1, l2: specification.l2)
            stepDense(rule)
            stepSparse(rule)
        case .adam(let rate):
            let rule = AdaptiveMoments(rate: rate, l1: specification.l1, step: learnedMiniBatches)
            step(rule, sparse: rule)
        case .newton(_, let halfLife, let sparseRate):
            let keeping = halfLife?.keeping(rows: pendingCount, elapsed: elapsed) ?? 1
            curvature.add(miniBatch, curvatures: curvatures, l2: specification.l2, keeping: keeping)
            curvature.step(
                &weights, gradient: &gradient, l2: specification.l2, rows: pendingCount, keeping: keeping)
            stepSparse(AdaptiveGradient(rate: sparseRate, l1: 0))
        }
        answering.endStep(weights)
        learnedCount &+= pendingCount
        learnedPositives &+= pendingPositives
        pendingCount = 0
        pendingPositives = 0
    }

    /// Forgets what an input meant: its weight and all that was learned of it start anew.
    ///
    /// The second-order learner lets the other weights take over what they can say of it: they move to where they
    /// would be best without that input, by the curvature learned. Others leave them.
    public mutating func resetInput(_ input: Int) {
        precondition(input >= 0 && input < inputCount, "input \(input) of \(inputCount)")
        let before = weights.array
        if specification.learner.isSecondOrder { curvature.remove(input, from: &weights) }
        weights[input] = 0
        memory.reset(input)
        answering.reset(input, before: before, weights)
    }

    // MARK: gradients

    /// Row weight times (probability − label), and for the second-order learner row weight times a curvature.
    private mutating func takeErrors() {
        if pendingCount == 1 {
            errors[0] = RowKernel.dot(miniBatch.row(0), weights.pointer, count: inputCount + 1)
        } else {
            miniBatch.multiply(weights, rows: pendingCount, into: &errors)
        }
        if sparseCount > 0 {
            RowKernel.sparseDots(
                pendingEntries, entries: activeCount, count: pendingCount, weights: sparseWeights.pointer,
                into: sparseLogits.pointer)
            for row in 0..<pendingCount { errors[row] += sparseLogits[row] }
        }
        let (errors, labels, rowWeights) = (errors.pointer, labels.pointer, rowWeights.pointer)
        if specification.learner.isSecondOrder {
            let curvatures = curvatures.pointer
            for row in 0..<pendingCount {
                let logit = errors[row]
                curvatures[row] = rowWeights[row] * safeCurvature(logit, isPositive: labels[row] == 1)
            }
        }
        for row in 0..<pendingCount { errors[row] = rowWeights[row] * (sigmoid(errors[row]) - labels[row]) }
    }

    private mutating func takeGradient() {
        if pendingCount == 1 {
            gradient.fill(with: 0)
            RowKernel.add(miniBatch.row(0), times: errors[0], count: inputCount + 1, to: gradient.pointer)
        } else {
            miniBatch.multiplyTransposed(errors, rows: pendingCount, into: &gradient)
        }
        guard sparseCount > 0 else { return }
        sparseGradient.add(pendingEntries, entries: activeCount, count: pendingCount, times: errors)
    }

    // MARK: steps

    private mutating func step(_ rule: some UpdateRule, sparse: some UpdateRule) {
        stepDense(rule)
        stepSparse(sparse)
    }

    private mutating func stepDense(_ rule: some UpdateRule) {
        let rows = Double(pendingCount)
        if specification.l2 > 0, rule.addsRidgeToGradient {
            RowKernel.add(weights.pointer, times: specification.l2 * rows, count: inputCount, to: gradient.pointer)
        }
        let (weights, gradient) = (weights.pointer, gradient.pointer)
        let (first, second) = (memory.first.pointer, memory.second.pointer)
        for input in 0..<inputCount {
            weights[input] = rule.stepped(
                weights[input], gradient: gradient[input], rows: rows, &first[input], &second[input])
        }
        if let plain = specification.interceptRate {
            weights[inputCount] -= plain * gradient[inputCount]
        } else {
            // It moves as a weight does that starts at 0, so that a learner that derives weights from its memory
            // keeps the prior.
            weights[inputCount] =
                firstIntercept
                + rule.unregularised.stepped(
                    weights[inputCount] - firstIntercept, gradient: gradient[inputCount], rows: rows,
                    &first[inputCount], &second[inputCount])
        }
    }

    private mutating func stepSparse(_ rule: FollowTheLeader) {
        RowKernel.step(
            rule.kernel, touched: sparseGradient.indices, count: sparseGradient.touchedCount,
            gradient: sparseGradient.gradients, weights: sparseWeights.pointer, z: sparseMemory.first.pointer,
            squares: sparseMemory.second.pointer, scale: answering.scale, lag: answering.movingLag)
        sparseGradient.clear()
    }

    /// Weights are stepped by runs of a fixed length, in memory where they stand side by side: so several are taken at a
    /// time. The last run is filled up with its last weight.
    private mutating func stepSparse(_ rule: some UpdateRule) {
        let count = sparseGradient.touchedCount
        guard count > 0 else { return }
        let run = Self.sparseRun
        let l2 = rule.addsRidgeToGradient ? specification.l2 : 0
        let (weights, lag, scale) = (sparseWeights.pointer, answering.movingLag, answering.scale)
        let first = sparseMemory.first.count > 0 ? sparseMemory.first.pointer : nil
        let second = sparseMemory.second.count > 0 ? sparseMemory.second.pointer : nil
        let scratch = sparseScratch.pointer
        let (old, gradient, rows) = (scratch, scratch + run, scratch + 2 * run)
        let (a, b, new) = (scratch + 3 * run, scratch + 4 * run, scratch + 5 * run)
        for start in stride(from: 0, to: count, by: run) {
            let length = min(run, count &- start)
            for place in 0..<run {
                let touched = sparseGradient.touched(at: start &+ min(place, length &- 1))
                old[place] = weights[touched.index]
                gradient[place] = touched.gradient
                rows[place] = touched.rows
                if let first { a[place] = first[touched.index] }
                if let second { b[place] = second[touched.index] }
            }
            for place in 0..<run {
                let whole = gradient[place] + l2 * rows[place] * old[place]
                new[place] = rule.stepped(old[place], gradient: whole, rows: rows[place], &a[place], &b[place])
                old[place] = (new[place] - old[place]) / scale
            }
            for place in 0..<length {
                let index = sparseGradient.touched(at: start &+ place).index
                weights[index] = new[place]
                if let first { first[index] = a[place] }
                if let second { second[index] = b[place] }
                if let lag { lag[index] += old[place] }
            }
        }
        sparseGradient.clear()
    }
}

/// The curvature of a row's loss: p(1 − p) on the right side; on the wrong side that of the parabola which lies above
/// the loss everywhere ("Bayesian parameter estimation via variational methods", 2000), since there p(1 − p) is next to
/// nothing and a step by it would overshoot without limit.
@inline(__always) private func safeCurvature(_ logit: Double, isPositive: Bool) -> Double {
    let probability = sigmoid(logit)
    let isWrong = isPositive ? logit < 0 : logit > 0
    return isWrong ? (probability - 0.5) / logit : probability * (1 - probability)
}
