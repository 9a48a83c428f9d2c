import EventModel
import Features
import LogStorage
import PipelineCore
import PipelineRuntime
import Platform

extension Benchmark {
    static let logBenchmarks = [logAppend, logScan, logDecode]

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
        var hash: UInt64 = 0
        for name in try context.fileSystem.list(directory) where name.hasSuffix(".log") {
            let segment = try context.fileSystem.map("\(directory)/\(name)")
            hash = mixed(hash, withExtendedLifetime(segment) { UInt64(crc32c(segment.bytes)) })
        }
        try context.fileSystem.removeAll(directory)
        return Outcome(items: size, hash: hash)
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
                while let record = records.next() {
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
        let bytes = try reader.byteCount()
        try context.fileSystem.removeAll(log.path)
        return Outcome(
            items: Int(report.rows), hash: mixed(UInt64(report.transactions + report.labels), UInt64(bytes)))
    }

    /// Workload W's log through the feature stage: read, decoded, joined with labels, 17 features; no models.
    static let features = Benchmark("features", unit: "transaction", small: 20_000, large: 2_000_000) {
        size, context, stopwatch in
        let log = try context.log(rows: size)
        let plan = try context.specification.makePlan()
        let stage = FeatureStage(plan: plan, specification: context.specification)
        return try stopwatch.measure {
            var hash: UInt64 = 0
            try context.forEachBlock(of: log, records: 4096) { block in
                stage.process(&block)
                for row in 0..<min(block.rowCount, 16) {
                    for value in block.features(row: row) { hash = mixed(hash, value.bitPattern) }
                }
            }
            return Outcome(items: Int(stage.tally.transactions), hash: mixed(hash, stage.digest.sum))
        }
    }
}
