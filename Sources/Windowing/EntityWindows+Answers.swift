import EventModel

extension EntityWindows {
    /// Answers the aggregates of a plain plan from boundaries that stand as of the time that is asked for.
    @inline(__always) func answer(
        from boundaries: UnsafeMutablePointer<Int64>, _ row: WindowRow, isInside: Bool, _ shape: some EventShape
    ) {
        let answers = plainAnswers
        @inline(__always) func own(_ answer: WindowPlan.PlainAnswer) -> Int64 {
            Int64(isInside ? answer.own : row.hasKey ? answer.ownWhenOutside : 0)
        }
        @inline(__always) func difference(_ upper: Int32, _ lower: Int32) -> Int64 {
            boundaries[Int(upper)] &- boundaries[Int(lower)]
        }
        // The common kinds each in a loop of its own.
        for index in 0..<plainKinds.counts {
            let answer = answers[index]
            row.features[Int(answer.target)] = Double(difference(answer.upper, answer.lower) &+ own(answer))
        }
        for index in plainKinds.counts..<plainKinds.means {
            let answer = answers[index]
            let count = difference(answer.upper, answer.lower) &+ own(answer)
            let sum =
                difference(answer.upperTotal, answer.lowerTotal) &+ own(answer) &* row.values[Int(answer.place)]
            row.features[Int(answer.target)] =
                count == 0 ? answer.ifEmpty : Double(sum) / (Double(count) * answer.divisor)
        }
        for index in plainKinds.means..<plainKinds.rates {
            let answer = answers[index]
            let count = difference(answer.upper, answer.lower) &+ own(answer)
            let positives = difference(answer.upperTotal, answer.lowerTotal) & 0xFFFF_FFFF
            // Without events there are no positives either.
            row.features[Int(answer.target)] = Double(positives) / Double(max(count, 1))
        }
        for index in plainKinds.rates..<answers.count {
            guard let all = self.answers.baseAddress else { return }
            let own = own(answers[index])
            row.features[Int(answers[index].target)] = Self.total(
                all + Int(answers[index].answer), boundaries, own: own, row, isPlain: true)
        }
    }

    /// An answer that follows from totals alone.
    ///
    /// Not a method of the windows: for one that is not inlined they would all be copied at each event.
    @inline(never) private static func total(
        _ answer: UnsafePointer<WindowPlan.Answer>, _ boundaries: UnsafeMutablePointer<Int64>, own: Int64,
        _ row: WindowRow, isPlain: Bool
    ) -> Double {
        let count = boundaries[answer.pointee.upperCount] &- boundaries[answer.pointee.lowerCount] &+ own
        switch answer.pointee.kind {
        case .sum: return double(sum(answer, boundaries, own, row, isPlain: isPlain)) / answer.pointee.divisor
        case .mean:
            if count == 0 { return answer.pointee.ifEmpty }
            return double(sum(answer, boundaries, own, row, isPlain: isPlain))
                / (Double(count) * answer.pointee.divisor)
        case .labelCount: return Double(labels(answer, boundaries) & 0xFFFF_FFFF)
        case .labelRate: return count == 0 ? 0 : Double(labels(answer, boundaries) & 0xFFFF_FFFF) / Double(count)
        case .knownLabelRate:
            let labels = labels(answer, boundaries)
            return labels == 0 ? 0 : Double(labels & 0xFFFF_FFFF) / Double(labels >> 32)
        case .smoothedOverAll:
            return smoothed(
                labels(answer, boundaries) & 0xFFFF_FFFF, of: count, answer.pointee.prior, answer.pointee.strength)
        case .smoothedOverLabelled:
            let labels = labels(answer, boundaries)
            return smoothed(labels & 0xFFFF_FFFF, of: labels >> 32, answer.pointee.prior, answer.pointee.strength)
        default: return Double(count)
        }
    }

    @inline(__always) private static func sum(
        _ answer: UnsafePointer<WindowPlan.Answer>, _ boundaries: UnsafeMutablePointer<Int64>, _ own: Int64,
        _ row: WindowRow, isPlain: Bool
    ) -> Int128 {
        let own = own == 0 ? 0 : product(own, row.values[answer.pointee.place])
        if isPlain {
            return Int128(boundaries[answer.pointee.upperTotal] &- boundaries[answer.pointee.lowerTotal]) &+ own
        }
        return loadWide(boundaries + answer.pointee.upperTotal) &- loadWide(boundaries + answer.pointee.lowerTotal)
            &+ own
    }

