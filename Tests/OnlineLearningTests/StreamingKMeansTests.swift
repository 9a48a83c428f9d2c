import EventModel
import LinearAlgebra
import Testing

@testable import OnlineLearning

@Suite struct StreamingKMeansTests {
    init() { BLAS.useOneThread() }

    private func blobs(_ count: Int, at centres: [[Double]], seed: UInt64) -> [[Double]] {
        var random = TestRandom(seed: seed)
        return (0..<count).map { _ in
            let centre = centres[Int(random.unit() * Double(centres.count))]
            return centre.map { $0 + 0.1 * random.normal() }
        }
    }

    @Test(arguments: 1...8) func theStartFindsSeparatedBlobs(_ seed: UInt64) {
        let centres = [[0.0, 0], [10, 0], [0, 10], [10, 10]]
        var model = StreamingKMeans(
            columnCount: 2,
            specification: KMeansSpecification(clusters: 4, batchRows: 50, decay: 1, startRows: 100, seed: seed))
        for row in blobs(400, at: centres, seed: seed) { model.learn(row) }
        for (centroid, centre) in zip(model.centroidRows.sorted(by: before), centres.sorted(by: before)) {
            #expect(largestDifference(centroid, centre) < 0.1)
        }
        #expect(model.clusterWeights.reduce(0, +) == 400)
    }

    private func before(_ a: [Double], _ b: [Double]) -> Bool { (a[0] + 3 * a[1]) < (b[0] + 3 * b[1]) }

