import EventModel

extension WindowPlan {
    /// - Parameters:
    ///   - targets: for each aggregate the position of its answer in the feature vector.
    ///   - labelHorizon: how long after its event a label may still come.
    init(
        _ aggregates: [WindowAggregate], targets: [Int], labelHorizon: EventDuration, keysArePairs: Bool = false,
        room: Room = .word
    ) {
        let windows = aggregates.map(Window.init)
        let distances = Set(windows.flatMap { [$0.upper, $0.lower].compactMap(\.self) }).sorted()
        hasLabels = aggregates.contains(where: \.kind.isOfLabels)
        mayBePlain = aggregates.allSatisfy(\.isPlain)
        isPlain = room < .wide && mayBePlain
        isEndless = aggregates.contains { $0.length == nil }
        let needsHorizon = aggregates.contains {
            $0.kind.isOfLabels && ($0.length == nil || $0.basis == .labelArrival)
        }
        retention = EventDuration(
            milliseconds: max(distances.last ?? 0, needsHorizon ? sum(labelHorizon.milliseconds, 1) : 0))
        layOutEvents(aggregates)
        isPacked =
            room == .packed && isPlain && !hasLabels && valuePlaces.count == 1
            && retention.milliseconds <= PackedEvent.mostRetention
        if isPacked { eventWords = 1 }
        layOutBoundaries(aggregates, windows, distances)
        if keysArePairs { secondKeyWord = take(1) }
        for index in valueWindows.indices { valueWindows[index].word = take(1) }
        for index in tables.indices { tables[index].word = take(1) }
        for (index, aggregate) in aggregates.enumerated() {
            answers.append(answer(aggregate, windows[index], distances, target: targets[index]))
        }
        // Last, since of a track's words some are seldom used.
        for index in tracks.indices { tracks[index].word = take(LabelTrack.words) }
        if !isPlain {
            groupTotals()
            fetches = ringFetches
        }
    }

    /// The new event and the mark behind it, the event before it where it is linked to, those that boundaries look at, and
    /// those that extremes and first members have come to.
    private var ringFetches: [Fetch] {
        let head = EntityWindows.Header.head
        var fetches = [Fetch(position: head, word: 0), Fetch(position: head, word: eventWords)]
        if eventWords > givenWords { fetches.append(Fetch(position: head, word: -1)) }
        for boundary in boundaries where boundary.distance > 0 {
            let position = EntityWindows.Header.boundaries + boundary.word
            let looked = Int(EntityWindows.lookedAt)
            // Small ones share the lines of the first and the last.
            let events = eventWords * (looked - 1) <= 8 ? [0, looked - 1] : Array(0..<looked)
            fetches += events.map { Fetch(position: position, word: $0 * eventWords) }
        }
        for answer in answers where answer.kind == .extreme {
            fetches.append(Fetch(position: answer.slot, word: extremes[answer.part].word))
        }
        for answer in answers where answer.kind == .first {
            fetches.append(Fetch(position: answer.slot, word: answer.value))
        }
        return fetches
    }

    /// Takes out the answers that follow from totals over all events, so that each kind is a loop of its own.
    private mutating func groupTotals() {
        var groups: [Answer.Kind: [Answer]] = [:]
        let kinds: [Answer.Kind] = [.count, .mean, .labelCount, .smoothedOverAll]
        for answer in answers where answer.filter == 0 && kinds.contains(answer.kind) {
            groups[answer.kind, default: []].append(answer)
        }
        answers = answers.filter { $0.filter != 0 || !kinds.contains($0.kind) }
        var ends: [Int] = []
        for kind in kinds {
            totalAnswers += (groups[kind] ?? []).map(TotalAnswer.init)
            ends.append(totalAnswers.count)
        }
        totalKinds = TotalKinds(counts: ends[0], means: ends[1], labelCounts: ends[2], smoothed: ends[3])
    }

    /// The distances of a window's ends; `lower` is nil without end.
    private struct Window {
        let upper: Int64
        let lower: Int64?

        init(_ aggregate: WindowAggregate) {
            let delay = sum(aggregate.delay.milliseconds, 0)
            upper = delay
            lower = aggregate.length.map { sum(delay, $0.milliseconds) }
        }
    }

    /// Takes words of a key's header.
    private mutating func take(_ count: Int) -> Int {
        words += count
        return words - count
    }

    private mutating func layOutEvents(_ aggregates: [WindowAggregate]) {
        valuePlaces = Set(aggregates.compactMap(\.kind.column)).sorted()
        givenWords = 1 + valuePlaces.count
        if aggregates.contains(where: { $0.filter != nil }) {
            maskWord = givenWords
            givenWords += 1
        }
        if aggregates.contains(where: { $0.kind.isOfLabels && $0.basis == .labelArrival }) {
            labelTimeWord = givenWords
            givenWords += 1
        }
        eventWords = givenWords
    }