    @inline(__always) private static func labels(
        _ answer: UnsafePointer<WindowPlan.Answer>, _ boundaries: UnsafeMutablePointer<Int64>
    ) -> Int64 {
        boundaries[answer.pointee.upperTotal] &- boundaries[answer.pointee.lowerTotal]
    }

    /// - Parameter prior: positives that are assumed among `strength` events more.
    private static func smoothed(_ positives: Int64, of count: Int64, _ prior: Double, _ strength: Double) -> Double {
        let weight = Double(count) + strength
        return weight == 0 ? 0 : (Double(positives) + prior) / weight
    }

    // MARK: all kinds

    /// A question to a key's windows: boundaries that stand as of `time`, and the row that asks.
    struct Question {
        /// nil: the key is not remembered.
        var header: UnsafeMutablePointer<Int64>?
        var boundaries: UnsafeMutablePointer<Int64>
        var time: Int64
        var row: WindowRow
        /// Whether the row's event is the last one below the nearest boundary.
        var isInside: Bool
        /// Whether the boundaries are the key's own, so that what an answer remembers goes on.
        var isInOrder: Bool
    }

    /// Answers the aggregates of any plan.
    @inline(never) func answerFully(
        _ header: UnsafeMutablePointer<Int64>?, _ boundaries: UnsafeMutablePointer<Int64>, asOf time: Int64,
        _ row: WindowRow, isInside: Bool
    ) {
        let question = Question(
            header: header, boundaries: boundaries, time: time, row: row, isInside: isInside,
            isInOrder: boundaries != scratch)
        answerTotals(question)
        guard var answer = answers.baseAddress.map({ UnsafePointer($0) }) else { return }
        let end = answer + answers.count
        while answer < end {
            let isOwn = row.hasKey && (answer.pointee.filter == 0 || row.filters & answer.pointee.filter != 0)
            let own = isOwn ? (isInside ? answer.pointee.ownWhenInside : answer.pointee.ownWhenOutside) : 0
            row.features[answer.pointee.target] = value(answer, question, own: own)
            answer += 1
        }
    }

    /// Answers what follows from totals over all events, each kind in a loop of its own.
    @inline(__always) private func answerTotals(_ question: Question) {
        guard var answer = totalAnswers.baseAddress else { return }
        let start = UnsafePointer(answer)
        let (boundaries, values, features) = (question.boundaries, question.row.values, question.row.features)
        // What an event adds for itself is one or the other, or nothing.
        let inside: Int64 = question.row.hasKey && question.isInside ? -1 : 0
        let outside: Int64 = question.row.hasKey && !question.isInside ? -1 : 0
        @inline(__always) func own(_ answer: UnsafePointer<WindowPlan.TotalAnswer>) -> Int64 {
            Int64(answer.pointee.ownWhenInside) & inside | Int64(answer.pointee.ownWhenOutside) & outside
        }
        @inline(__always) func count(_ answer: UnsafePointer<WindowPlan.TotalAnswer>) -> Int64 {
            boundaries[Int(answer.pointee.upperCount)] &- boundaries[Int(answer.pointee.lowerCount)] &+ own(answer)
        }
        @inline(__always) func positives(_ answer: UnsafePointer<WindowPlan.TotalAnswer>) -> Double {
            let labels = boundaries[Int(answer.pointee.upperTotal)] &- boundaries[Int(answer.pointee.lowerTotal)]
            return Double(labels & 0xFFFF_FFFF)
        }
        while answer < start + totalKinds.counts {
            features[Int(answer.pointee.target)] = Double(count(answer))
            answer += 1
        }
        while answer < start + totalKinds.means {
            let count = count(answer)
            let upper = loadWide(boundaries + Int(answer.pointee.upperTotal))
            let lower = loadWide(boundaries + Int(answer.pointee.lowerTotal))
            let sum = upper &- lower &+ product(own(answer), values[Int(answer.pointee.place)])
            features[Int(answer.pointee.target)] =
                count == 0 ? answer.pointee.second : double(sum) / (Double(count) * answer.pointee.first)
            answer += 1
        }
        while answer < start + totalKinds.labelCounts {
            features[Int(answer.pointee.target)] = positives(answer)
            answer += 1
        }
        while answer < start + totalKinds.smoothed {
            let weight = Double(count(answer)) + answer.pointee.second
            features[Int(answer.pointee.target)] = weight == 0 ? 0 : (positives(answer) + answer.pointee.first) / weight
            answer += 1
        }
    }

