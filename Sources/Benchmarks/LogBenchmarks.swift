import EventModel
import Features
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform

extension Benchmark {
    static let logBenchmarks = [logAppend, logAppendInterval, logRead100, logScan, logDecode, logTimeSeek, logRecovery]

    /// Records of 40 bytes, in batches of 256 KiB, synced at the end.
    private static let logAppend = Benchmark("log-append", unit: "record", small: 20_000, large: 2_000_000) {
        size, context, stopwatch in
        let directory = context.newPath("append")
        let writer = try TopicWriter(directory: directory, fileSystem: context.fileSystem)
        var batch = RecordBatchBuilder()
        var value = ByteWriter()
        value.appendZeros(40)
        try stopwatch.measure {
            for index in 0..<size {
                value.setBigEndian(UInt64(index), at: 8)
                batch.append(timestamp: EventTime(milliseconds: Int64(index)), value: value.bytes)
                if batch.byteCount >= 1 << 18 { try writer.append(&batch) }
            }
            try writer.append(&batch)
            try writer.close()
        }
        let hash = try context.hashOfSegments(in: directory)
        try context.fileSystem.removeAll(directory)
        return Outcome(items: size, hash: hash)
    }

    /// Records of 100 bytes, in batches of 1,000, through group commit with the policy `interval`.
    private static let logAppendInterval = Benchmark(
        "log-append-interval", unit: "record", small: 20_000, large: 5_000_000
    ) { size, context, stopwatch in
        let directory = context.newPath("append-interval")
        try stopwatch.measure { try context.appendRecordsOf100Bytes(size, to: directory) }
        let hash = try context.hashOfSegments(in: directory)
        try context.fileSystem.removeAll(directory)
        return Outcome(items: size, hash: hash)
    }

    /// The same records read in order: checksums, record boundaries, and every byte of each value.
    private static let logRead100 = Benchmark("log-read-100", unit: "record", small: 20_000, large: 5_000_000) {
        size, context, stopwatch in
        let directory = context.newPath("read-100")
        try context.appendRecordsOf100Bytes(size, to: directory)
        let outcome = try stopwatch.measure {
            let cursor = try TopicReader(directory: directory, fileSystem: context.fileSystem).cursor(from: .zero)
            var count = 0
            var sum: UInt64 = 0
            while let batch = try cursor.nextBatch() {
                var records = batch.records
                records.forEach { record in
                    count &+= 1
                    for place in stride(from: 0, to: record.value.count &- 7, by: 8) {
                        sum &+= record.value.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    }
                    sum &+= UInt64(bitPattern: record.timestamp.milliseconds)
                }
            }
            return Outcome(items: count, hash: sum)
        }
        try context.fileSystem.removeAll(directory)
        return outcome
    }

    /// Finding the first record at or after a time, by a new reader each time, in the log of `log-read-100`.
    private static let logTimeSeek = Benchmark("log-time-seek", unit: "seek", small: 20_000, large: 20_000_000) {
        size, context, stopwatch in
        let directory = context.newPath("time-seek")
        try context.appendRecordsOf100Bytes(size, to: directory)
        let seeks = 100
        let hash = try stopwatch.measure {
            var hash: UInt64 = 0
            for number in 0..<seeks {
                let reader = try TopicReader(directory: directory, fileSystem: context.fileSystem)
                let time = EventTime(milliseconds: Int64(number * 7_919 % seeks * size / seeks))
                hash = mixed(hash, UInt64(bitPattern: try reader.offset(atOrAfter: time).value))
            }
            return hash
        }
        try context.fileSystem.removeAll(directory)
        return Outcome(items: seeks, hash: hash)
    }

    /// Opening a log whose writer ended without closing it (policy `interval`), as after SIGKILL.
    private static let logRecovery = Benchmark("log-recovery", unit: "opening", small: 20_000, large: 20_000_000) {
        size, context, stopwatch in
        let directory = context.newPath("recovery")
        try context.abandonRecordsOf100Bytes(size, in: directory)
        let end = try stopwatch.measure {
            try TopicWriter(directory: directory, fileSystem: context.fileSystem).endOffset
        }
        try context.fileSystem.removeAll(directory)
        return Outcome(items: 1, hash: UInt64(end.value))
    }

    /// Checksums and record boundaries only.
    private static let logScan = Benchmark("log-scan", unit: "record", small: 20_000, large: 2_000_000) {
        size, context, stopwatch in
        let reader = try TopicReader(directory: try context.log(rows: size).input, fileSystem: context.fileSystem)
        let cursor = try reader.cursor(from: reader.startOffset)
        return try stopwatch.measure {
            var count = 0
            var bytes = 0
            var times: Int64 = 0
            while let batch = try cursor.nextBatch() {
                var records = batch.records
                records.forEach { record in
                    count &+= 1
                    bytes &+= record.value.count
                    times &+= record.timestamp.milliseconds
                }
            }
            return Outcome(items: count, hash: mixed(UInt64(bytes), UInt64(bitPattern: times)))
        }
    }

