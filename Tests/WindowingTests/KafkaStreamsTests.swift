import EventModel
import Foundation
import Testing

@testable import Windowing

/// Membership in Kafka Streams' sliding windows, as its own unit tests have it.
///
/// Edge rule: a sliding window of Kafka's with time difference d is [s, s + d], both ends inclusive. Ours of length w at
/// time t is (t − w, t]. In whole milliseconds [s, s + d] is (s − 1, s + d]: ours of length d + 1 ms at time s + d.
/// Kafka keeps a window for each s that changes its members; ours has one at any time that is asked for.
@Suite struct KafkaStreamsTests {
    private struct Document: Decodable {
        struct Case: Decodable {
            struct Input: Decodable {
                var key: String
                var value: String
                var ts: Int64
            }
            struct Emission: Decodable {
                struct Result: Decodable {
                    var start: Int64
                    /// "0+" and the members' values, in log order.
                    var value: String
                }
                var results: [Result]
            }

            var test: String
            var window: String
            var inputs: [Input]
            var emitFinal: Emission
            var emitEager: Emission
        }
        struct Sample: Decodable {
            var test: String
            var window: String
        }
        var cases: [Case]

        private enum CodingKeys: CodingKey { case cases }

        init(from decoder: any Decoder) throws {
            var list = try decoder.container(keyedBy: CodingKeys.self).nestedUnkeyedContainer(forKey: .cases)
            cases = []
            while !list.isAtEnd {
                let element = try list.superDecoder()
                if try Sample(from: element).window.hasPrefix("SlidingWindows") {
                    cases.append(try Case(from: element))
                }
            }
        }
    }

    @Test func slidingWindowsHaveTheMembersThatKafkaStreamsGivesThem() throws {
        let file = try #require(
            Bundle.module.url(forResource: "kafka_streams_windows", withExtension: "json", subdirectory: "Resources"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let document = try decoder.decode(Document.self, from: Data(contentsOf: file))
        var compared = 0
        for example in document.cases {
            let digits = try #require(example.window.split(separator: "(").dropFirst(2).first?.prefix { $0.isNumber })
            let difference = try #require(Int64(digits))
            // A window's members as a sum of powers of two.
            let aggregate = WindowAggregate(
                length: EventDuration(milliseconds: difference + 1), delay: .zero,
                kind: .sum(column: 0, divisor: 1), includesCurrent: false)
            var windows = EntityWindows(name: "card", keyKind: .text, aggregates: [aggregate], targets: [0])
            var features = [0.0]
            func members(_ start: Int64, _ key: String, _ windows: inout EntityWindows) -> Double {
                let end = EventTime(milliseconds: start + difference)
                windows.answer(windows.number(of: key), asOf: end, values: [0], features: &features)
                return features[0]
            }
            func expected(_ value: String) throws -> [Int] {
                try value.split(separator: "+").dropFirst().map { try #require(Int($0)) }
            }
            for input in example.inputs {
                let value = try #require(Int(input.value))
                windows.insert(
                    windows.intern(input.key), at: EventTime(milliseconds: input.ts), earliest: .distantPast,
                    values: [1 << Int64(value)], features: &features)
                // A result that the newest input is the last member of stands now.
                for result in example.emitEager.results where try expected(result.value).last == value {
                    let sum = try expected(result.value).reduce(0) { $0 + 1 << $1 }
                    #expect(members(result.start, input.key, &windows) == Double(sum), "\(example.test), \(result)")
                    compared += 1
                }
            }
            for result in example.emitFinal.results {
                let sum = try expected(result.value).reduce(0) { $0 + 1 << $1 }
                let key = try #require(example.inputs.first?.key)
                #expect(members(result.start, key, &windows) == Double(sum), "\(example.test), \(result)")
                compared += 1
            }
        }
        #expect(compared == 24)
    }
}