    @Test func distancesEqualTheNaiveOnes() {
        var random = TestRandom(seed: 31)
        let centroids = (0..<5).map { _ in random.row(7) }
        let model = StreamingKMeans(
            centroids: centroids, weights: [1, 1, 1, 1, 1], specification: KMeansSpecification(clusters: 5))
        for _ in 0..<50 {
            let row = random.row(7)
            let naive = centroids.map { zip($0, row).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
            var distances = Array(repeating: 0.0, count: 5)
            model.squaredDistances(of: row, into: &distances)
            #expect(largestDifference(distances, naive) < 1e-12)
            let nearest = model.nearest(to: row)
            #expect(nearest?.place == naive.indices.min { naive[$0] < naive[$1] })
        }
    }

    @Test func beforeTheStartThereIsNoNearestClusterAndDistancesAreZero() {
        var model = StreamingKMeans(columnCount: 1, specification: KMeansSpecification(clusters: 2, startRows: 4))
        model.learn([5])
        var distances = [9.0, 9]
        model.squaredDistances(of: [1], into: &distances)
        #expect(model.nearest(to: [1]) == nil && distances == [0, 0])
    }

    @Test func aDyingClusterBecomesAPartOfTheHeaviestWithANewIdentityAndNoWeight() {
        let specification = KMeansSpecification(clusters: 3, batchRows: 10, decay: 0.5, dyingShare: 0.01)
        var model = StreamingKMeans(
            centroids: [[0, 0], [1000, 0], [50, 50]], weights: [10, 0.15, 10], specification: specification)
        for index in 0..<10 { model.learn(index < 8 ? [Double(index) - 3.5, 0] : [50, 50]) }
        #expect(model.splitCount == 1 && model.ids == [0, 3, 2] && model.replacedPlaces == [1])
        #expect(model.clusterWeights == [13, 0, 7])
        // Distances 0.5, 0.5, 1.5, 1.5, 2.5, ... of the rows 3, 4, 2, 5, 1, ...: the fifth is 2.5 to the left.
        #expect(model.centroidRows == [[0, 0], [-2.5 / 4, 0], [50, 50]])
        for index in 0..<10 { model.learn(index < 8 ? [Double(index) - 3.5, 0] : [50, 50]) }
        #expect(model.replacedPlaces.isEmpty && model.clusterWeights == [10.5, 4, 5.5])
    }

    /// A step that is a share of the coordinates would not leave 0, and one of fixed size not 1e9.
    @Test(arguments: [1e-9, 1, 1e9]) func aSplitPartsRowsOfAnyScaleAtAnyPlace(_ scale: Double) {
        for place in [0, scale * 1e6] {
            let specification = KMeansSpecification(clusters: 2, batchRows: 64, decay: 0.5, dyingShare: 0.01)
            var model = StreamingKMeans(
                centroids: [[place, 0], [scale * 1e9, 0]], weights: [64, 0], specification: specification)
            var random = TestRandom(seed: 34)
            for _ in 0..<640 { model.learn([place + scale * random.normal(), scale * random.normal()]) }
            #expect(model.splitCount == 1, "scale \(scale), at \(place)")
            #expect(model.clusterWeights.allSatisfy { $0 > 20 }, "\(model.clusterWeights)")
        }
    }

    @Test func severalClustersThatDieAtOnceAreReplacedAtDifferentPlaces() {
        let specification = KMeansSpecification(clusters: 4, batchRows: 20, decay: 0.5, dyingShare: 0.01)
        var model = StreamingKMeans(
            centroids: [[0, 0], [1e3, 0], [0, 1e3], [1e3, 1e3]], weights: [10, 0, 0, 0], specification: specification)
        var random = TestRandom(seed: 35)
        for _ in 0..<20 { model.learn(random.row(2)) }
        #expect(model.ids == [0, 4, 5, 6] && model.replacedPlaces == [1, 2, 3])
        #expect(Set(model.centroidRows).count == 4)
    }

    @Test func theForcedSplitHappensOnceAfterThatManyRows() {
        var specification = KMeansSpecification(clusters: 2, batchRows: 10, decay: 1, startRows: 10, dyingShare: 0)
        specification.resplitAt = 35
        var model = StreamingKMeans(columnCount: 2, specification: specification)
        var random = TestRandom(seed: 36)
        var splits: [Int] = []
        for row in 1...100 {
            model.learn(random.row(2))
            if model.splitCount > splits.count { splits.append(row) }
        }
        #expect(splits == [40])
    }

    /// Rows a minute apart: half-lives of 40 minutes and of 40 rows are the same.
    @Test func halfLivesInEventTimeAndInRowsAgree() {
        let halfLives = [HalfLife.rows(40), .time(40 * .minute)]
        var weights: [[Double]] = []
        for halfLife in halfLives {
            var model = StreamingKMeans(
                columnCount: 2,
                specification: KMeansSpecification(clusters: 3, batchRows: 8, halfLife: halfLife, startRows: 8))
            var random = TestRandom(seed: 37)
            for minute in 0..<400 {
                // A late row moves no clock.
                let time = EventTime(milliseconds: Int64(minute) * 60_000 - (minute % 8 == 3 ? 9_000_000 : 0))
                model.learn(random.row(2), at: time)
            }
            weights.append(model.clusterWeights)
        }
        #expect(largestDifference(weights[0], weights[1]) < 1e-9)
        // 8 rows in each batch, of which a share of 2^(−1/5) is kept from batch to batch.
        let (sum, expected) = (weights[0].reduce(0, +), 8 / (1 - 0.8705505632961241))
        #expect(abs(sum - expected) < 0.1, "\(weights[0])")
    }

    @Test func timeThatPassesWithoutRowsFadesAllBeforeIt() {
        var model = StreamingKMeans(
            columnCount: 1,
            specification: KMeansSpecification(clusters: 1, batchRows: 4, halfLife: .time(.day), startRows: 4))
        for _ in 0..<4 { model.learn([0], at: EventTime(milliseconds: 0)) }
        for _ in 0..<4 { model.learn([1], at: EventTime(milliseconds: 2 * 86_400_000)) }
        #expect(model.clusterWeights == [5] && model.centroidRows == [[0.8]])
    }

    @Test func theNextBatchPartsTheRowsBetweenTheHalves() {
        let specification = KMeansSpecification(clusters: 2, batchRows: 100, decay: 0.5, dyingShare: 0.01)
        var model = StreamingKMeans(
            centroids: [[1e9, -1e9], [0, 0]], weights: [100, 0], specification: specification)
        var random = TestRandom(seed: 33)
        for _ in 0..<1000 { model.learn([1e9 + 1e7 * random.normal(), -1e9 + 1e7 * random.normal()]) }
        #expect(model.clusterWeights.allSatisfy { $0 > 20 }, "\(model.clusterWeights)")
        #expect(model.ids[0] == 0)
    }

    @Test func equalRowsAreHarmless() {
        var model = StreamingKMeans(
            columnCount: 2,
            specification: KMeansSpecification(clusters: 3, batchRows: 5, startRows: 10, dyingShare: 0.01))
        for _ in 0..<100 { model.learn([1, 2]) }
        #expect(model.centroidRows.flatMap(\.self).allSatisfy { $0.isFinite })
        #expect(model.nearest(to: [1, 2])?.squaredDistance == 0)
    }
}
