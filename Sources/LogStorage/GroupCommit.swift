import EventModel
import Platform

/// A topic's writer for many threads: whoever appends is answered as the sync policy says, and with `always` one sync
/// serves all batches that came while the one before was running.
///
/// With `always` the thread that finds no sync running runs the next one. It waits a moment for the producers that took
/// part in the last ones, who are likely to send again at once: while they keep coming, for at most half of what a sync
/// takes.
public final class GroupCommit: @unchecked Sendable {
    private struct State {
        var isSyncing = false
        var isClosing = false
        /// Batches appended since the last sync began.
        var waiting = 0
        /// How many the last two syncs covered.
        var recent = (0, 0)
        /// What the last sync took.
        var syncNanoseconds: Int64 = 0
        /// Bytes appended since the last sync began, for the policy `interval`.
        var unsyncedBytes = 0
        var failure: LogError?
        var syncCount = 0
    }

    /// Used only under the monitor's lock.
    private let writer: TopicWriter
    private let policy: TopicOptions.SyncPolicy
    private let clock: any Clock
    private let monitor: Monitor<State>
    private var flusher: WorkerThread?

    /// Opens the topic as `TopicWriter` does.
    public init(
        directory: String, fileSystem: any FileSystem, options: TopicOptions, clock: any Clock = SystemClock()
    ) throws(LogError) {
        policy = options.sync
        self.clock = clock
        var options = options
        options.sync = .never
        writer = try TopicWriter(directory: directory, fileSystem: fileSystem, options: options, clock: clock)
        monitor = Monitor(State())
        if case .interval(let bytes, let milliseconds) = policy {
            flusher = WorkerThread { [self] in flush(afterBytes: bytes, milliseconds: milliseconds) }
        }
    }

    /// What opening found and did.
    public var recovery: RecoveryReport { monitor.withLock { _ in writer.recovery } }

    public var endOffset: Offset { monitor.withLock { _ in writer.endOffset } }

    /// All records below are durable.
    public var durableEnd: Offset { monitor.withLock { _ in writer.durableEnd } }

    /// The syncs of the log file so far, each followed by one of the durable end.
    public var syncCount: Int { monitor.withLock { $0.syncCount } }

    /// The position that the next batch of a producer must have, nil when it never sent any.
    public func nextPosition(ofProducer id: Int64) -> ProducerPosition? {
        monitor.withLock { _ in writer.nextPosition(ofProducer: id) }
    }

    /// Appends a batch and empties the builder; returns when it is durable (policy `always`) or written (otherwise).
    /// - Returns: the offset of its first record, where it is stored now or was before.
    @discardableResult public func append(
        _ batch: inout RecordBatchBuilder, producer: ProducerPosition = .none
    ) throws(LogError) -> Offset {
        let (base, end) = try write(&batch, producer)
        if policy == .always { try waitUntilDurable(end) }
        return base
    }

    /// Returns when all that was appended before is durable.
    public func sync() throws(LogError) { try waitUntilDurable(endOffset) }

    /// Syncs and lets the topic go; nothing can be appended afterwards.
    public func close() throws(LogError) {
        monitor.withLock { $0.isClosing = true }
        monitor.broadcast()
        flusher?.join()
        flusher = nil
        try monitor.withLock(when: { !$0.isSyncing }) { (_) throws(LogError) in try writer.close() }
    }

    private func write(
        _ batch: inout RecordBatchBuilder, _ producer: ProducerPosition
    ) throws(LogError) -> (base: Offset, end: Offset) {
        // A new segment closes the file that a running sync is about.
        let needed = batch.byteCount
        return try monitor.withLock(when: { !$0.isSyncing || !writer.needsNewSegment(forBytes: needed) }) {
            (state) throws(LogError) in
            if let failure = state.failure { throw failure }
            let count = batch.count
            let base = try writer.append(&batch, producer: producer)
            state.waiting += 1
            state.unsyncedBytes += needed
            if isAwaited(state, added: needed) { monitor.broadcast() }
            return (base, base.advanced(by: count))
        }
    }

    /// Whether the next sync waits for the batch just written.
    private func isAwaited(_ state: State, added bytes: Int) -> Bool {
        if case .interval(let limit, _) = policy {
            return state.unsyncedBytes >= limit && state.unsyncedBytes - bytes < limit
        }
        return state.isSyncing && state.waiting == max(state.recent.0, state.recent.1)
    }

    /// Waits until all below `end` is durable, by another thread's sync or its own.
    private func waitUntilDurable(_ end: Offset) throws(LogError) {
        while true {
            let isDone = try monitor.withLock(when: { !$0.isSyncing || $0.failure != nil || writer.durableEnd >= end })
            {
                (state) throws(LogError) in
                if writer.durableEnd >= end { return true }
                if let failure = state.failure { throw failure }
                state.isSyncing = true
                return false
            }
            if isDone { return }
            gather()
            try runSync()
        }
    }

    /// Gives those who took part in the last syncs a moment to append: while one comes within a sixteenth of what a sync
    /// takes, for half of it at most.
    private func gather() {
        let sync = monitor.withLock { $0.syncNanoseconds }
        let end = clock.monotonicNanoseconds + sync / 2
        var seen = 0
        while clock.monotonicNanoseconds < end {
            let isOver = monitor.withLock(
                when: { $0.waiting >= max($0.recent.0, $0.recent.1) }, nanoseconds: Int(sync / 16)
            ) { state, isComplete in
                defer { seen = state.waiting }
                return isComplete || state.waiting == seen
            }
            if isOver { return }
        }
    }

    /// Runs a sync; the caller has set `isSyncing`.
    private func runSync() throws(LogError) {
        let sync = try monitor.withLock { (state) throws(LogError) in
            state.recent = (state.recent.1, state.waiting)
            state.waiting = 0
            state.unsyncedBytes = 0
            do throws(LogError) { return try writer.beginSync() } catch {
                state.isSyncing = false
                state.failure = error
                monitor.broadcast()
                throw error
            }
        }
        let start = clock.monotonicNanoseconds
        let failure = sync?.run()
        let nanoseconds = clock.monotonicNanoseconds - start
        defer { monitor.broadcast() }
        try monitor.withLock { (state) throws(LogError) in
            state.isSyncing = false
            guard let sync else { return }
            state.syncCount += 1
            state.syncNanoseconds = nanoseconds
            do throws(LogError) { try writer.finish(sync, failure) } catch {
                state.failure = error
                throw error
            }
        }
    }

    /// The thread of the policy `interval`.
    private func flush(afterBytes bytes: Int, milliseconds: Int) {
        while true {
            _ = monitor.wait(
                until: { $0.isClosing || $0.unsyncedBytes >= bytes }, nanoseconds: milliseconds * 1_000_000)
            let isDue = monitor.withLock(when: { !$0.isSyncing }) { state -> Bool? in
                if state.isClosing || state.failure != nil { return nil }
                state.isSyncing = state.unsyncedBytes > 0
                return state.isSyncing
            }
            guard let isDue else { return }
            // A failure is told to whoever appends next.
            if isDue { try? runSync() }
        }
    }
}
