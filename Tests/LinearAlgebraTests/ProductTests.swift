import Testing

@testable import LinearAlgebra

@Suite struct ProductTests {
    init() { BLAS.useOneThread() }

    @Test func productsEqualTheNaiveLoopsForAllSmallShapes() {
        for rows in 1...5 {
            for columns in 1...5 {
                let a = numbers(rows, columns, seed: 1)
                let matrix = Matrix(a)
                let x = numbers(1, columns, seed: 2)[0]
                var product = Vector(count: rows)
                matrix.multiply(Vector(x), rows: rows, into: &product)
                #expect(close(product.array, a.map { zip($0, x).map(*).reduce(0, +) }))

                let y = numbers(1, rows, seed: 3)[0]
                var transposed = Vector(count: columns)
                matrix.multiplyTransposed(Vector(y), rows: rows, into: &transposed)
                #expect(
                    close(transposed.array, (0..<columns).map { j in (0..<rows).map { a[$0][j] * y[$0] }.reduce(0, +) })
                )

                let b = numbers(3, columns, seed: 4)
                var outer = Matrix(rows: rows, columns: 3)
                matrix.multiplyTransposed(Matrix(b), rows: 0..<rows, factor: -2, into: &outer)
                for (i, row) in outer.arrays.enumerated() {
                    #expect(close(row, b.map { -2 * zip($0, a[i]).map(*).reduce(0, +) }))
                }
            }
        }
    }

    @Test func aProductOverTheFirstRowsLeavesTheRestAlone() {
        let matrix = Matrix([[1, 2], [3, 4], [5, 6]])
        var product = Vector([9, 9, 9])
        matrix.multiply(Vector([1, 1]), rows: 2, into: &product)
        #expect(product.array == [3, 7, 9])
    }

    @Test func gramMatrixForgetsAndAdds() {
        let matrix = Matrix([[1, 2], [3, 4]])
        var gram = Matrix([[10, 0], [20, 30]])
        matrix.addGram(rows: 2, keeping: 0.5, to: &gram)
        #expect(gram[0, 0] == 15 && gram[1, 0] == 24 && gram[1, 1] == 35)
    }

    @Test func choleskySolvesAPositiveDefiniteSystem() {
        var matrix = Matrix([[4, .nan], [2, 3]])
        var right = Vector([10, 9])
        #expect(matrix.solveCholesky(&right) == .solved)
        #expect(close(right.array, [1.5, 2]))
    }

    @Test func aMatrixThatIsNotPositiveDefiniteIsAnOutcome() {
        var indefinite = Matrix([[1, 0], [2, 1]])
        var right = Vector([1, 1])
        #expect(indefinite.solveCholesky(&right) == .notPositiveDefinite(order: 2))
        #expect(right.array == [1, 1])
        var notANumber = Matrix([[.nan, 0], [0, 1]])
        #expect(notANumber.solveCholesky(&right) == .notPositiveDefinite(order: 1))
    }

    @Test func theKernelHasAName() { #expect(BLAS.kernelName.contains("OpenBLAS")) }
}

@Suite struct RowKernelTests {
    @Test(arguments: 0...40) func kernelsEqualTheNaiveSums(_ count: Int) {
        let a = numbers(1, count, seed: 5)[0]
        let b = numbers(1, count, seed: 6)[0]
        let c = numbers(1, count, seed: 7)[0]
        #expect(close([RowKernel.dot(a, b, count: count)], [zip(a, b).map(*).reduce(0, +)]))
        let centred = (0..<count).map { (a[$0] - b[$0]) * c[$0] }
        #expect(close([RowKernel.centredDot(a, centre: b, weights: c, count: count)], [centred.reduce(0, +)]))
        let squares = zip(a, b).map { ($0 - $1) * ($0 - $1) }
        #expect(close([RowKernel.squaredDistance(a, b, count: count)], [squares.reduce(0, +)]))
        var scaled = a
        RowKernel.scale(a, centre: b, factors: c, count: count, into: &scaled)
        #expect(scaled == centred)
        var sum = a
        RowKernel.add(b, times: 2, count: count, to: &sum)
        #expect(close(sum, zip(a, b).map { $0 + 2 * $1 }))
    }

    @Test(arguments: 0...20) func distancesToAPointSetEqualTheNaiveOnes(_ count: Int) {
        for dimension in [0, 1, 5, 17] {
            let points = numbers(count, dimension, seed: 8)
            let row = numbers(1, dimension, seed: 9)[0]
            var set = PointSet(count: count, dimension: count == 0 ? 0 : dimension)
            set.set(Matrix(points))
            var distances = Array(repeating: 0.0, count: count + 1)
            set.squaredDistances(of: row, into: &distances)
            #expect(close(distances, points.map { zip($0, row).map { ($0 - $1) * ($0 - $1) }.reduce(0, +) } + [0]))
        }
    }
}

/// Numbers within ±1, the same for the same seed.
private func numbers(_ rows: Int, _ columns: Int, seed: UInt64) -> [[Double]] {
    var state = seed
    return (0..<rows).map { _ in
        (0..<columns).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(Int64(bitPattern: state) >> 11) / Double(1 << 52)
        }
    }
}

private func close(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-13 }
}
