import EventModel
import Testing

@testable import OnlineLearning

// What every learner must hold. Each law is a function that takes any of them.

/// A learner as the laws see it: rows with labels go in, answers about rows come out.
protocol LawfulLearner: LearnedState, ~Copyable {
    associatedtype Specification: Sendable

    init(lawful specification: Specification, columns: Int)
    init(restoring reader: inout ByteReader, _ specification: Specification, columns: Int) throws(StateCodingError)
    mutating func take(_ row: [Double], isPositive: Bool)
    /// All answers about a row.
    func answers(_ row: [Double]) -> [Double]
    /// Those of the answers that are probabilities.
    func probabilities(_ row: [Double]) -> [Double]
    /// Whether a column more, in which nothing ever stands, leaves the answers about the others as they are.
    static func ignoresMissingColumns(_ specification: Specification) -> Bool
}

extension LawfulLearner where Self: ~Copyable {
    static func ignoresMissingColumns(_ specification: Specification) -> Bool { true }

    mutating func take(_ rows: some Sequence<LabelledRow>) {
        for row in rows { take(row.values, isPositive: row.isPositive) }
    }

    init(_ specification: Specification, taking rows: [LabelledRow]) {
        self.init(lawful: specification, columns: rows[0].values.count)
        take(rows)
    }
}

func checkAllLaws<Model: LawfulLearner & ~Copyable>(
    _ type: Model.Type, _ specification: Model.Specification, rows: Int = 90
) throws {
    checkTheSameStreamGivesTheSameBits(type, specification)
    try checkASnapshotAnywhereChangesNothing(type, specification, rows: rows)
    try checkACutStateIsAnError(type, specification)
    checkInputIsNotModified(type, specification)
    checkTheOrderOfColumnsOnlyRounds(type, specification)
    checkConstantColumnsAreHarmless(type, specification)
    checkMissingColumnsChangeNothing(type, specification)
    checkExtremeValuesStayFinite(type, specification)
    checkExtremeValuesAreNotClipped(type, specification)
    checkProbabilitiesLieWithinZeroAndOne(type, specification)
}

func checkTheSameStreamGivesTheSameBits<Model: LawfulLearner & ~Copyable>(
    _ type: Model.Type, _ specification: Model.Specification
) {
    let rows = labelledRows(300, columns: 5, seed: 1)
    let first = Model(specification, taking: rows)
    let second = Model(specification, taking: rows)
    #expect(first.digest == second.digest)
    #expect(first.answers(rows[0].values).map(\.bitPattern) == second.answers(rows[0].values).map(\.bitPattern))
    let other = Model(specification, taking: Array(rows.dropLast()))
    #expect(first.digest != other.digest)
}

/// Saves and restores after each row, so at every position of each block and mini-batch.
func checkASnapshotAnywhereChangesNothing<Model: LawfulLearner & ~Copyable>(
    _ type: Model.Type, _ specification: Model.Specification, rows count: Int
) throws {
    let rows = labelledRows(count, columns: 5, seed: 2)
    let whole = Model(specification, taking: rows)
    for cut in 0...count {
        var before = Model(lawful: specification, columns: 5)
        before.take(rows[..<cut])
        var writer = ByteWriter()
        before.encode(into: &writer)
        var reader = ByteReader(writer.bytes)
        var after = try Model(restoring: &reader, specification, columns: 5)
        #expect(reader.remaining == 0)
        #expect(after.digest == before.digest)
        #expect(after.answers(rows[0].values) == before.answers(rows[0].values))
        after.take(rows[cut...])
        #expect(after.digest == whole.digest, "saved after \(cut) rows")
    }
}

func checkACutStateIsAnError<Model: LawfulLearner & ~Copyable>(
    _ type: Model.Type, _ specification: Model.Specification
) throws {
    var model = Model(lawful: specification, columns: 2)
    model.take(labelledRows(37, columns: 2, seed: 3))
    var writer = ByteWriter()
    model.encode(into: &writer)
    for length in 0..<writer.count {
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: writer.bytes[..<length]))
        #expect(throws: StateCodingError.self) { _ = try Model(restoring: &reader, specification, columns: 2) }
    }
    var reader = ByteReader(writer.bytes)
    #expect(throws: StateCodingError.self) { _ = try Model(restoring: &reader, specification, columns: 3) }
}

