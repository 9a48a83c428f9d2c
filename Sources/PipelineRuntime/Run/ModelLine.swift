import EventModel
import PipelineCore
import Platform
import Synchronization

/// The way of blocks from the feature stage to the model stage.
protocol ModelLine: AnyObject {
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

/// Both stages on the caller's thread.
final class DirectModelLine: ModelLine {
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
        try run.consume(parcel, observe)
        parcel.block.removeAll()
        spare = parcel
    }

    func finish() throws(RuntimeError) {}
    func abandon() {}
    var learned: Int { run.models.learnedCount }
    var recentLoss: Double? { run.models.recentLoss }
}

/// The model stage on a thread of its own. A few blocks circulate; the same order, so the same results.
final class ThreadedModelLine: ModelLine {
    private let filled = Handover<PipelineRun.Parcel>(capacity: 4)
    private let spare = Handover<PipelineRun.Parcel>(capacity: 8)
    private let run: PipelineRun
    private let failure = FailureBox()
    private var made = 0
    private var worker: WorkerThread?

    private final class FailureBox: Sendable {
        let error = Mutex<RuntimeError?>(nil)
        let learned = Atomic<Int>(0)
        let loss = Atomic<UInt64>(Double.nan.bitPattern)
    }

    init(_ run: PipelineRun, _ observe: @escaping (borrowing EventBlock) -> Void) {
        self.run = run
        worker = WorkerThread { [run, filled, spare, failure] in
            while let parcel = filled.take() {
                do throws(RuntimeError) {
                    try run.consume(parcel, observe)
                } catch {
                    failure.error.withLock { $0 = error }
                    filled.finish()
                    spare.finish()
                    return
                }
                failure.learned.store(run.models.learnedCount, ordering: .relaxed)
                if let loss = run.models.recentLoss { failure.loss.store(loss.bitPattern, ordering: .relaxed) }
                parcel.block.removeAll()
                spare.put(parcel)
            }
        }
    }

    func emptyParcel() -> PipelineRun.Parcel {
        if made >= 6, let parcel = spare.take() { return parcel }
        made += 1
        return PipelineRun.Parcel(EventBlock(plan: run.plan, idType: run.specification.input.idType))
    }

    func take(_ parcel: PipelineRun.Parcel) throws(RuntimeError) {
        filled.put(parcel)
        if let error = failure.error.withLock({ $0 }) { throw error }
    }

    func finish() throws(RuntimeError) {
        abandon()
        if let error = failure.error.withLock({ $0 }) { throw error }
    }

    func abandon() {
        filled.finish()
        worker?.join()
        worker = nil
    }

    var learned: Int { failure.learned.load(ordering: .relaxed) }
    var recentLoss: Double? {
        let loss = Double(bitPattern: failure.loss.load(ordering: .relaxed))
        return loss.isNaN ? nil : loss
    }
}
