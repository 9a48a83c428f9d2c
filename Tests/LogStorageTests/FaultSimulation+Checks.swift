import EventModel
import Platform
import Simulation

@testable import LogStorage

extension FaultSimulation {
    /// Compares a topic that has just been opened with the model, which learns what survived.
    func settle() throws {
        guard let writer else { return }
        let end = Int(writer.endOffset.value)
        try model.cut(to: end)
        if writer.durableEnd != writer.endOffset {
            throw FaultViolation("opened with the durable end \(writer.durableEnd.value) below the end \(end)")
        }
        acknowledge()
        readers.removeAll { $0.position > end }
        try refreshReaders()
        // What follows is looked at behind the faults' back.
        let seen = disk.crash(leaving: .all)
        try check(seen, settling: true)
        try checkFiles(of: seen)
        try checkProducers()
        try sendAgain()
    }

    /// The writer knows each producer's last batches and where they are.
    private func checkProducers() throws {
        guard let writer else { return }
        for producer in producers {
            while let batch = unknownBatch(of: producer.id, in: writer) {
                guard mayForgetProducers && model.mayBeForgotten(batch) else {
                    throw FaultViolation("the batch at \(batch.base) of producer \(producer.id) is not known")
                }
                model.forgetProducer(ofBatchAt: batch.base)
            }
            let (found, expected) = (writer.nextPosition(ofProducer: producer.id), model.nextPosition(of: producer.id))
            if found != expected {
                throw FaultViolation(
                    "producer \(producer.id) goes on at \(found?.sequence ?? -1), expected \(expected?.sequence ?? -1)")
            }
        }
    }

    private func unknownBatch(of producer: Int64, in writer: TopicWriter) -> FaultModel.Batch? {
        model.remembered(of: producer).first { batch in
            let verdict = writer.producers.verdict(on: batch.producer, count: batch.end - batch.base)
            if case .isStored(let base) = verdict { return Int(base.value) != batch.base }
            return true
        }
    }

    func checkWriter() throws {
        guard let writer else { return }
        if Int(writer.endOffset.value) != model.end {
            throw FaultViolation("the writer is at \(writer.endOffset.value), expected \(model.end)")
        }
        try checkProducers()
        try checkContents()
    }

    func checkContents() throws { try check(disk.crash(leaving: .all), settling: false) }

    /// Reads all, by offset and by time.
    private func check(_ seen: InMemoryFileSystem, settling: Bool) throws {
        let reader = try TopicReader(directory: topic, fileSystem: seen)
        let start = Int(reader.startOffset.value)
        if settling {
            try model.starts(at: start)
        } else if !model.starts.contains(start) {
            throw FaultViolation("the log begins at \(start), expected one of \(model.starts.sorted())")
        }
        var found: [TestRecord] = []
        var position = start
        let cursor = try reader.cursor(from: reader.startOffset)
        while let batch = try cursor.nextBatch() {
            var records = batch.records
            while let record = records.next() {
                let record = (offset: Int(record.offset.value), TestRecord(record))
                try model.check(record.1, at: record.offset, after: position)
                position = record.offset + 1
                found.append(record.1)
            }
            if records.isMalformed { throw FaultViolation("a malformed record after \(position)") }
            try model.check(noneAt: position..<Int(batch.endOffset.value))
            position = Int(batch.endOffset.value)
        }
        if !hasFailed && position != model.end {
            throw FaultViolation("the log is read up to \(position) of \(model.end)")
        }
        if position < model.acknowledged {
            throw FaultViolation("the log is read up to \(position), but \(model.acknowledged) were acknowledged")
        }
        if position == model.end && newest(found) != model.newestValues(from: start) {
            throw FaultViolation("a key has another value than its newest")
        }
    }

