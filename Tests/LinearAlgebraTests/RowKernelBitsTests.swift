import LinearAlgebra
import Testing

@Suite struct RowKernelBitsTests {
    private func values(_ count: Int, _ seed: Double) -> [Double] {
        (0..<count).map { (Double($0) * seed + 1).remainder(dividingBy: 1.7) }
    }

    @Test(arguments: 0...41) func columnsAreTreatedAlikeAtEachLength(count: Int) {
        let (a, b, c) = (values(count, 0.37), values(count, 0.91), values(count, 1.13))
        var scaled: [Double] = []
        var added: [Double] = []
        var differences: [Double] = []
        var squared: [Double] = []
        var dot = 0.0
        for index in 0..<count {
            let difference: Double = a[index] - b[index]
            scaled.append(difference * c[index])
            added.append(c[index] + 0.3 * a[index])
            differences.append(b[index] + difference)
            squared.append(c[index] + difference * difference)
            dot += a[index] * b[index]
        }
        #expect(abs(RowKernel.dot(a, b, count: count) - dot) <= 1e-12)
        var target = [Double](repeating: .nan, count: count)
        RowKernel.scale(a, centre: b, factors: c, count: count, into: &target)
        #expect(target == scaled)
        target = c
        RowKernel.add(a, times: 0.3, count: count, to: &target)
        #expect(target == added)
        var (sums, squares) = (b, c)
        RowKernel.addDifferences(of: a, from: b, count: count, to: &sums, squares: &squares)
        #expect(sums == differences)
        #expect(squares == squared)
    }

    @Test func fourColumnsAreSortedAndMergedEachByItself() {
        for count in Array(0...40) + [63, 64, 65, 127, 128, 129, 576] {
            for fresh in Set([0, 1, 2, 3, count / 3, count - 1, count]) where (0...count).contains(fresh) {
                let columns = (0..<4).map { column in
                    let all = values(count, 0.37 + Double(column)).map { ($0 * 9).rounded() / 9 + 0 }
                    return all.prefix(fresh) + all.dropFirst(fresh).sorted()
                }
                var rows = (0..<count).flatMap { row in columns.map { $0[row] } }
                RowKernel.sortFourColumns(&rows, count: fresh)
                for column in 0..<4 {
                    let found = stride(from: column, to: rows.count, by: 4).map { rows[$0] }
                    #expect(found == columns[column].prefix(fresh).sorted() + columns[column].dropFirst(fresh))
                }
                RowKernel.mergeFourColumns(&rows, first: fresh, count: count)
                for column in 0..<4 {
                    let found = stride(from: column, to: rows.count, by: 4).map { rows[$0] }
                    #expect(found == columns[column].sorted(), "\(fresh) of \(count)")
                }
            }
        }
    }

    @Test func placesAreCountsOfTheEdgesNotAbove() {
        for count in Array(1...20) + [63, 64, 65, 72, 73, 200] {
            let edges = Set(values(count, 0.37)).sorted()
            let full = { (values: [Double]) in
                values + Array(repeating: .infinity, count: values.isEmpty ? 8 : -values.count & 7)
            }
            let pivots = full(stride(from: 8, to: edges.count, by: 8).map { edges[$0] })
            let searched = pivots + full(edges)
            searched.withUnsafeBufferPointer { searched in
                let columns: [RowKernel.ColumnEdges] = [1, 0].map {
                    RowKernel.ColumnEdges(
                        pivots: searched.baseAddress, column: $0, more_pivots: Int32(pivots.count / 8 - 1))
                }
                columns.withUnsafeBufferPointer { columns in
                    var encoding = RowKernel.Encoding()
                    (encoding.columns, encoding.column_count) = (columns.baseAddress, 2)
                    for value in edges + edges.map(\.nextDown) + [-1e100, 1e100] {
                        var places: [Int32] = [-1, -1], indices: [Int32] = [], values: [Double] = []
                        RowKernel.encode(
                            [-5, value], &encoding, places: &places, indices: &indices, values: &values)
                        #expect(places == [Int32(edges.count { $0 <= value }), 0])
                    }
                }
            }
        }
    }

