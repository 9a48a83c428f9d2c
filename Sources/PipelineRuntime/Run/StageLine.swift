import EventModel
import PipelineCore
import Platform
import Synchronization

/// The way of blocks from the control part, which the caller does, through the other parts to the outputs
/// (`PipelineRun.work`).
protocol StageLine: AnyObject {
    /// An empty block, of those that have come back.
    func emptyParcel() -> PipelineRun.Parcel
    func take(_ parcel: PipelineRun.Parcel) throws(RuntimeError)
    /// Waits until all blocks are through.
    func finish() throws(RuntimeError)
    /// Ends without regard to what is still on the way.
    func abandon()
    /// Labels learned, for the progress display.
    var learned: Int { get }
    var recentLoss: Double? { get }
}

/// All parts on the caller's thread.
final class DirectStageLine: StageLine {
    private let run: PipelineRun
    private let observe: (borrowing EventBlock) -> Void
    private var spare: PipelineRun.Parcel?

    init(_ run: PipelineRun, _ observe: @escaping (borrowing EventBlock) -> Void) {
        self.run = run
        self.observe = observe
    }

    func emptyParcel() -> PipelineRun.Parcel {
        defer { spare = nil }
        return spare ?? PipelineRun.Parcel(EventBlock(plan: run.plan, idType: run.specification.input.idType))
    }

    func take(_ parcel: PipelineRun.Parcel) throws(RuntimeError) {
        run.features.fetchWindows(of: parcel.block)
        for part in 1...run.lastPart { try run.work(on: parcel, part: part, observe) }
        parcel.block.removeAll()
        spare = parcel
    }

    func finish() throws(RuntimeError) {}
    func abandon() {}
    var learned: Int { run.models.learnedCount }
    var recentLoss: Double? { run.models.recentLoss }
}

/// The parts on several threads, the caller's among them. A few blocks circulate. Each part takes them in log order, one
/// at a time, so the results are the same; whoever has nothing to do takes the work that is nearest to the outputs, so
/// that no share has to be foreseen.
final class ThreadedStageLine: StageLine {
    typealias Parcel = PipelineRun.Parcel

    private struct Flow {
        /// For each part the parcels that wait for it, in log order.
        var waiting: [[Parcel]]
        var isBusy: [Bool]
        var spare: [Parcel] = []
        /// Parcels that have not come through.
        var onTheWay = 0
        /// No parcel comes any more.
        var isClosed = false
        var isAbandoned = false
        var failure: RuntimeError?

        var isOver: Bool { isAbandoned || failure != nil || isClosed && onTheWay == 0 }

        /// The part nearest to the end that a parcel waits for and nobody is at.
        var nextPart: Int? {
            isAbandoned || failure != nil ? nil : waiting.indices.last { !waiting[$0].isEmpty && !isBusy[$0] }
        }

        mutating func takeJob() -> (part: Int, parcel: Parcel)? {
            guard let part = nextPart else { return nil }
            isBusy[part] = true
            return (part, waiting[part].removeFirst())
        }

        /// Gives a parcel on to the part behind `part`, or back when it has come through.
        mutating func pass(_ parcel: Parcel, from part: Int) {
            isBusy[part] = false
            guard part == waiting.count - 1 else { return waiting[part + 1].append(parcel) }
            parcel.block.removeAll()
            spare.append(parcel)
            onTheWay -= 1
        }
    }

    private let flow: Monitor<Flow>
    private let run: PipelineRun
    private let observe: (borrowing EventBlock) -> Void
    private let parcelLimit: Int
    private var made = 0
    private var workers: [WorkerThread] = []
    private let learnedCount = Atomic<Int>(0)
    private let loss = Atomic<UInt64>(Double.nan.bitPattern)

    init(_ run: PipelineRun, threads: Int, _ observe: @escaping (borrowing EventBlock) -> Void) {
        self.run = run
        self.observe = observe
        parcelLimit = threads + 4
        flow = Monitor(
            Flow(
                waiting: Array(repeating: [], count: run.lastPart + 1),
                isBusy: Array(repeating: false, count: run.lastPart + 1)))
        for _ in 1..<threads {
            workers.append(WorkerThread { [unowned self] in work { $0.isOver } })
        }
    }

    /// Does what there is to do until `isDone` holds.
    private func work(until isDone: (Flow) -> Bool) {
        func nextJob() -> (part: Int, parcel: Parcel)? {
            flow.withLock(when: { $0.nextPart != nil || isDone($0) }) { isDone($0) ? nil : $0.takeJob() }
        }
        while let (part, parcel) = nextJob() {
            do throws(RuntimeError) {
                try run.work(on: parcel, part: part, observe)
                if part == run.lastPart { noteProgress() }
                flow.withLock { $0.pass(parcel, from: part) }
            } catch {
                flow.withLock { $0.failure = error }
            }
            flow.broadcast()
        }
    }

    private func noteProgress() {
        learnedCount.store(run.models.learnedCount, ordering: .relaxed)
        if let recent = run.models.recentLoss { loss.store(recent.bitPattern, ordering: .relaxed) }
    }

    func emptyParcel() -> Parcel {
        if made >= parcelLimit {
            work { !$0.spare.isEmpty || $0.isOver }
            if let parcel = flow.withLock({ $0.spare.popLast() }) { return parcel }
        }
        made += 1
        return Parcel(EventBlock(plan: run.plan, idType: run.specification.input.idType))
    }

    func take(_ parcel: Parcel) throws(RuntimeError) {
        flow.withLock { flow in
            flow.waiting[1].append(parcel)
            flow.onTheWay += 1
        }
        flow.broadcast()
        if let error = flow.withLock({ $0.failure }) { throw error }
    }

    func finish() throws(RuntimeError) {
        flow.withLock { $0.isClosed = true }
        flow.broadcast()
        work { $0.isOver }
        join()
        if let error = flow.withLock({ $0.failure }) { throw error }
    }

    func abandon() {
        flow.withLock { $0.isAbandoned = true }
        flow.broadcast()
        join()
    }

    private func join() {
        for worker in workers { worker.join() }
        workers = []
    }

    var learned: Int { learnedCount.load(ordering: .relaxed) }
    var recentLoss: Double? {
        let recent = Double(bitPattern: loss.load(ordering: .relaxed))
        return recent.isNaN ? nil : recent
    }
}
