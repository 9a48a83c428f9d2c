import Testing

@testable import OnlineLearning

@Suite struct RunningScalerTests {
    @Test(arguments: [1, 3, 64]) func meanAndDeviationEqualTwoPasses(_ block: Int) {
        for columns in [1, 3, 4, 17] {
            var random = TestRandom(seed: 11)
            var scaler = RunningScaler(
                columnCount: columns, specification: ScalerSpecification(refresh: 1, block: block))
            var rows: [[Double]] = []
            for _ in 0..<200 {
                rows.append(random.row(columns).enumerated().map { $1 * 3 + 1e6 * Double($0) })
                scaler.learn(rows[rows.count - 1])
                expect(scaler, equals: rows)
            }
        }
    }

    private func expect(_ scaler: borrowing RunningScaler, equals rows: [[Double]]) {
        let count = Double(rows.count)
        for column in 0..<scaler.columnCount {
            let mean = rows.reduce(0) { $0 + $1[column] } / count
            let variance = rows.reduce(0) { $0 + ($1[column] - mean) * ($1[column] - mean) } / count
            #expect(abs(scaler.mean[column] - mean) <= 1e-14 * max(abs(mean), 1))
            #expect(abs(scaler.deviation[column] - variance.squareRoot()) <= 1e-8)
        }
    }

    @Test(arguments: [
        (1, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), (4, [1, 2, 4, 8, 12, 16, 20]), (10, [1, 2, 4, 8, 10, 20, 30]),
    ])
    func theScaleIsPublishedAtPowersOfTwoAndThenAtEachRefresh(_ refresh: Int, _ expected: [Int]) throws {
        var scaler = RunningScaler(columnCount: 1, specification: ScalerSpecification(refresh: refresh, block: 3))
        var published: [Int] = []
        for row in 1...(try #require(expected.last)) {
            let foretold = scaler.publishesNext
            scaler.learn([Double(row)])
            #expect(foretold == (scaler.publishedCount == row))
            if foretold { published.append(row) }
        }
        #expect(published == expected)
    }

    @Test func nothingIsSeenOfRowsSinceThePublication() {
        var scaler = RunningScaler(columnCount: 1, specification: ScalerSpecification(refresh: 4))
        for value in [1.0, 3, 5, 7, 100] { scaler.learn([value]) }
        #expect(scaler.mean == [4] && scaler.count == 5 && scaler.publishedCount == 4)
    }

    @Test func aConstantColumnBecomesZero() {
        var scaler = RunningScaler(columnCount: 2, specification: ScalerSpecification(refresh: 64))
        for row in 0..<640 { scaler.learn([0.1, Double(row)]) }
        #expect(scaler.mean[0] == 0.1 && scaler.inverseDeviation[0] == 0)
        var scaled = [5.0, 0]
        scaler.transform([5, 0], into: &scaled)
        #expect(scaled[0] == 0)
    }

    @Test func beforeTheFirstRowAllBecomesZero() {
        let scaler = RunningScaler(columnCount: 1)
        var scaled = [9.0]
        scaler.transform([7], into: &scaled)
        #expect(scaled == [0])
    }

    @Test func undoingATransformGivesTheRowBack() {
        var scaler = RunningScaler(columnCount: 2)
        for row in 0..<128 { scaler.learn([Double(row), 3]) }
        var row = [17.0, 3]
        scaler.transform([17, 3], into: &row)
        scaler.undoTransform(&row)
        #expect(largestDifference(row, [17, 3]) < 1e-13)
    }
}