    @inline(__always) private func value(_ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question, own: Int64)
        -> Double
    {
        switch answer.pointee.kind {
        case .count, .sum, .mean, .labelCount, .labelRate, .knownLabelRate, .smoothedOverAll, .smoothedOverLabelled:
            return Self.total(answer, question.boundaries, own: own, question.row, isPlain: plan.isPlain)
        case .variance: return variance(answer, question, own: own)
        case .extreme: return extreme(answer, question, own: own)
        case .first: return first(answer, question, own: own)
        case .last, .sincePrevious: return last(answer, question, own: own)
        case .distinct: return distinct(answer, question, own: own)
        case .decayed: return decayed(answer, question, own: own)
        case .trackCount, .trackRate, .trackSmoothed, .fraudRun, .sinceFirstFraud, .sinceLastFraud:
            return ofLabels(answer, question)
        }
    }

    /// The variance from exact sums: with the integer part m of the mean taken off, Σ(v − m)² and Σ(v − m) are exact,
    /// and the latter is below the number of events. A constant column has the variance 0, however large it is.
    private func variance(_ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question, own: Int64) -> Double {
        let boundaries = question.boundaries
        let count = boundaries[answer.pointee.upperCount] &- boundaries[answer.pointee.lowerCount] &+ own
        guard count > 0 else { return answer.pointee.ifEmpty }
        let sum = Self.sum(answer, boundaries, own, question.row, isPlain: plan.isPlain)
        var squares = Int192(boundaries + answer.pointee.upperSquare) - Int192(boundaries + answer.pointee.lowerSquare)
        if own != 0 {
            let square = Int192(square: question.row.values[answer.pointee.place])
            squares = own > 0 ? squares + square : squares - square
        }
        let mean = floorQuotient(sum, count)
        let rest = Int64(truncatingIfNeeded: sum &- product(mean, count))
        let spread = squares - Int192(product: mean, sum &+ Int128(rest))
        let scale = Double(count) * Double(count) * answer.pointee.divisor * answer.pointee.divisor
        if spread.high == 0, spread.low < 1 << 62, count < 1 << 31 {
            let spread = Int64(truncatingIfNeeded: spread.low)
            return nearDouble(product(count, spread) &- product(rest, rest)) / scale
        }
        return (Double(count) * spread.nearDouble - Double(rest) * Double(rest)) / scale
    }

    /// The positions of the first event of the window and of that behind the last.
    @inline(__always) private func range(
        _ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question, _ header: UnsafeMutablePointer<Int64>
    ) -> (lower: Int64, upper: Int64) {
        let upper = question.boundaries[answer.pointee.upper] &+ (question.isInside ? answer.pointee.ownWhenInside : 0)
        return (answer.pointee.isEndless ? header[Header.first] : question.boundaries[answer.pointee.lower], upper)
    }

    /// The extreme of a window that ends with an event in order, where all events count.
    @inline(__always) private func extreme(
        _ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question, own: Int64
    ) -> Double {
        guard answer.pointee.filter == 0, question.isInOrder, let header = question.header, let ring = ring(header),
            header[Header.tiers] == 0
        else { return extremeOfAny(answer, question, own: own) }
        let (lower, upper) = range(answer, question, header)
        let extreme = extremes[answer.pointee.part]
        let base = answer.pointee.base
        let isRemembered = base >= 0 && header[base] != 0
        guard lower < upper else {
            return isRemembered ? Double(header[base &+ 2]) / answer.pointee.divisor : answer.pointee.ifEmpty
        }
        let position = follow(header, ring, from: max(header[answer.pointee.slot], lower), before: upper, extreme)
        header[answer.pointee.slot] = position
        var best = ring[Int(position & header[Header.mask]) &* eventWords &+ extreme.value]
        if isRemembered {
            let other = header[base &+ 2]
            best = extreme.isMaximum ? max(best, other) : min(best, other)
        }
        return Double(best) / answer.pointee.divisor
    }

    @inline(never) private func extremeOfAny(
        _ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question, own: Int64
    ) -> Double {
        let boundaries = question.boundaries
        let count = boundaries[answer.pointee.upperCount] &- boundaries[answer.pointee.lowerCount]
        let extreme = extremes[answer.pointee.part]
        // What outranks all values, so that it is seen that none came.
        var best: Int64?
        func take(_ value: Int64) {
            guard let other = best else { return best = value }
            best = extreme.isMaximum ? max(other, value) : min(other, value)
        }
        if own > 0 { take(question.row.values[answer.pointee.place]) }
        if let header = question.header, count &+ min(own, 0) > 0 {
            let (lower, upper) = range(answer, question, header)
            if lower < upper, let ring = ring(header) {
                let start = question.isInOrder ? max(header[answer.pointee.slot], lower) : lower
                let position = follow(header, ring, from: start, before: upper, extreme)
                if question.isInOrder { header[answer.pointee.slot] = position }
                let event = event(header, ring, position)
                if passes(event, extreme.filter) { take(event[extreme.value]) }
            }
            if answer.pointee.base >= 0, header[answer.pointee.base] != 0 { take(header[answer.pointee.base + 2]) }
        }
        return best.map { Double($0) / answer.pointee.divisor } ?? answer.pointee.ifEmpty
    }

