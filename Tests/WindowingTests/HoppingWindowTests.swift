import EventModel
import Foundation
import Testing

@testable import Windowing

/// Membership in the hopping and tumbling windows of other engines, by their own tests' results.
///
/// Edge rule: a hopping or tumbling window of Kafka Streams and of Flink is [s, s + size). In whole milliseconds that is
/// (s − 1, s + size − 1]: ours of length `size` at time s + size − 1. Theirs begin at multiples of the advance; ours
/// have one at any time that is asked for.
@Suite struct HoppingWindowTests {
    private func json(_ name: String) throws -> [String: Any] {
        let file = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Resources"))
        return try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }

    /// A window's members as digits of a number in base 16, by how often each value is there.
    private func digits(_ members: [Int]) -> Double { Double(members.reduce(0) { $0 + 1 << (4 * $1) }) }

    @Test func timeWindowsHaveTheMembersThatKafkaStreamsGivesThem() throws {
        let cases = try #require(try json("kafka_streams_windows")["cases"] as? [[String: Any]])
        #expect(cases.count == 2, "SlidingWindows in KafkaStreamsTests, TimeWindows here")
        let example = try #require(cases.first { ($0["window"] as? String)?.hasPrefix("TimeWindows") == true })
        #expect((example["window"] as? String)?.contains("ofMillis(10), ofMillis(100)).advanceBy(ofMillis(5))") == true)
        let inputs = try #require(example["inputs"] as? [[String: Any]])
        let emitted = try #require((example["emit_eager"] as? [String: Any])?["results"] as? [[String: Any]])
        let aggregate = WindowAggregate(
            length: EventDuration(milliseconds: 10), delay: .zero, kind: .sum(column: 0, divisor: 1),
            includesCurrent: false)
        var windows = EntityWindows(name: "key", keyKind: .text, aggregates: [aggregate], targets: [0])
        var features = [0.0]
        var results = emitted[...]
        for input in inputs {
            let key = try #require(input["key"] as? String)
            let value = try #require((input["value"] as? String).flatMap { Int($0) })
            let time = try #require(input["ts"] as? Int)
            windows.insert(
                windows.intern(key), at: EventTime(milliseconds: Int64(time)), earliest: .distantPast,
                values: [1 << Int64(4 * value)], features: &features)
            // Each window that the event belongs to gives a result, the earlier first; none begins before 0.
            for start in [time / 5 * 5 - 5, time / 5 * 5] where start >= 0 {
                let next = results.popFirst()
                let result = try #require(next)
                #expect(result["key"] as? String == key && result["start"] as? Int == start)
                #expect(result["end"] as? Int == start + 10)
                windows.answer(
                    windows.number(of: key), asOf: EventTime(milliseconds: Int64(start + 9)), values: [0],
                    features: &features)
                let value = try #require(result["value"] as? String)
                let members = value.split(separator: "+").dropFirst().compactMap { Int($0) }
                #expect(features[0] == digits(members), "\(result)")
            }
        }
        #expect(results.isEmpty && emitted.count == 29)
    }

    /// Flink drops a late row from windows that have closed: so ours are asked for when theirs close.
    @Test(arguments: [("tumble_5s", 5), ("hop_slide5s_size10s", 10)])
    func windowsAgreeWithFlinkSQL(name: String, size: Int) throws {
        let document = try json("flink_sql_windows")
        let rows = try #require(document["rows"] as? [[Any]])
        let expected = try #require(document[name] as? [String])
        let length = EventDuration(milliseconds: Int64(size) * 1000)
        func window(_ kind: AggregateKind, filter: Int? = nil) -> WindowAggregate {
            WindowAggregate(length: length, delay: .zero, kind: kind, includesCurrent: false, filter: filter)
        }
        // A null is no value: a filter leaves it out. Kinds: count, sum of decimals, max of doubles, min of floats.
        let aggregates = [
            window(.count), window(.sum(column: 0, divisor: 100)),
            window(.maximum(column: 1, divisor: 1, ifEmpty: .nan), filter: 0),
            window(.minimum(column: 2, divisor: 1, ifEmpty: .nan), filter: 1),
            window(.distinct(column: 3), filter: 2),
        ]
        var windows = EntityWindows(
            name: "name", keyKind: .text, aggregates: aggregates, targets: Array(aggregates.indices))
        var features = [Double](repeating: 0, count: aggregates.count)
        var found: Set<String> = []
        var closed = Int64.min
        var watermark = Int64.min
        var keys: [String] = []
        func text(_ second: Int64) -> String {
            let text = EventTime(milliseconds: second * 1000).description.dropLast()
            return String(text.hasSuffix(":00") ? text.dropLast(3) : text)
        }
        func number(_ value: Double) -> String { value.isNaN ? "null" : "\(value)" }
        func close(upTo limit: Int64) {
            let first = closed == .min ? (watermark / 5 - 10) * 5 : closed + 5
            for end in stride(from: first, through: limit / 5 * 5, by: 5) {
                for key in keys {
                    windows.answer(
                        windows.number(of: key), asOf: EventTime(milliseconds: end * 1000 - 1), values: [0, 0, 0, 0],
                        features: &features)
                    guard features[0] > 0 else { continue }
                    let sum = decimalDescription(Int64((features[1] * 100).rounded()), scale: 2)
                    found.insert(
                        "\(key),\(text(end - Int64(size))),\(text(end)),\(Int(features[0])),\(sum),"
                            + "\(number(features[2])),\(number(features[3])),\(Int(features[4]))")
                }
                closed = end
            }
        }
        for row in rows {
            let time = try #require((row[0] as? String).flatMap { TimeFormat.iso8601.time(of: $0) })
            let second = time.milliseconds / 1000
            let key = row[6] as? String ?? "null"
            if !keys.contains(key) { keys.append(key) }
            let cents = (row[4] as? String).flatMap { Double($0) }.map { Int64(($0 * 100).rounded()) } ?? 0
            let double = row[2] as? Double
            let float = row[3] as? Double
            let word = (row[5] as? String).map { Int64(bitPattern: stableHash($0)) }
            let filters: UInt64 = (double == nil ? 0 : 1) | (float == nil ? 0 : 2) | (word == nil ? 0 : 4)
            windows.insert(
                windows.intern(key), at: time, earliest: .distantPast,
                values: [cents, Int64(double ?? 0), Int64(float ?? 0), word ?? 0], filters: filters, features: &features
            )
            watermark = max(watermark, second - 1)
            close(upTo: watermark)
        }
        watermark += 100
        close(upTo: watermark)
        #expect(found == Set(expected))
    }
}
