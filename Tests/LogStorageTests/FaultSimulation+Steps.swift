import EventModel
import Platform

@testable import LogStorage

extension FaultSimulation {
    func randomStep() -> Step {
        switch random.below(30) {
        case 0..<11: .append
        case 11: .retry
        case 12: .badRetry
        case 13, 14: .sync
        case 15: .truncate
        case 16: .retain
        case 17, 18: .merge
        case 19, 20: hasCompaction ? .compact : .append
        case 21, 22: .openReader
        case 23..<27: .read
        case 27: .seek
        default: .check
        }
    }

    func perform(_ step: Step) throws {
        switch step {
        case .append: try append()
        case .retry: try retry()
        case .badRetry: try sendNonsense()
        case .sync: try sync()
        case .truncate: try truncate()
        case .retain: try retain()
        case .merge: try housekeep("merge") { _ = try $0.merge() }
        case .compact: try compact()
        case .openReader: try openReader()
        case .read: try readSome()
        case .seek: try checkSeeks()
        case .check: try checkContents()
        }
        if isHalted { hasFailed = true }
    }

    // MARK: writing

    func append() throws {
        let records = (0..<(1 + random.below(5))).map { _ in randomRecord() }
        guard random.below(3) > 0 else { return try append(records, .none) }
        let number = random.below(producers.count)
        // The log remembers five batches of a producer.
        if producers[number].unconfirmed.count >= 5 { try sync() }
        if hasFailed { return }
        let id = producers[number].id
        var position = model.nextPosition(of: id) ?? firstPosition(of: id)
        if random.below(20) == 0 && position.epoch < 100 {
            // A new instance of the producer, which knows of nothing that the old one sent.
            position = ProducerPosition(id: id, epoch: position.epoch + 1, sequence: Int32(random.below(3)))
            producers[number].unconfirmed = []
        }
        producers[number].unconfirmed.append(FaultProducer.Batch(records: records, position: position))
        try append(records, position)
    }

    private func firstPosition(of id: Int64) -> ProducerPosition {
        ProducerPosition(id: id, epoch: 0, sequence: id == 0 ? 0 : .max - 2)
    }

    private func append(_ records: [TestRecord], _ producer: ProducerPosition) throws {
        guard let writer else { return }
        let base = model.end
        model.append(records, producer: producer)
        try attempt("append \(records.count) at \(base), producer \(producer.id)/\(producer.sequence)") {
            let found = Int(try writer.append(records, producer: producer).value)
            if found != base { throw FaultViolation("appended at \(found), expected \(base)") }
            if options.sync == .always && Int(writer.durableEnd.value) < model.end {
                throw FaultViolation("acknowledged at \(base) without a sync")
            }
        }
        acknowledge()
    }

    /// What the writer says is durable has to stay.
    func acknowledge() {
        guard let writer else { return }
        model.acknowledge(Int(writer.durableEnd.value))
        for number in producers.indices {
            producers[number].unconfirmed.removeAll { batch in
                model.place(of: batch.position, count: batch.records.count).map {
                    $0 + batch.records.count <= model.acknowledged
                } ?? false
            }
        }
    }

    /// Sends a batch again that the log has.
    private func retry() throws {
        guard let writer else { return }
        let known = model.remembered(of: producers[random.below(producers.count)].id)
        if known.isEmpty { return }
        let batch = known[random.below(known.count)]
        try attempt("retry of \(batch.base), producer \(batch.producer.id)/\(batch.producer.sequence)") {
            let end = writer.endOffset
            let found = Int(
                try writer.append(Array(model.records[batch.base..<batch.end]), producer: batch.producer).value)
            if found != batch.base || writer.endOffset != end {
                throw FaultViolation("sent again, \(batch.base)..<\(batch.end) went to \(found)")
            }
        }
        acknowledge()
    }

    /// Sends all again that producers do not know to be durable, as they do after a failure.
    func sendAgain() throws {
        for number in producers.indices {
            for batch in producers[number].unconfirmed where !hasFailed {
                if let place = model.place(of: batch.position, count: batch.records.count) {
                    try attempt("sent again: \(place), producer \(batch.position.id)/\(batch.position.sequence)") {
                        let found = Int(try writer!.append(batch.records, producer: batch.position).value)
                        if found != place { throw FaultViolation("sent again, \(place) went to \(found)") }
                        if Int(writer!.endOffset.value) != model.end {
                            throw FaultViolation("\(place) is stored twice")
                        }
                    }
                } else {
                    try append(batch.records, batch.position)
                }
            }
        }
    }

    private func sendNonsense() throws {
        guard let writer, let next = model.nextPosition(of: producers[random.below(producers.count)].id) else { return }
        let end = writer.endOffset
        let isStale = random.below(2) == 0
        let position =
            isStale ? ProducerPosition(id: next.id, epoch: next.epoch - 1, sequence: 0) : next.advanced(by: 1)
        try attempt("nonsense, producer \(position.id)/\(position.sequence)") {
            do {
                try writer.append([randomRecord()], producer: position)
                throw FaultViolation("a batch out of sequence was taken: \(position), expected \(next)")
            } catch LogError.outOfSequence {
                if isStale { throw FaultViolation("\(position) is out of sequence, not stale") }
            } catch LogError.staleProducer { if !isStale { throw FaultViolation("\(position) is not stale") } }
        }
        if writer.endOffset != end { throw FaultViolation("nonsense was stored") }
    }

    func sync() throws {
        guard let writer else { return }
        try attempt("sync") {
            try writer.sync()
            if Int(writer.durableEnd.value) != model.end {
                throw FaultViolation("synced up to \(writer.durableEnd.value) of \(model.end)")
            }
        }
        acknowledge()
    }