    @Test(arguments: 0...21) func inactiveEntriesAddNothing(count: Int) {
        let weights = values(9, 0.7), others = values(9, 1.3), entries = values(count, 0.41)
        let indices = (0..<count).map { Int32($0 * 5 % 11) - 2 }.map { max($0, -1) }
        let found = RowKernel.sparseDots(indices, entries, count: count, weights: weights, others: others)
        #expect(found.0 == RowKernel.sparseDot(indices, entries, count: count, weights: weights))
        #expect(found.1 == RowKernel.sparseDot(indices, entries, count: count, weights: others))
        var sums = [0.0, 0, 0, 0]
        var rest = 0.0
        for entry in 0..<count where indices[entry] >= 0 {
            let product = entries[entry] * weights[Int(indices[entry])]
            if entry < count & ~3 { sums[entry % 4] += product } else { rest += product }
        }
        #expect(found.0 == ((sums[0] + sums[1]) + (sums[2] + sums[3])) + rest)
    }

    @Test(arguments: [0, 1, 3, 4, 7, 21], [1, 2, 3, 4, 5, 63, 64, 65, 130])
    func rowsSideBySideGiveTheBitsOfEach(entries: Int, count: Int) {
        let (weightCount, stride) = (9, count + 2)
        let weights = values(weightCount, 0.7) + [0]
        var indices = Array(repeating: Int32(-9), count: entries * stride)
        var entryValues = Array(repeating: Double.nan, count: entries * stride)
        let errors = values(count, 1.9)
        var expectedSums = Array(repeating: 0.0, count: weightCount)
        var expectedRows = Array(repeating: Int32(0), count: weightCount)
        var expected: [Double] = []
        for row in 0..<count {
            let own = (0..<entries).map { entry in max(Int32((entry * 5 + row * 3) % 11) - 2, -1) }
            let ownValues = values(entries, 0.41 + Double(row))
            for entry in 0..<entries {
                indices[entry * stride + row] = own[entry] < 0 ? Int32(weightCount) : own[entry]
                entryValues[entry * stride + row] = ownValues[entry]
                guard own[entry] >= 0 else { continue }
                expectedSums[Int(own[entry])] += errors[row] * ownValues[entry]
                expectedRows[Int(own[entry])] += 1
            }
            expected.append(RowKernel.sparseDot(own, ownValues, count: entries, weights: weights))
        }
        var results = Array(repeating: Double.nan, count: count)
        var (firstOfBoth, secondOfBoth) = (results, results)
        var sums = Array(repeating: 0.0, count: weightCount + 1)
        var rows = Array(repeating: Int32(0), count: weightCount) + [1]
        var touched = Array(repeating: Int32(-1), count: weightCount + 1)
        var touchedCount = 0
        indices.withUnsafeMutableBufferPointer { indices in
            entryValues.withUnsafeMutableBufferPointer { entryValues in
                guard let first = indices.baseAddress, let value = entryValues.baseAddress else { return }
                let side = RowKernel.SparseRows(indices: first, values: value, stride: stride)
                RowKernel.sparseDots(side, entries: entries, count: count, weights: weights, into: &results)
                RowKernel.sparseDots(
                    side, entries: entries, count: count, weights: weights, others: weights.map { -$0 },
                    into: &firstOfBoth, &secondOfBoth)
                touchedCount = RowKernel.addSparse(
                    side, entries: entries, count: count, times: errors, sums: &sums, rows: &rows, touched: &touched,
                    weightCount: weightCount)
            }
        }
        guard entries > 0 else { return }
        #expect(results == expected && firstOfBoth == expected && secondOfBoth == expected.map { -$0 })
        #expect(Array(sums[..<weightCount]) == expectedSums && Array(rows[..<weightCount]) == expectedRows)
        #expect(
            Set(touched[..<touchedCount]) == Set(expectedRows.indices.filter { expectedRows[$0] > 0 }.map(Int32.init)))
        #expect(touchedCount == Set(touched[..<touchedCount]).count)
    }

    /// A row's bits do not depend on where it lies.
    @Test func aDotProductIsTheSameWhereverItsRowLies() {
        let row = values(64, 0.37)
        let expected = RowKernel.dot(Array(row[0..<17]), Array(row[20..<37]), count: 17)
        row.withUnsafeBufferPointer { row in
            guard let start = row.baseAddress else { return }
            #expect(RowKernel.dot(start, start + 20, count: 17) == expected)
        }
        for shift in 1..<4 {
            let moved = [Double](repeating: 0, count: shift) + row
            moved.withUnsafeBufferPointer { moved in
                guard let start = moved.baseAddress else { return }
                #expect(RowKernel.dot(start + shift, start + shift + 20, count: 17) == expected)
            }
        }
    }
}