    /// Checksums, and each record decoded into a block's columns.
    private static let logDecode = Benchmark("log-decode", unit: "record", small: 20_000, large: 2_000_000) {
        size, context, stopwatch in
        let log = try context.log(rows: size)
        return try stopwatch.measure {
            var count = 0
            var hash: UInt64 = 0
            try context.forEachBlock(of: log, records: 4096) { block in
                count += block.recordCount
                for row in 0..<block.rowCount {
                    hash = mixed(hash, UInt64(bitPattern: block.integer(row: row, column: 0)))
                }
            }
            return Outcome(items: count, hash: hash)
        }
    }

    /// From a table in a file to a durable log.
    static let csvImport = Benchmark("csv-import", unit: "row", small: 20_000, large: 2_000_000) {
        size, context, stopwatch in
        let table = try context.table(rows: size)
        let log = LogDirectory(context.newPath("import"))
        let report = try stopwatch.measure { try context.importTable(table, into: log) }
        let reader = try TopicReader(directory: log.input, fileSystem: context.fileSystem)
        let bytes = reader.byteCount
        try context.fileSystem.removeAll(log.path)
        return Outcome(
            items: Int(report.rows), hash: mixed(UInt64(report.transactions + report.labels), UInt64(bytes)))
    }

    /// Workload W's log through the feature stage: read, decoded, joined with labels, 17 features; no models. Beside it the
    /// stage's own time without reading and decoding, and its state at half of the way and at the end.
    static let features = Benchmark("features", unit: "transaction", small: 20_000, large: 2_000_000) {
        size, context, stopwatch in
        let log = try context.log(rows: size)
        let plan = try context.specification.makePlan()
        let stage = FeatureStage(plan: plan, specification: context.specification)
        var own = Stopwatch()
        var hash: UInt64 = 0
        var bytesAtHalf = 0
        try stopwatch.measure {
            try context.forEachBlock(of: log, records: 4096) { block in
                own.measure { stage.process(&block) }
                for row in 0..<min(block.rowCount, 16) {
                    for value in block.features(row: row) { hash = mixed(hash, value.bitPattern) }
                }
                if bytesAtHalf == 0, stage.tally.transactions >= size / 2 { bytesAtHalf = stage.size.bytes }
            }
        }
        let count = Int(stage.tally.transactions)
        var outcome = Outcome(items: count, hash: mixed(hash, stage.digest.sum))
        outcome.figures = [
            BenchmarkFigure(name: "stage", value: Double(own.nanoseconds) / Double(max(count, 1))),
            BenchmarkFigure(name: "state at half", value: Double(bytesAtHalf) / 0x1p20, unit: .mebibytes),
            BenchmarkFigure(name: "state at end", value: Double(stage.size.bytes) / 0x1p20, unit: .mebibytes),
        ]
        return outcome
    }
}

extension BenchmarkContext {
    fileprivate func appendRecordsOf100Bytes(_ count: Int, to directory: String) throws {
        let topic = try GroupCommit(
            directory: directory, fileSystem: fileSystem, options: TopicOptions(sync: .interval))
        try forEachBatchOf100Bytes(count) { try topic.append(&$0) }
        try topic.close()
    }

    fileprivate func abandonRecordsOf100Bytes(_ count: Int, in directory: String) throws {
        let writer = try TopicWriter(
            directory: directory, fileSystem: fileSystem, options: TopicOptions(sync: .interval))
        try forEachBatchOf100Bytes(count) { try writer.append(&$0) }
    }

    /// Batches of 1,000 records of 100 bytes; the time of a record is its number.
    private func forEachBatchOf100Bytes(
        _ count: Int, _ append: (inout RecordBatchBuilder) throws -> Void
    ) rethrows {
        var batch = RecordBatchBuilder()
        var value = ByteWriter()
        value.appendZeros(100)
        for index in 0..<count {
            value.setBigEndian(UInt64(index), at: 8)
            batch.append(timestamp: EventTime(milliseconds: Int64(index)), value: value.bytes)
            if batch.count >= 1_000 { try append(&batch) }
        }
        try append(&batch)
    }

    fileprivate func hashOfSegments(in directory: String) throws -> UInt64 {
        var hash: UInt64 = 0
        for name in try fileSystem.list(directory) where name.hasSuffix(".log") {
            let segment = try fileSystem.map("\(directory)/\(name)")
            hash = mixed(hash, withExtendedLifetime(segment) { UInt64(crc32c(segment.bytes)) })
        }
        return hash
    }
}
