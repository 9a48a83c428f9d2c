import EventModel
import Foundation
import Testing

/// What an exported document says of a feature vector by the formulas that it documents, and by nothing of ours: the
/// probability that is served, then (where there are several) that of each classifier.
func probability(of vector: [Double], _ document: JSONValue) throws -> [Double] {
    let features = try #require(document["features"]?.elements)
    try #require(features.count == vector.count)
    let names = features.compactMap { $0["name"]?.string }
    let scaled = try zip(features, vector).map { feature, value in
        let mean = try #require(feature["mean"]?.double)
        let deviation = try #require(feature["deviation"]?.double)
        return deviation == 0 ? 0 : (value - mean) / deviation
    }
    let distances = try #require(document["clusters"]?.elements).map { cluster in
        let centroid = try #require(cluster["centroid"]?.elements).compactMap(\.double)
        let square = zip(scaled, centroid).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (square / Double(vector.count)).squareRoot()
    }
    func logit(_ part: JSONValue, _ weights: [JSONValue?], _ clusterWeights: [JSONValue?]) throws -> Double {
        var logit = try #require(part["intercept"]?.double)
        for (weight, value) in zip(weights, scaled) { logit += (weight?.double ?? 0) * value }
        for (weight, value) in zip(clusterWeights, distances) { logit += (weight?.double ?? 0) * value }
        for bins in try #require(part["bins"]?.elements) { logit += try bin(bins, vector, names) }
        for crossed in try #require(part["crosses"]?.elements) { logit += try cross(crossed, vector, names) }
        return logit
    }
    guard let classifiers = document["classifiers"]?.elements else {
        let clusters = try #require(document["clusters"]?.elements)
        return [sigmoid(try logit(document, features.map { $0["weight"] }, clusters.map { $0["weight"] }))]
    }
    var logits: [Double] = []
    for part in classifiers {
        logits.append(
            try logit(part, part["weights"]?.elements ?? [], part["cluster_weights"]?.elements ?? []))
    }
    guard let blend = document["blend"], !blend.isNull else { return ([logits[0]] + logits).map(sigmoid) }
    let weights = classifiers.map { part in
        part["name"]?.string.flatMap { blend["weights"]?[$0]?.double } ?? 0
    }
    let isOfLogits = blend["space"]?.string == "logit"
    let sum = zip(weights, logits).reduce(0) { $0 + $1.0 * (isOfLogits ? $1.1 : sigmoid($1.1)) }
    return [isOfLogits ? sigmoid(sum) : sum] + logits.map(sigmoid)
}

private func sigmoid(_ logit: Double) -> Double { 1 / (1 + exp(-logit)) }

private func bin(_ bins: JSONValue, _ vector: [Double], _ names: [String]) throws -> Double {
    let value = try value(of: bins, vector, names)
    let edges = try #require(bins["edges"]?.elements).compactMap(\.double)
    let weights = try #require(bins["weights"]?.elements).compactMap(\.double)
    let bin = edges.count { $0 <= value }
    if bins["encoding"]?.string == "one_hot" { return edges.isEmpty ? 0 : weights[bin] }
    guard let first = weights.first, let last = weights.last else { return 0 }
    if bin == 0 { return first }
    if bin == edges.count { return last }
    let fraction = (value - edges[bin - 1]) / (edges[bin] - edges[bin - 1])
    return weights[bin - 1] * (1 - fraction) + weights[bin] * fraction
}

private func cross(_ cross: JSONValue, _ vector: [Double], _ names: [String]) throws -> Double {
    var place = 0
    var hash: UInt64 = 0
    for part in try #require(cross["of"]?.elements) {
        let value = try value(of: part, vector, names)
        var word = (value.rounded() + 0).bitPattern
        if let edges = part["edges"]?.elements?.compactMap(\.double) {
            let bin = edges.count { $0 <= value }
            place = place * (edges.count + 1) + bin
            word = UInt64(bin)
        }
        hash = splitMix(hash ^ word)
    }
    if let buckets = cross["buckets"]?.int64 { place = Int(hash.multipliedFullWidth(by: UInt64(buckets)).high) }
    let weights = try #require(cross["weights"]?.elements)
    return weights.first { $0[0]?.int64 == Int64(place) }?[1]?.double ?? 0
}

private func value(of part: JSONValue, _ vector: [Double], _ names: [String]) throws -> Double {
    let name = try #require(part["feature"]?.string)
    return vector[try #require(names.firstIndex(of: name))]
}

private func splitMix(_ word: UInt64) -> UInt64 {
    var z = word &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
}