    private func first(_ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question, own: Int64) -> Double {
        if let header = question.header {
            if answer.pointee.base >= 0, header[answer.pointee.base] != 0 {
                return Double(header[answer.pointee.base + 2]) / answer.pointee.divisor
            }
            let (lower, upper) = range(answer, question, header)
            if lower < upper, let ring = ring(header) {
                var position = question.isInOrder ? max(header[answer.pointee.slot], lower) : lower
                while position < upper, !passes(event(header, ring, position), answer.pointee.filter) { position &+= 1 }
                if question.isInOrder { header[answer.pointee.slot] = position }
                if position < upper {
                    return Double(event(header, ring, position)[answer.pointee.value]) / answer.pointee.divisor
                }
            }
        }
        return own > 0
            ? Double(question.row.values[answer.pointee.place]) / answer.pointee.divisor : answer.pointee.ifEmpty
    }

    private func last(_ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question, own: Int64) -> Double {
        func result(time: Int64, value: Int64) -> Double {
            answer.pointee.kind == .last ? Double(value) / answer.pointee.divisor : Double(question.time &- time) / 1000
        }
        if own > 0 { return result(time: question.time, value: question.row.values[answer.pointee.place]) }
        guard let header = question.header else { return answer.pointee.ifEmpty }
        let (lower, upper) = range(answer, question, header)
        if lower < upper, let ring = ring(header) {
            let position = lastMember(answer, question, header, ring, lower..<upper)
            if position >= lower {
                let event = event(header, ring, position)
                return result(time: event[0] >> 2, value: answer.pointee.value > 0 ? event[answer.pointee.value] : 0)
            }
        }
        if answer.pointee.base >= 0, header[answer.pointee.base] != 0 {
            return result(time: header[answer.pointee.base + 1], value: header[answer.pointee.base + 2])
        }
        return answer.pointee.ifEmpty
    }

    /// The last event of a range that passes the answer's filter; below the range when there is none.
    private func lastMember(
        _ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question, _ header: UnsafeMutablePointer<Int64>,
        _ ring: UnsafeMutablePointer<Int64>, _ range: Range<Int64>
    ) -> Int64 {
        if answer.pointee.filter == 0 { return range.upperBound &- 1 }
        let slot = header + answer.pointee.slot
        let isKnown = question.isInOrder && slot[0] >= 0 && slot[0] <= range.upperBound
        let end = isKnown ? max(slot[0], range.lowerBound) : range.lowerBound
        var position = range.upperBound &- 1
        while position >= end, !passes(event(header, ring, position), answer.pointee.filter) { position &-= 1 }
        if position < end { position = isKnown ? slot[1] : -1 }
        if question.isInOrder {
            slot[0] = range.upperBound
            slot[1] = position
        }
        return position
    }

    // MARK: different values

    /// Counts a value in or out of a window of different values.
    @inline(__always) func count(
        _ value: Int64, window index: Int, isIn: Bool, _ header: UnsafeMutablePointer<Int64>
    ) {
        let window = valueWindows[index]
        let table = valueTables[window.table]
        let values = ValueTable(header + table.word, windows: table.windowCount)
        if isIn {
            if values.insert(value, window: window.index) { header[window.word] &+= 1 }
        } else if values.remove(value, window: window.index) {
            header[window.word] &-= 1
        }
    }

    private func distinct(_ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question, own: Int64) -> Double {
        let value = question.row.values[answer.pointee.place]
        guard let header = question.header else { return own > 0 ? 1 : 0 }
        if !question.isInOrder { moveValues(answer, question, header, isBack: false) }
        let window = valueWindows[answer.pointee.part]
        let table = valueTables[window.table]
        var count = header[window.word]
        if own != 0 {
            let times = ValueTable(header + table.word, windows: table.windowCount).count(value, window: window.index)
            if own > 0 && times == 0 { count += 1 }
            if own < 0 && times == 1 { count -= 1 }
        }
        if !question.isInOrder { moveValues(answer, question, header, isBack: true) }
        return Double(count)
    }

