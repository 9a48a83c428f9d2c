import EventModel

/// The aggregates of one entity, compiled: what is kept of an event and of a key, and how each answer follows.
///
/// A boundary at distance d stands before the first event later than t − d. The window (t − d − w, t − d] lies between
/// the boundaries at d + w and at d; windows share the boundaries that they have in common. A boundary is held as
/// words: the position of the event it stands before, and running totals over all events below it (`Accumulator`).
/// Only differences of totals have a meaning: they may wrap. Sums are of one word in a plain plan, which holds while no
/// window's sum is beyond 64 bits (`EntityWindows.reserveRange`), else of two; sums of squares are of three. A window
/// without end has words that are always zero for its lower boundary.
///
/// An event of a plain plan without labels and with one value is one word (`PackedEvent`), as long as times and values fit.
///
/// A key's header, in words:
///
///     Header │ boundary 0: position, totals │ boundary 1 │ ... │ zeros │ second key word │ tables, slots, bases │ tracks
///
/// behind it, where an event is one word, a small ring (`EntityWindows.hasSmallRings`); and an event:
///
///     time and label state │ values │ filter mask │ label's time │ links of each extreme │ decay states
struct WindowPlan: Sendable {
    /// How much room a plain plan's events and sums have. What does not fit goes over to the next.
    enum Room: Comparable {
        /// An event of one value is one word.
        case packed
        /// Each value, and each sum, is one word.
        case word
        /// Sums are of two words.
        case wide
    }

    struct Boundary {
        /// Milliseconds before the time that is answered.
        var distance: Int64
        /// Its first word, counted from `Header.boundaries`.
        var word: Int
        /// Its accumulators.
        var firstAccumulator = 0
        var endAccumulator = 0
        /// Whether these are no more than the totals below, each over all events.
        var isSimple = false
        /// Whether it is simple and has no squares, so that it may look at a few events at once.
        var isStepped = false
        /// The words of the totals, counted from `Header.boundaries`, and the event's word with the value; 0: none.
        var sum = 0
        var square = 0
        var labels = 0
        var value = 0
    }

    /// What a boundary does with an event that it passes.
    struct Accumulator: Hashable {
        enum Operation: UInt8 {
            case count, sum, square, labels
            /// The event enters, or leaves, a window whose different values are counted.
            case enter, leave
        }

        var operation: Operation
        /// The event's word.
        var value = 0
        /// The filter's bit; 0: all events.
        var filter: UInt64 = 0
        /// The total's word, counted from `Header.boundaries`; for `enter` and `leave` the index of the window.
        var word = 0
        /// The word of the same total in a block of events (`EntityWindows+Tiers.swift`).
        var tierWord = 0
    }

    /// An order of events by value, kept as links between them, that answers all windows.
    struct Extreme: Hashable {
        var value: Int
        var filter: UInt64
        var isMaximum: Bool
        /// The event's word with the links.
        var word = 0
    }

    /// A decayed sum, kept as a prefix at each event.
    struct Decay: Hashable {
        /// 0: events are counted.
        var value: Int
        var filter: UInt64
        var halfLife: Int64
        /// The event's first of `DecayState.words` words.
        var word = 0
        /// The first of three words of a block: what is to be added to its events' sums and counts.
        var tierWord = 0
        /// The header's first word of the state after the last event dropped; -1: no window without end needs it.
        var base = -1
    }

    /// The values in some windows, counted by value.
    struct ValueTable {
        var value: Int
        var filter: UInt64
        var windowCount = 0
        /// The header's word with the table's address.
        var word = 0
    }

    struct ValueWindow {
        var table: Int
        /// Which of the table's counts.
        var index: Int
        /// The header's word with the number of different values.
        var word = 0
        /// The distances of its boundaries; `lower` is nil without end.
        var upper: Int64
        var lower: Int64?
    }

    struct Track: Hashable {
        var basis: WindowBasis
        var filter: UInt64
        /// The header's first of `LabelTrack.words` words.
        var word = 0
    }

    /// What is remembered of the events dropped, for windows without end.
    struct Base: Hashable {
        enum Kind: UInt8 { case first, last, extreme }

        var kind: Kind
        /// The event's word; 0: only its time matters.
        var value: Int
        var filter: UInt64
        var isMaximum = false
        /// The header's first of three words: whether there was one, its time, its value.
        var word = 0
    }

    struct Answer {
        enum Kind: UInt8 {
            case count, sum, mean, labelCount, labelRate, knownLabelRate, smoothedOverAll, smoothedOverLabelled
            case variance, extreme, first, last, sincePrevious, distinct, decayed
            case trackCount, trackRate, trackSmoothed, fraudRun, sinceFirstFraud, sinceLastFraud
        }

        var kind: Kind
        /// The boundaries' positions, counted from `Header.boundaries`; without end, `lower` is the zero.
        var upper: Int
        var lower: Int
        var isEndless: Bool
        /// The totals at the upper and the lower boundary.
        var upperCount = 0
        var lowerCount = 0
        var upperTotal = 0
        var lowerTotal = 0
        var upperSquare = 0
        var lowerSquare = 0
        /// What to add for the event itself when it is among the events below the upper boundary, and when it is not.
        var ownWhenInside: Int64
        var ownWhenOutside: Int64
        var filter: UInt64
        /// Milliseconds.
        var delay: Int64
        var length: Int64
        /// The value's place in the row, and its word in the event.
        var place = 0
        var value = 0
        var divisor: Double
        var ifEmpty: Double
        /// prior · strength, and strength.
        var prior = 0.0
        var strength = 0.0
        /// The index of the extreme, decay, value window or track.
        var part = 0
        /// The header's first word of what is remembered from answer to answer; 0: nothing.
        var slot = 0
        /// The header's first word of the base; -1: none.
        var base = -1
        /// The position in the feature vector.
        var target: Int
    }

