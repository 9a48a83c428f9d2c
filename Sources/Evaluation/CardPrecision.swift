/// Card precision@k: of the k cards that look most suspicious on a day, the share that is compromised.
///
/// A card's score is its highest of the day; it is compromised when at least one of its transactions that day is fraud.
/// A compromised card among the k is *detected*: it is dropped on the later days of the block. False alarms are not.
/// With fewer than k cards the share is still of k. Of equal scores the smaller card number stands first.
///
/// Source: "Fraud Detection Handbook", Le Borgne et al., 2022, chapter 4.
public struct CardPrecision: Sendable {
    private struct Card {
        var score = -Double.infinity
        var isCompromised = false
        /// Whether it has transactions on the present day.
        var isActive = false
        /// The block in which it was last detected.
        var detectedInBlock: Int32 = 0
    }
    private let k: Int
    private var cards: [Card]
    private var active: [Int32] = []
    private var block: Int32 = 0
    /// The k most suspicious cards of the day that is ended, the first first.
    private var top: [Int32] = []

    /// - Parameter cardCount: card numbers are below it.
    public init(cardCount: Int, k: Int) {
        precondition(k > 0, "card precision looks at \(k) cards a day: at least 1 is needed")
        self.k = k
        cards = [Card](repeating: Card(), count: cardCount)
    }

    /// Starts a block: all cards are undetected again. Call it before the first day.
    public mutating func beginBlock() { block += 1 }

    /// Adds a transaction to the present day.
    @inline(__always) public mutating func add(card: Int32, score: Double, isFraud: Bool) {
        let index = Int(card)
        if cards[index].detectedInBlock == block && block > 0 { return }
        if !cards[index].isActive {
            cards[index].isActive = true
            active.append(card)
        }
        cards[index].score = max(cards[index].score, score)
        cards[index].isCompromised = cards[index].isCompromised || isFraud
    }

    /// Ends the day: the share of compromised cards among the k most suspicious.
    /// - Complexity: O(cards of the day + k²).
    public mutating func endDay() -> Double {
        top.removeAll(keepingCapacity: true)
        for card in active { rank(card) }
        var hits = 0
        for card in top where cards[Int(card)].isCompromised {
            cards[Int(card)].detectedInBlock = block
            hits += 1
        }
        for card in active {
            cards[Int(card)].score = -.infinity
            cards[Int(card)].isCompromised = false
            cards[Int(card)].isActive = false
        }
        active.removeAll(keepingCapacity: true)
        return Double(hits) / Double(k)
    }

    /// Puts the card in its place among the top k, if it has one.
    private mutating func rank(_ card: Int32) {
        if top.count == k {
            if !isMoreSuspicious(card, than: top[k - 1]) { return }
            top.removeLast()
        }
        var low = 0
        var high = top.count
        while low < high {
            let middle = (low + high) / 2
            if isMoreSuspicious(card, than: top[middle]) { high = middle } else { low = middle + 1 }
        }
        top.insert(card, at: low)
    }

    private func isMoreSuspicious(_ a: Int32, than b: Int32) -> Bool {
        let (scoreOfA, scoreOfB) = (cards[Int(a)].score, cards[Int(b)].score)
        return scoreOfA == scoreOfB ? a < b : scoreOfA > scoreOfB
    }
}
