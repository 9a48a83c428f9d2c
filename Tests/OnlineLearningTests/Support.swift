import EventModel
import Foundation

@testable import OnlineLearning

struct MissingResource: Error { var name: String }

/// Outputs of other implementations; each file names its source and licence.
func resource(_ name: String) throws -> Data {
    guard let url = Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Resources") else {
        throw MissingResource(name: name)
    }
    return try Data(contentsOf: url)
}

func decoded<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: resource(name))
}

/// The numbers of a CSV file; lines with something else (a header) are left out.
func numbers(_ name: String) throws -> [[Double]] {
    String(decoding: try resource(name), as: UTF8.self).split(whereSeparator: \.isNewline).compactMap { line in
        let values = line.split(separator: ",").map { Double($0) }
        return values.contains(nil) ? nil : values.compactMap(\.self)
    }
}

/// Pseudo-random numbers that are the same for the same seed.
struct TestRandom {
    var state: UInt64

    init(seed: UInt64) { state = mixed(seed) }

    mutating func unit() -> Double {
        state &+= 1
        return Double(mixed(state) >> 11) * 0x1p-53
    }

    /// About normal: mean 0, deviation 1.
    mutating func normal() -> Double {
        var sum = -6.0
        for _ in 0..<12 { sum += unit() }
        return sum
    }

    mutating func row(_ columns: Int) -> [Double] { (0..<columns).map { _ in normal() } }
}

struct LabelledRow {
    var values: [Double]
    var isPositive: Bool
}

/// Rows with columns of different mean and deviation, and a label that depends on them.
func labelledRows(_ count: Int, columns: Int, seed: UInt64) -> [LabelledRow] {
    var random = TestRandom(seed: seed)
    return (0..<count).map { _ in
        let normal = random.row(columns)
        let logit = normal.enumerated().reduce(-0.5) { $0 + ($1.offset % 2 == 0 ? $1.element : -$1.element) }
        let values = normal.enumerated().map { $1 * Double($0 + 1) + 10 * Double($0) }
        return LabelledRow(values: values, isPositive: random.unit() < 1 / (1 + Foundation.exp(-logit)))
    }
}

func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

extension LogisticRegression {
    /// For tests in which nothing fades with time.
    mutating func learn(_ row: [Double], isPositive: Bool, weight: Double = 1) {
        learn(row, isPositive: isPositive, weight: weight, at: .distantPast)
    }
}

extension StreamingKMeans {
    /// For tests in which nothing fades with time.
    mutating func learn(_ row: [Double]) { learn(row, at: .distantPast) }
}

extension OnlineModel {
    /// For tests in which nothing fades with time.
    mutating func observe(_ row: [Double]) { observe(row, at: .distantPast) }

    mutating func learn(_ row: [Double], isPositive: Bool, weight: Double = 1, by learners: UInt64 = .max) {
        learn(row, isPositive: isPositive, weight: weight, at: .distantPast, by: learners)
    }
}