    /// Seeks at random by offset and by time.
    func checkSeeks() throws {
        let reader = try TopicReader(directory: topic, fileSystem: disk.crash(leaving: .all))
        let start = Int(reader.startOffset.value)
        for _ in 0..<3 {
            let offset = start + random.below(model.end - start + 1)
            let cursor = try reader.cursor(from: Offset(Int64(offset)))
            var records = try cursor.nextBatch()?.records
            if let record = records?.next() {
                try model.check(TestRecord(record), at: Int(record.offset.value), after: offset)
            }
            let time = clock - 80_000 + Int64(random.below(100_000))
            let found = Int(try reader.offset(atOrAfter: EventTime(milliseconds: time)).value)
            let late = (start..<model.end).filter { model.records[$0].time >= time } + [model.end]
            // Those that compaction has left are among those that it had to leave.
            let isRight = late.contains(found) && !late.contains { $0 < found && !model.isRemovable($0) }
            if !isRight { throw FaultViolation("time \(time) is at \(found), expected one of \(late)") }
        }
    }

    /// Each file belongs to the topic, and each seal and index is what its log file says.
    private func checkFiles(of disk: InMemoryFileSystem) throws {
        let layout = try TopicLayout(topic, disk)
        for file in layout.files where !layout.owns(file) { throw FaultViolation("\(file) is left over") }
        for segment in layout.segments {
            let bytes = try disk.read(path(segment.name.log))
            var summary = SegmentSummary(segment.name, indexInterval: options.indexIntervalBytes)
            var source = try SegmentSource(segment, in: topic, disk)
            while let batch = try source.nextWhole() { summary.add(batch) }
            guard let seal = segment.seal else {
                if segment.name != layout.segments.last?.name {
                    throw FaultViolation("\(segment.name.log) has no seal")
                }
                continue
            }
            summary.close()
            if summary.seal != seal || seal.logBytes != bytes.count {
                throw FaultViolation("\(segment.name.seal) says \(seal), expected \(summary.seal)")
            }
            let indexes = [
                (segment.name.index, Array(summary.indexes.offsets.bytes)),
                (segment.name.timeIndex, Array(summary.indexes.times.bytes)),
            ]
            for (file, expected) in indexes where try disk.read(path(file)) != expected {
                throw FaultViolation("\(file) is not the segment's index")
            }
        }
    }

    func check(_ plan: RetentionPlan, _ policy: RetentionPolicy) throws {
        let (start, end) = (Int(plan.start.value), Int(plan.newStart.value))
        if end > Int(max(policy.floor, plan.start).value) || end > model.end {
            throw FaultViolation("retention up to \(end), but the floor is \(policy.floor)")
        }
        guard let age = policy.maximumAge, policy.maximumBytes == nil else { return }
        let times = (policy.reference - age)...policy.reference
        for offset in start..<max(start, end) where !model.isRemovable(offset) {
            if times ~= EventTime(milliseconds: model.records[offset].time) {
                throw FaultViolation("retention up to \(end) removes \(offset), which is not old enough")
            }
        }
    }

    // MARK: records

    func randomRecord() -> TestRecord {
        recordNumber += 1
        clock += Int64(random.below(1_000))
        var time = clock - Int64(random.below(5_000))
        // A bad clock.
        if random.below(40) == 0 { time += 1_000_000_000 }
        let key: [UInt8]? = !hasCompaction && random.below(4) == 0 ? nil : [UInt8(random.below(6))]
        if let key, random.below(6) == 0 { return .tombstone(time, key: key) }
        var value = withUnsafeBytes(of: UInt32(recordNumber).bigEndian) { Array($0) }
        value += [UInt8](
            repeating: UInt8(truncatingIfNeeded: recordNumber), count: [0, 3, 20, 90, 400][random.below(5)])
        var record = TestRecord(time, key: key, value)
        for number in 0..<(random.below(5) == 0 ? 2 : 0) {
            record.headers.append(RecordHeader(key: "h\(number)", value: number == 0 ? nil : [1, 2, 3]))
        }
        return record
    }
}