    /// The event's word with an aggregate's value; 0: none.
    private func valueWord(_ aggregate: WindowAggregate) -> Int {
        aggregate.kind.column.flatMap(valuePlaces.firstIndex(of:)).map { $0 + 1 } ?? 0
    }

    // MARK: boundaries

    private mutating func layOutBoundaries(_ aggregates: [WindowAggregate], _ windows: [Window], _ distances: [Int64]) {
        var wanted = distances.map { _ in [Accumulator]() }
        for (aggregate, window) in zip(aggregates, windows) {
            let ends = [window.upper, window.lower].map { $0.flatMap(distances.firstIndex(of:)) }
            for accumulator in aggregate.totals(value: valueWord(aggregate)) {
                for case let index? in isPlain ? Array(distances.indices) : ends
                where !wanted[index].contains(accumulator) {
                    wanted[index].append(accumulator)
                }
            }
        }
        for index in wanted.indices { wanted[index].sort { $0.order < $1.order } }
        for (aggregate, window) in zip(aggregates, windows) {
            guard case .distinct = aggregate.kind else { continue }
            addValueWindow(aggregate, window, distances, &wanted)
        }
        let start = words
        for (distance, accumulators) in zip(distances, wanted) {
            var boundary = Boundary(
                distance: distance, word: take(1) - start, firstAccumulator: self.accumulators.count)
            for var accumulator in accumulators {
                let width = words(of: accumulator)
                if width > 0 {
                    accumulator.word = take(width) - start
                    accumulator.tierWord = tierWord(of: accumulator)
                }
                self.accumulators.append(accumulator)
            }
            boundary.endAccumulator = self.accumulators.count
            if !isPlain { simplify(&boundary) }
            boundaries.append(boundary)
        }
        hasZeros = aggregates.contains { $0.length == nil && !$0.answerKind.isOfTrack }
        if hasZeros { words += Self.zeros }
        boundaryWords = words - start
    }

    /// Notes a boundary's totals where they are over all events and of one value.
    private func simplify(_ boundary: inout Boundary) {
        let own = accumulators[boundary.firstAccumulator..<boundary.endAccumulator]
        let values = Set(own.map(\.value).filter { $0 > 0 })
        guard values.count <= 1, own.allSatisfy({ $0.filter == 0 }) else { return }
        var simple = boundary
        for accumulator in own {
            switch accumulator.operation {
            case .sum: simple.sum = accumulator.word
            case .square: simple.square = accumulator.word
            case .labels: simple.labels = accumulator.word
            case .count, .enter, .leave: return
            }
        }
        simple.value = values.first ?? 0
        simple.isSimple = true
        simple.isStepped = simple.square == 0
        boundary = simple
    }

    /// How many words a total takes.
    func words(of accumulator: Accumulator) -> Int {
        switch accumulator.operation {
        case .enter, .leave: 0
        case .square: 3
        case .sum: isPlain ? 1 : 2
        case .count, .labels: 1
        }
    }

    /// The word of a total in a block of events, added if it is new.
    private mutating func tierWord(of accumulator: Accumulator) -> Int {
        if let same = tierAccumulators.first(where: { $0.isSame(as: accumulator) }) { return same.tierWord }
        var accumulator = accumulator
        accumulator.tierWord = tierWords
        tierWords += words(of: accumulator)
        tierAccumulators.append(accumulator)
        return accumulator.tierWord
    }

    /// Adds a window of different values, unless there is one with the same ends and values.
    private mutating func addValueWindow(
        _ aggregate: WindowAggregate, _ window: Window, _ distances: [Int64], _ wanted: inout [[Accumulator]]
    ) {
        let (value, filter) = (valueWord(aggregate), aggregate.filterMask)
        guard valueWindow(aggregate, window) == nil, let upper = distances.firstIndex(of: window.upper) else { return }
        let lower = window.lower.flatMap(distances.firstIndex(of:))
        let table = tables.firstIndex { $0.value == value && $0.filter == filter } ?? tables.count
        if table == tables.count { tables.append(ValueTable(value: value, filter: filter)) }
        let added = valueWindows.count
        wanted[upper].append(Accumulator(operation: .enter, value: value, filter: filter, word: added))
        if let lower {
            wanted[lower].append(Accumulator(operation: .leave, value: value, filter: filter, word: added))
        }
        valueWindows.append(
            ValueWindow(table: table, index: tables[table].windowCount, upper: window.upper, lower: window.lower))
        tables[table].windowCount += 1
    }

    /// The window of different values that answers an aggregate.
    private func valueWindow(_ aggregate: WindowAggregate, _ window: Window) -> Int? {
        valueWindows.firstIndex {
            tables[$0.table].value == valueWord(aggregate) && tables[$0.table].filter == aggregate.filterMask
                && $0.upper == window.upper && $0.lower == window.lower
        }
    }

