import EventModel
import LogStorage
import Platform

/// One producer: goes on where the log says that it had come to, for ever.
///
/// It cannot know which of its batches were stored when the process was killed, so it begins by sending the last ones
/// that are stored again; from time to time, too, as though an answer had got lost.
struct Producer: ~Copyable {
    private let log: GroupCommit
    private let options: ProducerOptions
    private let workload: Workload
    /// The last batches sent, oldest first.
    private var sent: [Int]
    private var next: Int
    private var batch = RecordBatchBuilder()
    /// The batch that was acknowledged early.
    private var owed: Int?

    init(_ id: Int64, _ log: GroupCommit, _ options: ProducerOptions) {
        self.log = log
        self.options = options
        workload = Workload(producer: id)
        next = log.nextPosition(ofProducer: id).map { Int($0.sequence) } ?? 0
        sent = workload.batches(before: next).suffix(5)
    }

    mutating func run() throws {
        try sendAgain()
        while true {
            if options.acknowledgesEarly { try sendEarly(next) } else { try send(next) }
            sent = (sent + [next]).suffix(5)
            next += workload.count(ofBatchAt: next)
            if !options.acknowledgesEarly && chance(16) == 0 { try sendAgain() }
        }
    }

    /// Sends one to five of the last batches again, in their order.
    private mutating func sendAgain() throws {
        for first in sent.suffix(1 + chance(5)) { try send(first) }
    }

    private mutating func send(_ first: Int) throws {
        workload.fill(&batch, from: first)
        let position = options.forgetsPositions ? ProducerPosition.none : workload.position(first)
        try acknowledge(first, at: try log.append(&batch, producer: position))
    }

    private mutating func sendEarly(_ first: Int) throws {
        let end = log.endOffset
        let before = owed
        owed = first
        try acknowledge(first, at: before.map { end.advanced(by: workload.count(ofBatchAt: $0)) } ?? end)
        guard let before else { return }
        workload.fill(&batch, from: before)
        try log.append(&batch, producer: workload.position(before))
    }

    /// Tells in one call, so that a line is told whole or not at all.
    private func acknowledge(_ first: Int, at offset: Offset) throws {
        let line = Acknowledgement(
            producer: workload.producer, first: first, count: workload.count(ofBatchAt: first), offset: offset)
        try StandardStreams.write("\(line)\n")
    }

    private func chance(_ bound: UInt64) -> Int {
        Int(mixed(options.seed, workload.hash(next, purpose: bound)) % bound)
    }
}
