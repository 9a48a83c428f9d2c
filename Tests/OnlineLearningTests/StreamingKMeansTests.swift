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

    @Test func aDyingClusterBecomesAPartOfTheLargestWithANewIdentityAndNoWeight() {
        let specification = KMeansSpecification(clusters: 3, batchRows: 10, decay: 0.5, dyingShare: 0.01)
        var model = StreamingKMeans(
            centroids: [[0, 0], [1000, 0], [5, 5]], weights: [10, 0.15, 10], specification: specification)
        for index in 0..<10 { model.learn([index < 8 ? 0 : 5, index < 8 ? 0 : 5]) }
        #expect(model.splitCount == 1 && model.ids == [0, 3, 2])
        #expect(model.clusterWeights == [13, 0, 7])
        let (parent, child) = (model.centroidRows[0], model.centroidRows[1])
        #expect(parent != child && largestDifference(parent, child) < 0.01)
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
