import DequeModule
import EventModel
import HeapModule
import Windowing

/// Labels that wait until event time reaches them, in the order (time, insertion).
///
/// With a constant delay they come nearly in that order: those that do stand in a queue, the others in a heap.
@usableFromInline struct PendingLabels: ~Copyable {
    struct Entry: Comparable {
        var time: EventTime
        var order: Int
        var label: ParsedLabel
        /// The number of the row that it comes with; -1 for a label by itself.
        var row: Int

        static func < (a: Entry, b: Entry) -> Bool { (a.time, a.order) < (b.time, b.order) }
        static func == (a: Entry, b: Entry) -> Bool { a.order == b.order }
    }

    /// What tells a row with an id from another row with the same id.
    struct RowMark {
        /// The id's number, or its text's hash.
        var id: Int64
        /// A hash of the time and the fields.
        var content: UInt64

        init(_ row: ParsedRow) {
            id = row.idStart < 0 ? row.idNumber : Int64(bitPattern: stableHash(row.idBytes))
            content = mixed(stableHash(row.body), UInt64(bitPattern: row.eventTime.milliseconds))
        }
    }

    private var queue: Deque<Entry> = []
    /// The rows whose labels wait, by number, and the numbers that are free.
    private var rows: [RowMark] = []
    private var freeRows: [Int] = []
    private var rowsByID = KeyIndex()
    private var stragglers: Heap<Entry> = []
    private var inserted = 0
    private var lastQueued = EventTime.distantPast
    /// The time of the first label; beyond all times when there is none.
    @usableFromInline private(set) var firstTime = EventTime(milliseconds: .max)

    var count: Int { queue.count + stragglers.count }

    /// - Complexity: O(1) amortised in order, O(log stragglers) otherwise.
    @usableFromInline mutating func insert(_ label: ParsedLabel, time: EventTime) {
        insert(label, time: time, row: -1)
    }

    /// Takes the label of a row; false where the label of another row with the same id waits, which refuses this one.
    mutating func insert(_ label: ParsedLabel, time: EventTime, of row: ParsedRow) -> Bool {
        let mark = RowMark(row)
        if let known = rowsByID.find(mark.id, isSame: { rows[$0].id == mark.id }) {
            guard rows[known].content == mark.content else { return false }
            insert(label, time: time, row: -1)
        } else {
            insert(label, time: time, row: note(mark))
        }
        return true
    }

    /// - Returns: the row's number.
    private mutating func note(_ mark: RowMark) -> Int {
        let number = freeRows.popLast() ?? rows.count
        if number == rows.count { rows.append(mark) } else { rows[number] = mark }
        rowsByID.insert(mark.id, number)
        return number
    }

    private mutating func insert(_ label: ParsedLabel, time: EventTime, row: Int) {
        let entry = Entry(time: time, order: inserted, label: label, row: row)
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
        if entry.row >= 0 {
            rowsByID.remove(rows[entry.row].id, entry.row)
            freeRows.append(entry.row)
        }
        return (entry.label, entry.time)
    }
}
