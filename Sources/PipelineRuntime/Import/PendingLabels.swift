import DequeModule
import EventModel
import HeapModule

/// Labels that wait until event time reaches them, in the order (time, insertion).
///
/// With a constant delay they come nearly in that order: those that do stand in a queue, the others in a heap.
@usableFromInline struct PendingLabels {
    struct Entry: Comparable {
        var time: EventTime
        var order: Int
        var label: ParsedLabel

        static func < (a: Entry, b: Entry) -> Bool { (a.time, a.order) < (b.time, b.order) }
        static func == (a: Entry, b: Entry) -> Bool { a.order == b.order }
    }

    private var queue: Deque<Entry> = []
    private var stragglers: Heap<Entry> = []
    private var inserted = 0
    private var lastQueued = EventTime.distantPast
    /// The time of the first label; beyond all times when there is none.
    @usableFromInline private(set) var firstTime = EventTime(milliseconds: .max)

    var count: Int { queue.count + stragglers.count }

    /// - Complexity: O(1) amortised in order, O(log stragglers) otherwise.
    @usableFromInline mutating func insert(_ label: ParsedLabel, time: EventTime) {
        let entry = Entry(time: time, order: inserted, label: label)
        inserted += 1
        if queue.isEmpty || time >= lastQueued {
            queue.append(entry)
            lastQueued = time
        } else {
            stragglers.insert(entry)
        }
        firstTime = min(firstTime, time)
    }

    @usableFromInline mutating func popFirst() -> (label: ParsedLabel, time: EventTime)? {
        let isStraggler =
            if let straggler = stragglers.min { queue.first.map { straggler < $0 } ?? true } else { false }
        guard let entry = isStraggler ? stragglers.popMin() : queue.popFirst() else { return nil }
        let times = (queue.first?.time, stragglers.min?.time)
        let none = EventTime(milliseconds: .max)
        firstTime = min(times.0 ?? none, times.1 ?? none)
        return (entry.label, entry.time)
    }
}