    /// Takes a window's values from where the key's boundaries stand to where the question's do, or back.
    private func moveValues(
        _ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question, _ header: UnsafeMutablePointer<Int64>,
        isBack: Bool
    ) {
        guard let ring = ring(header) else { return }
        let table = valueTables[valueWindows[answer.pointee.part].table]
        let own = header + Header.boundaries
        let asked = question.boundaries
        func count(_ from: Int64, _ to: Int64, isIn: Bool) {
            guard from < to else { return }
            for position in from..<to {
                let event = event(header, ring, position)
                guard passes(event, table.filter) else { continue }
                self.count(event[table.value], window: answer.pointee.part, isIn: isIn != isBack, header)
            }
        }
        // What comes in first, so that no count falls below zero on the way.
        for isIn in isBack ? [false, true] : [true, false] {
            if isIn {
                count(own[answer.pointee.upper], asked[answer.pointee.upper], isIn: true)
                if !answer.pointee.isEndless {
                    count(asked[answer.pointee.lower], own[answer.pointee.lower], isIn: true)
                }
            } else {
                count(asked[answer.pointee.upper], own[answer.pointee.upper], isIn: false)
                if !answer.pointee.isEndless {
                    count(own[answer.pointee.lower], asked[answer.pointee.lower], isIn: false)
                }
            }
        }
    }

    // MARK: decayed

    private func decayed(_ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question, own: Int64) -> Double {
        let decay = decays[answer.pointee.part]
        let end = max(question.time, -(1 << 61)) &- answer.pointee.delay
        var pending: (weight: Int128, bucket: Int64)?
        if own > 0 {
            let value = decay.value > 0 ? question.row.values[answer.pointee.place] : 1
            pending = (
                DecayState.weight(of: value, at: end, halfLife: decay.halfLife), floorDivide(end, decay.halfLife)
            )
        }
        var result = 0.0
        if let header = question.header {
            let (lower, upper) = range(answer, question, header)
            guard let ring = ring(header) else {
                var state = answer.pointee.isEndless ? droppedState(header, decay) : DecayState()
                if let pending { state.add(pending.weight, bucket: pending.bucket) }
                return state.value(at: end, halfLife: decay.halfLife) / answer.pointee.divisor
            }
            if answer.pointee.isEndless {
                var state = decayState(header, ring, before: upper, decay)
                if let pending { state.add(pending.weight, bucket: pending.bucket) }
                result = state.value(at: end, halfLife: decay.halfLife)
            } else {
                result = decayed(
                    header, ring, from: lower, before: upper, at: end, own: pending, decay)
            }
        } else if let pending {
            var state = DecayState()
            state.add(pending.weight, bucket: pending.bucket)
            result = state.value(at: end, halfLife: decay.halfLife)
        }
        return result / answer.pointee.divisor
    }

    // MARK: labels

    @inline(__always) private func ofLabels(
        _ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question
    ) -> Double {
        guard let header = question.header else { return ofUnknownKey(answer) }
        let labels = track(tracks[answer.pointee.part], header)
        let end = max(question.time, -(1 << 61)) &- answer.pointee.delay
        let after = answer.pointee.isEndless ? nil : lastWord(end &- answer.pointee.length)
        let last = lastWord(end)
        switch answer.pointee.kind {
        case .fraudRun: return Double(labels.run(after: after, through: last))
        case .sinceFirstFraud: return age(labels.firstPositive(after: after, through: last), answer, question)
        case .sinceLastFraud: return age(labels.lastPositive(after: after, through: last), answer, question)
        default: return Self.rate(labels.summary(after: after, through: last), answer)
        }
    }

    private func ofUnknownKey(_ answer: UnsafePointer<WindowPlan.Answer>) -> Double {
        switch answer.pointee.kind {
        case .sinceFirstFraud, .sinceLastFraud: answer.pointee.ifEmpty
        case .fraudRun: 0
        default: Self.rate(LabelTrack.Summary(), answer)
        }
    }

    private static func rate(_ summary: LabelTrack.Summary, _ answer: UnsafePointer<WindowPlan.Answer>) -> Double {
        switch answer.pointee.kind {
        case .trackRate: return summary.known == 0 ? 0 : Double(summary.positives) / Double(summary.known)
        case .trackSmoothed:
            return smoothed(summary.positives, of: summary.known, answer.pointee.prior, answer.pointee.strength)
        default: return Double(summary.positives)
        }
    }

    private func age(_ time: Int64?, _ answer: UnsafePointer<WindowPlan.Answer>, _ question: Question) -> Double {
        time.map { Double(question.time &- $0) / 1000 } ?? answer.pointee.ifEmpty
    }
}
