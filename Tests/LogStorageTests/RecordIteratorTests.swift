import EventModel
import Platform
import TestSupport
import Testing

@testable import LogStorage

/// Records read many at once, and one by one, against the way that reads records of any form.
@Suite struct RecordIteratorTests {
    private struct Seen: Equatable {
        var offset: Int64
        var time: Int64
        var value: [UInt8]
        var isTombstone: Bool
        var hasKey: Bool
    }

    private func seen(_ record: RecordView) -> Seen {
        Seen(
            offset: record.offset.value, time: record.timestamp.milliseconds, value: Array(record.value),
            isTombstone: record.isTombstone, hasKey: record.key != nil)
    }

    private func carefully(_ batch: RecordBatchView) -> ([Seen], isMalformed: Bool) {
        var records = batch.records
        var found: [Seen] = []
        while let record = records.nextOfAnyForm() { found.append(seen(record)) }
        return (found, records.isMalformed)
    }

    private func oneByOne(_ batch: RecordBatchView) -> ([Seen], isMalformed: Bool) {
        var records = batch.records
        var found: [Seen] = []
        while let record = records.next() { found.append(seen(record)) }
        return (found, records.isMalformed)
    }

    private func allInTurn(_ batch: RecordBatchView) -> ([Seen], isMalformed: Bool) {
        var records = batch.records
        var found: [Seen] = []
        records.forEach { found.append(seen($0)) }
        return (found, records.isMalformed)
    }

    private func manyAtOnce(_ batch: RecordBatchView, atMost most: Int) -> ([Seen], isMalformed: Bool, runs: Int) {
        var records = batch.records
        var run = RecordRun()
        var found: [Seen] = []
        var runs = 0
        while true {
            records.read(into: &run, atMost: most)
            for head in run.heads {
                found.append(
                    Seen(
                        offset: records.baseOffset.value + head.offset_delta,
                        time: records.baseTime.milliseconds + head.timestamp_delta,
                        value: Array(UnsafeBufferPointer(start: head.value, count: Int(head.value_count))),
                        isTombstone: false, hasKey: false))
            }
            runs += run.heads.isEmpty ? 0 : 1
            guard run.heads.isEmpty else { continue }
            guard let record = records.next() else { return (found, records.isMalformed, runs) }
            found.append(seen(record))
        }
    }

    private func placesOfHeaderCounts(_ bytes: [UInt8]) throws -> [Int] {
        let owner = bytes.withUnsafeBytes { MappedBytes(copying: $0) }
        defer { withExtendedLifetime(owner) {} }
        var records = try RecordBatchView.at(
            start: owner.bytes, of: owner, position: 0, segment: "a batch", expecting: Offset(7)
        ).get().records
        var places: [Int] = []
        while let record = records.nextOfAnyForm() {
            guard let start = owner.bytes.baseAddress, let place = record.headerSection.baseAddress else { continue }
            places.append(place - start)
        }
        return places
    }

    /// Batches with keys, headers, tombstones and values of all sizes here and there; in half of them a byte is changed.
    @Test(arguments: 0..<10 as Range<UInt64>)
    func allWaysReadTheSameRecords(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var runs = 0
        for number in 0..<60 {
            var builder = RecordBatchBuilder()
            let isPlain = random.int(0...2) == 0
            for index in 0..<random.int(1...300) {
                let time = EventTime(milliseconds: 1_522_540_800_000 + Int64(random.int(-5_000...1_000_000)))
                let most = random.int(0...20) == 0 ? 9_000 : 40
                let value = (0..<random.int(0...most)).map { UInt8(truncatingIfNeeded: $0 &* index) }
                let hasKey = !isPlain && random.int(0...9) == 0
                let headers =
                    isPlain || random.int(0...9) > 0 ? [] : [RecordHeader(key: "h", value: [1, 2, 3])]
                let isTombstone = hasKey && random.int(0...3) == 0
                value.withUnsafeBytes { value in
                    // A key is any bytes.
                    builder.append(
                        timestamp: time, key: hasKey ? value : nil, value: isTombstone ? nil : value, headers: headers)
                }
            }
            var bytes = Array(builder.seal(base: Offset(7), producer: .none))
            if number % 2 == 1 {
                let headerCounts = try placesOfHeaderCounts(bytes)
                let place =
                    random.int(0...2) == 0
                    ? random.pick(headerCounts) : random.int(BatchLayout.records...bytes.count - 1)
                bytes[place] = UInt8(random.int(0...255))
                let checksum = bytes.withUnsafeBytes { BatchLayout.checksum(of: $0) }
                withUnsafeBytes(of: checksum.bigEndian) { word in
                    for index in 0..<4 { bytes[BatchLayout.checksum + index] = word[index] }
                }
            }
            let owner = bytes.withUnsafeBytes { MappedBytes(copying: $0) }
            let batch = try RecordBatchView.at(
                start: owner.bytes, of: owner, position: 0, segment: "a batch", expecting: Offset(7)
            ).get()
            let expected = carefully(batch)
            #expect(oneByOne(batch) == expected, "seed \(seed), batch \(number): one by one")
            #expect(allInTurn(batch) == expected, "seed \(seed), batch \(number): all in turn")
            for most in [1, 2, 100, Int.max] {
                let found = manyAtOnce(batch, atMost: most)
                #expect((found.0, found.1) == expected, "seed \(seed), batch \(number): \(most) at once")
                runs += found.runs
            }
            withExtendedLifetime(owner) {}
        }
        #expect(runs > 100)
    }
}
