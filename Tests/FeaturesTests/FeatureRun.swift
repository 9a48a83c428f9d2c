import EventModel
import Windowing

@testable import Features

/// An event of a test: its time, and what its columns hold.
struct TestEvent {
    var minute: Int
    var customer: Int64 = 1
    var cents: Int64 = 0
    var items: Int64 = 0
    var measure = 0.0
    var channel = ""
    var latitude = 0.0
    var longitude = 0.0

    var time: EventTime { EventTime(milliseconds: Int64(minute) * 60_000) }

    static let columns = [
        Column("customer", .long), Column("amount", .decimal(scale: 2)), Column("items", .long),
        Column("measure", .double), Column("channel", .string), Column("other", .string),
        Column("lat", .decimal(scale: 6)), Column("lon", .decimal(scale: 6)),
    ]

    func integer(_ column: Column) -> Int64 {
        switch column.name {
        case "customer": customer
        case "amount": cents
        case "items": items
        case "measure": inMillionths(measure)
        case "channel": Int64(bitPattern: stableHash(channel))
        case "lat": Int64((latitude * 1e6).rounded())
        case "lon": Int64((longitude * 1e6).rounded())
        default: Int64(bitPattern: stableHash("web"))
        }
    }
}

func makePlan(
    _ features: [FeatureSpecification], zones: [TimeZoneTable] = [], kinds: [EventKindColumns] = []
) throws -> FeaturePlan {
    try FeaturePlan(
        features: features, entities: [EntitySpecification(name: "customer", keyColumn: "customer")],
        columns: TestEvent.columns, kinds: kinds, zones: zones)
}

func expression(_ name: String, _ text: String) -> FeatureSpecification {
    FeatureSpecification(name: name, definition: .expression(text))
}

/// The vectors of events, in blocks of `size`.
func vectors(of events: [TestEvent], _ plan: FeaturePlan, block size: Int = 7) -> [[Double]] {
    let state = FeatureState(plan: plan, labelHorizon: .zero)
    var vectors: [[Double]] = []
    for start in stride(from: 0, to: events.count, by: size) {
        vectors += state.vectors(of: Array(events[start..<min(start + size, events.count)]), firstSlot: start)
    }
    return vectors
}

extension FeatureState {
    fileprivate func vectors(of rows: [TestEvent], firstSlot: Int) -> [[Double]] {
        // Time, keys, integer values.
        var words: [Int64] = []
        var doubles: [Double] = [0]
        for (index, row) in rows.enumerated() {
            if index == 0 { doubles = [] }
            words.append(row.time.milliseconds)
            for entity in plan.entities { words += entity.keyColumns.map(row.integer) }
            words += plan.integerColumns.map(row.integer)
            doubles += plan.doubleColumns.map { _ in row.measure }
        }
        if doubles.isEmpty { doubles = [0] }
        let kinds = rows.map { _ in UInt8(0) }
        var features = [Double](repeating: .nan, count: rows.count * plan.width)
        let masks = UnsafeMutablePointer<UInt64>.allocate(capacity: max(rows.count, 1))
        let registers = UnsafeMutablePointer<Double>.allocate(
            capacity: max(FeatureRows.registerLength(rows.count) * plan.registerCount, 1))
        defer {
            masks.deallocate()
            registers.deallocate()
        }
        let operations = rows.indices.map { index in
            WindowOperation(
                kind: .insert, row: index, slot: (firstSlot + index) & 1023, time: rows[index].time,
                earliest: .distantPast)
        }
        features.withUnsafeMutableBufferPointer { features in
            operations.withUnsafeBufferPointer { operations in
                words.withUnsafeBufferPointer { words in
                    guard let featureStart = features.baseAddress, let start = words.baseAddress else { return }
                    let block = FeatureRows(
                        count: rows.count, stride: 1 + plan.keyWords + plan.integerColumns.count, times: start,
                        keys: start + 1, keyTexts: plan.entities.map { _ in [] }, integers: start + 1 + plan.keyWords,
                        doubles: doubles, kinds: kinds, features: featureStart, masks: masks, registers: registers)
                    applyFilters(block)
                    for entity in plan.entities.indices {
                        process(entity: entity, operations, block, slots: 0..<1024, firstNew: .max)
                    }
                    applyOperators(block)
                }
            }
        }
        return rows.indices.map { Array(features[$0 * plan.width..<$0 * plan.width + plan.count]) }
    }
}