    // MARK: answers

    private mutating func answer(
        _ aggregate: WindowAggregate, _ window: Window, _ distances: [Int64], target: Int
    ) -> Answer {
        let upper = boundaries.first { $0.distance == window.upper }
        let lower = boundaries.first { $0.distance == window.lower }
        let includesCurrent = aggregate.includesCurrent && !aggregate.kind.isOfThePrevious
        var answer = Answer(
            kind: aggregate.answerKind, upper: upper?.word ?? zero, lower: lower?.word ?? zero,
            isEndless: lower == nil, ownWhenInside: window.upper == 0 && !includesCurrent ? -1 : 0,
            ownWhenOutside: window.upper == 0 && includesCurrent ? 1 : 0, filter: aggregate.filterMask,
            delay: window.upper, length: (window.lower ?? window.upper) - window.upper,
            place: aggregate.kind.column ?? 0, value: valueWord(aggregate), divisor: aggregate.kind.divisor,
            ifEmpty: aggregate.kind.ifEmpty, target: target)
        answer.upperCount = answer.upper
        answer.lowerCount = answer.lower
        for total in aggregate.totals(value: answer.value) {
            let (above, below) = (word(of: total, at: upper), word(of: total, at: lower))
            switch total.operation {
            case .count: (answer.upperCount, answer.lowerCount) = (above, below)
            case .square: (answer.upperSquare, answer.lowerSquare) = (above, below)
            default: (answer.upperTotal, answer.lowerTotal) = (above, below)
            }
        }
        if case .smoothedLabelRate(let prior, let strength, _) = aggregate.kind {
            (answer.prior, answer.strength) = (prior * strength, strength)
        }
        addParts(aggregate, window, &answer)
        return answer
    }

    /// As many as the widest total.
    private static var zeros: Int { 3 }
    /// The first word of the boundaries that is always zero, where a window is without end.
    private var zero: Int { hasZeros ? boundaryWords - Self.zeros : 0 }

    private func word(of accumulator: Accumulator, at boundary: Boundary?) -> Int {
        guard let boundary else { return zero }
        return accumulators[boundary.firstAccumulator..<boundary.endAccumulator].first { $0.isSame(as: accumulator) }?
            .word ?? zero
    }

    /// Adds what an answer needs beside totals.
    private mutating func addParts(_ aggregate: WindowAggregate, _ window: Window, _ answer: inout Answer) {
        let (value, filter) = (answer.value, answer.filter)
        switch answer.kind {
        case .extreme:
            let isMaximum = aggregate.kind.isMaximum
            answer.part = index(
                of: Extreme(value: value, filter: filter, isMaximum: isMaximum), in: \.extremes, eventWords: 1)
            answer.slot = take(1)
            answer.base = base(Base(kind: .extreme, value: value, filter: filter, isMaximum: isMaximum), answer)
        case .first:
            answer.slot = take(1)
            answer.base = base(Base(kind: .first, value: value, filter: filter), answer)
        case .last, .sincePrevious:
            answer.slot = take(2)
            lastSlots.append(answer.slot)
            answer.base = base(Base(kind: .last, value: value, filter: filter), answer)
        case .distinct: answer.part = valueWindow(aggregate, window) ?? 0
        case .decayed:
            let halfLife = max(aggregate.kind.halfLife.milliseconds, 1)
            answer.part = index(
                of: Decay(value: value, filter: filter, halfLife: halfLife), in: \.decays,
                eventWords: DecayState.words)
            if decays[answer.part].tierWord == 0 {
                decays[answer.part].tierWord = tierWords
                tierWords += 3
            }
            if answer.isEndless, decays[answer.part].base < 0 { decays[answer.part].base = take(DecayState.words + 1) }
        case .trackCount, .trackRate, .trackSmoothed, .fraudRun, .sinceFirstFraud, .sinceLastFraud:
            let track = Track(basis: aggregate.basis, filter: filter)
            answer.part = tracks.firstIndex { $0.isSame(as: track) } ?? tracks.count
            if answer.part == tracks.count {
                tracks.append(track)
            }
        default: break
        }
    }

    /// The index of a part that lies in the events, added if it is new.
    private mutating func index<Part: EventPart>(
        of part: Part, in parts: WritableKeyPath<WindowPlan, [Part]>, eventWords words: Int
    ) -> Int {
        if let index = self[keyPath: parts].firstIndex(where: { $0.isSame(as: part) }) { return index }
        var part = part
        part.word = eventWords
        eventWords += words
        self[keyPath: parts].append(part)
        return self[keyPath: parts].count - 1
    }