    /// The part of an answer that a plain plan needs, in less than a cache line.
    struct PlainAnswer {
        var own: Int8
        var ownWhenOutside: Int8
        var target: Int32
        var upper: Int32
        var lower: Int32
        var upperTotal: Int32
        var lowerTotal: Int32
        var place: Int32
        /// The index of the whole answer.
        var answer: Int32
        var divisor: Double
        var ifEmpty: Double

        init(_ answer: Answer, index: Int) {
            own = Int8(answer.ownWhenInside)
            ownWhenOutside = Int8(answer.ownWhenOutside)
            target = Int32(answer.target)
            upper = Int32(answer.upperCount)
            lower = Int32(answer.lowerCount)
            upperTotal = Int32(answer.upperTotal)
            lowerTotal = Int32(answer.lowerTotal)
            place = Int32(answer.place)
            self.answer = Int32(index)
            divisor = answer.divisor
            ifEmpty = answer.ifEmpty
        }
    }

    /// The answers of a plain plan, the common kinds first, and where counts, means and rates end.
    var plainAnswers: (answers: [PlainAnswer], ends: PlainKinds) {
        guard isPlain else { return ([], PlainKinds()) }
        let all = answers.enumerated().map { (kind: $1.kind, answer: PlainAnswer($1, index: $0)) }
        let common: [Answer.Kind] = [.count, .mean, .labelRate]
        let groups = common.map { kind in all.filter { $0.kind == kind } } + [all.filter { !common.contains($0.kind) }]
        let counts = groups[0].count, means = counts + groups[1].count
        return (
            groups.joined().map(\.answer), PlainKinds(counts: counts, means: means, rates: means + groups[2].count)
        )
    }

    /// The part of an answer that follows from totals over all events, where sums are of two words.
    struct TotalAnswer {
        var target: Int32
        var ownWhenInside: Int32
        var ownWhenOutside: Int32
        var upperCount: Int32
        var lowerCount: Int32
        var upperTotal: Int32
        var lowerTotal: Int32
        /// The value's place in the row.
        var place: Int32
        /// Of a mean its divisor and what an empty one is, of a smoothed rate prior · strength and strength.
        var first: Double
        var second: Double

        init(_ answer: Answer) {
            target = Int32(answer.target)
            ownWhenInside = Int32(answer.ownWhenInside)
            ownWhenOutside = Int32(answer.ownWhenOutside)
            upperCount = Int32(answer.upperCount)
            lowerCount = Int32(answer.lowerCount)
            upperTotal = Int32(answer.upperTotal)
            lowerTotal = Int32(answer.lowerTotal)
            place = Int32(answer.place)
            let isSmoothed = answer.kind == .smoothedOverAll
            first = isSmoothed ? answer.prior : answer.divisor
            second = isSmoothed ? answer.strength : answer.ifEmpty
        }
    }

    /// Where each kind of total answers ends.
    struct TotalKinds {
        var counts = 0
        var means = 0
        var labelCounts = 0
        var smoothed = 0
    }

    /// A word of a key's events that is about to be touched.
    struct Fetch {
        /// The header's word with an event's position.
        var position: Int32
        /// Counted from that event's first.
        var word: Int32

        init(position: Int, word: Int) {
            self.position = Int32(position)
            self.word = Int32(word)
        }
    }

    struct PlainKinds {
        var counts = 0
        var means = 0
        var rates = 0
    }

    var boundaries: [Boundary] = []
    var accumulators: [Accumulator] = []
    /// The totals that a block of events keeps, each once, and its words.
    var tierAccumulators: [Accumulator] = []
    var tierWords = 1
    var extremes: [Extreme] = []
    var decays: [Decay] = []
    var tables: [ValueTable] = []
    var valueWindows: [ValueWindow] = []
    var tracks: [Track] = []
    var bases: [Base] = []
    /// Those that follow from `totalAnswers` stand last.
    var answers: [Answer] = []
    var totalAnswers: [TotalAnswer] = []
    var totalKinds = TotalKinds()
    /// Slots of last members (two words).
    var lastSlots: [Int] = []
    /// What an event of a key that is not plain will touch of its ring.
    var fetches: [Fetch] = []
    /// For each value column held with an event, its place among the row's values.
    var valuePlaces: [Int] = []
    var hasLabels = false
    /// Only totals over all events between two boundaries are asked for, each boundary holds the same ones, and sums are
    /// of one word.
    var isPlain = true
    /// Whether it is or would be with totals of one word.
    var mayBePlain = true
    /// It is plain, and time and value of an event are one word.
    var isPacked = false
    /// Some window is without end, so that no key may be forgotten.
    var isEndless = false
    /// The boundaries' last words are always zero, for windows without end that have no lower boundary.
    var hasZeros = false
    /// An event is needed no longer once it is this far behind.
    var retention = EventDuration.zero
    /// The event's words with the filter mask and with the label's time; 0: none.
    var maskWord = 0
    var labelTimeWord = 0
    /// The event's words that are given and not derived, if none were packed.
    var givenWords = 1
    var eventWords = 1
    /// The event's words in a checkpoint.
    var savedWords: Int { isPacked ? givenWords : eventWords }
    /// Words of all boundaries.
    var boundaryWords = 0
    /// Words of a header.
    var words = EntityWindows.Header.boundaries
    /// The header's word with the second word of a pair; 0: none.
    var secondKeyWord = 0
}