    // MARK: truncation

    private func truncate() throws {
        let floor = max(model.latestStart, model.truncationFloor)
        let ends = ([0] + model.batches.map(\.end)).filter { $0 >= floor && $0 < model.end }
        if ends.isEmpty { return }
        try truncate(to: random.below(3) == 0 ? ends[random.below(ends.count)] : ends[ends.count - 1])
    }

    func truncate(to end: Int) throws {
        guard let writer else { return }
        // None may stand beyond the end.
        readers.removeAll { $0.position > end }
        let durable = model.acknowledged
        model.beginTruncation(to: end)
        mayForgetProducers = true
        for number in producers.indices { producers[number].unconfirmed = [] }
        do {
            try writer.truncate(to: Offset(Int64(end)))
            note("  truncate to \(end)")
            try model.cut(to: end)
            try refreshReaders()
            try checkWriter()
        } catch {
            note("  truncate to \(end): \(error)")
            try judge(error)
            // Either nothing has happened, or the writer takes nothing more.
            do {
                try writer.sync()
                model.acknowledge(durable)
                acknowledge()
                try checkWriter()
            } catch {
                try judge(error)
                hasFailed = true
            }
        }
    }

    /// Readers have to look at the topic again before it grows anew; those that cannot give up.
    func refreshReaders() throws {
        for (number, reader) in readers.enumerated().reversed() {
            do { try reader.refresh() } catch {
                try judge(error)
                readers.remove(at: number)
            }
        }
    }

    // MARK: housekeeping

    /// Runs housekeeping, as another process does; now and then others act meanwhile.
    func housekeep(_ what: String, _ body: (borrowing Housekeeping) throws -> Void) throws {
        var violation: (any Error)?
        var fileSystem = fileSystem
        if random.below(2) == 0 && !hasFailed {
            fileSystem = InterleavedFileSystem(fileSystem) { [self] in
                if violation != nil || hasFailed || random.below(4) > 0 { return }
                do { if random.below(2) == 0 { try append() } else { try readSome() } } catch { violation = error }
            }
        }
        note("  \(what) begins")
        do {
            let housekeeping = try Housekeeping(topic, fileSystem, options)
            defer { housekeeping.end() }
            try body(housekeeping)
            note("  \(what)")
        } catch {
            note("  \(what): \(error)")
            try judge(error)
        }
        if let violation { throw violation }
    }

    private func retain() throws {
        try retain(
            RetentionPolicy(
                maximumAge: random.below(3) == 0 ? nil : EventDuration(milliseconds: Int64(random.below(60_000))),
                maximumBytes: random.below(3) == 0 ? random.below(4_000) : nil,
                reference: EventTime(milliseconds: clock),
                floor: Offset(Int64(random.below(2) == 0 ? model.end : random.below(model.end + 1)))))
    }

    func retain(_ policy: RetentionPolicy) throws {
        try housekeep("retention") { housekeeping in
            let plan = try housekeeping.retentionPlan(policy)
            try check(plan, policy)
            model.mayStart(at: Int(plan.newStart.value))
            try housekeeping.apply(plan)
            note("  start \(plan.newStart.value)")
            try model.starts(at: Int(plan.newStart.value))
        }
    }

    private func compact() throws {
        let policy = CompactionPolicy(
            tombstoneAge: EventDuration(milliseconds: Int64(random.below(40_000))),
            reference: EventTime(milliseconds: clock))
        try acknowledgeWhatIsSaid()
        model.beginCompaction(policy)
        try housekeep("compaction") { housekeeping in
            do {
                let removed = try housekeeping.compact(policy).recordsRemoved
                note("  removes \(removed)")
            } catch LogError.noKey {
                if !model.hasKeylessRecord { throw FaultViolation("refused, though all records have keys") }
            }
        }
        try acknowledgeWhatIsSaid()
        model.endCompaction()
    }

    /// What the disk says is durable is so, though a writer that has failed may not know it.
    private func acknowledgeWhatIsSaid() throws {
        let copy = disk.crash(leaving: .all)
        if let end = try SlotFile.read(path("durable-end"), copy)?.offset { model.acknowledge(Int(end.value)) }
    }

    // MARK: readers

    private func openReader() throws {
        if readers.count >= 4 { readers.removeFirst() }
        let stops = random.below(2) == 0
        let position = model.latestStart + random.below(model.end - model.latestStart + 1)
        readerNumber += 1
        try attemptReading("reader \(readerNumber) from \(position)") {
            let reader = try TopicReader(directory: topic, fileSystem: fileSystem)
            readers.append(
                try FaultReader(number: readerNumber, from: position, stopsAtDurableEnd: stops, reader))
        }
    }

    func readSome() throws {
        if readers.isEmpty { return }
        let number = random.below(readers.count)
        let reader = readers[number]
        let count = 1 + random.below(6)
        let refreshes = random.below(4) > 0
        var isLost = false
        try attemptReading("read \(count) by \(reader.number) from \(reader.position)") {
            do {
                if refreshes { try reader.refresh() }
                for _ in 0..<count where try !reader.readBatch(model) {
                    if refreshes && !reader.stopsAtDurableEnd && !hasFailed && reader.position != model.end {
                        throw FaultViolation("stops at \(reader.position) of \(model.end)")
                    }
                    break
                }
            } catch LogError.outOfRange where reader.position < model.latestStart {
                isLost = true
            }
        }
        if isLost { readers.remove(at: number) }
    }

    /// A reader that fails is no end of the writer's life.
    func attemptReading(_ what: @autoclosure () -> String, _ body: () throws -> Void) throws {
        do {
            try body()
            note("  " + what())
        } catch {
            note("  \(what()): \(error)")
            try judge(error)
        }
    }
}