func checkInputIsNotModified<Model: LawfulLearner & ~Copyable>(
    _ type: Model.Type, _ specification: Model.Specification
) {
    let rows = labelledRows(70, columns: 5, seed: 4)
    var model = Model(lawful: specification, columns: 5)
    for row in rows {
        let given = row.values.map { $0 + 0 }
        model.take(given, isPositive: row.isPositive)
        _ = model.answers(given)
        #expect(given == row.values)
    }
}

func checkTheOrderOfColumnsOnlyRounds<Model: LawfulLearner & ~Copyable>(
    _ type: Model.Type, _ specification: Model.Specification
) {
    let rows = labelledRows(300, columns: 5, seed: 5)
    let turned = rows.map { LabelledRow(values: $0.values.reversed(), isPositive: $0.isPositive) }
    let one = Model(specification, taking: rows)
    let other = Model(specification, taking: turned)
    for index in 0..<20 {
        let (a, b) = (one.answers(rows[index].values), other.answers(turned[index].values))
        #expect(largestDifference(a.sorted(), b.sorted()) < 1e-9)
    }
}

func checkConstantColumnsAreHarmless<Model: LawfulLearner & ~Copyable>(
    _ type: Model.Type, _ specification: Model.Specification
) {
    for constant in [0, 0.1, -1e9] {
        let rows = labelledRows(200, columns: 5, seed: 6).map {
            LabelledRow(values: $0.values + [constant], isPositive: $0.isPositive)
        }
        let model = Model(specification, taking: rows)
        let answers = model.answers(rows[0].values)
        #expect(answers.allSatisfy { $0.isFinite })
    }
}

func checkMissingColumnsChangeNothing<Model: LawfulLearner & ~Copyable>(
    _ type: Model.Type, _ specification: Model.Specification
) {
    guard Model.ignoresMissingColumns(specification) else { return }
    let rows = labelledRows(200, columns: 5, seed: 6)
    let more = rows.map { LabelledRow(values: $0.values + [0], isPositive: $0.isPositive) }
    let one = Model(specification, taking: rows)
    let other = Model(specification, taking: more)
    for index in 0..<20 {
        let expected = one.answers(rows[index].values)
        let answers = other.answers(more[index].values)
        #expect(largestDifference(Array(answers.prefix(expected.count)), expected) < 1e-9)
    }
}

/// Values up to 1e100 in magnitude.
func checkExtremeValuesStayFinite<Model: LawfulLearner & ~Copyable>(
    _ type: Model.Type, _ specification: Model.Specification
) {
    let extremes = [1e100, -1e100, 1e-300, -1e-300, 0, 1e9, .leastNonzeroMagnitude]
    var rows = labelledRows(150, columns: 5, seed: 7)
    for index in stride(from: 20, to: 150, by: 9) {
        rows[index].values[index % 5] = extremes[index % extremes.count]
        rows[index].values[(index + 2) % 5] = extremes[(index / 3) % extremes.count]
    }
    var model = Model(lawful: specification, columns: 5)
    for row in rows {
        let answers = model.answers(row.values)
        #expect(answers.allSatisfy { $0.isFinite }, "\(answers)")
        model.take(row.values, isPositive: row.isPositive)
    }
}

/// Far beyond what was learned from, twice as far is still another answer.
func checkExtremeValuesAreNotClipped<Model: LawfulLearner & ~Copyable>(
    _ type: Model.Type, _ specification: Model.Specification
) {
    let rows = labelledRows(300, columns: 5, seed: 9)
    let model = Model(specification, taking: rows)
    let answers = [1e6, 2e6, 4e6].map { factor in model.answers(rows[0].values.map { $0 * factor }) }
    #expect(Set(answers).count == 3, "\(answers)")
}

func checkProbabilitiesLieWithinZeroAndOne<Model: LawfulLearner & ~Copyable>(
    _ type: Model.Type, _ specification: Model.Specification
) {
    let rows = labelledRows(300, columns: 5, seed: 8)
    let model = Model(specification, taking: rows)
    for row in rows {
        for factor in [1, 1e6, -1e50] {
            let probabilities = model.probabilities(row.values.map { $0 * factor })
            #expect(probabilities.allSatisfy { (0...1).contains($0) })
        }
    }
}