    /// The header's word of what is remembered of events dropped; -1 where the window has an end.
    private mutating func base(_ base: Base, _ answer: Answer) -> Int {
        guard answer.isEndless else { return -1 }
        if let same = bases.first(where: { $0.isSame(as: base) }) { return same.word }
        var base = base
        base.word = take(3)
        bases.append(base)
        return base.word
    }
}

/// Distances are added without overflow; a distance of 10⁷ years is as good as any longer one.
private func sum(_ a: Int64, _ b: Int64) -> Int64 {
    let (sum, overflows) = a.addingReportingOverflow(b)
    return overflows ? 1 << 60 : min(max(sum, 0), 1 << 60)
}

private protocol EventPart {
    var word: Int { get set }
    func isSame(as other: Self) -> Bool
}

extension WindowPlan.Extreme: EventPart {
    fileprivate func isSame(as other: Self) -> Bool {
        value == other.value && filter == other.filter && isMaximum == other.isMaximum
    }
}

extension WindowPlan.Decay: EventPart {
    fileprivate func isSame(as other: Self) -> Bool {
        value == other.value && filter == other.filter && halfLife == other.halfLife
    }
}

extension WindowPlan.Track {
    fileprivate func isSame(as other: Self) -> Bool { basis == other.basis && filter == other.filter }
}

extension WindowPlan.Accumulator {
    fileprivate var order: Int { Int(operation.rawValue) << 32 | value }

    fileprivate func isSame(as other: Self) -> Bool {
        operation == other.operation && value == other.value && filter == other.filter
    }
}

extension WindowPlan.Base {
    fileprivate func isSame(as other: Self) -> Bool {
        kind == other.kind && value == other.value && filter == other.filter && isMaximum == other.isMaximum
    }
}

extension WindowPlan.Answer.Kind {
    /// Whether it follows from a track alone.
    fileprivate var isOfTrack: Bool {
        switch self {
        case .trackCount, .trackRate, .trackSmoothed, .fraudRun, .sinceFirstFraud, .sinceLastFraud: true
        default: false
        }
    }
}

extension AggregateKind {
    fileprivate var isMaximum: Bool {
        if case .maximum = self { true } else { false }
    }

    fileprivate var isOfThePrevious: Bool {
        switch self {
        case .previous, .sincePrevious: true
        default: false
        }
    }

    fileprivate var halfLife: EventDuration {
        switch self {
        case .decayedCount(let halfLife), .decayedSum(_, _, let halfLife): halfLife
        default: .zero
        }
    }
}

extension WindowAggregate {
    fileprivate var filterMask: UInt64 { filter.map { 1 << UInt64($0) } ?? 0 }

    var isPlain: Bool {
        guard length != nil, filter == nil else { return false }
        return switch kind {
        case .count, .sum, .mean: true
        case .labelCount, .labelRate, .knownLabelRate, .smoothedLabelRate: basis == .eventTime
        default: false
        }
    }

    fileprivate var answerKind: WindowPlan.Answer.Kind {
        let isByArrival = basis == .labelArrival
        return switch kind {
        case .count: .count
        case .sum: .sum
        case .mean: .mean
        case .variance: .variance
        case .minimum, .maximum: .extreme
        case .first: .first
        case .last, .previous: .last
        case .sincePrevious: .sincePrevious
        case .distinct: .distinct
        case .decayedCount, .decayedSum: .decayed
        case .labelCount: isByArrival ? .trackCount : .labelCount
        case .labelRate: isByArrival ? .trackRate : .labelRate
        case .knownLabelRate: isByArrival ? .trackRate : .knownLabelRate
        case .smoothedLabelRate(_, _, let over):
            isByArrival ? .trackSmoothed : over == .all ? .smoothedOverAll : .smoothedOverLabelled
        case .fraudRun: .fraudRun
        case .sinceFirstFraud: .sinceFirstFraud
        case .sinceLastFraud: .sinceLastFraud
        }
    }

    /// The totals that the answer is made of; positions serve as the count of all events.
    fileprivate func totals(value: Int) -> [WindowPlan.Accumulator] {
        let count = filterMask == 0 ? [] : [WindowPlan.Accumulator(operation: .count, filter: filterMask)]
        let labels = WindowPlan.Accumulator(operation: .labels, filter: filterMask)
        let sum = WindowPlan.Accumulator(operation: .sum, value: value, filter: filterMask)
        switch kind {
        case .count, .minimum, .maximum: return count
        case .sum: return [sum]
        case .mean: return count + [sum]
        case .variance:
            return count + [sum, WindowPlan.Accumulator(operation: .square, value: value, filter: filterMask)]
        case .labelCount, .knownLabelRate: return basis == .eventTime ? [labels] : []
        case .labelRate, .smoothedLabelRate: return basis == .eventTime ? count + [labels] : []
        default: return []
        }
    }
}
